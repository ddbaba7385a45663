"""The CTR model: near the prior without data, right with it, and never promoted without being shown to be better."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.types import (
    Engine,
    Hook,
    Perception,
    Scene,
    SceneFeatures,
    ScreenText,
    SeenObject,
    Word,
)
from flywheel_assets.learning import artifacts
from flywheel_assets.learning.accuracy import Accuracy, Metrics
from flywheel_assets.learning.cold_start import STRENGTH, ColdStartCtr
from flywheel_assets.learning.comparison import compare
from flywheel_assets.learning.ctr_model import Example, TrainedCtr, columns, fit, predicted, strength
from flywheel_assets.learning.examples import evidence
from flywheel_assets.learning.features import NAMES, OpeningFeatures, matrix, opening_features
from flywheel_assets.learning.registry import Registered
from flywheel_assets.learning.training import not_due, too_little
from flywheel_assets.settings import Learning

NOW = datetime(2026, 5, 2, tzinfo=UTC)
ENGINE = Engine(name="test", version="1")


def perception(*scenes: SceneFeatures) -> Perception:
    spans = tuple(
        Scene(index=one.index, start_frame=60 * at, end_frame=60 * at + 60, start=2.0 * at, end=2.0 * at + 2)
        for at, one in enumerate(scenes)
    )
    return Perception(
        video_sha256="a" * 64,
        fps=30,
        frame_count=60 * len(scenes),
        width=1080,
        height=1920,
        has_audio=True,
        scenes=spans,
        features=scenes,
        engines={"scenes": ENGINE, "text": ENGINE, "speech": ENGINE, "objects": ENGINE},
    )


def scene(index: int, **changes: Any) -> SceneFeatures:
    plain = SceneFeatures(index=index, brightness=0.5, saturation=0.3, motion=0.1, sharpness=500.0)
    return plain.model_copy(update=changes)


def example(number: int, *, creative: str = "c_1", shown: int = 5000, ctr: float = 0.01, **features: float) -> Example:
    blank = dict.fromkeys(NAMES, 0.5) | features
    return Example(f"ad{number}", creative, OpeningFeatures(**blank), 0.01, shown, round(shown * ctr))


def market(creatives: int, ads: int, *, effect: float, noise: float = 0.1, seed: int = 1) -> list[Example]:
    """Ads whose CTR really depends on the size of the person, in log terms by ``effect`` a unit."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(creatives * ads):
        area = float(rng.uniform(0, 1))
        ctr = 0.01 * math.exp(effect * (area - 0.5) + rng.normal(0, noise))
        clicks = int(rng.binomial(20_000, ctr))
        made.append(example(number, creative=f"c_{number // ads}", shown=20_000, ctr=clicks / 20_000, person_area=area))
    return made


def rates(examples: Sequence[Example], of: Sequence[Example]) -> NDArray[np.float64]:
    data = columns(of)
    return predicted(fit(examples), data.features, data.prior)


# --- features ---------------------------------------------------------------------------------------


def test_what_was_not_looked_at_is_nan_and_what_was_looked_for_in_vain_is_zero() -> None:
    blind = opening_features(perception(scene(0)), 0)
    assert all(math.isnan(value) for value in (blind.words_to_read, blind.person_area, blind.objects, blind.speech))
    looked = opening_features(perception(scene(0, texts=(), objects=(), words=())), 0)
    assert (looked.words_to_read, looked.person_area, looked.objects, looked.speech) == (0, 0, 0, 0)


def test_features_of_an_opening() -> None:
    box = (0.0, 0.0, 0.5, 0.5)
    seen = scene(
        3,
        motion=0.4,
        texts=(
            ScreenText(text="Free coffee", start=0.2, end=0.8, box=box, confidence=1),
            ScreenText(text="Free coffee today", start=0.8, end=1.6, box=box, confidence=1),
            ScreenText(text="one two three four five six", start=1.8, end=2.0, box=box, confidence=1),
        ),
        objects=(
            SeenObject(label="person", time=0.1, box=box, confidence=1),
            SeenObject(label="cup", time=0.1, box=box, confidence=1),
        ),
        words=tuple(Word(text="hi", start=at, end=at + 0.1, probability=1) for at in (0.1, 0.5, 0.9)),
    )
    hook = Hook(index=0, family="question", text="Is your coffee 7 minutes late?")
    found = opening_features(perception(seen, scene(4), scene(5)), 3, hook)
    assert (found.words_to_read, found.person_area, found.objects, found.speech) == (3, 0.25, 2, 1.5)
    assert (found.hook_words, found.hook_question, found.hook_number, found.hook_you) == (6, 1, 1, 1)
    assert found.pace == pytest.approx(2)


def test_a_scene_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="no scene 9"):
        opening_features(perception(scene(0)), 9)


def test_no_rows_are_an_empty_matrix_with_all_columns() -> None:
    assert matrix([]).shape == (0, len(NAMES))


# --- fitting ----------------------------------------------------------------------------------------


