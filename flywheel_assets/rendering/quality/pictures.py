"""Promises about what the pictures show: something, and something that moves."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from flywheel_assets.rendering.quality.expected import may_stand, pieces
from flywheel_assets.rendering.quality.lines import line
from flywheel_assets.rendering.quality.stillness import source_moves
from flywheel_assets.rendering.quality.watching import Watched
from flywheel_assets.rendering.types import EditPlan, QualityLine

_BLACK_SECONDS = 0.5  # a dip to black between two scenes takes 0.3 to 0.4
_STILL_SECONDS = 0.5  # shorter ones are not seen, and a slow source repeats pictures


def not_black(seen: Watched, plan: EditPlan) -> QualityLine:
    """No stretch in which nothing but our own text is lit."""
    stretches = [found for found in _runs(seen.black) if found[1] - found[0] > _BLACK_SECONDS * plan.fps]
    return line(
        "not_black", passed=not stretches, value=_told(stretches) or "none", wanted=f"no black over {_BLACK_SECONDS} s"
    )


def not_frozen(seen: Watched, plan: EditPlan, source: Path) -> QualityLine:
    """No stretch that stands still where neither the plan nor the source does.

    The end card is one held picture by plan. A scene of a source that stands still itself, a still life or a chart,
    is not a fault: only where the finished file stands still is the source's span decoded, and it has to move there.
    """
    stretches = [run for run in seen.still if _longer_than_asked(run, plan) and _lost(run, plan, source)]
    wanted = f"no standing picture over {_STILL_SECONDS} s but the end card and what stands still in the source"
    return line("not_frozen", passed=not stretches, value=_told(stretches) or "none", wanted=wanted)


def _longer_than_asked(run: tuple[int, int], plan: EditPlan) -> bool:
    extra = sum(high - low for segment, low, high in pieces(plan, *run) if not may_stand(segment))
    beyond = max(run[1] - max(run[0], plan.frames), 0)
    return extra + beyond > _STILL_SECONDS * plan.fps


def _lost(run: tuple[int, int], plan: EditPlan, source: Path) -> bool:
    """Whether the source moves in the span that the run shows; frames after the plan's last show nothing planned."""
    for segment, low, high in pieces(plan, *run):
        if may_stand(segment):
            continue
        for clip in segment.clips:
            start, end = (clip.source_start + frame / plan.fps for frame in (low, high))
            if source_moves(source, start, min(end, clip.source_end)):
                return True
    return run[1] > plan.frames


def _runs(numbers: tuple[int, ...]) -> list[tuple[int, int]]:
    """Runs [from, to) of consecutive numbers."""
    groups = groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])
    lists = [[number for _, number in group] for _, group in groups]
    return [(found[0], found[-1] + 1) for found in lists]


def _told(stretches: list[tuple[int, int]]) -> str:
    return "; ".join(f"pictures {start} to {end - 1}" for start, end in stretches)
