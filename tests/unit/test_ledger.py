from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.core.account import Account, HubSpot, Stage
from flywheel_assets.revenue.feedback import split, split_increments
from flywheel_assets.revenue.ledger import DealValue, StageChange, deal_problems, ledger

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
STAGES = {
    "appointmentscheduled": Stage(win_probability=0.2),
    "qualifiedtobuy": Stage(win_probability=0.4),
    "contractsent": Stage(win_probability=0.9),
    "closedwon": Stage(win_probability=1.0, outcome="won"),
    "closedlost": Stage(win_probability=0.0, outcome="lost"),
}
DEAL = DealValue(7, 300_000, "USD")

changes = st.lists(
    st.builds(
        StageChange,
        st.integers(0, 40).map(lambda hours: START + timedelta(hours=hours)),
        st.sampled_from([*STAGES, "legalreview"]),
    ),
    max_size=12,
)


def entered(*stages: str) -> list[StageChange]:
    return [StageChange(START + timedelta(days=day), stage) for day, stage in enumerate(stages)]


def account() -> Account:
    return Account(
        account_id="act_1",
        name="Bright Cup",
        currency="USD",
        time_zone="UTC",
        page_id="2",
        targeting={"geo_locations": {"countries": ["US"]}},
        daily_plan="250.00",
        ad_set_floor="10.00",
        ad_set_ceiling="120.00",
        hubspot=HubSpot(portal_id=62515, stages=STAGES),
    )


def test_a_deal_on_its_way_to_being_won() -> None:
    entries = ledger(entered("appointmentscheduled", "contractsent", "closedwon"), DEAL, STAGES)
    assert [entry.pipeline for entry in entries] == [60_000, 270_000, 300_000]
    assert [entry.pipeline_increment for entry in entries] == [60_000, 210_000, 30_000]
    assert [entry.cash_increment for entry in entries] == [0, 0, 300_000]


def test_a_lost_deal_gives_back_what_it_was_worth() -> None:
    entries = ledger(entered("qualifiedtobuy", "closedlost"), DEAL, STAGES)
    assert [entry.pipeline_increment for entry in entries] == [120_000, -120_000]


def test_a_won_deal_that_reopens_gives_the_cash_back() -> None:
    entries = ledger(entered("closedwon", "contractsent"), DEAL, STAGES)
    assert [entry.cash_increment for entry in entries] == [300_000, -300_000]
    assert entries[-1].pipeline == 270_000


def test_the_stage_a_deal_is_in_already_is_no_step() -> None:
    assert len(ledger(entered("qualifiedtobuy", "qualifiedtobuy", "contractsent"), DEAL, STAGES)) == 2


def test_of_two_stages_in_one_millisecond_the_one_nearer_to_being_won_counts() -> None:
    both = [StageChange(START, stage) for stage in ("contractsent", "qualifiedtobuy", "appointmentscheduled")]
    assert [entry.stage for entry in ledger(both, DEAL, STAGES)] == [
        "appointmentscheduled",
        "qualifiedtobuy",
        "contractsent",
    ]


def test_an_unknown_stage_moves_nothing_and_is_reported() -> None:
    moved = entered("qualifiedtobuy", "legalreview")
    assert [entry.stage for entry in ledger(moved, DEAL, STAGES)] == ["qualifiedtobuy"]
    (problem,) = deal_problems(moved, DEAL, account())
    assert (problem.subject, problem.rule) == ("deal:7", "unknown_stage")
    assert "legalreview" in problem.reason


def test_without_an_amount_there_is_no_entry_and_a_problem() -> None:
    deal = DealValue(7, None, "USD")
    assert ledger(entered("closedwon"), deal, STAGES) == ()
    assert [problem.rule for problem in deal_problems(entered("closedwon"), deal, account())] == ["no_amount"]


def test_another_currency_is_a_problem() -> None:
    assert [one.rule for one in deal_problems([], DealValue(7, 1, "EUR"), account())] == ["other_currency"]


@given(moves=changes, data=st.data())
def test_order_and_repetition_of_events_do_not_matter(moves: list[StageChange], data: st.DataObject) -> None:
    repeated = data.draw(st.lists(st.sampled_from(moves), max_size=6)) if moves else []
    shuffled = data.draw(st.permutations(moves + repeated))
    assert ledger(shuffled, DEAL, STAGES) == ledger(moves, DEAL, STAGES)


@given(moves=changes, amount=st.integers(0, 10**9))
def test_increments_add_up_to_the_value_of_the_latest_known_stage(moves: list[StageChange], amount: int) -> None:
    entries = ledger(moves, DealValue(7, amount, "USD"), STAGES)
    known = [change for change in moves if change.stage in STAGES]
    if not known:
        assert entries == ()
        return
    last = max(change.occurred_at for change in known)
    latest = {change.stage for change in known if change.occurred_at == last}
    assert entries[-1].stage in latest
    stage = STAGES[entries[-1].stage]
    assert sum(entry.pipeline_increment for entry in entries) == entries[-1].pipeline
    assert abs(entries[-1].pipeline - amount * stage.win_probability) <= 0.5 + amount * 1e-12
    assert sum(entry.cash_increment for entry in entries) == (amount if stage.outcome == "won" else 0)
    assert [entry.position for entry in entries] == list(range(len(entries)))


weights = st.lists(st.floats(0.001, 1), min_size=1, max_size=6).map(lambda raw: [one / sum(raw) for one in raw])


@given(total=st.integers(0, 10**12), parts=weights)
def test_a_split_loses_no_cent_and_is_fair_to_the_unit(total: int, parts: list[float]) -> None:
    shares = split(total, parts)
    assert sum(shares) == total
    assert all(abs(share - total * weight) < 1 + total * 1e-9 for share, weight in zip(shares, parts, strict=True))


@pytest.mark.parametrize(
    ("total", "parts", "expected"), [(100, [0.5, 0.5], [50, 50]), (101, [0.5, 0.5], [51, 50]), (1, [0.2, 0.8], [0, 1])]
)
def test_the_largest_remainder_gets_the_unit(total: int, parts: list[float], expected: list[int]) -> None:
    assert split(total, parts) == expected


@given(values=st.lists(st.integers(0, 10**8), min_size=1, max_size=8), parts=weights)
def test_split_increments_are_conserved_and_a_lost_deal_leaves_nothing(values: list[int], parts: list[float]) -> None:
    running = [*values, 0]
    increments = [now - before for before, now in zip([0, *running], running, strict=False)]
    rows = split_increments(increments, parts)
    assert [sum(row) for row in rows] == increments
    assert [sum(column) for column in zip(*rows, strict=True)] == [0] * len(parts)
