"""The platform's detector in PySceneDetect's own interface, so that their `SceneManager` can run it as well."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray
from scenedetect import FrameTimecode
from scenedetect.detector import SceneDetector

from flywheel_assets.creative.perception.detectors.changes import Changes, Mix
from flywheel_assets.creative.perception.detectors.pictures import THUMB, Thumb

_SHORTEST = 0.25  # seconds; the library's 0.6 loses a fifth and more of the cuts of fast adverts
_MEMORY = 12 * 240  # frames; a fade is told when it is known what follows, seconds later
_BEHIND = 120  # frames; all but fades are told sooner


class ConfirmingDetector(SceneDetector):  # type: ignore[misc]
    """Cuts that are confirmed by what follows, and dissolves and fades, each as the first frame of the new scene.

    A dissolve, fade or wipe counts from its middle. What stays in the same place is one scene: jump cuts within a
    shot are mostly not told, nor are pushes, in which both pictures slide like a camera that is torn away. Flashes, whip pans, shakes, captions and cards that
    cover less than half of the picture, changing light and passers-by are no changes. Distances are
    taken from the time of the frames, so that a variable rate needs no care.

    Usage::

        manager = SceneManager()
        manager.add_detector(ConfirmingDetector())
        manager.detect_scenes(open_video("advert.mp4"))
    """

    def __init__(self, min_scene_seconds: float = _SHORTEST) -> None:
        """No scene is shorter than ``min_scene_seconds``."""
        super().__init__()
        self._changes = Changes(min_scene_seconds)
        self._codes: deque[FrameTimecode] = deque(maxlen=_MEMORY)
        self._seen = 0

    @property
    def mixes(self) -> list[Mix]:
        """The dissolves and fades told so far, in frames counted from the first one seen."""
        return self._changes.mixes

    def process_frame(self, timecode: FrameTimecode, frame_img: NDArray[np.uint8]) -> list[FrameTimecode]:
        """Changes told by this BGR frame of any size; they lie up to some seconds in the past."""
        import cv2

        if frame_img.shape[1::-1] != THUMB:
            frame_img = np.asarray(cv2.resize(frame_img, THUMB, interpolation=cv2.INTER_AREA), np.uint8)
        self._codes.append(timecode)
        self._seen += 1
        return self._coded(self._changes.add(Thumb(self._seen - 1, timecode.seconds, frame_img)))

    def post_process(self, timecode: FrameTimecode) -> list[FrameTimecode]:
        """Changes that only the end of the video makes certain."""
        del timecode
        return self._coded(self._changes.finish())

    @property
    def event_buffer_length(self) -> int:
        """Frames by which a change is told late; their manager keeps as many pictures for its callback."""
        return _BEHIND

    def _coded(self, frames: list[int]) -> list[FrameTimecode]:
        return [self._codes[frame - self._seen] for frame in frames]
