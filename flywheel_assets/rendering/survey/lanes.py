"""The subjects of a scene along the one axis on which the crop window can move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.rendering.survey.types import Sighting

Values = NDArray[np.float64]

_ROUNDING = 1e-6  # seconds
_LEAP = 0.6  # of the side a second; whoever is so fast, and back, cannot be followed anyway


@dataclass(frozen=True)
class Lane:
    """One subject at each time: its near and far edge, shares of the side, and whether it is there.

    Attributes:
        weight: how much of the picture it takes for how long; the larger subject has the larger one.
    """

    near: Values
    far: Values
    there: NDArray[np.bool_]
    weight: float


def lanes(sightings: Sequence[Sighting], times: Values, axis: int, calm_seconds: float, hold: float) -> list[Lane]:
    """A lane for each track, the larger subject first.

    Args:
        sightings: of all tracks.
        times: at which the lanes are wanted.
        axis: 0 for left and right, 1 for top and bottom.
        calm_seconds: a box replaced by the median of those no farther away than half of it; 0 leaves them as seen.
        hold: seconds for which a subject is taken to be where it was first or last seen, before and after.
    """
    tracks: dict[int, list[Sighting]] = {}
    for one in sorted(sightings, key=lambda each: each.time):
        tracks.setdefault(one.track, []).append(one)
    plausible = (_without_slips(track, axis) for track in tracks.values())
    found = [_lane(track, times, axis, calm_seconds, hold) for track in plausible]
    return sorted(found, key=lambda lane: -lane.weight)


def _without_slips(track: Sequence[Sighting], axis: int) -> list[Sighting]:
    """Without looks at which the subject is said to have leapt away and back again: there the detector was wrong."""
    middles = [(one.box[axis] + one.box[axis + 2]) / 2 for one in track]

    def leaps(at: int, other: int) -> bool:
        return abs(middles[at] - middles[other]) > _LEAP * abs(track[at].time - track[other].time)

    inner = range(1, len(track) - 1)
    slips = {at for at in inner if leaps(at, at - 1) and leaps(at, at + 1) and not leaps(at - 1, at + 1)}
    return [one for at, one in enumerate(track) if at not in slips]


def _lane(track: Sequence[Sighting], times: Values, axis: int, calm_seconds: float, hold: float) -> Lane:
    seen = np.array([one.time for one in track])
    near, far = (
        np.interp(times, seen, _calm(seen, np.array([one.box[edge] for one in track]), calm_seconds))
        for edge in (axis, axis + 2)
    )
    there = (times >= seen[0] - hold - _ROUNDING) & (times <= seen[-1] + hold + _ROUNDING)
    sizes = [(one.box[2] - one.box[0]) * (one.box[3] - one.box[1]) for one in track]
    return Lane(near, far, there, weight=float(np.median(sizes)) * max(int(there.sum()), 1))


def _calm(seen: Values, edges: Values, calm_seconds: float) -> Values:
    """Each edge as the median of those seen at about the same time, as many before as after: one slip has no say."""
    calm = np.empty(len(edges))
    for at, time in enumerate(seen):
        near = np.abs(seen - time) <= calm_seconds / 2 + _ROUNDING
        reach = min(int(near[:at].sum()), int(near[at + 1 :].sum()))
        calm[at] = np.median(edges[at - reach : at + reach + 1])
    return calm


def together(group: Sequence[Lane]) -> Lane:
    """The subjects as one: the box around those that are there."""
    there = np.any([lane.there for lane in group], axis=0)
    near = np.min([np.where(lane.there, lane.near, np.inf) for lane in group], axis=0)
    far = np.max([np.where(lane.there, lane.far, -np.inf) for lane in group], axis=0)
    return Lane(np.where(there, near, 0.0), np.where(there, far, 1.0), there, sum(lane.weight for lane in group))