def test_a_handful_of_impressions_leaves_the_prior_almost_where_it_was() -> None:
    few = [example(number, shown=10, ctr=0.0) for number in range(3)]
    assert rates(few, few) == pytest.approx(np.full(3, 0.007), abs=0.0005)  # 70 : 100 impressions


def test_many_impressions_move_the_level_to_what_was_observed() -> None:
    many = [example(number, shown=50_000, ctr=0.02) for number in range(6)]
    assert rates(many, many) == pytest.approx(np.full(6, 0.02), rel=0.01)


def test_a_real_effect_is_learned_and_its_direction_is_right() -> None:
    ads = market(6, 8, effect=1.0)
    low, high = rates(ads, [example(98, person_area=0.1), example(99, person_area=0.9)])
    assert high / low > 1.4
    assert high / low < math.exp(0.8) * 1.1


def test_one_lucky_ad_among_six_moves_the_others_little() -> None:
    ads = [example(number, ctr=0.01, person_area=number / 6) for number in range(5)]
    lucky = [*ads, example(5, ctr=0.03, person_area=1.0)]
    low, high = rates(lucky, [example(98, person_area=0.0), example(99, person_area=1.0)])
    assert 1 < high / low < 1.3


def test_a_missing_modality_has_no_effect() -> None:
    ads = market(6, 8, effect=1.0)
    mean = float(np.mean([each.features.person_area for each in ads]))
    unknown, average = rates(ads, [example(98, person_area=float("nan")), example(99, person_area=mean)])
    assert unknown == pytest.approx(average)


def test_a_modality_nobody_ever_saw_can_be_trained_with() -> None:
    ads = [
        dataclasses.replace(each, features=dataclasses.replace(each.features, speech=float("nan")))
        for each in market(3, 3, effect=0)
    ]
    assert np.all(np.isfinite(rates(ads, ads)))


def test_no_clicks_at_all_still_gives_rates_above_zero() -> None:
    ads = [example(number, shown=100_000, ctr=0.0) for number in range(6)]
    assert np.all(rates(ads, ads) > 0)


@pytest.mark.parametrize("ads", [[], [example(1, shown=0, ctr=0)]])
def test_nothing_to_learn_from_is_refused(ads: list[Example]) -> None:
    with pytest.raises(ValueError, match="impressions"):
        fit(ads)


def test_strength_grows_as_ads_are_predicted_better_and_never_exceeds_what_was_seen() -> None:
    shown = np.full(40, 10_000.0)
    expected = shown * 0.01
    wild = strength(expected * np.tile([0.5, 1.5], 20), expected, shown)
    close = strength(expected * np.tile([0.9, 1.1], 20), expected, shown)
    assert STRENGTH < wild < close < shown.sum()
    assert strength(np.array([1.0]), np.array([1.0]), np.array([50.0])) <= 50


# --- predicting -------------------------------------------------------------------------------------


def test_a_trained_model_ranks_every_scene_and_says_why() -> None:
    box = (0.0, 0.0, 1.0, 0.9)
    video = perception(
        scene(0, objects=()),
        scene(1, objects=(SeenObject(label="person", time=2.1, box=box, confidence=1),)),
    )
    model = TrainedCtr(fit(market(6, 8, effect=1.5)), 400.0, "ctr-7")
    found = model.predict(video)
    assert [each.index for each in found] == [1, 0]
    assert [each.rank for each in found] == [1, 2]
    assert {each.model for each in found} == {"ctr-7"}
    assert {each.strength for each in found} == {400.0}
    assert any("person_area" in reason for reason in found[0].reasons)
    assert found[0].reasons[0].startswith("prior ")


def test_a_video_without_scenes_has_no_predictions() -> None:
    assert TrainedCtr(fit(market(2, 3, effect=0)), 1.0, "ctr-1").predict(perception()) == ()


# --- champion and challenger ------------------------------------------------------------------------


def current(rows: Sequence[Example]) -> NDArray[np.float64]:
    return np.array([each.prior_ctr for each in rows])


def test_a_challenger_that_is_truly_better_may_serve() -> None:
    ads = market(10, 8, effect=1.5)
    found = compare(ads, ads, current, np.random.default_rng(0))
    assert found.held_out == "creative"
    assert found.refusal(0.95) is None
    assert found.challenger.deviance < min(found.current.deviance, found.mean.deviance)


def test_a_challenger_that_only_knows_noise_may_not() -> None:
    ads = market(10, 8, effect=0.0, noise=0.4, seed=3)
    found = compare(ads, ads, current, np.random.default_rng(0))
    assert found.refusal(0.95) is not None


def test_a_worse_challenger_is_never_champion() -> None:
    ads = market(8, 8, effect=0.0, noise=0.2)
    truth = {each.ad_id: each.clicks / each.impressions for each in ads}

    def oracle(rows: Sequence[Example]) -> NDArray[np.float64]:
        return np.array([truth[each.ad_id] for each in rows])

    found = compare(ads, ads, oracle, np.random.default_rng(0))
    assert found.better_than_current == 0
    assert found.refusal(0.5) is not None


