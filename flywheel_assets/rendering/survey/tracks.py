"""Which boxes, look after look, are the same thing; and which things a scene is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flywheel_assets.creative.types import Box, SeenObject
from flywheel_assets.rendering.survey.types import Sighting

_PERSON = "person"
_REACH = 0.6  # of a box's width that it may move between two looks, whatever the time
_SPEED = 0.4  # of the picture a second; nobody walks faster through it
_GROWTH = 2.2  # times its area; larger jumps are somebody else, nearer to the camera

Look = tuple[float, tuple[Box, ...]]  # a time and what was found then


@dataclass
class _Track:
    number: int
    time: float
    box: Box


def linked(looks: Sequence[Look], gap: float) -> tuple[Sighting, ...]:
    """The boxes of all looks as sightings, nearest first continued; a track ends when it is not seen for ``gap`` s."""
    tracks: list[_Track] = []
    found: list[Sighting] = []
    for time, boxes in sorted(looks):
        free = [track for track in tracks if time - track.time <= gap]
        pairs = sorted(
            (_distance(track.box, box), track.number, at)
            for track in free
            for at, box in enumerate(boxes)
            if _may_be(track, time, box)
        )
        numbers = _matched(pairs, boxes, len(tracks))
        for number, box in zip(numbers, boxes, strict=True):
            if number == len(tracks):
                tracks.append(_Track(number, time, box))
            tracks[number].time, tracks[number].box = time, box
            found.append(Sighting(time=time, box=box, track=number))
    return tuple(sorted(found, key=lambda one: (one.time, one.track)))


def _matched(pairs: Sequence[tuple[float, int, int]], boxes: Sequence[Box], fresh: int) -> list[int]:
    """A track for each box: the nearest that is still free, else a new one."""
    chosen: dict[int, int] = {}
    for _, number, at in pairs:
        if at not in chosen and number not in chosen.values():
            chosen[at] = number
    numbers = []
    for at in range(len(boxes)):
        numbers.append(chosen.get(at, fresh))
        fresh += at not in chosen
    return numbers


def _may_be(track: _Track, time: float, box: Box) -> bool:
    reach = _REACH * max(_width(track.box), _width(box)) + _SPEED * (time - track.time)
    one, two = sorted((area(track.box), area(box)))
    return _distance(track.box, box) <= reach and two <= _GROWTH ** (1 + time - track.time) * max(one, 1e-9)


def people(seen: Sequence[SeenObject]) -> tuple[Look, ...]:
    """Each look of perception at persons."""
    return _looks([one for one in seen if one.label == _PERSON])


def main_things(seen: Sequence[SeenObject]) -> tuple[Look, ...]:
    """Each look at the kind of thing that is largest and surest over the scene, persons apart."""
    worth: dict[str, float] = {}
    for one in seen:
        if one.label != _PERSON:
            worth[one.label] = worth.get(one.label, 0.0) + one.confidence * area(one.box) ** 0.5
    best = max(worth, key=lambda label: (worth[label], label), default=None)
    return _looks([one for one in seen if one.label == best])


def _looks(seen: Sequence[SeenObject]) -> tuple[Look, ...]:
    times = sorted({one.time for one in seen})
    return tuple((time, tuple(one.box for one in seen if one.time == time)) for time in times)


def area(box: Box) -> float:
    """Share of the picture."""
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _width(box: Box) -> float:
    return box[2] - box[0]


def _distance(one: Box, two: Box) -> float:
    across, down = (one[axis] + one[axis + 2] - two[axis] - two[axis + 2] for axis in (0, 1))
    return float(((across / 2) ** 2 + (down / 2) ** 2) ** 0.5)
