"""The promise about the progress bar: in every picture it is as long as the film is old."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.creative.perception.video import Image
from flywheel_assets.rendering.effects import Box, ProgressBar
from flywheel_assets.rendering.quality.lines import line, not_applicable
from flywheel_assets.rendering.types import EditPlan, QualityLine

_ASIDE = 3.0  # pixels: two of chroma, into which the program rounds, and one the encoder blurs
_FAR = 75.0  # distance of a colour from the bar's, in levels of red, green and blue together, from which it is another
_STRAY = 0.03  # of the columns that may look like the other part
_PARTS = 4  # into which the film is divided by the pictures that are looked at in any case


@dataclass(frozen=True)
class _Bar:
    """The bar of output frames [start, end)."""

    effect: ProgressBar
    start: int
    end: int

    def length(self, frame: int) -> float:
        """Pixels it should have in an output frame."""
        left, _, right, _ = self.effect.box
        grown = (self.effect.start_frame + frame - self.start + 1) / self.effect.total_frames
        return (right - left) * min(grown, 1.0)


def frames(plan: EditPlan) -> frozenset[int]:
    """The pictures to look at in any case: the first, the last, and some between."""
    if not any(_bars(plan)):
        return frozenset()
    return frozenset((plan.frames - 1) * part // _PARTS for part in range(_PARTS + 1))


def judge(pictures: dict[int, Image], plan: EditPlan) -> QualityLine:
    """The bar's length in each of the pictures."""
    bars = list(_bars(plan))
    if not bars:
        return not_applicable("progress_bar", plan.unavailable.get("brand_overlay", "the plan has none"))
    wanted = f"as long as the film is old, within {_ASIDE:g} pixels"
    if missing := sorted(frames(plan) - pictures.keys()):
        return line("progress_bar", passed=False, value=f"the file has no picture {missing[0]}", wanted=wanted)
    looked = ((number, picture, bar) for number, picture in sorted(pictures.items()) for bar in bars)
    found = [
        (number, measured(picture, bar.effect), bar.length(number))
        for number, picture, bar in looked
        if bar.start <= number < bar.end
    ]
    faults = [_told(*one) for one in found if one[1] is None or abs(one[1] - one[2]) > _ASIDE]
    value = f"{'; '.join(faults[:2])}" if faults else f"in {len(found)} pictures"
    return line("progress_bar", passed=not faults, value=value, wanted=wanted)


def _bars(plan: EditPlan) -> Iterator[_Bar]:
    start = 0
    for segment in plan.segments:
        for effect in segment.effects:
            if isinstance(effect, ProgressBar):
                yield _Bar(effect, start, start + segment.frames)
        start += segment.frames


def _told(number: int, length: int | None, wanted: float) -> str:
    found = "no bar with one end" if length is None else f"{length} pixels"
    return f"{found} instead of {wanted:.0f} in picture {number}"


def measured(picture: Image, bar: ProgressBar) -> int | None:
    """Columns from the left that have the bar's colour; None where those after them have it as well, or it is no bar."""
    ours = _columns(picture, bar.box) - np.array([int(bar.colour[at : at + 2], 16) for at in (1, 3, 5)])
    filled = np.linalg.norm(ours, axis=-1) < _FAR
    # The end that leaves fewest columns on the wrong side of it.
    wrong = np.concatenate([[0], np.cumsum(~filled)]) + np.concatenate([np.cumsum(filled[::-1])[::-1], [0]])
    end = int(np.argmin(wrong))
    return end if wrong[end] <= _STRAY * len(filled) else None


def _columns(picture: Image, box: Box) -> NDArray[np.float64]:
    """Mean colour of each column of the box, without its rim, which is blurred with what lies beside."""
    left, top, right, bottom = (round(edge) for edge in box)
    rim = 1 if bottom - top > 2 else 0  # noqa: PLR2004 - something has to be left
    part: NDArray[np.float64] = picture[top + rim : bottom - rim, left:right].mean(axis=0)
    return part
