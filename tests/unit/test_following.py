"""From sightings to the window of a shot, where parts of the scene are left out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.creative.types import Engine, ScreenText
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.effects import Crop, Fit
from flywheel_assets.rendering.modules import PlanContext
from flywheel_assets.rendering.modules.following import decided, window
from flywheel_assets.rendering.modules.smart_reframe import SmartReframe
from flywheel_assets.rendering.modules.stabilize import Stabilize
from flywheel_assets.rendering.style import Style
from flywheel_assets.rendering.survey.types import CropPath, Key, SceneSurvey, Sighting, SubjectKind, Survey
from flywheel_assets.rendering.timeline import Shot, Span, in_order
from tests.unit.test_edit_plan import _blueprint, _perception

CANVAS = Canvas(1080, 1920, 30)
FRAMES = 180
WHOLE = Shot(_perception([FRAMES]).scenes[0], (Span(0, 6, FRAMES),), 0)


def _seen(places: list[tuple[float, float]], kind: SubjectKind = "face") -> SceneSurvey:
    """A subject a tenth of the picture wide whose middle is at those places at those times."""
    sightings = tuple(Sighting(time=time, box=(x - 0.05, 0.3, x + 0.05, 0.6)) for time, x in places)
    return SceneSurvey(
        index=0, start=0, end=FRAMES / 30, subject=sightings, subject_kind=kind, shake=0, luma=(0, 0.5, 1), clipped=0,
        saturation=0.5,
        stills=({"time": 1, "sharpness": 1, "brightness": 0.5, "face": None, "motion": 0, "fading": False, "edge": 1},),
    )  # fmt: skip


def _context(seen: SceneSurvey, *spans: tuple[float, float], texts: tuple[ScreenText, ...] = ()) -> PlanContext:
    perception = _perception([FRAMES], texts=texts)
    played = tuple(Span(a, b, CANVAS.frames(b - a)) for a, b in spans)
    shots = in_order([Shot(perception.scenes[0], played, 0)])
    survey = Survey(video_sha256="0" * 64, version="1", fps=30, faces=Engine(name="by hand"), scenes=(seen,))
    bare = PlanContext(_blueprint(0), perception, Style(), CANVAS, shots, 0, {}, survey=survey)
    return replace(bare, framings=SmartReframe().framings(bare))


def _walk(first: float, last: float) -> list[tuple[float, float]]:
    times = [step / 5 for step in range(FRAMES // 6)]
    return [(time, first + (last - first) * time / times[-1]) for time in times]


def test_a_window_goes_on_where_it_was_after_a_gap_and_catches_up_calmly() -> None:
    context = _context(_seen(_walk(0.3, 0.7)), (0, 2.5), (4, 6))
    (shot,) = context.shots
    crop = context.framings[0]
    assert isinstance(crop, Crop)
    edges = [crop.left(frame) for frame in range(shot.frames)]
    assert max(abs(b - a) for a, b in pairwise(edges)) <= 0.25 / 30 + 1e-4
    held = 0
    for frame, left in enumerate(edges):
        time = frame / 30 if frame < 75 else 4 + (frame - 75) / 30
        middle = 0.3 + 0.4 * time / 5.8
        held += left - 0.002 <= middle - 0.05 and middle + 0.05 <= left + crop.width + 0.002
    assert held >= 0.95 * shot.frames


def test_what_is_seen_only_in_a_gap_does_not_move_the_window() -> None:
    elsewhere = [(time, 0.9 if 2.5 < time < 4 else 0.3) for time, _ in _walk(0, 0)]
    crop = _context(_seen(elsewhere), (0, 2.5), (4, 6)).framings[0]
    assert isinstance(crop, Crop)
    assert len(crop.path) == 1
    assert crop.reach is None


def test_a_guess_and_an_unsurveyed_scene_are_shown_whole_and_the_reason_is_kept() -> None:
    context = _context(_seen(_walk(0.3, 0.7), "contrast"), (0, 6))
    assert isinstance(context.framings[0], Fit)
    assert SmartReframe().notes(context)["scene 0"].endswith("what merely stands out is a guess")
    blind = replace(context, survey=None)
    assert SmartReframe().notes(blind) == {"scene 0": "the source was not surveyed"}
    assert SmartReframe().framings(blind) == context.framings
    assert blind.unsurveyed() == "the source was not surveyed"
    other = replace(context, survey=context.survey.model_copy(update={"scenes": ()}) if context.survey else None)
    assert other.unsurveyed() == "scenes [0] were not surveyed"


def test_where_nobody_looked_for_text_nothing_is_cropped() -> None:
    context = _context(_seen(_walk(0.3, 0.7)), (0, 6))
    features = context.perception.features[0].model_copy(update={"texts": None})
    blind = replace(context, perception=context.perception.model_copy(update={"features": (features,)}))
    assert decided(blind.shots[0], blind).path is None


def test_the_sources_text_is_kept_clear_wherever_a_moving_window_shows_it() -> None:
    text = ScreenText(text="New", start=1, end=2, box=(0.45, 0.05, 0.5, 0.1), confidence=0.9)
    context = _context(_seen(_walk(0.35, 0.6)), (0, 6), texts=(text,))
    crop = context.framings[0]
    assert isinstance(crop, Crop)
    assert len(crop.path) > 1
    (box,) = context.source_text(0)
    for frame in range(FRAMES):
        left, _, right, _ = crop.within(frame, FRAMES).source_box(1080, 1920)
        assert box[0] <= left + 0.45 * (right - left) + 0.5
        assert left + 0.5 * (right - left) - 0.5 <= box[2]


@given(st.lists(st.tuples(st.floats(0, 6), st.floats(0, 0.6)), min_size=1, max_size=8, unique_by=lambda key: key[0]))
def test_a_window_on_frames_is_where_the_path_is_in_seconds(keys: list[tuple[float, float]]) -> None:
    path = CropPath(width=0.4, height=1, keys=tuple(Key(time=t, left=x, top=0) for t, x in sorted(keys)))
    crop = window(path, WHOLE, 30)
    turns = [frame for frame, _ in crop.path]
    assert turns == sorted(set(turns))
    for frame in turns:
        assert crop.left(frame) == pytest.approx(path.at(frame / 30)[0], abs=1e-5)
    if crop.reach:
        assert all(crop.reach[0] <= crop.left(f) and crop.left(f) + 0.4 <= crop.reach[2] + 1e-9 for f in range(FRAMES))


def test_a_path_down_has_tops_and_no_moving_left() -> None:
    keys = (Key(time=0, left=0, top=0.1), Key(time=2, left=0, top=0.4))
    crop = window(CropPath(width=1, height=0.5, keys=keys), WHOLE, 30)
    assert (crop.path, crop.tops, crop.reach) == (((0, 0.0),), ((0, 0.1), (60, 0.4)), (0, 0.1, 1, 0.9))
    assert crop.upper(30) == pytest.approx(0.25)
    assert crop.within(30, 90).upper(0) == pytest.approx(0.25)


def test_a_shot_whose_ends_mix_shares_its_middle_with_one_whose_do_not() -> None:
    """The window and the steadying of the same source pictures are equal to the last digit, which is what sharing takes."""
    seen = _seen(_walk(0.2, 0.8)).model_copy(update={"shake": 9.0})
    plain, mixed = (_context(seen, (a, b)) for a, b in ((1.0, 5.0), (0.8, 5.2)))
    one, other = (context.framings[0].within(*part) for context, part in ((plain, (12, 90)), (mixed, (18, 96))))
    assert isinstance(one, Crop)
    assert len(one.path) > 1
    assert one == other
    steadied = [Stabilize().on_shot(context.shots[0], context)[0] for context in (plain, mixed)]
    assert steadied[0].within(6, 90) == steadied[1].within(12, 96)
