"""Looking at a user's video from a process that must not break: a child does it, within limits.

Whatever a hostile or damaged file does to a decoder, it is that file's fault, said in a refusal, and nobody else's.
"""

from __future__ import annotations

import os
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flywheel_assets.core.errors import IntakeRejected
from flywheel_assets.creative.apart.child import Progress
from flywheel_assets.creative.apart.limits import Limits
from flywheel_assets.creative.apart.running import ChildBroke, run
from flywheel_assets.creative.perception.container import demuxer_of
from flywheel_assets.creative.perception.probe import Probe
from flywheel_assets.creative.types import Perception, Scene, SceneFeatures
from flywheel_assets.settings import Media, Perceiving

_TASKS = "flywheel_assets.creative.perception.tasks"
_NOTES_MB = 16  # what a child that only looks may write: its own messages
_STILLS_MB = 16 * 1024  # ten minutes with five pictures a second are one tenth of it
_WAITING = 2  # a machine at work gives a look half of its time
_AGAIN = "Export the video again as MP4 (H.264) with a keyframe every few seconds"


def look(path: Path, media: Media) -> Probe:
    """`probe.probe` in a child that can open nothing but this file.

    Raises:
        IntakeRejected: as there, or ``too_slow``, ``too_much_memory`` or ``crashed``.
        ChildBroke: somebody else ended it.
    """
    demuxer_of(path)  # what is no video at all needs no child
    limits = Limits(_WAITING * media.look_seconds, media.look_seconds, media.look_memory_mb, _NOTES_MB)
    with _its_fault(path, "LOOK"):
        found = run(f"{_TASKS}:look", {"path": str(path), "media": media.model_dump(mode="json")}, limits)
    return Probe.model_validate(found)


def perceive(
    path: Path,
    *,
    video_sha256: str,
    media: Media,
    weights_dir: Path,
    language: str,
    wanted: Perceiving,
    progress: Progress | None = None,
) -> Perception:
    """`perceive.perceive` in a child.

    Raises:
        IntakeRejected, ChildBroke: as there, and as `decode_apart`.
    """
    asked = {
        "path": str(path),
        "video_sha256": video_sha256,
        "media": media.model_dump(mode="json"),
        "weights_dir": str(weights_dir),
        "language": language,
        "wanted": wanted.model_dump(mode="json"),
    }
    return Perception.model_validate(decode_apart(f"{_TASKS}:perceive", path, asked, media, progress))


def contact_sheet(
    path: Path,
    scenes: Sequence[Scene],
    features: Sequence[SceneFeatures],
    media: Media,
    *,
    longest: int = 160,
    most: int = 24,
) -> bytes:
    """`sheet.contact_sheet` in a child.

    Raises:
        IntakeRejected, ChildBroke: as there, and as `decode_apart`.
    """
    asked = {
        "path": str(path),
        "scenes": [one.model_dump(mode="json") for one in scenes],
        "features": [one.model_dump(mode="json") for one in features],
        "longest": longest,
        "most": most,
    }
    return b64decode(decode_apart(f"{_TASKS}:sheet", path, asked, media))


def decode_apart(
    task: str, path: Path, asked: Mapping[str, Any], media: Media, progress: Progress | None = None
) -> Any:
    """What a task answers that decodes a video from end to end, in a child on all processors.

    Raises:
        IntakeRejected: ``too_slow``, ``too_much_memory`` or ``crashed``, or as the task raises it.
        ChildBroke: somebody else ended it, or its code is wrong.
    """
    cores = os.cpu_count() or 1
    limits = Limits(media.perceive_seconds, media.perceive_seconds * cores, media.perceive_memory_mb, _STILLS_MB)
    with _its_fault(path, "PERCEIVE"):
        return run(task, asked, limits, progress)


@contextmanager
def _its_fault(path: Path, setting: str) -> Iterator[None]:
    """A child that broke on a file, as a refusal of the file."""
    try:
        yield
    except ChildBroke as broke:
        raise _refusal(path, setting, broke) or broke from broke


def _refusal(path: Path, setting: str, broke: ChildBroke) -> IntakeRejected | None:
    told: dict[str, tuple[str, str, str]] = {
        "time": ("too_slow", "looking at it was stopped", f"{_AGAIN}, or raise FLYWHEEL_MEDIA__{setting}_SECONDS."),
        "memory": ("too_much_memory", "it was put aside", f"{_AGAIN}, or raise FLYWHEEL_MEDIA__{setting}_MEMORY_MB."),
        "crash": ("crashed", "the decoder broke on it", f"{_AGAIN}."),
    }
    if broke.cause not in told:
        return None
    rule, reason, remedy = told[broke.cause]
    return IntakeRejected(path.name, rule, f"{reason}: {broke}", remedy)
