"""A segment as one run of ffmpeg: all effects and all text in one graph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from flywheel_assets.core.ids import digest
from flywheel_assets.rendering import ass, emoji, ffmpeg, modules
from flywheel_assets.rendering.backends.base import name_of
from flywheel_assets.rendering.graph import Graph, emoji_names, graph_of
from flywheel_assets.rendering.style import Kit
from flywheel_assets.rendering.typefaces import Typefaces
from flywheel_assets.rendering.types import EditPlan, Segment


@dataclass(frozen=True)
class FfmpegRecipe:
    """The graph, what follows it on the command line, the text it draws with its fonts, and the emoji on it."""

    subject: str
    graph: Graph
    arguments: tuple[str, ...]
    script: str
    fonts: tuple[Path, ...]
    emoji: tuple[bytes, ...]
    frames: int
    key: str

    def encode(self, source: Path, target: Path, kit: Kit, timeout: float) -> None:
        """Surveys first, then the one run that writes the pictures."""
        with ffmpeg.workspace(self.fonts) as folder:
            for name, picture in zip(emoji_names(self.emoji), self.emoji, strict=True):
                (folder / name).write_bytes(picture)
            (folder / "text.ass").write_text(self.script, encoding="utf-8")
            for name, material in self.graph.files.items():
                (folder / name).symlink_to(kit.file(material).absolute())
            for survey in self.graph.surveys:
                look = [*survey.seek, *ffmpeg.original(source), "-vf", survey.filter, "-f", "null", "-"]
                ffmpeg.run(look, subject=f"survey of {self.subject}", timeout=timeout, folder=folder)
            arguments = [*self.graph.inputs(source), "-filter_complex", self.graph.text, *self.arguments]
            ffmpeg.run([*arguments, f"file:{target}"], subject=self.subject, timeout=timeout, folder=folder)


def ffmpeg_recipe(segment: Segment, plan: EditPlan, typefaces: Typefaces) -> FfmpegRecipe:
    """The recipe of a segment; pure but for the version of the installed program."""
    canvas = replace(plan.canvas, typefaces=typefaces)
    events = [event for found in segment.overlays for event in modules.module(found.module).draw(found, canvas)]
    script = ass.document(events, canvas)
    stickers = [
        sticker for found in segment.overlays for sticker in emoji.stickers(found, canvas, modules.line_spacing(found))
    ]
    pictures = tuple(emoji.png(sticker, canvas) for sticker in stickers)
    graph = graph_of(segment, plan, stickers)
    arguments = ("-map", "[v]", "-an", "-frames:v", str(segment.frames), *plan.encoder)
    names = sorted({*graph.modules, *(found.module for found in segment.overlays)})
    versions = [(name, plan.module_versions.get(name)) for name in names]
    identity = [plan.video_sha256, graph.identity, arguments, script, ffmpeg.version(), versions]
    identity += [sha256(picture).hexdigest() for picture in pictures]
    return FfmpegRecipe(
        name_of(segment),
        graph,
        arguments,
        script,
        typefaces.files(script),
        pictures,
        segment.frames,
        digest(identity)[:32],
    )
