"""From what the survey saw of a shot to a window that follows its subject. Pure.

The path is planned in the time of the shot, not of the source: where a pause was taken out, the window goes on from
where it was instead of jumping to where it would have been.
"""

from __future__ import annotations

from flywheel_assets.rendering.effects import Crop, Path
from flywheel_assets.rendering.modules.base import PlanContext
from flywheel_assets.rendering.survey.paths import Lettering, crop_path
from flywheel_assets.rendering.survey.types import CropPath, Framing, SceneSurvey, Sighting
from flywheel_assets.rendering.timeline import Shot

# What moves by itself is what eyes follow. What merely stands out is a guess, which may cut off what the scene is about.
_GUESSED = "contrast"


def decided(shot: Shot, context: PlanContext) -> Framing:
    """The window of a shot, in seconds from its start, or why it is shown whole."""
    survey = context.survey
    seen = survey.scene(shot.scene.index) if survey else None
    if seen is None:
        return Framing(path=None, reason="the source was not surveyed")
    canvas, source = context.canvas, (context.perception.width, context.perception.height)
    found = crop_path(
        _sightings(seen, shot, context),
        (0.0, shot.frames / canvas.fps),
        source,
        (canvas.width, canvas.height),
        texts=_texts(shot, context),
    )
    if found.path is None and seen.subject_kind == _GUESSED:
        return Framing(path=None, reason=f"{found.reason}; what merely stands out is a guess")
    return found


def window(path: CropPath, frames: int, fps: int) -> Crop:
    """The path on the frames of the shot; where it goes is the same to a fraction of a pixel."""
    turns = {min(max(round(key.time * fps), 0), frames - 1) for key in path.keys}
    places = {frame: path.at(frame / fps) for frame in sorted(turns)}
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


def _sightings(seen: SceneSurvey, shot: Shot, context: PlanContext) -> tuple[Sighting, ...]:
    """Those of the spans that play, in the time of the shot."""
    if seen.subject_kind == _GUESSED:
        return ()
    played = (one for one in seen.subject if shot.plays(one.time))
    return tuple(one.model_copy(update={"time": _when(one.time, shot, context)}) for one in played)


def _texts(shot: Shot, context: PlanContext) -> tuple[Lettering, ...] | None:
    """What is written while the shot plays, in the time of the shot; None where nobody looked."""
    features = context.features(shot.scene.index)
    if features is None or features.texts is None:
        return None
    found: tuple[Lettering, ...] = (*features.texts, *(features.unread or ()))
    return tuple(
        text.model_copy(update={"start": _when(text.start, shot, context), "end": _when(text.end, shot, context)})
        for text in found
        if any(text.start < span.end and text.end > span.start for span in shot.spans)
    )


def _when(time: float, shot: Shot, context: PlanContext) -> float:
    """Seconds from the start of the shot to a source time; never a rounded one, which would make two looks one."""
    begin = 0.0
    for span in shot.spans:
        if time < span.end:
            return begin + max(time - span.start, 0.0)
        begin += span.frames / context.canvas.fps
    return begin
