"""Where the scenes of a video begin and end.

PySceneDetect's detectors propose sudden changes from one decode at 64 x 36 pixels, and `cuts`
confirms them. Dissolves and fades have no sudden change: both sides stay one scene.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flywheel_assets.creative.perception.cuts import THUMB, Cut, confirmed_jump, spaced
from flywheel_assets.creative.perception.probe import Probe, probe
from flywheel_assets.creative.perception.video import Decoded, Image, damaged, read_frames, shrink
from flywheel_assets.creative.types import Engine, Scene
from flywheel_assets.settings import Media

# Called with a stage, how much of it is done and how much there is.
Progress = Callable[[str, int, int], None]

# A change is proposed when it is this many levels, and stands so far above its neighbours, or is
# so large that a busy neighbourhood does not matter.
_LEVELS, _ABOVE_NEIGHBOURS, _NEIGHBOURS, _OUTRIGHT = 12.0, 2.5, 3, 40.0


def engine() -> Engine:
    """The detector and its version."""
    return Engine(name="pyscenedetect-confirmed", version=version("scenedetect-headless"))


def detect_scenes(path: Path, media: Media, progress: Progress | None = None) -> tuple[Scene, ...]:
    """Scenes covering every decoded frame once, in order; one scene when there is no cut.

    Raises:
        IntakeRejected: as `probe`, or ``damaged`` further inside than it looked.
    """
    return scenes_of(read_frames(path), path, probe(path, media), media, progress)


def scenes_of(
    frames: Iterable[Decoded], path: Path, first: Probe, media: Media, progress: Progress | None = None
) -> tuple[Scene, ...]:
    """The same from frames that somebody else decodes; each is taken once, in order, and not kept.

    Raises:
        IntakeRejected: ``damaged``, when there is no frame.
    """
    rate, expected = first.fps, first.frame_count
    least = max(1, math.ceil(media.min_scene_seconds * rate))
    times: list[float] = []

    def thumbs() -> Iterator[Image]:
        for decoded in frames:
            times.append(decoded.time)
            if progress and decoded.index % 100 == 0:
                progress("scenes", decoded.index, max(expected, decoded.index))
            yield shrink(decoded.frame, *THUMB, "bgr24")

    cuts = find_cuts(thumbs(), rate, least)
    if not times:
        raise damaged(path, "not one picture could be decoded")
    if progress:
        progress("scenes", len(times), len(times))
    return _scenes(spaced(cuts, len(times), least), times, rate)


def find_cuts(thumbs: Iterable[Image], rate: float, reach: int) -> list[Cut]:
    """Confirmed cuts, in order.

    Args:
        thumbs: every frame as BGR at the size `THUMB`.
        rate: frames per second.
        reach: how many frames on either side of a change are compared.
    """
    from scenedetect import FrameTimecode

    detectors = _detectors()
    # A proposal comes at most _NEIGHBOURS frames late; it waits until the frames after it are there.
    window: deque[Image] = deque(maxlen=2 * reach + _NEIGHBOURS + 1)
    waiting: deque[int] = deque()
    cuts: list[Cut] = []
    seen = 0
    for index, thumb in enumerate(thumbs):
        window.append(thumb)
        seen = index + 1
        code = FrameTimecode(index, rate)
        found = {at.frame_num for each in detectors for at in each.process_frame(code, thumb)}
        waiting.extend(sorted(found - set(waiting)))
        while waiting and waiting[0] + reach <= seen:
            cuts += _confirm(waiting.popleft(), window, seen, reach)
    for frame in waiting:
        cuts += _confirm(frame, window, seen, reach)
    return sorted(set(cuts))


def _detectors() -> list[Any]:
    from scenedetect.detectors import AdaptiveDetector, ContentDetector

    standing_out = AdaptiveDetector(
        adaptive_threshold=_ABOVE_NEIGHBOURS, window_width=_NEIGHBOURS, min_content_val=_LEVELS, min_scene_len=0
    )
    return [standing_out, ContentDetector(threshold=_OUTRIGHT, min_scene_len=0)]


def _confirm(frame: int, window: deque[Image], seen: int, reach: int) -> list[Cut]:
    """The cut at this frame, if it is one; ``window`` ends with frame ``seen`` - 1."""
    images = list(window)
    middle = frame - (seen - len(images))
    if middle < 1:
        return []
    jump = confirmed_jump(images[max(0, middle - reach) : middle], images[middle : middle + reach])
    return [] if jump is None else [Cut(frame, jump)]


def _scenes(cuts: tuple[int, ...], times: list[float], rate: float) -> tuple[Scene, ...]:
    starts = (0, *cuts)
    ends = (*cuts, len(times))
    finish = round(times[-1] + 1 / rate, 6)
    return tuple(
        Scene(
            index=index,
            start_frame=start,
            end_frame=end,
            start=times[start],
            end=times[end] if end < len(times) else finish,
        )
        for index, (start, end) in enumerate(zip(starts, ends, strict=True))
    )
