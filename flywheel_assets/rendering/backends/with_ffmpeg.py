"""A segment as one run of ffmpeg: all effects and all text in one graph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flywheel_assets.core.ids import digest
from flywheel_assets.rendering import ass, ffmpeg, modules
from flywheel_assets.rendering.backends.base import name_of
from flywheel_assets.rendering.graph import Graph, graph_of
from flywheel_assets.rendering.style import Kit
from flywheel_assets.rendering.types import EditPlan, Segment


@dataclass(frozen=True)
class FfmpegRecipe:
    """The graph, what follows it on the command line, and the text it draws."""

    subject: str
    graph: Graph
    arguments: tuple[str, ...]
    script: str
    frames: int
    key: str

    def encode(self, source: Path, target: Path, kit: Kit, timeout: float) -> None:
        """Surveys first, then the one run that writes the pictures."""
        with ffmpeg.workspace() as folder:
            (folder / "text.ass").write_text(self.script, encoding="utf-8")
            for name, material in self.graph.files.items():
                (folder / name).symlink_to(kit.file(material).absolute())
            for survey in self.graph.surveys:
                look = [*survey.seek, *ffmpeg.local_input(source), "-vf", survey.filter, "-f", "null", "-"]
                ffmpeg.run(look, subject=f"survey of {self.subject}", timeout=timeout, folder=folder)
            arguments = [*self.graph.inputs(source), "-filter_complex", self.graph.text, *self.arguments]
            ffmpeg.run([*arguments, f"file:{target}"], subject=self.subject, timeout=timeout, folder=folder)


def ffmpeg_recipe(segment: Segment, plan: EditPlan) -> FfmpegRecipe:
    """The recipe of a segment; pure but for the version of the installed program."""
    canvas = plan.canvas
    events = [event for found in segment.overlays for event in modules.module(found.module).draw(found, canvas)]
    script = ass.document(events, canvas)
    graph = graph_of(segment, plan)
    arguments = ("-map", "[v]", "-an", "-frames:v", str(segment.frames), *plan.encoder)
    names = sorted({*graph.modules, *(found.module for found in segment.overlays)})
    versions = [(name, plan.module_versions.get(name)) for name in names]
    identity = [plan.video_sha256, graph.identity, arguments, script, ffmpeg.version(), versions]
    return FfmpegRecipe(name_of(segment), graph, arguments, script, segment.frames, digest(identity)[:32])
