"""The Meta publisher: how many variations are launched, with which budgets, and in which order they are built."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.core.account import Account
from flywheel_assets.core.changes import AdChange, CreateAdSet, CreateCampaign, CreateCreative, SetStatus
from flywheel_assets.core.errors import ChangeRefused
from flywheel_assets.core.money import Money
from flywheel_assets.execution.calls import references
from flywheel_assets.execution.enqueue import plan_digest
from flywheel_assets.execution.structure import URL_TAGS, PublishPlan, Variation, changes_of, equal_split, plan_launch

ACCOUNT = Account(
    account_id="act_1",
    name="Bright Cup",
    mode="auto",
    currency="USD",
    time_zone="America/New_York",
    page_id="2",
    pixel_id="3",
    special_ad_categories=("HOUSING",),
    targeting={"geo_locations": {"countries": ["US"]}},
    daily_plan="250.00",
    ad_set_floor="10.00",
    ad_set_ceiling="120.00",
    new_creative_share=0.4,
)


def variations(*rates: float) -> list[Variation]:
    return [
        Variation(
            key=f"v{number:02}",
            video_uri=f"file:///v{number}.mp4",
            cover_uri=f"file:///v{number}.jpg",
            message="Coffee on your desk by nine.",
            title="Order today",
            predicted_ctr=rate,
        )
        for number, rate in enumerate(rates)
    ]


def plan(made: list[Variation], **account: Any) -> PublishPlan:
    changed = ACCOUNT.model_copy(update=account)
    return plan_launch("c_1a2b", made, changed, brand="Bright Cup", landing_url="https://example.org/offer")


def launched_with(least: Money | None) -> PublishPlan:
    """Twelve variations at a platform that takes no ad set below ``least`` a day."""
    made = variations(*(0.01 + number / 1000 for number in range(12)))
    return plan_launch("c_1a2b", made, ACCOUNT, brand="B", landing_url="https://example.org/offer", least=least)


# --- the plan --------------------------------------------------------------------------------------


def test_the_best_predicted_are_launched_and_the_share_is_split_between_them() -> None:
    planned = plan(variations(0.01, 0.03, 0.02))
    assert [ad.variation.key for ad in planned.launched] == ["v01", "v02", "v00"]
    assert [ad.daily_budget for ad in planned.launched] == [3334, 3333, 3333]
    assert (planned.share, planned.held) == (10000, ())


def test_what_the_share_cannot_give_a_floor_budget_is_held_and_not_lost() -> None:
    planned = plan(variations(*(0.01 + number / 1000 for number in range(12))))
    assert len(planned.launched) == 10
    assert {ad.daily_budget for ad in planned.launched} == {1000}
    assert [one.key for one in planned.held] == ["v01", "v00"]


def test_equal_predictions_keep_a_fixed_order() -> None:
    assert [ad.variation.key for ad in plan(list(reversed(variations(0.02, 0.02)))).launched] == ["v00", "v01"]


def test_one_variation_gets_the_ceiling_at_most() -> None:
    (only,) = plan(variations(0.02), daily_plan="1000.00").launched
    assert only.daily_budget == 12000


def test_nothing_to_launch_is_refused() -> None:
    with pytest.raises(ChangeRefused, match="nothing_to_launch: no render passed its gate"):
        plan([])


def test_a_share_below_one_floor_is_refused_with_its_numbers() -> None:
    with pytest.raises(ChangeRefused, match=r"plan_too_small: 800 per day .* floor is 1000"):
        plan(variations(0.02), daily_plan="20.00")


@given(
    count=st.integers(1, 30),
    daily=st.integers(30, 2000),
    floor=st.integers(1, 10),
    share=st.sampled_from([0.4, 0.6, 1]),
)
def test_no_plan_spends_more_than_its_share_or_leaves_the_accounts_bounds(
    count: int, daily: int, floor: int, share: float
) -> None:
    made = variations(*([0.02] * count))
    planned = plan(made, daily_plan=str(daily), ad_set_floor=str(floor), new_creative_share=share)
    budgets = [ad.daily_budget for ad in planned.launched]
    assert sum(budgets) <= planned.share <= daily * 100 * share
    assert all(floor * 100 <= budget <= 12000 for budget in budgets)
    assert len(planned.launched) + len(planned.held) == count
    assert sum(budgets) == planned.share or set(budgets) == {12000}


@given(total=st.integers(0, 10**9), count=st.integers(1, 50))
def test_an_equal_split_sums_exactly(total: int, count: int) -> None:
    parts = equal_split(total, count)
    assert sum(parts) == total
    assert len(parts) == count
    assert max(parts) - min(parts) <= 1
    assert parts == sorted(parts, reverse=True)


@pytest.mark.parametrize(("least", "launched"), [(None, 10), (1000, 10), (1001, 9), (5000, 2)])
def test_no_ad_set_gets_less_than_the_platform_takes(least: int | None, launched: int) -> None:
    planned = launched_with(None if least is None else Money(least, "USD"))
    assert len(planned.launched) == launched
    assert min(ad.daily_budget for ad in planned.launched) >= (least or 1000)


def test_an_account_file_in_another_currency_than_the_platforms_is_refused() -> None:
    """Else 100.00 dollars would be sent as 10000 yen."""
    said = "c_1a2b: currency_mismatch: the account file says USD, the platform JPY; correct the file"
    with pytest.raises(ChangeRefused, match=said):
        launched_with(Money(100, "JPY"))


def test_the_digest_a_person_approves_covers_every_word_and_amount() -> None:
    def digest(found: PublishPlan) -> str:
        return plan_digest(changes_of(found, ACCOUNT))

    made = variations(0.02, 0.01)
    original = digest(plan(made))
    reworded = [made[0].model_copy(update={"message": "Other words."}), made[1]]
    assert digest(plan(list(made))) == original
    assert len({original, digest(plan(reworded)), digest(plan(made, daily_plan="260.00")), digest(plan(made[:1]))}) == 4


# --- its changes -----------------------------------------------------------------------------------


@pytest.fixture
def changes() -> tuple[AdChange, ...]:
    return changes_of(plan(variations(0.02, 0.01)), ACCOUNT)


def test_everything_is_asked_for_after_what_it_needs(changes: tuple[AdChange, ...]) -> None:
    made = set[str]()
    for change in changes:
        assert set(change.depends_on) <= made
        assert set(references(change.spec)) <= set(change.depends_on)
        made.add(change.object_ref)


def test_a_campaign_a_chain_of_five_a_variation_and_the_activation_last(changes: tuple[AdChange, ...]) -> None:
    chain = ["upload_video", "upload_image", "create_adset", "create_creative", "create_ad"]
    assert [change.spec.kind for change in changes] == ["create_campaign", *chain, *chain, "set_status"]
    assert changes[-1].spec == SetStatus(status="ACTIVE")
    assert changes[-1].object_ref == changes[0].object_ref == "c_1a2b/campaign"
    assert changes[-1].depends_on == ("c_1a2b/campaign", "c_1a2b/v00/ad", "c_1a2b/v01/ad")


def test_every_change_names_its_campaign_its_reason_and_a_key_of_its_own(changes: tuple[AdChange, ...]) -> None:
    assert {change.campaign_ref for change in changes} == {"c_1a2b/campaign"}
    assert {change.currency for change in changes} == {"USD"}
    assert len({change.idempotency_key for change in changes}) == len(changes)
    assert all(change.reasoning for change in changes)
    again = changes_of(plan(variations(0.02, 0.01)), ACCOUNT)
    assert [change.idempotency_key for change in again] == [change.idempotency_key for change in changes]


def test_the_accounts_words_reach_the_specs(changes: tuple[AdChange, ...]) -> None:
    campaign, adset, creative = changes[0].spec, changes[3].spec, changes[4].spec
    assert isinstance(campaign, CreateCampaign)
    assert (campaign.objective, campaign.special_ad_categories) == ("OUTCOME_LEADS", ("HOUSING",))
    assert isinstance(adset, CreateAdSet)
    assert (adset.daily_budget, adset.targeting) == (5000, ACCOUNT.targeting)
    assert adset.promoted_object == {"pixel_id": "3", "custom_event_type": "LEAD"}
    assert isinstance(creative, CreateCreative)
    assert (creative.page_id, creative.link, creative.url_tags) == ("2", "https://example.org/offer", URL_TAGS)
    assert "{{ad.id}}" in creative.url_tags


def test_without_a_pixel_the_page_is_promoted() -> None:
    account = ACCOUNT.model_copy(update={"pixel_id": None})
    adset = changes_of(plan(variations(0.02)), account)[3].spec
    assert isinstance(adset, CreateAdSet)
    assert adset.promoted_object == {"page_id": "2"}


def test_variations_do_not_share_objects(changes: tuple[AdChange, ...]) -> None:
    refs = [change.object_ref for change in changes[1:-1]]
    assert len(set(refs)) == len(refs)
    assert all(one != other for one, other in pairwise(refs))
