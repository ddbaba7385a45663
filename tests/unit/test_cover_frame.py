"""Which output frame becomes the cover."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flywheel_assets.creative.types import Engine
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.modules import PlanContext
from flywheel_assets.rendering.modules.cover_frame import CoverFrame, early
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.style import Style
from flywheel_assets.rendering.survey.types import SceneSurvey, Still, Survey
from flywheel_assets.rendering.timeline import Shot, Span, in_order
from flywheel_assets.rendering.types import Mix
from flywheel_assets.settings import Rendering
from tests.unit.test_edit_plan import _blueprint, _perception

CANVAS = Canvas(1080, 1920, 30)
LENGTHS = [90, 90, 90]
Judge = Callable[[int, float], dict[str, float | bool | None]]


def _survey(changes: Judge) -> Survey:
    """Stills five times a second, all alike but for what `changes` says of a scene and a time."""
    scenes = []
    for index in range(3):
        start = index * 3.0
        stills = []
        for step in range(15):
            time = start + step / 5
            alike = {"sharpness": 100, "brightness": 0.5, "face": 0.0, "motion": 0.0, "fading": False}
            edge = min(time - start, start + 3 - time)
            stills.append(Still.model_validate({**alike, "time": time, "edge": edge, **changes(index, time)}))
        scenes.append(
            SceneSurvey(
                index=index, start=start, end=start + 3, subject=(), subject_kind=None, shake=0, luma=(0, 0.5, 1),
                clipped=0, saturation=0.5, stills=tuple(stills),
            )
        )  # fmt: skip
    return Survey(
        video_sha256="0" * 64, version="1", fps=30, faces=Engine(name="by hand"), scenes=tuple(scenes)
    )  # fmt: skip


def _context(survey: Survey, shots: list[Shot]) -> PlanContext:
    return PlanContext(
        _blueprint(0, 1, 2), _perception(LENGTHS), Style(), CANVAS, in_order(shots), 66, {}, survey=survey
    )  # fmt: skip


def _shot(index: int, *spans: tuple[float, float], blend: int = 0) -> Shot:
    scene = _perception(LENGTHS).scenes[index]
    played = tuple(Span(a, b, CANVAS.frames(b - a)) for a, b in spans or [(scene.start, scene.end)])
    return Shot(scene, played, 0, blend, Mix(kind="fade") if blend else None)


def _sharp_at(*times: float) -> Judge:
    return lambda _, time: {"sharpness": 400 if any(abs(time - one) < 1e-6 for one in times) else 100}


def test_a_good_still_under_the_hook_is_preferred_to_a_better_one_later() -> None:
    survey = _survey(lambda _, time: {"sharpness": 100 + (time == 7.0) * 100 + (abs(time - 1.4) < 1e-6) * 50})
    context = _context(survey, [_shot(0), _shot(1), _shot(2)])
    assert CoverFrame().frame(context) == 42
    assert CoverFrame().notes(context)["cover"].endswith("with the hook")


def test_a_soft_opening_is_no_cover() -> None:
    survey = _survey(lambda index, time: {"sharpness": 20 if index == 0 else 100 + (abs(time - 7) < 1e-6)})
    context = _context(survey, [_shot(0), _shot(1), _shot(2)])
    assert CoverFrame().frame(context) == 210
    assert not CoverFrame().notes(context)["cover"].endswith("with the hook")


def test_a_face_elsewhere_does_not_take_the_hook_off_the_cover() -> None:
    survey = _survey(lambda _, time: {"face": 0.1 if abs(time - 7) < 1e-6 else 0.0})
    context = _context(survey, [_shot(0), _shot(1), _shot(2)])
    assert CoverFrame().frame(context) < context.hook_end


@pytest.mark.parametrize("hidden", [1.0, 1.2, 2.8, 3.0, 3.2, 4.0])
def test_what_is_left_out_or_at_its_edge_or_mixed_is_no_cover(hidden: float) -> None:
    """Scene 0 without its second second; scene 1 mixes with it for ten frames, and its own last second is left out."""
    shots = [_shot(0, (0, 1), (2, 3), blend=10), _shot(1, (3, 4))]
    context = _context(_survey(_sharp_at(hidden)), shots)
    frame = CoverFrame().frame(context)
    edges = (0, 30, 50, 60, 80)
    assert min(abs(frame - edge) for edge in edges) > 5
    assert not 50 <= frame < 60
    assert frame < context.card_start


def test_where_no_still_is_fit_an_early_frame_is_taken_and_said_to_be() -> None:
    context = _context(_survey(lambda *_: {"brightness": 0.0}), [_shot(0), _shot(1)])
    assert CoverFrame().frame(context) == early(context) == 24
    assert CoverFrame().notes(context)["cover"] == "frame 24: every still is black, faded or at a cut"


def test_without_a_survey_or_the_module_the_cover_is_early_and_the_plan_says_why() -> None:
    blind = edit_plan(_blueprint(0, 1), _perception(LENGTHS), Rendering())
    assert blind.cover_frame == 24
    assert blind.unavailable["cover_frame"] == "the source was not surveyed"
    survey = _survey(_sharp_at(1.4))
    seen = edit_plan(_blueprint(0, 1), _perception(LENGTHS), Rendering(), None, survey)
    assert seen.cover_frame == 42
    assert seen.plan_hash != blind.plan_hash
    without = Style(without=frozenset({"cover_frame"}))
    assert edit_plan(_blueprint(0, 1), _perception(LENGTHS), Rendering(), without, survey).cover_frame == 24


def test_a_short_opening_gives_its_middle() -> None:
    assert edit_plan(_blueprint(0), _perception([20]), Rendering()).cover_frame == 10