def test_one_creative_is_compared_ad_by_ad_and_promotes_nothing() -> None:
    ads = market(1, 8, effect=1.5)
    found = compare(ads, ads, current, np.random.default_rng(0))
    assert (found.held_out, found.groups) == ("ad", 8)
    refusal = found.refusal(0.0)
    assert refusal is not None
    assert "creatives" in refusal


def test_held_out_ads_do_not_help_to_predict_themselves() -> None:
    ads = [example(at, creative=f"c_{at}", shown=20_000, ctr=0.01) for at in range(6)]
    odd = [*ads, example(6, creative="c_6", shown=20_000, ctr=0.05)]
    found = compare(odd, odd, current, np.random.default_rng(0))
    assert found.expected[-1] == pytest.approx(200, rel=0.05)


def test_equal_draws_give_equal_comparisons() -> None:
    ads = market(5, 4, effect=0.5)
    first, second = (compare(ads, ads, current, np.random.default_rng(9)) for _ in range(2))
    assert first.better_than_current == second.better_than_current


# --- when to train ----------------------------------------------------------------------------------


def registered(ads: Sequence[Example], *, hours_ago: int, seen: int | None = None) -> Registered:
    trained_on = {
        "ads": len(ads) if seen is None else seen,
        "evidence": evidence(ads),
        "hour": (NOW - timedelta(hours=hours_ago)).isoformat(),
    }
    return Registered("act_1", 2, "challenger", "file:///m", "0" * 64, "s", trained_on, {})


MEASURED = Accuracy(30, Metrics(0.0, 0.0, None, 0.9, 0.95, 0.05, None), None)
POOR = Accuracy(30, Metrics(0.0, 0.0, None, 0.6, 0.95, 0.05, None), None)
DRIFTED = Accuracy(30, Metrics(0.0, 0.0, None, 0.9, 0.95, -0.2, None), None)


def test_too_few_matured_or_unseen_ads_train_nothing() -> None:
    ads = market(1, 5, effect=0)
    assert "5 matured ads, 6" in str(too_little(ads, ads, Learning()))
    more = market(1, 6, effect=0)
    assert "has not seen" in str(too_little(more, [], Learning()))
    assert too_little(more, more, Learning()) is None


@pytest.mark.parametrize(
    ("hours_ago", "seen", "accuracy", "due"),
    [
        (3, 6, POOR, False),  # cool-down
        (24, 6, POOR, True),  # a day has passed
        (3, 5, POOR, True),  # a fifth more ads
        (24, 6, MEASURED, False),  # good enough
        (24, 6, DRIFTED, True),  # drift counts even where accuracy is fine
        (24, 6, Accuracy(6, None, "few"), True),  # not measurable: the challenger is kept fresh
    ],
)
def test_a_challenger_is_due(hours_ago: int, seen: int, accuracy: Accuracy, due: bool) -> None:
    before, after = market(1, 6, effect=0, seed=1), market(1, 6, effect=0, seed=2)
    last = registered(before, hours_ago=hours_ago, seen=seen)
    assert (not_due(after, last, accuracy, Learning(), NOW) is None) is due


def test_the_same_outcomes_are_not_trained_on_twice() -> None:
    ads = market(1, 6, effect=0)
    why = not_due(ads, registered(ads, hours_ago=100), POOR, Learning(), NOW)
    assert "trained on these outcomes" in str(why)
    assert not_due(ads, None, POOR, Learning(), NOW) is None


# --- model files ------------------------------------------------------------------------------------


def test_a_model_file_predicts_as_before(tmp_path: Any) -> None:
    ads = market(3, 4, effect=1.0)
    pipeline, path = fit(ads), tmp_path / "m.skops"
    artifacts.save(pipeline, path)
    again = artifacts.load(path, artifacts.file_sha256(path), artifacts.libraries().sklearn)
    data = columns(ads)
    assert np.array_equal(predicted(again, data.features, data.prior), predicted(pipeline, data.features, data.prior))


def test_a_changed_file_another_library_and_a_foreign_type_are_refused(tmp_path: Any) -> None:
    from skops.io import dump

    path, here = tmp_path / "m.skops", artifacts.libraries().sklearn
    artifacts.save(fit(market(2, 3, effect=0)), path)
    right = artifacts.file_sha256(path)
    with pytest.raises(NotAvailable, match=r"scikit-learn 0\.1\.0"):
        artifacts.load(path, right, "0.1.0")
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(NotAvailable, match="SHA-256"):
        artifacts.load(path, right, here)
    dump(ColdStartCtr(), path)
    with pytest.raises(NotAvailable, match="ColdStartCtr"):
        artifacts.load(path, artifacts.file_sha256(path), here)
    with path.open("wb") as file:
        file.truncate(17 * 1024**2)
    with pytest.raises(NotAvailable, match="bytes"):
        artifacts.load(path, right, here)
