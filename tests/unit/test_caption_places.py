"""Caption cards keep clear of faces, where the window shows them in the moment of the card, and of the title."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flywheel_assets.creative.types import Box, Engine, ScreenText, SeenFace
from flywheel_assets.rendering.canvas import Canvas, centred, overlap
from flywheel_assets.rendering.effects import Crop
from flywheel_assets.rendering.modules import PlanContext
from flywheel_assets.rendering.modules.auto_captions import AutoCaptions
from flywheel_assets.rendering.modules.caption_places import faces
from flywheel_assets.rendering.modules.hook_title import HookTitle
from flywheel_assets.rendering.modules.pattern_interrupt import PatternInterrupt
from flywheel_assets.rendering.modules.smart_reframe import SmartReframe
from flywheel_assets.rendering.placements import REELS, inside
from flywheel_assets.rendering.style import Style
from flywheel_assets.rendering.survey.types import SceneSurvey, Sighting, Survey
from flywheel_assets.rendering.timeline import Span, in_order, shots
from tests.unit.test_edit_plan import _blueprint, _perception

FRAMES = 180
LOW: Box = (0.0, 0.5, 0.1, 0.75)  # a face a tenth of the source wide, where captions usually are
PLAIN = Style(without=frozenset({"pattern_interrupt", "hook_title"}))
Words = dict[int, list[tuple[str, float, float]]]
WORDS: Words = {0: [("Fresh", 1.0, 1.3), ("coffee", 4.0, 4.4)]}


def _context(
    *seen: tuple[float, Box], style: Style = PLAIN, texts: tuple[ScreenText, ...] = (), words: Words = WORDS
) -> PlanContext:
    """A wide scene with a face at those times and places."""
    perception = _perception([FRAMES], words, texts=texts)
    survey = Survey(
        video_sha256="0" * 64, version="1", fps=30, faces=Engine(name="by hand"),
        scenes=(
            SceneSurvey(
                index=0, start=0, end=6, subject=tuple(Sighting(time=time, box=box) for time, box in seen),
                subject_kind="face", shake=0, luma=(0, 0.5, 1), clipped=0, saturation=0.5,
                stills=(
                    {"time": 1, "sharpness": 1, "brightness": 0.5, "face": 0, "motion": 0, "fading": False, "edge": 1},
                ),
            ),
        ),
    )  # fmt: skip
    canvas = Canvas(1080, 1920, 30)
    bare = PlanContext(
        _blueprint(0), perception, style, canvas, shots(_blueprint(0), perception, canvas), 0, {}, survey=survey
    )
    return replace(bare, framings=SmartReframe().framings(bare))


def _upright(context: PlanContext, *seen: SeenFace) -> PlanContext:
    """The same of a video as tall as the film and without a survey, with the faces that perception saw."""
    features = context.perception.features[0].model_copy(update={"faces": seen})
    tall = context.perception.model_copy(update={"width": 720, "height": 1280, "features": (features,)})
    blind = replace(context, perception=tall, survey=None, framings={})
    return replace(blind, framings=SmartReframe().framings(blind))


def _walking(box: Box = LOW) -> list[tuple[float, Box]]:
    """From left to right through a third of the source."""
    return [
        (step / 5, (0.3 + step / 90 + box[0], box[1], 0.3 + step / 90 + box[2], box[3])) for step in range(FRAMES // 6)
    ]


def test_a_face_lies_where_the_moving_window_shows_it_in_that_moment() -> None:
    walk = _walking()
    context = _context(*walk)
    crop = context.framings[0]
    assert isinstance(crop, Crop)
    assert len(crop.path) > 1
    for time, box in walk[3:-3:4]:
        frame = round(time * 30)
        left, _, right, _ = crop.within(frame, FRAMES).source_box(1080, 1920)
        wanted = left + box[0] * (right - left), 960.0, left + box[2] * (right - left), 1440.0
        assert any(
            found == pytest.approx(wanted, abs=1) for found in faces((frame, frame + 1), context.shots[0], context)
        )
        assert all(abs(found[0] - wanted[0]) < 200 for found in faces((frame, frame + 1), context.shots[0], context))


def test_a_face_behind_the_usual_place_moves_the_cards_to_one_that_is_clear_and_safe() -> None:
    context = _context(*_walking())
    cards = AutoCaptions().overlays(context)
    assert len(cards) == 2
    for card in cards:
        span = card.start_frame, card.end_frame
        usual = AutoCaptions().room(context.shots[0], context)
        seen = faces(span, context.shots[0], context)
        assert any(overlap(usual, face) > 0 for face in seen)
        assert not any(overlap(card.box, face) > 0 for face in seen)
        assert inside(card.box, REELS.safe_box(1080, 1920))
    assert AutoCaptions().notes(context) == {"scene 0": "2 of 2 cards moved for a face"}


def _heights(context: PlanContext) -> list[float]:
    """Middles of the cards below that of the usual place."""
    usual = AutoCaptions().room(context.shots[0], context)
    return [card.centre[1] - (usual[1] + usual[3]) / 2 for card in AutoCaptions().overlays(context)]


def test_cards_do_not_jump_where_one_place_is_clear_all_through_the_shot() -> None:
    leaves = [(time, box if time < 2.5 else (box[0], 0.0, box[2], 0.1)) for time, box in _walking()]
    first, second = _heights(_context(*leaves))
    assert first == second < -50


def test_cards_of_other_widths_stand_in_one_row() -> None:
    """The face lies beside the usual place of a narrow card, and behind that of a wide one."""
    words = {0: [("I.", 1.0, 1.6), ("Extraordinary.", 4.0, 5.0)]}
    context = _upright(_context(words=words), SeenFace(time=4.2, box=(0.28, 0.5, 0.36, 0.75), confidence=0.9))
    narrow, wide = AutoCaptions().overlays(context)
    usual = AutoCaptions().room(context.shots[0], context)
    seen = faces((0, FRAMES), context.shots[0], context)
    assert wide.box[2] - wide.box[0] > 2 * (narrow.box[2] - narrow.box[0])
    beside = centred(540, (usual[1] + usual[3]) / 2, narrow.box[2] - narrow.box[0], narrow.box[3] - narrow.box[1])
    assert not any(overlap(beside, face) for face in seen)
    assert narrow.centre[1] == wide.centre[1] != pytest.approx((usual[1] + usual[3]) / 2)
    assert AutoCaptions().notes(context) == {"scene 0": "2 of 2 cards moved for a face"}


def test_where_none_is_each_card_goes_where_there_is_no_face_in_its_time() -> None:
    high = [(time, box if time < 2.5 else (box[0], 0.1, box[2], 0.52)) for time, box in _walking((0, 0.45, 0.1, 0.75))]
    context = _context(*high)
    first, second = _heights(context)
    assert (first < -50, second) == (True, pytest.approx(0))
    assert AutoCaptions().notes(context) == {"scene 0": "1 of 2 cards moved for a face"}


def test_where_a_face_fills_the_safe_box_the_plan_says_so() -> None:
    context = _context(*_walking((-0.1, 0.0, 0.2, 1.0)))
    note = AutoCaptions().notes(context)["scene 0"]
    assert note.startswith("no place in the safe box is clear of faces and text; up to ")
    assert all(inside(card.box, REELS.safe_box(1080, 1920)) for card in AutoCaptions().overlays(context))


def test_without_a_survey_the_faces_of_perception_count() -> None:
    blind = _upright(_context(), SeenFace(time=1.2, box=(0.4, 0.9, 0.6, 1.0), confidence=0.9))
    assert faces((30, 40), blind.shots[0], blind) == (pytest.approx((432, 1728, 648, 1920)),)
    assert faces((100, 110), blind.shots[0], blind) == ()


def test_a_face_seen_from_nearer_is_larger_and_farther_from_the_middle() -> None:
    context = _context(*_walking(), style=Style(without=frozenset({"hook_title"})))
    (jump,) = PatternInterrupt().on_shot(context.shots[0], context)
    frame = jump.start_frame + 12
    span = frame, frame + 1
    near = faces(span, context.shots[0], context)
    far = faces(span, context.shots[0], replace(context, style=PLAIN))
    assert near[-1][3] - near[-1][1] == pytest.approx(jump.scale * (far[-1][3] - far[-1][1]))
    assert near[-1][3] == pytest.approx(960 + jump.scale * (far[-1][3] - 960))


def test_faces_of_spans_that_are_left_out_do_not_count() -> None:
    context = _context(*_walking())
    shot = replace(context.shots[0], spans=(Span(0, 1, 30), Span(5, 6, 30)))
    cut = replace(context, shots=in_order([shot]))
    cut = replace(cut, framings=SmartReframe().framings(cut))
    assert len(faces((0, 60), cut.shots[0], cut)) == 10  # of thirty


def test_a_card_keeps_clear_of_the_title_wherever_that_had_to_go() -> None:
    """The source's own text leaves the title no other place than where captions usually are."""
    written = tuple(
        ScreenText(text="New", start=0, end=6, box=(0.4, top, 0.6, top + 0.3), confidence=0.9) for top in (0.05, 0.32)
    )
    blind = _upright(_context(style=Style(without=frozenset({"pattern_interrupt"})), texts=written))
    (title,) = HookTitle().overlays(blind)
    early, late = AutoCaptions().overlays(blind)
    usual = AutoCaptions().room(blind.shots[0], blind)
    assert overlap(title.box, usual) > 0
    assert overlap(title.box, early.box) == 0
    assert late.start_frame > title.end_frame
