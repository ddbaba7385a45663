"""Plans, segments and sound become finished variations, named by what is in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from pydantic import BaseModel, ValidationError

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.core.ids import file_sha256
from flywheel_assets.creative.types import Blueprint, Perception
from flywheel_assets.rendering import audio, ffmpeg, probe, room, segments, srt, whole_files
from flywheel_assets.rendering.backends import Recipe, recipe
from flywheel_assets.rendering.plan import edit_plan, timescale
from flywheel_assets.rendering.style import Kit
from flywheel_assets.rendering.survey.types import Survey
from flywheel_assets.rendering.types import EditPlan, Render
from flywheel_assets.settings import Rendering

Progress = Callable[[str, int, int], None]

_COVER_BYTES = 1_000_000
_COVER_QUALITIES = (2, 4, 7, 12, 20)  # ffmpeg's JPEG scale, best first
_NAME = 24  # hexadecimal digits of the plan hash in a file's name


def render_all(  # noqa: PLR0917 - the agreed signature; callers name what is not obvious
    source: Path,
    blueprints: Sequence[Blueprint],
    perception: Perception,
    out_dir: Path,
    cache_dir: Path,
    settings: Rendering,
    progress: Progress | None = None,
    *,
    kit: Kit | None = None,
    survey: Survey | None = None,
) -> tuple[Render, ...]:
    """Render each blueprint to `out_dir`, sharing encoded segments through `cache_dir`.

    Doing it again does nothing: what is finished is found by its name. `progress` is told ("segments" or
    "variations", done, of how many). Without a survey of the played scenes nothing is cropped or steadied.

    Raises:
        RenderFailed: the source is not the one that was analysed, a blueprint cannot be planned, or ffmpeg failed.
        StorageFull: a disk has no room. What is finished stays, and is used when there is.
    """
    source, out_dir, cache_dir = (place.absolute() for place in (source, out_dir, cache_dir))  # ffmpeg works elsewhere
    _same_video(source, perception)
    tell, kit = progress or _nobody, kit or Kit()
    plans = [edit_plan(blueprint, perception, settings, kit.style, survey) for blueprint in blueprints]
    for plan in plans:
        audio.music_file(plan, kit, cache_dir, settings)  # a missing track is refused before anything is encoded
    for folder in (out_dir, cache_dir):
        whole_files.sweep(folder)
    recipes = [[recipe(segment, plan, settings) for segment in plan.segments] for plan in plans]
    finished = {plan.plan_hash: found for plan in plans if (found := _finished(plan, out_dir))}
    missing = {plan.plan_hash: plan for plan in plans if plan.plan_hash not in finished}
    wanted = [one for plan, needed in zip(plans, recipes, strict=True) if plan.plan_hash in missing for one in needed]
    room.require(
        {
            out_dir: room.film_bytes(sum(plan.frames for plan in missing.values()), settings),
            cache_dir: room.film_bytes(segments.missing_frames(wanted, cache_dir), settings),
        }
    )
    fresh = set(
        segments.encode_all(source, wanted, cache_dir, kit, settings, lambda done, of: tell("segments", done, of))
    )
    renders: list[Render] = []
    for blueprint, plan, needed in zip(blueprints, plans, recipes, strict=True):
        made = {found.key for found in needed} & fresh
        fresh -= made
        if plan.plan_hash not in finished:
            finished[plan.plan_hash] = _assemble(
                source, plan, needed, kit, out_dir=out_dir, cache_dir=cache_dir, settings=settings
            )
        counts = {"segments_encoded": len(made), "segments_reused": len(needed) - len(made)}
        renders.append(finished[plan.plan_hash].model_copy(update={"key": blueprint.key, **counts}))
        tell("variations", len(renders), len(blueprints))
    return tuple(renders)


class _Record(BaseModel):
    """What lies beside a finished variation: what it is, and the content of each of its files by suffix."""

    render: Render
    sha256: dict[Literal[".mp4", ".jpg", ".srt"], str]


def _nobody(stage: str, done: int, of: int) -> None:
    del stage, done, of


def _same_video(source: Path, perception: Perception) -> None:
    found = file_sha256(source)
    if found != perception.video_sha256:
        raise RenderFailed(
            f"{source.name}: other_video: its content is {found[:12]}, the analysis is of "
            f"{perception.video_sha256[:12]}; analyse this file first"
        )


def _file(plan: EditPlan, out_dir: Path, suffix: str) -> Path:
    return out_dir / f"{plan.plan_hash[:_NAME]}{suffix}"


def _finished(plan: EditPlan, out_dir: Path) -> Render | None:
    """The record of an earlier run, written last, if its files are still there and whole."""
    try:
        record = _Record.model_validate_json(_file(plan, out_dir, ".json").read_bytes())
        if any(file_sha256(_file(plan, out_dir, suffix)) != sha256 for suffix, sha256 in record.sha256.items()):
            return None
    except (FileNotFoundError, ValidationError):  # a record that was damaged, or written by another version
        return None
    return record.render.model_copy(
        update={
            "path": _file(plan, out_dir, ".mp4"),
            "cover_path": _file(plan, out_dir, ".jpg"),
            "captions_srt": _file(plan, out_dir, ".srt") if record.render.captions_srt else None,
        }
    )


def _assemble(
    source: Path, plan: EditPlan, needed: list[Recipe], kit: Kit, *, out_dir: Path, cache_dir: Path, settings: Rendering
) -> Render:
    path, cover, subtitles = (_file(plan, out_dir, suffix) for suffix in (".mp4", ".jpg", ".srt"))
    sound, heard = audio.finished_track(source, plan, kit, cache_dir, settings)
    parts = [segments.path_of(found.key, cache_dir) for found in needed]
    whole_files.write(path, lambda part: _join(parts, sound, part, plan, settings))
    whole_files.write(cover, lambda part: _cover(path, part, plan, settings))
    text = srt.captions(plan)
    if text is not None:
        whole_files.write(subtitles, lambda part: part.write_text(text, encoding="utf-8"))
    facts = Render(
        key="", path=path, cover_path=cover, captions_srt=subtitles if text else None, width=plan.width,
        height=plan.height, fps=plan.fps, frames=plan.frames, seconds=plan.frames / plan.fps, plan_hash=plan.plan_hash,
        loudness_lufs=heard.lufs if heard else None, true_peak_dbtp=heard.peak_dbtp if heard else None,
        segments_encoded=0, segments_reused=0, module_versions=plan.module_versions,
    )  # fmt: skip
    made = [path for path in (path, cover, facts.captions_srt) if path]
    record = _Record(render=facts, sha256={one.suffix: file_sha256(one) for one in made}).model_dump_json()
    whole_files.write(_file(plan, out_dir, ".json"), lambda part: part.write_text(record, encoding="utf-8"))
    return facts


def _join(parts: list[Path], sound: Path, target: Path, plan: EditPlan, settings: Rendering) -> None:
    """Segments one after the other, packets untouched, with the sound."""
    with TemporaryDirectory(prefix="flywheel-join-") as name:
        folder = Path(name)
        links = [folder / f"{number:03d}.mp4" for number in range(len(parts))]
        for link, part in zip(links, parts, strict=True):
            link.symlink_to(part.absolute())
        (folder / "parts.txt").write_text("".join(f"file '{link.name}'\n" for link in links))
        ffmpeg.run(
            ["-f", "concat", "-safe", "1", *ffmpeg.local_input(folder / "parts.txt"),
             *ffmpeg.local_input(sound), "-map", "0:v", "-map", "1:a", "-c", "copy",
             *timescale(plan.fps), "-movflags", "+faststart", f"file:{target}"],
            subject="variation", timeout=settings.timeout_seconds,
        )  # fmt: skip
    made = probe.count_frames(target)
    if made != plan.frames:
        raise RenderFailed(
            f"{target.name}: frame_count: {made} frames were joined, the plan wants {plan.frames}; "
            "empty the segment cache and render again"
        )


def _cover(video: Path, target: Path, plan: EditPlan, settings: Rendering) -> None:
    """The planned frame of the finished file, small enough for the platform."""
    at = max(plan.cover_frame - 0.5, 0) / plan.fps  # between two frames the later one is taken
    for quality in _COVER_QUALITIES:
        ffmpeg.run(
            ["-ss", f"{at:.6f}", *ffmpeg.local_input(video), "-frames:v", "1", "-q:v", str(quality), "-update", "1",
             f"file:{target}"],
            subject="cover picture", timeout=settings.timeout_seconds,
        )  # fmt: skip
        if target.stat().st_size <= _COVER_BYTES:
            return
    raise RenderFailed(
        f"{video.name}: cover_size: the smallest cover has {target.stat().st_size} bytes, the platform takes "
        f"{_COVER_BYTES}; open with a calmer scene"
    )
