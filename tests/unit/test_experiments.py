"""Experiments and winners: probabilities under the account's prior, and no conclusion too early."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.core.account import Account
from flywheel_assets.learning.experiments import Arm, Prior, judge, outcome_of, prior_of
from flywheel_assets.learning.published import Delivered
from flywheel_assets.learning.trials import too_early
from flywheel_assets.learning.winners import Revenue, poor_return
from flywheel_assets.settings import Budget, Learning

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def arm(
    number: int, *, shown: int = 10_000, clicks: int = 100, leads: int = 10, spend: int = 20_000, hours: float = 72
) -> Arm:
    return Arm(f"ad{number}", f"v{number:02}", shown, clicks, leads, spend, hours)


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def account(currency: str = "USD") -> Account:
    return Account(
        account_id="act_1",
        name="x",
        currency=currency,
        time_zone="UTC",
        page_id="1",
        targeting={"geo_locations": {}},
        daily_plan="100",
        ad_set_floor="1",
        ad_set_ceiling="50",
    )


# --- outcome and prior ------------------------------------------------------------------------------


def test_leads_decide_where_there_are_five_a_variation_else_clicks() -> None:
    assert outcome_of([arm(1, leads=5), arm(2, leads=5)]) == "leads"
    assert outcome_of([arm(1, leads=9), arm(2, leads=0)]) == "clicks"


def test_the_prior_of_a_known_market_is_found_again() -> None:
    draws = np.random.default_rng(4)
    truth = draws.beta(20, 1980, size=600)  # mean 1 %, worth 2,000 impressions
    arms = [arm(at, shown=20_000, clicks=int(draws.binomial(20_000, p))) for at, p in enumerate(truth)]
    prior = prior_of(arms, "clicks")
    assert prior is not None
    assert prior.rate == pytest.approx(0.01, rel=0.05)
    assert prior.strength == pytest.approx(2000, rel=0.2)


def test_ads_that_do_not_differ_are_pulled_by_all_that_was_seen() -> None:
    prior = prior_of([arm(1), arm(2), arm(3)], "clicks")
    assert prior == Prior(0.01, 30_000)


@pytest.mark.parametrize(
    "arms",
    [
        [],
        [arm(1)],
        [arm(1), arm(2, shown=0, clicks=0)],
        [arm(1, clicks=0), arm(2, clicks=0)],
        [arm(1, shown=5, clicks=5)] * 2,
    ],
)
def test_without_two_ads_and_an_outcome_there_is_no_prior(arms: list[Arm]) -> None:
    assert prior_of(arms, "clicks") is None


@given(
    st.lists(
        st.tuples(st.integers(0, 10**9), st.floats(0, 1)).map(lambda pair: (pair[0], int(pair[0] * pair[1]))),
        min_size=1,
        max_size=12,
    )
)
def test_a_prior_is_always_usable(rows: list[tuple[int, int]]) -> None:
    arms = [arm(at, shown=shown, clicks=clicks) for at, (shown, clicks) in enumerate(rows)]
    prior = prior_of(arms, "clicks")
    if prior is not None:
        assert 0 < prior.rate < 1
        assert 1 <= prior.strength <= sum(one.impressions for one in arms)
        found = judge(arms, prior, "clicks", rng())
        assert sum(one.best for one in found.standings) == pytest.approx(1)
        assert found.leader.best == max(one.best for one in found.standings)
        assert found.loss >= 0


# --- judging ----------------------------------------------------------------------------------------


def test_equal_arms_are_equally_likely_and_choosing_one_costs_something() -> None:
    found = judge([arm(1), arm(2)], Prior(0.01, 500), "clicks", rng())
    assert found.leader.best == pytest.approx(0.5, abs=0.02)
    assert found.loss > 0.01


def test_a_clear_winner_leads_and_little_is_lost() -> None:
    found = judge([arm(1, clicks=100), arm(2, clicks=200)], Prior(0.015, 500), "clicks", rng())
    assert found.leader.arm.ad_id == "ad2"
    assert found.leader.best > 0.99
    assert found.loss < 0.001
    assert found.leader.above_mean > 0.95
    assert found.standings[1].above_mean < 0.05


def test_a_lucky_ad_with_few_impressions_does_not_lead_under_a_strong_prior() -> None:
    lucky, solid = arm(1, shown=50, clicks=3), arm(2, shown=50_000, clicks=700)
    found = judge([lucky, solid], Prior(0.01, 5000), "clicks", rng())
    assert found.leader.arm is solid


def test_an_ad_without_impressions_stands_where_the_account_does() -> None:
    found = judge([arm(1, shown=0, clicks=0), arm(2)], Prior(0.01, 5000), "clicks", rng())
    new = next(one for one in found.standings if one.arm.ad_id == "ad1")
    assert new.above_mean == pytest.approx(0.5, abs=0.05)


def test_under_the_prior_claimed_probabilities_come_true() -> None:
    draws = np.random.default_rng(8)
    claimed, right = [], []
    for _ in range(400):
        truth = draws.beta(20, 1980, size=4)
        arms = [arm(at, shown=3000, clicks=int(draws.binomial(3000, p))) for at, p in enumerate(truth)]
        found = judge(arms, Prior(0.01, 2000), "clicks", draws)
        claimed.append(found.leader.best)
        right.append(found.leader.arm.ad_id == f"ad{int(truth.argmax())}")
    assert np.mean(right) == pytest.approx(np.mean(claimed), abs=0.06)


def test_equal_seeds_judge_equally() -> None:
    arms, prior = [arm(1), arm(2, clicks=120)], Prior(0.01, 500)
    assert judge(arms, prior, "clicks", rng()) == judge(arms, prior, "clicks", rng())


def test_no_arm_is_no_experiment() -> None:
    with pytest.raises(ValueError, match="at least one arm"):
        judge([], Prior(0.01, 500), "clicks", rng())


def test_more_outcomes_than_impressions_are_capped() -> None:
    assert arm(1, shown=3, clicks=5).count("clicks") == 3


# --- the zone of ignorance and the return -----------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (arm(1, shown=999), "999 impressions"),
        (arm(1, hours=47.0), "47 h old"),
        (arm(1, spend=9_999), "spent 9999 of 10000"),
        (arm(1, shown=1000, hours=48, spend=10_000), None),
    ],
)
def test_ignorance_ends_exactly_at_its_limits(one: Arm, why: str | None) -> None:
    found = too_early(one, account(), Learning(), Budget())
    assert found is None if why is None else why in str(found)


def test_a_currency_without_cents_has_the_same_zone() -> None:
    assert too_early(arm(1, spend=100), account("JPY"), Learning(), Budget()) is None


def sums(*, spend: int, pipeline: int) -> Delivered:
    return Delivered(10_000, 100, 10, spend, NOW, NOW, pipeline, 0, 0)


def test_no_deal_counts_against_an_ad_only_when_three_were_to_be_expected() -> None:
    total = Revenue(pipeline=900_000, deals=9, spend=90_000)
    assert not poor_return(sums(spend=29_999, pipeline=0), total)
    assert poor_return(sums(spend=30_000, pipeline=0), total)
    assert not poor_return(sums(spend=30_000, pipeline=300_000), total)


def test_without_spend_or_deals_nothing_is_held_against_an_ad() -> None:
    assert not poor_return(sums(spend=0, pipeline=0), Revenue(0, 0, 0))
    assert not poor_return(sums(spend=90_000, pipeline=0), Revenue(0, 0, 90_000))
