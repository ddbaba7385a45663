"""From what the survey saw of a shot to a window that follows its subject. Pure.

The path is planned in the time that plays, not in that of the source: where a pause was taken out, the window goes on
from where it was instead of jumping to where it would have been. That time begins where the shot could begin at the
earliest, and so it is the same in all variations, whether its ends mix with other shots or not.
"""

from __future__ import annotations

from flywheel_assets.creative.types import SceneFeatures
from flywheel_assets.rendering.effects import Crop, Path
from flywheel_assets.rendering.modules.base import PlanContext
from flywheel_assets.rendering.survey.paths import NO_SUBJECT, Lettering, crop_path
from flywheel_assets.rendering.survey.types import CropPath, Framing, SceneSurvey, Sighting
from flywheel_assets.rendering.timeline import Shot

# What moves by itself is what eyes follow. What merely stands out is a guess, which may cut off what the scene is about.
_GUESSED = "contrast"


def decided(shot: Shot, context: PlanContext) -> Framing:
    """The window of a shot, in seconds from where it could begin, or why it is shown whole."""
    survey = context.survey
    seen = survey.scene(shot.scene.index) if survey else None
    if seen is None:
        return Framing(path=None, reason="the source was not surveyed")
    canvas, spans = context.canvas, longest(shot)
    found = crop_path(
        _sightings(seen, spans),
        (0.0, sum(end - start for start, end in spans)),
        (context.perception.width, context.perception.height),
        (canvas.width, canvas.height),
        texts=_texts(context.features(shot.scene.index), spans),
    )
    guessed = found.reason == NO_SUBJECT and seen.subject_kind == _GUESSED
    return Framing(path=None, reason=f"{NO_SUBJECT}; what merely stands out is a guess") if guessed else found


def longest(shot: Shot) -> list[tuple[float, float]]:
    """Its spans in source seconds, the outer ones as long as they could grow."""
    spans = [(span.start, span.end) for span in shot.spans]
    first, last = shot.bounds
    spans[0] = (first, spans[0][1])
    spans[-1] = (spans[-1][0], last)
    return spans


def window(path: CropPath, shot: Shot, fps: int) -> Crop:
    """The path on the frames of the shot, some of which may lie before or after it; the same to a fraction of a pixel."""
    late = shot.spans[0].start - shot.bounds[0]
    turns = sorted({round((key.time - late) * fps) for key in path.keys})
    places = {frame: path.at(frame / fps + late) for frame in turns}
    lefts = _points({frame: place[0] for frame, place in places.items()})
    tops = _points({frame: place[1] for frame, place in places.items()})
    reach = (
        min(left for _, left in lefts),
        min(top for _, top in tops),
        min(max(left for _, left in lefts) + path.width, 1.0),
        min(max(top for _, top in tops) + path.height, 1.0),
    )
    moves = len(lefts) > 1 or len(tops) > 1
    return Crop(
        top=tops[0][1],
        width=path.width,
        height=path.height,
        path=lefts,
        tops=tops if len(tops) > 1 else (),
        reach=reach if moves else None,
    )


def _points(edges: dict[int, float]) -> Path:
    """Rounded to a thousandth of a pixel; one point where nothing moves."""
    points = tuple((frame, round(edge, 6)) for frame, edge in edges.items())
    return points[:1] if len({edge for _, edge in points}) == 1 else points


def _sightings(seen: SceneSurvey, spans: list[tuple[float, float]]) -> tuple[Sighting, ...]:
    """Those of the spans, in the time that plays."""
    if seen.subject_kind == _GUESSED:
        return ()
    played = (one for one in seen.subject if any(start <= one.time < end for start, end in spans))
    return tuple(one.model_copy(update={"time": _when(one.time, spans)}) for one in played)


def _texts(features: SceneFeatures | None, spans: list[tuple[float, float]]) -> tuple[Lettering, ...] | None:
    """What is written while the spans play, in the time that plays; None where nobody looked."""
    if features is None or features.texts is None:
        return None
    found: tuple[Lettering, ...] = (*features.texts, *(features.unread or ()))
    return tuple(
        text.model_copy(update={"start": _when(text.start, spans), "end": _when(text.end, spans)})
        for text in found
        if any(text.start < end and text.end > start for start, end in spans)
    )


def _when(time: float, spans: list[tuple[float, float]]) -> float:
    """Seconds that play before a source time."""
    return sum(min(max(time - start, 0.0), end - start) for start, end in spans)
