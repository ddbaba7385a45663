"""The cold-start prior: what moves it, what cannot, and that unknown is not the same as absent."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.creative.types import (
    Engine,
    Perception,
    Scene,
    SceneFeatures,
    ScreenText,
    SeenObject,
    Word,
)
from flywheel_assets.learning.cold_start import BASE_CTR, MODEL, STRENGTH, ColdStartCtr

_FULL = (0.0, 0.0, 1.0, 1.0)


def _text(words: int, time: float = 0.2) -> ScreenText:
    return ScreenText(text=" ".join(["word"] * words), start=time, end=time + 1, box=_FULL, confidence=0.9)


def _person(box: tuple[float, float, float, float] = _FULL, time: float = 0.2) -> SeenObject:
    return SeenObject(label="person", time=time, box=box, confidence=0.9)


def _word() -> Word:
    return Word(text="hello", start=0.1, end=0.4, probability=0.9)


def _features(index: int = 0, **values: Any) -> SceneFeatures:
    usual: dict[str, object] = {"brightness": 0.5, "saturation": 0.4, "motion": 0.02, "sharpness": 900.0}
    return SceneFeatures.model_validate({"index": index, **usual, **values})


def _perception(*features: SceneFeatures, seconds: float = 3.5) -> Perception:
    frames = round(seconds * 30)
    scenes = tuple(
        Scene(index=i, start_frame=i * frames, end_frame=(i + 1) * frames, start=i * seconds, end=(i + 1) * seconds)
        for i in range(len(features))
    )
    return Perception(
        video_sha256="0" * 64,
        fps=30,
        frame_count=frames * len(features),
        width=1280,
        height=720,
        has_audio=True,
        scenes=scenes,
        features=features,
        engines={"scenes": Engine(name="made")},
    )


def _ctr(seconds: float = 3.5, **values: Any) -> float:
    return ColdStartCtr().predict(_perception(_features(**values), seconds=seconds))[0].ctr


def test_a_scene_of_which_nothing_is_known_gets_the_base_and_names_what_is_missing() -> None:
    (only,) = ColdStartCtr().predict(_perception(_features()))
    assert (only.ctr, only.strength, only.model, only.rank) == (BASE_CTR, STRENGTH, MODEL, 1)
    assert only.reasons == (
        "no effect: on-screen text was not looked at",
        "no effect: people were not looked for",
        "no effect: speech was not listened for",
    )


@pytest.mark.parametrize("modality", ["texts", "objects", "words"])
def test_having_looked_in_vain_is_worse_than_not_having_looked(modality: str) -> None:
    in_vain: dict[str, Any] = {modality: ()}
    assert _ctr(**in_vain) < _ctr()


@pytest.mark.parametrize(
    ("modality", "found"), [("texts", (_text(5),)), ("objects", (_person(),)), ("words", (_word(),))]
)
def test_something_found_is_better_than_not_having_looked(modality: str, found: tuple[Any, ...]) -> None:
    seen: dict[str, Any] = {modality: found}
    assert _ctr(**seen) > _ctr()


def test_readable_text_against_none_is_worth_the_twelve_percent_it_was_derived_from() -> None:
    assert _ctr(texts=(_text(5),)) / _ctr(texts=()) == pytest.approx(1.12)


@pytest.mark.parametrize(("words", "moves"), [(2, False), (3, True), (8, True), (9, False)])
def test_three_to_eight_words_are_readable(words: int, moves: bool) -> None:
    assert (_ctr(texts=(_text(words),)) > BASE_CTR) is moves


def test_lines_shown_together_are_read_together() -> None:
    assert _ctr(texts=(_text(2), _text(2))) == _ctr(texts=(_text(4),))


def test_text_that_comes_after_the_first_second_does_not_help_an_opening() -> None:
    assert _ctr(texts=(_text(5, time=1.5),)) == _ctr(texts=())


def test_a_tiny_or_late_person_is_no_person() -> None:
    none = _ctr(objects=())
    assert _ctr(objects=(_person(box=(0, 0, 0.2, 0.2)),)) == none
    assert _ctr(objects=(_person(time=2.5),)) == none
    assert _ctr(objects=(_person(box=(0, 0, 0.25, 0.25)),)) > none


@pytest.mark.parametrize("fault", [{"brightness": 0.05}, {"brightness": 0.95}, {"sharpness": 20.0}])
def test_a_dark_glaring_or_blurred_opening_loses(fault: dict[str, float]) -> None:
    assert _ctr(**fault) < _ctr()


@pytest.mark.parametrize(("seconds", "sign"), [(0.6, -1), (1.2, 1), (3.0, 1), (3.5, 0), (5.0, -1)])
def test_the_length_of_a_shot(seconds: float, sign: int) -> None:
    ctr = _ctr(seconds=seconds)
    assert (ctr > BASE_CTR) - (ctr < BASE_CTR) == sign


def test_motion_is_compared_with_the_same_video() -> None:
    calm, usual, lively = (_features(i, motion=motion) for i, motion in enumerate((0.01, 0.02, 0.04)))
    ranked = ColdStartCtr().predict(_perception(calm, usual, lively))
    assert [each.index for each in ranked] == [2, 1, 0]
    assert ranked[1].ctr == BASE_CTR


def test_reasons_come_largest_first_with_their_size() -> None:
    row = _features(texts=(_text(4),), objects=(), words=(_word(),), brightness=0.05)
    (only,) = ColdStartCtr().predict(_perception(row))
    assert only.reasons == (
        "+5.8% 4 words to read in the first second",
        "-4.6% mean brightness 0.05 outside 0.15 to 0.85",
        "+3.8% somebody speaks",
        "-3.3% no person in the first two seconds",
    )


def test_scenes_without_their_features_are_refused() -> None:
    whole = _perception(_features(0), _features(1))
    with pytest.raises(ValueError, match="shorter"):
        ColdStartCtr().predict(whole.model_copy(update={"features": whole.features[:1]}))


def _anything() -> st.SearchStrategy[SceneFeatures]:
    share = st.floats(0, 1)
    times = st.floats(0, 30)
    texts = st.builds(_text, st.integers(0, 12), times)
    people = st.builds(_person, st.just(_FULL), times)
    return st.builds(
        _features,
        brightness=share,
        saturation=share,
        motion=share,
        sharpness=st.floats(0, 1e5),
        texts=st.none() | st.lists(texts, max_size=3).map(tuple),
        objects=st.none() | st.lists(people, max_size=2).map(tuple),
        words=st.none() | st.just(()) | st.just((_word(),)),
    )


@given(st.lists(_anything(), min_size=1, max_size=8), st.floats(0.25, 60), st.floats(1e-6, 0.99))
def test_any_perception_gives_probabilities_and_a_ranking(
    rows: list[SceneFeatures], seconds: float, base: float
) -> None:
    features = [row.model_copy(update={"index": i}) for i, row in enumerate(rows)]
    ranked = ColdStartCtr(base).predict(_perception(*features, seconds=seconds))
    assert [each.rank for each in ranked] == list(range(1, len(rows) + 1))
    assert sorted(each.index for each in ranked) == list(range(len(rows)))
    assert all(0 < each.ctr < 1 for each in ranked)
    assert all(one.ctr >= two.ctr for one, two in itertools.pairwise(ranked))


@given(_anything(), st.floats(0.25, 60))
def test_a_prior_stays_within_a_quarter_of_its_base(row: SceneFeatures, seconds: float) -> None:
    (only,) = ColdStartCtr().predict(_perception(row, seconds=seconds))
    assert 0.75 < only.ctr / BASE_CTR < 1.25


@given(_anything(), st.sampled_from(["texts", "objects", "words"]))
def test_a_missing_modality_is_named_and_no_other_reason_changes(row: SceneFeatures, modality: str) -> None:
    def reasons(features: SceneFeatures) -> set[str]:
        return set(ColdStartCtr().predict(_perception(features))[0].reasons)

    without = reasons(row.model_copy(update={modality: None}))
    with_nothing = reasons(row.model_copy(update={modality: ()}))
    assert len(without - with_nothing) == len(with_nothing - without) == 1
    assert all(reason.startswith("no effect:") for reason in without - with_nothing)
