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
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.types import EditPlan, Segment
from flywheel_assets.settings import Rendering

_CLONES = 3  # pictures repeated at most at the end of a span, where frame rates do not divide


@dataclass(frozen=True)
class Recipe:
    """How one segment is encoded: arguments before the output, and the text it draws."""

    subject: str
    seek: tuple[str, ...]
    arguments: tuple[str, ...]
    script: str
    frames: int
    key: str


def recipe(segment: Segment, plan: EditPlan) -> Recipe:
    """The recipe of a segment; pure but for the version of the installed program."""
    canvas = Canvas(plan.width, plan.height, plan.fps)
    events = [event for found in segment.overlays for event in modules.module(found.module).draw(found, canvas)]
    script = ass.document(events, canvas)
    graph = f"[0:v:0]{_pictures(segment, plan)}[in];{_base(segment, canvas)};[base]ass=text.ass:fontsdir=fonts[v]"
    seek = _seek(segment, plan.source_fps)
    arguments = ("-filter_complex", graph, "-map", "[v]", "-an", "-frames:v", str(segment.frames), *plan.encoder)
    identity = [plan.video_sha256, seek, arguments, script, ffmpeg.version(), plan.module_versions]
    name = "end card" if segment.scene_index is None else f"scene {segment.scene_index}"
    return Recipe(f"segment of {name}", seek, arguments, script, segment.frames, digest(identity)[:32])


def encode_all(
    source: Path,
    recipes: Iterable[Recipe],
    cache: Path,
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
        jobs = [pool.submit(_encode, source, found, cache, settings.timeout_seconds) for found in missing.values()]
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


def _encode(source: Path, found: Recipe, cache: Path, timeout: float) -> None:
    with ffmpeg.workspace() as folder:
        (folder / "text.ass").write_text(found.script, encoding="utf-8")

        def make(part: Path) -> None:
            arguments = [*found.seek, *ffmpeg.local_input(source), *found.arguments, f"file:{part}"]
            ffmpeg.run(arguments, subject=found.subject, timeout=timeout, folder=folder)
            made = probe.count_frames(part)
            if made != found.frames:
                raise RenderFailed(
                    f"{found.subject}: frame_count: {made} frames came out, the plan wants {found.frames}; "
                    "the source is shorter than its analysis says, analyse it again"
                )

        ffmpeg.write(path_of(found.key, cache), make)


def _seek(segment: Segment, source_fps: float) -> tuple[str, ...]:
    """Input span, half a source frame early at both ends: no rounding can lose the first frame or show the next scene."""
    half = 0.5 / source_fps
    start = max(segment.source_start - half, 0.0)
    return "-ss", f"{start:.6f}", "-t", f"{segment.source_end - half - start:.6f}"


def _pictures(segment: Segment, plan: EditPlan) -> str:
    if segment.kind == "end_card":
        return "trim=end_frame=1,setpts=PTS-STARTPTS"
    return f"setpts=PTS-STARTPTS,fps={plan.fps},tpad=stop_mode=clone:stop={_CLONES}"


def _base(segment: Segment, canvas: Canvas) -> str:
    for found in modules.REGISTRY.values():
        if text := found.picture_filter(segment, canvas):
            return text
    raise RenderFailed(f"no render module makes the picture of a segment of kind {segment.kind!r}")
