"""Where a caption card goes: clear of the scene's own text, of the title, and of faces wherever the window shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from flywheel_assets.creative.types import SeenFace
from flywheel_assets.rendering.canvas import centred, clearest, overlap
from flywheel_assets.rendering.effects import Box, PunchIn
from flywheel_assets.rendering.modules.base import PlanContext
from flywheel_assets.rendering.modules.hook_title import HookTitle
from flywheel_assets.rendering.modules.pattern_interrupt import PatternInterrupt
from flywheel_assets.rendering.survey.types import Sighting
from flywheel_assets.rendering.timeline import Shot

Span = tuple[int, int]  # output frames from, to

_SURVEY_REACH = 0.25  # seconds around a card in which a face counts; the survey looks five times a second
_PERCEPTION_REACH = 0.75  # perception looks less often
_ROW = 0.5  # of a card's height, between two rows that are tried
_SEEN = 0.01  # of a face or a text; less of it hidden is a touch


@dataclass(frozen=True)
class Place:
    """A place for a card.

    Attributes:
        moved_for_face: it is not where it would be if nobody's face were in the way.
        hidden: share of the face or text it hides most of, where no place is clear.
    """

    box: Box
    moved_for_face: bool
    hidden: float

    def narrowed(self, size: tuple[float, float]) -> Place:
        """The same row for a card of another width."""
        middle = ((self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2)
        return replace(self, box=centred(*middle, *size))


def row(size: tuple[float, float], shot: Shot, context: PlanContext, title: Box | None) -> Place | None:
    """The place of a shot's widest card that is clear all through the shot, so that its cards do not jump; None if none is.

    Args:
        size: of that card, pixels.
        shot: whose words are shown.
        context: with its framings.
        title: what the hook's title covers while it shows the first of them.
    """
    texts = _texts(shot, context, title)
    ever = faces((shot.start, shot.end), shot, context)
    places = (*options(size, shot, context), *_rows(size, context))
    box = clearest(places, (*texts, *ever))
    if _touches(box, (*texts, *ever)):
        return None
    return Place(box, moved_for_face=box != clearest(places, texts), hidden=0.0)


def place(size: tuple[float, float], span: Span, shot: Shot, context: PlanContext, title: Box | None) -> Place:
    """The usual place, else the first of the others in the safe box that is clear, else the one that hides least.

    One that is clear all through the shot comes first: where no row is for the widest card, one may be for a narrow one.

    Args:
        size: of the card, pixels.
        span: in which it is shown.
        shot: whose words it shows.
        context: with its framings.
        title: what the hook's title covers in that time.
    """
    texts = _texts(shot, context, title)
    now, ever = faces(span, shot, context), faces((shot.start, shot.end), shot, context)
    places = (*options(size, shot, context), *_rows(size, context))
    box = clearest(places, (*texts, *ever))
    if _touches(box, (*texts, *ever)):
        box = clearest(places, (*texts, *now))
    hidden = max((overlap(box, one) / _area(one) for one in (*texts, *now) if _area(one)), default=0.0)
    moved = box != clearest(places, texts)
    return Place(box, moved_for_face=moved, hidden=hidden if hidden > _SEEN else 0.0)


def options(size: tuple[float, float], shot: Shot, context: PlanContext) -> tuple[Box, ...]:
    """The usual places: below the picture where there is room, else low in the safe box, or in its middle."""
    _, top, _, bottom = context.text_box
    lowest = bottom - size[1] / 2
    below = (context.picture(shot.scene.index)[3] + bottom) / 2
    middles = (min(below, lowest), lowest - 2 * size[1], (top + bottom) / 2, lowest - 4 * size[1])
    return tuple(centred(context.canvas.width / 2, middle, *size) for middle in middles)


def faces(span: Span, shot: Shot, context: PlanContext) -> tuple[Box, ...]:
    """Where faces lie on the output around the time of a span, each as the picture is shown when it was seen."""
    seen, reach = _sightings(shot, context)
    early, late = span[0] - context.canvas.frames(reach), span[1] + context.canvas.frames(reach)
    found = ((one.box, shot.frame(one.time, context.canvas)) for one in seen if shot.plays(one.time))
    jumps = _jumps(shot, context)
    return tuple(
        _nearer(context.placed_at(box, shot, frame), frame - shot.start, jumps)
        for box, frame in found
        if early <= frame < late
    )


def _sightings(shot: Shot, context: PlanContext) -> tuple[Sequence[Sighting | SeenFace], float]:
    """The survey's, which looks more often, else perception's."""
    surveyed = context.survey.scene(shot.scene.index) if context.survey else None
    if surveyed is not None and surveyed.subject_kind == "face":
        return surveyed.subject, _SURVEY_REACH
    features = context.features(shot.scene.index)
    return (features.faces if features else None) or (), _PERCEPTION_REACH


def _jumps(shot: Shot, context: PlanContext) -> tuple[PunchIn, ...]:
    """When the shot is seen from nearer."""
    if PatternInterrupt.name in context.style.without:
        return ()
    return tuple(one for one in PatternInterrupt().on_shot(shot, context) if isinstance(one, PunchIn))


def _nearer(box: Box, frame: int, jumps: Iterable[PunchIn]) -> Box:
    """The box as large and as far from the middle as it is seen in a frame of the shot."""
    jump = next((one for one in jumps if one.start_frame <= frame < one.end_frame), None)
    if jump is None:
        return box
    x, y = (jump.box[0] + jump.box[2]) / 2, (jump.box[1] + jump.box[3]) / 2
    left, top, right, bottom = box
    grown = (x + (left - x) * jump.scale, y + (top - y) * jump.scale)
    return *grown, x + (right - x) * jump.scale, y + (bottom - y) * jump.scale


def title_box(context: PlanContext) -> Box | None:
    """What the title covers until the hook's end; None where it is left out."""
    left_out = HookTitle.name in context.style.without
    return None if left_out else HookTitle().overlays(context)[0].box


def _rows(size: tuple[float, float], context: PlanContext) -> Iterator[Box]:
    """Every height in the safe box, from the lowest."""
    _, top, _, bottom = context.text_box
    middle = bottom - size[1] / 2
    while middle >= top + size[1] / 2:
        yield centred(context.canvas.width / 2, middle, *size)
        middle -= _ROW * size[1]


def _texts(shot: Shot, context: PlanContext, title: Box | None) -> tuple[Box, ...]:
    return *context.source_text(shot.scene.index), *((title,) if title else ())


def _touches(box: Box, obstacles: Iterable[Box]) -> bool:
    return any(overlap(box, one) for one in obstacles)


def _area(box: Box) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)
