"""The same words in several looks are one text with a start and an end.

Looks are few, so the ends lie between them: the kept pictures in between are compared, in the text's
own box, with the picture it was read in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.creative.perception.video import Image
from flywheel_assets.creative.types import Box, Scene, ScreenText, UnreadText

_ALIKE = 0.75  # share of letters in common; a letter or two is misread from one look to the next
_OVERLAP = 0.3  # intersection over union of the boxes; a caption that grows word by word stays above
_SAME_PLACE = 0.6  # likewise, of one that has not moved
_MISSED = 1  # looks in which a text may be overlooked without becoming another text
_SAME_STROKES = 0.45  # correlation of edges; strokes of the same letters lie on the same pixels
_PATCH = (96, 32)  # width, height to which a box is scaled before it is compared


@dataclass(frozen=True)
class ReadText:
    """A line found in one picture; ``text`` is None where letters stand that cannot be read."""

    text: str | None
    box: Box
    confidence: float


@dataclass(frozen=True)
class Reading:
    """All lines of the kept picture at a position."""

    position: int
    lines: tuple[ReadText, ...]


@dataclass
class Track:
    """One text through the readings it was found in, as (number of the reading, line)."""

    found: list[tuple[int, ReadText]] = field(default_factory=list)

    @property
    def last(self) -> ReadText:
        """The line in the newest reading."""
        return self.found[-1][1]

    @property
    def best(self) -> tuple[int, ReadText]:
        """The surest reading of the spelling that was read most surely and most often."""
        weights: dict[str | None, float] = {}
        for _, line in self.found:
            weights[line.text] = weights.get(line.text, 0.0) + line.confidence
        spelling = max(weights, key=lambda text: weights[text])
        return max(((at, line) for at, line in self.found if line.text == spelling), key=lambda one: one[1].confidence)


def linked(readings: Sequence[Reading]) -> list[Track]:
    """Lines of consecutive readings joined where place and letters agree, in order of appearance."""
    tracks: list[Track] = []
    for number, reading in enumerate(readings):
        open_ones = [track for track in tracks if number - track.found[-1][0] <= 1 + _MISSED]
        for line in reading.lines:
            alike = [(likeness(track.last, line), place) for place, track in enumerate(open_ones)]
            score, place = max(alike, default=(0.0, -1))
            if score > 0:
                open_ones.pop(place).found.append((number, line))
            else:
                tracks.append(Track([(number, line)]))
    return tracks


def likeness(one: ReadText, other: ReadText) -> float:
    """Above zero when two lines of neighbouring looks are the same text."""
    overlap = shared(one.box, other.box)
    if overlap < _OVERLAP or (one.text is None) != (other.text is None):
        return 0.0
    if one.text is None or other.text is None:
        return overlap
    ratio = SequenceMatcher(None, plain(one.text), plain(other.text), autojunk=False).ratio()
    return ratio + overlap if ratio >= _ALIKE else 0.0


def plain(text: str) -> str:
    """Letters and digits only, lower case: what counts when readings are compared."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def shared(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / (area(one) + area(other) - wide * high)


def area(box: Box) -> float:
    """Share of the picture, 0 to 1."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def strokes(grey: Image, box: Box) -> NDArray[np.float32]:
    """Edges inside a box of a grey picture, at one size and of length one, whatever the light behind the letters."""
    import cv2

    height, width = grey.shape
    left, right = int(box[0] * width), max(int(box[0] * width) + 2, round(box[2] * width))
    top, bottom = int(box[1] * height), max(int(box[1] * height) + 2, round(box[3] * height))
    small = cv2.resize(grey[top:bottom, left:right], _PATCH, interpolation=cv2.INTER_AREA).astype(np.float32)
    edges = np.stack([cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1)])
    return (edges / max(float(np.linalg.norm(edges)), 1.0)).astype(np.float32)


def still_there(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether two results of `strokes` show the same letters."""
    return float((one * other).sum()) >= _SAME_STROKES


@dataclass(frozen=True)
class Timeline:
    """The kept pictures' times and the moments at which what is seen changes at once.

    Attributes:
        times: (time, until) of each position, seconds.
        cuts: starts of the scenes and the end of the last one, ascending.
    """

    times: Sequence[tuple[float, float]]
    cuts: Sequence[float]

    def between(self, one: float, two: float) -> float:
        """The most likely moment of a change seen between two times: a cut where there is one, else the middle."""
        inside = [cut for cut in self.cuts if one < cut <= two]
        return inside[0] if inside else round((one + two) / 2, 3)


