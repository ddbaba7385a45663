"""Where the scenes of a video begin and end.

PySceneDetect's detectors propose sudden changes from one decode at 64 x 36 pixels, and `cuts`
confirms them. Dissolves and fades have no sudden change: both sides stay one scene.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flywheel_assets.creative.perception.cuts import THUMB, Cut, confirmed_jump, spaced
from flywheel_assets.creative.perception.probe import probe
from flywheel_assets.creative.perception.video import Image, damaged, read_frames, shrink
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
    first = probe(path, media)
    finder = SceneFinder(first.fps, media.min_scene_seconds)
    for decoded in read_frames(path):
        finder.add(decoded.time, shrink(decoded.frame, *THUMB, "bgr24"))
        if progress and decoded.index % 100 == 0:
            progress("scenes", decoded.index, max(first.frame_count, decoded.index))
    if not finder.times:
        raise damaged(path, "not one picture could be decoded")
    if progress:
        progress("scenes", len(finder.times), len(finder.times))
    return finder.finish()


class SceneFinder:
    """Takes every frame of a video in order, then gives its scenes."""

    def __init__(self, rate: float, min_scene_seconds: float) -> None:
        """``rate``: frames a second on average."""
        self.times: list[float] = []
        self._rate, self._least = rate, max(1, math.ceil(min_scene_seconds * rate))
        self._cuts = _CutFinder(rate, self._least)

    def add(self, time: float, thumb: Image) -> None:
        """The next frame: its time in seconds, and its picture as BGR at the size `THUMB`."""
        self.times.append(time)
        self._cuts.add(thumb)

    def finish(self) -> tuple[Scene, ...]:
        """The scenes of all frames so far, at least one; call it once."""
        return _scenes(spaced(self._cuts.finish(), len(self.times), self._least), self.times, self._rate)


def find_cuts(thumbs: Iterable[Image], rate: float, reach: int) -> list[Cut]:
    """Confirmed cuts, in order.

    Args:
        thumbs: every frame as BGR at the size `THUMB`.
        rate: frames per second.
        reach: how many frames on either side of a change are compared.
    """
    finder = _CutFinder(rate, reach)
    for thumb in thumbs:
        finder.add(thumb)
    return finder.finish()


class _CutFinder:
    """`find_cuts`, frame by frame."""

    def __init__(self, rate: float, reach: int) -> None:
        self._rate, self._reach, self._seen = rate, reach, 0
        self._detectors = _detectors()
        # A proposal comes at most _NEIGHBOURS frames late; it waits until the frames after it are there.
        self._window: deque[Image] = deque(maxlen=2 * reach + _NEIGHBOURS + 1)
        self._waiting: deque[int] = deque()
        self._cuts: list[Cut] = []

    def add(self, thumb: Image) -> None:
        from scenedetect import FrameTimecode

        code = FrameTimecode(self._seen, self._rate)
        self._window.append(thumb)
        self._seen += 1
        found = {at.frame_num for each in self._detectors for at in each.process_frame(code, thumb)}
        self._waiting.extend(sorted(found - set(self._waiting)))
        while self._waiting and self._waiting[0] + self._reach <= self._seen:
            self._cuts += _confirm(self._waiting.popleft(), self._window, self._seen, self._reach)

    def finish(self) -> list[Cut]:
        for frame in self._waiting:
            self._cuts += _confirm(frame, self._window, self._seen, self._reach)
        return sorted(set(self._cuts))


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
