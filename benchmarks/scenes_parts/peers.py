"""PySceneDetect's own detectors, at their defaults and over a grid of settings, on frames as their manager feeds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scenedetect import AdaptiveDetector, ContentDetector, FrameTimecode, HashDetector, HistogramDetector
from scenedetect.common import Timecode
from scenedetect.detectors import ThresholdDetector

from flywheel_assets.creative.perception.probe import probe
from flywheel_assets.creative.perception.video import read_frames, shrink
from flywheel_assets.settings import Media

WIDTH = 256  # pixels, to which their manager scales frames by default
_MICROSECOND = Fraction(1, 1_000_000)
SHORT = 0.25  # seconds; their default of 15 frames is kept in the defaults only


@dataclass(frozen=True)
class Peer:
    """One detector with one setting."""

    family: str
    setting: str
    make: Callable[[], Any]


def defaults() -> list[Peer]:
    """As they come, 15 frames between cuts; the threshold detector only knows fades to black."""
    kinds = (ContentDetector, AdaptiveDetector, HashDetector, HistogramDetector, ThresholdDetector)
    return [Peer(kind.__name__, "default", kind) for kind in kinds]


def grid() -> list[Peer]:
    """What to choose the best setting of each family from."""
    return [
        *(_peer(ContentDetector, threshold=each) for each in (20.0, 24.0, 27.0, 31.0, 36.0, 42.0)),
        *(
            _peer(AdaptiveDetector, adaptive_threshold=ratio, window_width=width)
            for ratio in (2.5, 3.0, 4.0, 5.0, 6.5, 8.0)
            for width in (2, 3)
        ),
        *(_peer(HashDetector, threshold=each) for each in (0.25, 0.3, 0.35, 0.4, 0.45)),
        *(_peer(HistogramDetector, threshold=each) for each in (0.1, 0.2, 0.3, 0.4)),
    ]


def _peer(kind: Any, **chosen: float) -> Peer:
    setting = ", ".join(f"{name.rpartition('_')[2]} {value:g}" for name, value in chosen.items())
    return Peer(kind.__name__, setting, lambda: kind(min_scene_len=SHORT, **chosen))


def run(path: Path, peers: list[Peer]) -> list[list[int]]:
    """First frames of new scenes that each detector found, in one decode."""
    detectors = [peer.make() for peer in peers]
    found: list[list[FrameTimecode]] = [[] for _ in peers]
    times: list[float] = []
    code: FrameTimecode | None = None
    for code, image in _frames(path):
        times.append(code.seconds)
        for cuts, detector in zip(found, detectors, strict=True):
            cuts.extend(detector.process_frame(code, image))
    for cuts, detector in zip(found, detectors, strict=True):
        cuts.extend(detector.post_process(code))
    return [sorted({_frame(cut, times) for cut in cuts} - {0}) for cuts in found]


def _frame(cut: FrameTimecode, times: list[float]) -> int:
    """The nearest frame; some of them calculate times that no frame has."""
    return int(np.argmin(np.abs(np.array(times) - cut.seconds)))


def _frames(path: Path) -> Iterator[tuple[FrameTimecode, NDArray[np.uint8]]]:
    rate = probe(path, Media()).fps
    for decoded in read_frames(path):
        width = min(WIDTH, decoded.frame.width)
        height = round(decoded.frame.height * width / decoded.frame.width)
        code = FrameTimecode(Timecode(round(decoded.time / _MICROSECOND), _MICROSECOND), float(rate))
        yield code, shrink(decoded.frame, width, height, "bgr24")