def spans(
    tracks: Sequence[Track],
    readings: Sequence[Reading],
    timeline: Timeline,
    stands_at: Callable[[int, int, Box], bool],
) -> list[tuple[ReadText, float, float]]:
    """Each track's line with its start and end in seconds.

    Args:
        tracks: as `linked` returned them.
        readings: what they were linked from.
        timeline: of the kept pictures.
        stands_at: whether what the picture at the second position shows in the box is what the first one shows.
    """
    found = []
    for track in tracks:
        start = _start(track, readings, timeline, stands_at)
        end = _end(track, readings, timeline, stands_at)
        found.append((track.best[1], start, max(end, start)))
    return found


def _start(
    track: Track, readings: Sequence[Reading], timeline: Timeline, stands_at: Callable[[int, int, Box], bool]
) -> float:
    first = track.found[0][0]
    model, box = _model(track.found, readings)
    at = readings[first].position
    floor = readings[first - 1].position if first else -1
    while at - 1 > floor and stands_at(model, at - 1, box):
        at -= 1
    return timeline.between(timeline.times[at - 1][1], timeline.times[at][0]) if at else timeline.cuts[0]


def _end(
    track: Track, readings: Sequence[Reading], timeline: Timeline, stands_at: Callable[[int, int, Box], bool]
) -> float:
    last = track.found[-1][0]
    model, box = _model(track.found[::-1], readings)
    at = readings[last].position
    beyond = len(timeline.times)
    ceiling = readings[last + 1].position if last + 1 < len(readings) else beyond
    while at + 1 < ceiling and stands_at(model, at + 1, box):
        at += 1
    if at + 1 == beyond:
        return timeline.cuts[-1]
    return timeline.between(timeline.times[at][1], timeline.times[at + 1][0])


def _model(found: Sequence[tuple[int, ReadText]], readings: Sequence[Reading]) -> tuple[int, Box]:
    """The position and box that show what the text looks like in full, from an end of its looks inward.

    The outermost look may show it half faded, when what lies behind it is drawn as strongly as its letters.
    """
    outer, inner = found[0], found[min(1, len(found) - 1)]
    number, line = inner if shared(outer[1].box, inner[1].box) >= _SAME_PLACE else outer
    return readings[number].position, line.box


def in_scene(found: Sequence[tuple[ReadText, float, float]], scene: Scene) -> tuple[ScreenText, ...]:
    """The readable texts of one scene, cut at its ends, by start and then top to bottom."""
    rows = [
        ScreenText(
            text=line.text,
            start=max(start, scene.start),
            end=min(end, scene.end),
            box=line.box,
            confidence=line.confidence,
        )
        for line, start, end in found
        if line.text is not None and start < scene.end and end > scene.start
    ]
    return tuple(sorted(rows, key=lambda one: (one.start, one.box[1], one.box[0])))


def unread_in_scene(found: Sequence[tuple[ReadText, float, float]], scene: Scene) -> tuple[UnreadText, ...]:
    """What stands in one scene and cannot be read."""
    return tuple(
        UnreadText(start=max(start, scene.start), end=min(end, scene.end), box=line.box)
        for line, start, end in found
        if line.text is None and start < scene.end and end > scene.start
    )


def whole(pieces: Sequence[ScreenText]) -> tuple[ScreenText, ...]:
    """Texts of consecutive scenes, those joined that go on over a cut."""
    joined: list[ScreenText] = []
    for piece in pieces:
        for place, before in enumerate(joined):
            if before.end == piece.start and (before.text, before.box) == (piece.text, piece.box):
                joined[place] = before.model_copy(update={"end": piece.end})
                break
        else:
            joined.append(piece)
    return tuple(joined)


def density(texts: Sequence[ScreenText], seconds: float) -> float:
    """Mean share of the picture that text covers over a scene of so many seconds, 0 to 1."""
    covered = sum(area(one.box) * (one.end - one.start) for one in texts)
    return round(min(1.0, covered / max(seconds, 0.001)), 6)


def words_to_read(texts: Sequence[ScreenText], until: float) -> int:
    """The most words that stand at once at any moment up to ``until`` seconds."""
    early = [one for one in texts if one.start <= until]
    standing = (
        sum(len(other.text.split()) for other in early if other.start <= one.start < other.end) for one in early
    )
    return max(standing, default=0)
