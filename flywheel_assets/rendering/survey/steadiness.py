"""How unsteadily a camera is held: what is left of its steps when the even movement is taken away.

A step is that of the ground most corners of the picture agree on. Phase correlation, which takes the picture as one,
took a man who walks past the camera for a shake of 34 pixels; the corners say 1 (measured).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from flywheel_assets.creative.perception.container import quarter_turns
from flywheel_assets.creative.perception.video import Decoded, shrink
from flywheel_assets.rendering.survey import camera
from flywheel_assets.rendering.survey.camera import Grey
from flywheel_assets.rendering.survey.settings import Measuring

_DESIGN_WIDTH = 1080
_TOLERANCE = 0.005  # seconds; stored times are rounded to the container's clock
_LEAST_STEPS = 4
_TRUSTED = 0.5  # of the steps; with fewer, the picture changes by other things than the camera
_QUANTILE = 0.7  # of the lengths; the rest may be misread, as when something fills the picture
_OF_RMS = (-2 * np.log(1 - _QUANTILE)) ** 0.5 / 2**0.5  # that quantile of a shake without a preferred direction


@dataclass
class Steadiness:
    """Takes the frames of one scene in order; keeps numbers and the last small picture."""

    use: Measuring
    _steps: list[tuple[float, float]] = field(default_factory=list)
    _failed: int = 0
    _last: Grey | None = None
    _next: float = float("-inf")

    def add(self, decoded: Decoded) -> None:
        """Note how the picture moved since the last one looked at."""
        if decoded.time < self._next - _TOLERANCE:
            return
        self._next = decoded.time + self.use.steady_seconds
        grey = _grey(decoded, self.use.small)
        if self._last is not None:
            step = _step(self._last, grey, self.use)
            if step is None:
                self._failed += 1
            else:
                scale = _DESIGN_WIDTH / _displayed_width(decoded, grey)
                self._steps.append((step[0] * scale, step[1] * scale))
        self._last = grey

    def shake(self) -> float | None:
        """As `SceneSurvey.shake`."""
        known = len(self._steps)
        if known < _LEAST_STEPS or known < _TRUSTED * (known + self._failed):
            return None
        window = round(self.use.smooth_seconds / self.use.steady_seconds)
        return round(unsteady(np.asarray(self._steps), window), 3)


def unsteady(steps: NDArray[np.float64], window: int) -> float:
    """Root mean square length of what steps (n x 2) leave of their running median over ``window``, misreadings apart."""
    half = min(window, len(steps)) // 2
    padded = np.pad(steps, ((half, half), (0, 0)), mode="edge")
    even = np.median(sliding_window_view(padded, 2 * half + 1, axis=0), axis=-1)
    lengths = np.hypot(*(steps - even).T)
    return float(np.quantile(lengths, _QUANTILE) / _OF_RMS)


def _step(one: Grey, two: Grey, use: Measuring) -> tuple[float, float] | None:
    """How far the middle of the picture moved to the right and down; None where it cannot be told."""
    if min(float(one.std()), float(two.std())) < use.least_contrast:
        return None
    there = camera.ground(one, two)
    if there is None:
        return None
    middle = np.array([one.shape[1] / 2, one.shape[0] / 2])
    right, down = there[:, :2] @ middle + there[:, 2] - middle
    return float(right), float(down)


def _grey(decoded: Decoded, longest: int) -> Grey:
    """The luma at square pixels; a picture filmed on its side stays so."""
    frame = decoded.frame
    scale = longest / max(frame.width * decoded.shape, frame.height)
    wide, high = (max(16, round(side * scale / 2) * 2) for side in (frame.width * decoded.shape, frame.height))
    return shrink(frame, wide, high, "gray").astype(np.float32)


def _displayed_width(decoded: Decoded, grey: Grey) -> int:
    upright = quarter_turns(decoded.frame.rotation) % 2 == 0
    return int(grey.shape[1 if upright else 0])
