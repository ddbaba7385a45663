"""Which picture of the played scenes is shown before anybody presses play. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from flywheel_assets.rendering.survey.types import Cover, SceneSurvey, Still, Survey

Span = tuple[float, float]


@dataclass(frozen=True)
class Defaults:
    """The numbers of choosing a cover, each with its reason."""

    cut_frames: int = 5  # of source and of output; nearer to a cut a frame may be soft or mixed
    slowest_fps: float = 24.0  # five frames of the output are never longer than at this rate
    darkest: float = 0.08  # mean luma; below it the picture is taken for black
    lightest: float = 0.95  # above it for white
    face: float = 0.01  # of the picture; a smaller face is not seen on a telephone
    full_face: float = 0.08  # a larger one earns no more
    face_sharpness: float = 0.4  # of the overall median that a face needs; less is out of focus
    calm: float = 0.03  # mean difference to the looks around it; a picture with more of it is blurred by motion
    face_weight: float = 2.0  # a face outweighs everything else together: people look at people
    sharp_weight: float = 1.0
    calm_weight: float = 0.6
    light_weight: float = 0.3


DEFAULTS = Defaults()


@dataclass(frozen=True)
class _Candidate:
    scene: int
    still: Still


def best_still(survey: Survey, played: Iterable[int] | dict[int, Span], settings: Defaults = DEFAULTS) -> Cover | None:
    """The best picture, None where every one is black, at a cut, or part of a fade.

    It is at least as sharp as half of the pictures that could be chosen in its scene, and, unless it shows a face, as
    half of those in all played ones: writing and leaves are sharper than any face.

    Args:
        survey: of at least the played scenes.
        played: indexes of the scenes; with spans, only pictures inside them and away from their ends are chosen.
        settings: the numbers to go by.
    """
    spans = played if isinstance(played, dict) else dict.fromkeys(played)
    scenes = [scene for scene in survey.scenes if scene.index in spans]
    away = settings.cut_frames / min(survey.fps, settings.slowest_fps)
    usable = [
        _Candidate(scene.index, still)
        for scene in scenes
        for still in scene.stills
        if _usable(scene, still, spans[scene.index], away, settings)
    ]
    if not usable:
        return None
    best = max(_sharp(usable, settings), key=lambda one: (_score(one, usable, settings), -one.still.time))
    return Cover(scene=best.scene, time=best.still.time, reason=_reason(best, settings))


def _usable(scene: SceneSurvey, still: Still, span: Span | None, away: float, settings: Defaults) -> bool:
    start, end = span or (scene.start, scene.end)
    clear = min(still.edge, still.time - start, end - still.time) > away
    return clear and not still.fading and settings.darkest <= still.brightness <= settings.lightest


def _sharp(usable: list[_Candidate], settings: Defaults) -> list[_Candidate]:
    """Those that are sharp enough; the sharpest of all always is."""
    overall = median(one.still.sharpness for one in usable)
    by_scene = {
        index: median(one.still.sharpness for one in usable if one.scene == index)
        for index in {one.scene for one in usable}
    }

    def enough(one: _Candidate) -> bool:
        share = settings.face_sharpness if _has_face(one.still, settings) else 1.0
        return one.still.sharpness >= max(share * overall, by_scene[one.scene])

    return [one for one in usable if enough(one)]


def _score(one: _Candidate, usable: list[_Candidate], settings: Defaults) -> float:
    still = one.still
    face = min((still.face or 0.0) / settings.full_face, 1.0) if _has_face(still, settings) else 0.0
    rank = sum(other.still.sharpness <= still.sharpness for other in usable) / len(usable)
    calm = max(0.0, 1 - (still.motion or 0.0) / settings.calm)
    light = 1 - 2 * abs(still.brightness - 0.5)
    return (
        settings.face_weight * ((1 + face) / 2 if face else 0.0)
        + settings.sharp_weight * rank
        + settings.calm_weight * calm
        + settings.light_weight * light
    )


def _has_face(still: Still, settings: Defaults) -> bool:
    return still.face is not None and still.face >= settings.face


def _reason(one: _Candidate, settings: Defaults) -> str:
    face = "with a face, " if _has_face(one.still, settings) else ""
    return f"{face}sharpness {one.still.sharpness:.0f}, {one.still.edge:.2f} s from the nearer end of scene {one.scene}"
