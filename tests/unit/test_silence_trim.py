"""What is taken out of scenes that speak, by the plan alone."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.creative.types import Blueprint, Engine, Hook, Perception, Scene, SceneFeatures, Word
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.speech import Speech
from flywheel_assets.rendering.style import Style
from flywheel_assets.rendering.types import EditPlan
from flywheel_assets.settings import Rendering

Found = tuple[float, float]
CUTS = Style(without=frozenset({"scene_transitions"}))


def _perception(
    words: list[Found], *, seconds: float = 6.0, probability: float = 1.0, voice: float | None = None,
    clean: Found | None = None, text: str = "no",
) -> Perception:  # fmt: skip
    extra = {} if clean is None else {"clean_start": clean[0], "clean_end": clean[1]}
    scene = Scene(index=0, start_frame=0, end_frame=round(seconds * 30), start=0, end=seconds, **extra)
    features = SceneFeatures(
        index=0, brightness=0.5, saturation=0.5, motion=0.1, sharpness=100, voice=voice,
        words=tuple(Word(text=text, start=a, end=b, probability=probability) for a, b in words),
    )  # fmt: skip
    engine = Engine(name="by hand")
    return Perception(
        video_sha256="0" * 64, fps=30, frame_count=round(seconds * 30), width=1280, height=720, has_audio=True,
        scenes=(scene,), features=(features,), engines={"speech": engine},
    )  # fmt: skip


def _plan(perception: Perception) -> EditPlan:
    blueprint = Blueprint(
        key="v01", hook=Hook(index=0, family="pain", text="Tired?"), scene_order=(0,), promise="Coffee.",
        call_to_action="Book now", brand="Bright Cup",
    )  # fmt: skip
    return edit_plan(blueprint, perception, Rendering(), CUTS)


def _spans(perception: Perception) -> list[Found]:
    spans = _plan(perception).audio.spans
    return [(round(span.source_start, 3), round(span.source_start + span.frames / 30, 3)) for span in spans]


def test_pauses_shrink_on_whole_pictures_and_short_ones_stay() -> None:
    words = [(1.0, 1.5), (1.9, 2.4), (4.0, 4.5)]  # a pause of 0.4 s, one of 1.6 s
    # before: 0.10 s and 0.12 s for a begin found late; after: 0.15 s
    assert _spans(_perception(words)) == [(0.767, 2.567), (3.767, 4.667)]


def test_words_of_little_probability_get_wider_margins() -> None:
    (before, *_), (doubted, *_) = (_spans(_perception([(1.0, 1.5), (4.0, 4.5)], probability=p)) for p in (1.0, 0.5))
    assert doubted[0] == pytest.approx(before[0] - 0.1, abs=0.034)
    assert doubted[1] == pytest.approx(before[1] + 0.1, abs=0.034)


def test_a_word_found_too_short_for_its_letters_began_earlier() -> None:
    spans = _spans(_perception([(1.0, 1.5), (4.0, 4.0)], text="tomorrow"))
    assert spans[1][0] <= 4.0 - 8 * 0.05 - 0.22


def test_a_scene_is_left_alone_without_words_and_where_a_voice_says_more_than_the_words() -> None:
    words = [(1.0, 1.5), (4.0, 4.5)]
    assert _spans(_perception([])) == [(0.0, 6.0)]
    assert _spans(_perception(words, voice=(1.0 + 2 * 0.12) / 6)) != [(0.0, 6.0)]
    assert _spans(_perception(words, voice=(1.0 + 2 * 0.12 + 0.4) / 6)) == [(0.0, 6.0)]


def test_a_scene_in_which_little_is_said_is_still_seen() -> None:
    assert sum(end - start for start, end in _spans(_perception([(3.0, 3.2)]))) == pytest.approx(1.0, abs=0.04)
    assert sum(end - start for start, end in _spans(_perception([(0.0, 0.2)]))) == pytest.approx(1.0, abs=0.04)
    assert _spans(_perception([(0.1, 0.3)], seconds=0.9)) == [(0.0, 0.9)]


@given(
    # A word of no length where the film begins or ends is outside of it.
    st.lists(st.tuples(st.floats(0, 7.98), st.floats(0.02, 1.5), st.floats(0, 1)), max_size=12),
    st.sampled_from([23.976, 24.0, 25.0, 29.97, 30.0, 60.0]),
)
def test_no_cut_touches_a_word_and_no_span_is_a_flash(words: list[tuple[float, float, float]], fps: float) -> None:
    found = [(start, min(start + length, 8.0)) for start, length, _ in words]
    perception = _perception(found, seconds=8.0).model_copy(update={"fps": fps})
    plan = _plan(perception)
    clips = [segment.clips[0] for segment in plan.segments if segment.kind == "scene"]
    for one, other in pairwise(clips):
        if other.source_start - one.source_end > 0.01:
            assert Speech.of(perception).quiet(one.source_end, other.source_start)
    assert all(span.frames >= 9 for span in plan.audio.spans)
    for a, b in found:
        assert any(s.source_start <= a + 1e-6 and b <= s.source_start + s.frames / 30 + 0.03 for s in plan.audio.spans)


@pytest.mark.parametrize(
    ("words", "clean", "played"),
    [
        ([], (0.3, 5.7), (0.3, 5.7)),
        ([(0.1, 0.6), (5.5, 5.8)], (0.3, 5.7), (0.0, 5.8)),
        ([(0.4, 0.6)], (0.5, 5.7), (0.267, 5.7)),
        ([(2.0, 2.5)], (3.0, 3.2), (0.0, 6.0)),  # too little is its own
    ],
)
def test_frames_mixed_with_a_neighbour_play_only_where_a_word_needs_them(
    words: list[Found], clean: Found, played: Found
) -> None:
    style = Style(without=frozenset({"silence_trim", "scene_transitions"}))
    perception = _perception(words, clean=clean)
    blueprint = Blueprint(
        key="v01", hook=Hook(index=0, family="pain", text="Tired?"), scene_order=(0,), promise="Coffee.",
        call_to_action="Book now", brand="Bright Cup",
    )  # fmt: skip
    (span,) = edit_plan(blueprint, perception, Rendering(), style).audio.spans
    assert (round(span.source_start, 3), round(span.source_start + span.frames / 30, 3)) == played
