"""The spend guard's judgement: examples of every finding, and what holds of all of them."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.execution.guard import OFF_PLAN, Finding, chance_of_so_few, exceeds, judge
from flywheel_assets.execution.in_force import highest_sum
from flywheel_assets.execution.picture import Counts, Day, Picture, Redirect, Unseen
from flywheel_assets.settings import Guard

RULES = Guard()
TODAY, YESTERDAY = date(2026, 9, 24), date(2026, 9, 23)
START = datetime(2026, 9, 24, tzinfo=UTC)


def _day(spend: int, budgets: int = 25_000, on: date = TODAY) -> Day:
    return Day(on, spend=spend, counted=spend, budgets=budgets)


# A healthy account: 250 a day planned, 10 a lead, 25 leads a day.
HEALTHY = Picture(
    account_id="act_1",
    currency="USD",
    plan=25_000,
    cap=27_500,
    days=(_day(25_000), _day(25_000, on=YESTERDAY)),
    week=175_000,
    recent=Counts(spend=25_000, clicks=400, leads=25),
    tracked=Counts(spend=25_000, clicks=400, leads=25),
    redirect=Redirect(billed=400, arrived=380),
    past=Counts(spend=350_000, clicks=5600, leads=350),
    active_ads=3,
    unseen=Unseen((), 0),
    blind_hours=0.5,
    stops_on=("overspend",),
    faults=(),
)


def _found(picture: Picture) -> dict[str, Finding]:
    return {one.rule: one for one in judge(picture, RULES)}


def _got(leads: int, *, spend: int = 25_000, clicks: int = 400) -> Picture:
    counts = Counts(spend=spend, clicks=clicks, leads=leads)
    return replace(HEALTHY, recent=counts, tracked=counts)


# --- spend ----------------------------------------------------------------------------------------


def test_nothing_is_found_about_a_healthy_account() -> None:
    assert judge(HEALTHY, RULES) == ()


@pytest.mark.parametrize(
    ("spend", "rules"),
    [
        (30_000, set()),
        (30_001, {"spend_pace"}),
        (48_125, {"spend_pace"}),  # 1.75 x the cap, as the budgets in force are lower
        (48_126, {"spend_pace", "overspend"}),
    ],
)
def test_a_day_is_told_above_its_pace_and_stopped_above_what_meta_may_spend(spend: int, rules: set[str]) -> None:
    assert set(_found(replace(HEALTHY, days=(_day(spend),)))) == rules


def test_only_what_the_account_names_stops() -> None:
    picture = replace(HEALTHY, days=(_day(60_000),))
    assert {rule: one.stops for rule, one in _found(picture).items()} == {"spend_pace": False, "overspend": True}
    assert _found(picture)["overspend"].sentence.endswith("flywheel resume act_1")
    told = judge(replace(picture, stops_on=()), RULES)
    assert not any(one.stops or "resume" in one.sentence for one in told)


def test_budgets_above_the_cap_raise_what_a_day_may_cost() -> None:
    assert "overspend" not in _found(replace(HEALTHY, days=(_day(60_000, budgets=40_000),)))
    assert "overspend" in _found(replace(HEALTHY, days=(_day(70_001, budgets=40_000),)))


def test_the_day_before_is_judged_as_well() -> None:
    late = replace(HEALTHY, days=(_day(0), _day(60_000, on=YESTERDAY)))
    assert "2026-09-23" in _found(late)["overspend"].sentence


def test_what_a_person_answered_for_is_told_and_does_not_stop_again() -> None:
    answered = replace(_day(60_000), counted=1000)
    assert set(_found(replace(HEALTHY, days=(answered,)))) == {"spend_pace"}


def test_a_week_above_seven_caps_stops_whatever_budgets_are_in_force() -> None:
    days = (_day(29_000, budgets=90_000),)
    assert _found(replace(HEALTHY, days=days, week=202_125)) == {}
    found = _found(replace(HEALTHY, days=days, week=202_126))["overspend"]
    assert found.stops
    assert "2021.26 USD in seven days" in found.sentence


def test_without_a_plan_any_spend_is_too_much_and_none_is_not() -> None:
    nothing = replace(HEALTHY, plan=0, cap=0, days=(_day(0, budgets=0),), week=0)
    assert judge(nothing, RULES) == ()
    assert set(_found(replace(nothing, days=(_day(1, budgets=0),), week=1))) >= OFF_PLAN


# --- leads ----------------------------------------------------------------------------------------


def test_far_too_few_leads_are_told() -> None:
    found = _found(_got(8))
    assert set(found) == {"cpa"}
    assert not found["cpa"].stops
    assert found["cpa"].numbers["expected"] == 25
    assert "a lead cost 31.25 USD, usual is 10.00 USD" in found["cpa"].sentence


def test_the_cost_of_leads_stops_where_the_account_says_so() -> None:
    assert _found(replace(_got(8), stops_on=("overspend", "cpa")))["cpa"].stops


def test_a_dip_that_may_be_chance_is_not_told() -> None:
    assert chance_of_so_few(12, 25) > RULES.cpa_probability
    assert judge(_got(12), RULES) == ()


def test_a_certain_but_small_dip_is_not_told() -> None:
    few = _got(8000, spend=10_000_000)  # 10,000 promised: certainly fewer, but a lead costs only a quarter more
    assert chance_of_so_few(8000, 10_000) < RULES.cpa_probability
    assert "cpa" not in _found(few)
    assert "cpa" in _found(_got(5000, spend=10_000_000))


@pytest.mark.parametrize(("spend", "rules"), [(9_999, set()), (10_000, {"cpa", "tracking"})])
def test_below_ten_promised_leads_silence_proves_nothing(spend: int, rules: set[str]) -> None:
    assert set(_found(_got(0, spend=spend))) == rules


def test_an_account_without_a_past_promises_nothing() -> None:
    assert judge(replace(_got(0), past=Counts()), RULES) == ()


@pytest.mark.parametrize(("leads", "expected"), [(0, 10.0), (8, 25.0), (2, 2.0), (30, 12.5)])
def test_the_tail_is_poissons(leads: int, expected: float) -> None:
    terms = (math.exp(-expected) * expected**count / math.factorial(count) for count in range(leads + 1))
    assert chance_of_so_few(leads, expected) == pytest.approx(sum(terms), rel=1e-9)


# --- tracking and silence -------------------------------------------------------------------------


def test_clicks_that_never_arrive_at_our_redirect_are_told() -> None:
    found = _found(replace(HEALTHY, redirect=Redirect(billed=200, arrived=0)))
    assert set(found) == {"tracking"}
    assert "none arrived at our redirect" in found["tracking"].sentence
    assert "last 24 hours" in found["tracking"].sentence


@pytest.mark.parametrize("redirect", [None, Redirect(199, 0), Redirect(5000, 1)])
def test_without_a_redirect_or_with_few_clicks_or_one_arrival_nothing_is_told(redirect: Redirect | None) -> None:
    assert judge(replace(HEALTHY, redirect=redirect), RULES) == ()


def test_leads_need_clicks_to_be_missed() -> None:
    assert "tracking" not in _found(_got(0, clicks=0))
    assert "Test the form" in _found(_got(0))["tracking"].sentence


def test_active_ads_without_insights_are_told_and_paused_ones_are_not() -> None:
    assert judge(replace(HEALTHY, blind_hours=6.0), RULES) == ()
    assert "3 active ads" in _found(replace(HEALTHY, blind_hours=6.1))["blind"].sentence
    assert judge(replace(HEALTHY, blind_hours=600.0, active_ads=0), RULES) == ()


def test_what_is_not_shown_any_more_is_unknown_and_never_stops_by_itself() -> None:
    found = _found(replace(HEALTHY, unseen=Unseen(("c1/v1/ad", "c1/v2/ad"), 9000), active_ads=0))
    assert set(found) == {"not_shown"}
    assert "c1/v1/ad, c1/v2/ad" in found["not_shown"].sentence
    assert "up to 90.00 USD a day is unknown" in found["not_shown"].sentence
    assert not found["not_shown"].stops


def test_of_many_that_are_not_shown_five_are_named() -> None:
    refs = tuple(f"c1/v{number}/ad" for number in range(7))
    sentence = _found(replace(HEALTHY, unseen=Unseen(refs, 0)))["not_shown"].sentence
    assert "does not show 7 objects" in sentence
    assert "c1/v4/ad and others." in sentence
    assert "c1/v5/ad" not in sentence


def test_an_account_that_is_not_the_one_of_its_file_always_stops() -> None:
    faults = ("it pays in EUR, the account file says USD", "its days are those of Europe/Berlin")
    (found,) = judge(replace(HEALTHY, faults=faults, stops_on=()), RULES)
    assert (found.rule, found.stops) == ("account", True)
    assert found.sentence.startswith("act_1: it pays in EUR, the account file says USD; its days are those")
    assert found.sentence.endswith("flywheel resume act_1")


def test_the_findings_that_stop_come_first_and_once_a_rule() -> None:
    bad = replace(_got(0), days=(_day(90_000), _day(90_000)), week=900_000, redirect=Redirect(900, 0), blind_hours=9)
    assert [one.rule for one in judge(bad, RULES)] == ["overspend", "cpa", "tracking", "blind", "spend_pace"]


# --- what always holds ----------------------------------------------------------------------------

_amounts = st.integers(0, 10**7)
_counts = st.builds(Counts, spend=_amounts, clicks=st.integers(0, 5000), leads=st.integers(0, 500))
_days = st.builds(_day, _amounts, _amounts)
_pictures = st.builds(
    replace,
    st.just(HEALTHY),
    plan=_amounts,
    cap=_amounts,
    days=st.tuples(_days, _days),
    week=_amounts,
    recent=_counts,
    tracked=_counts,
    redirect=st.none() | st.builds(Redirect, st.integers(0, 5000), st.integers(0, 5000)),
    past=_counts,
    active_ads=st.integers(0, 5),
    blind_hours=st.floats(0, 48),
    stops_on=st.sets(st.sampled_from(["overspend", "cpa", "tracking", "blind"])).map(tuple),
)


def _stopping(picture: Picture) -> set[str]:
    return {one.rule for one in judge(picture, RULES) if one.stops}


def _dearer(picture: Picture, more: int) -> Picture:
    """The same account after it spent more today, for nothing."""
    first, *others = picture.days
    return replace(
        picture,
        days=(replace(first, spend=first.spend + more, counted=first.counted + more), *others),
        week=picture.week + more,
        recent=replace(picture.recent, spend=picture.recent.spend + more),
        tracked=replace(picture.tracked, spend=picture.tracked.spend + more),
    )


@given(_pictures, _amounts)
def test_more_spend_never_makes_a_finding_disappear(picture: Picture, more: int) -> None:
    dearer = _dearer(picture, more)
    assert _stopping(picture) <= _stopping(dearer)
    assert set(_found(picture)) <= set(_found(dearer))


def _scaled(picture: Picture, times: int) -> Picture:
    def counts(one: Counts) -> Counts:
        return replace(one, spend=one.spend * times)

    days = (
        replace(d, spend=d.spend * times, counted=d.counted * times, budgets=d.budgets * times) for d in picture.days
    )
    return replace(
        picture,
        plan=picture.plan * times,
        cap=picture.cap * times,
        days=tuple(days),
        week=picture.week * times,
        recent=counts(picture.recent),
        tracked=counts(picture.tracked),
        past=counts(picture.past),
    )


@given(_pictures, st.sampled_from([3, 7, 100, 15_731]))
def test_the_judgement_is_the_same_in_any_currency(picture: Picture, times: int) -> None:
    before = [(one.rule, one.stops) for one in judge(picture, RULES)]
    assert [(one.rule, one.stops) for one in judge(_scaled(picture, times), RULES)] == before


@given(st.integers(0, 10**7), st.lists(st.floats(0, 1), min_size=7, max_size=7), st.integers(0, 10**7))
def test_an_account_within_its_plan_is_on_plan_however_its_days_are_split(
    plan: int, shares: list[float], budgets: int
) -> None:
    spent = [int(plan * share) for share in shares]
    picture = replace(
        HEALTHY, plan=plan, cap=plan, days=(_day(spent[0], budgets), _day(spent[1], budgets)), week=sum(spent)
    )
    assert not OFF_PLAN & set(_found(picture))


@given(st.integers(1, 10**6), st.lists(st.integers(0, 175), min_size=7, max_size=7))
def test_what_meta_may_do_in_a_week_never_stops(budget: int, percents: list[int]) -> None:
    """175 % on a day, seven budgets in seven days."""
    spent = [budget * percent // 100 for percent in percents]
    if sum(spent) > 7 * budget:
        spent = [one * 7 * budget // sum(spent) for one in spent]
    days = (_day(spent[0], budget), _day(spent[1], budget))
    picture = replace(HEALTHY, plan=budget, cap=budget, days=days, week=sum(spent))
    assert "overspend" not in _found(picture)


@given(_pictures, _amounts, _amounts)
def test_without_spend_and_clicks_only_silence_is_found(picture: Picture, plan: int, budgets: int) -> None:
    nothing = replace(
        picture, plan=plan, days=(_day(0, budgets),), week=0, recent=Counts(), tracked=Counts(), redirect=Redirect(0, 0)
    )
    assert set(_found(nothing)) <= {"blind"}


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_more_is_at_least_as_much_too_much(spend: int, more: int, base: int) -> None:
    assert exceeds(spend, base, 1.75) <= exceeds(spend + more, base, 1.75)


# --- budgets in force -----------------------------------------------------------------------------


def _at(*steps: tuple[int, int]) -> list[tuple[datetime, int]]:
    return [(START + timedelta(hours=hour), value) for hour, value in steps]


def test_a_move_between_two_ad_sets_is_not_counted_twice() -> None:
    assert highest_sum([_at((0, 100), (5, 80)), _at((0, 80), (5, 100))]) == 180
    assert highest_sum([_at((0, 100), (6, 80)), _at((0, 80), (5, 100))]) == 200  # for an hour both were in force
    assert highest_sum([]) == 0


@given(st.lists(st.lists(st.tuples(st.integers(0, 30), _amounts), min_size=1, max_size=6), max_size=5))
def test_the_highest_sum_is_that_of_some_hour(raw: list[list[tuple[int, int]]]) -> None:
    curves = [_at(*sorted(curve, key=lambda step: step[0])) for curve in raw]

    def value(curve: list[tuple[datetime, int]], moment: datetime) -> int:
        return next((amount for at, amount in reversed(curve) if at <= moment), 0)

    hours = (START + timedelta(hours=hour) for hour in range(31))
    assert highest_sum(curves) == max(sum(value(curve, hour) for curve in curves) for hour in hours)
