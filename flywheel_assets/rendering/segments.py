"""Each unique segment is encoded once, into a folder where the name of a file says what is in it.

A segment's name is the hash of all that decides its pictures: the source, the span, the filters, the text, the
encoder, the program and the modules. So variations, re-runs and refreshes share what they have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.core.ids import digest
from flywheel_assets.rendering import ass, ffmpeg, modules, probe
from flywheel_assets.rendering.graph import Graph, graph_of
from flywheel_assets.rendering.style import Kit
from flywheel_assets.rendering.types import EditPlan, Segment
from flywheel_assets.settings import Rendering


@dataclass(frozen=True)
class Recipe:
    """How one segment is encoded: where its pictures come from, the graph, and what it reads beside the source."""

    subject: str
    graph: Graph
    arguments: tuple[str, ...]
    script: str
    frames: int
    key: str


def recipe(segment: Segment, plan: EditPlan) -> Recipe:
    """The recipe of a segment; pure but for the version of the installed program."""
    canvas = plan.canvas
    events = [event for found in segment.overlays for event in modules.module(found.module).draw(found, canvas)]
    script = ass.document(events, canvas)
    graph = graph_of(segment, plan)
    arguments = ("-map", "[v]", "-an", "-frames:v", str(segment.frames), *plan.encoder)
    names = sorted({*graph.modules, *(found.module for found in segment.overlays)})
    versions = [(name, plan.module_versions.get(name)) for name in names]
    identity = [plan.video_sha256, graph.identity, arguments, script, ffmpeg.version(), versions]
    name = "end card" if segment.scene_index is None else f"scene {segment.scene_index}"
    return Recipe(f"segment of {name}", graph, arguments, script, segment.frames, digest(identity)[:32])


def encode_all(  # noqa: PLR0917 - the agreed signature; callers name what is not obvious
    source: Path,
    recipes: Iterable[Recipe],
    cache: Path,
    kit: Kit,
    settings: Rendering,
    progress: Callable[[int, int], None],
) -> frozenset[str]:
    """Encode what the cache lacks; the keys of what was encoded now.

    Raises:
        RenderFailed: a segment could not be encoded. The finished ones stay for the next attempt.
    """
    missing = {found.key: found for found in recipes if not _cached(found, cache)}
    progress(0, len(missing))
    with ThreadPoolExecutor(settings.workers, thread_name_prefix="segment") as pool:
        jobs = [pool.submit(_encode, source, found, cache, kit, settings.timeout_seconds) for found in missing.values()]
        try:
            for done, job in enumerate(as_completed(jobs), start=1):
                job.result()
                progress(done, len(missing))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return frozenset(missing)


def path_of(key: str, cache: Path) -> Path:
    """Where a segment lies."""
    return cache / f"{key}.mp4"


def _cached(found: Recipe, cache: Path) -> bool:
    """Whether a whole file is there; one damaged on disk is made again."""
    path = path_of(found.key, cache)
    return path.is_file() and probe.count_frames(path) == found.frames


def _encode(source: Path, found: Recipe, cache: Path, kit: Kit, timeout: float) -> None:
    with ffmpeg.workspace() as folder:
        (folder / "text.ass").write_text(found.script, encoding="utf-8")
        for name, material in found.graph.files.items():
            (folder / name).symlink_to(kit.file(material).absolute())
        for survey in found.graph.surveys:
            arguments = [*survey.seek, *ffmpeg.local_input(source), "-vf", survey.filter, "-f", "null", "-"]
            ffmpeg.run(arguments, subject=f"survey of {found.subject}", timeout=timeout, folder=folder)

        def make(part: Path) -> None:
            inputs = found.graph.inputs(source)
            arguments = [*inputs, "-filter_complex", found.graph.text, *found.arguments, f"file:{part}"]
            ffmpeg.run(arguments, subject=found.subject, timeout=timeout, folder=folder)
            made = probe.count_frames(part)
            if made != found.frames:
                raise RenderFailed(
                    f"{found.subject}: frame_count: {made} frames came out, the plan wants {found.frames}; "
                    "the source is shorter than its analysis says, analyse it again"
                )

        ffmpeg.write(path_of(found.key, cache), make)
