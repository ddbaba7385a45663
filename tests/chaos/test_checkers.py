"""Each checker finds what it is there for, and nothing in a history that is sound."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.chaos.checkers import CHECKS, violations
from tests.chaos.evidence import Evidence, Freeze
from tests.chaos.matching import match
from tests.chaos.story import ACCOUNT, REAL, START, Story


def found(evidence: Evidence) -> set[str]:
    """Numbers of the invariants that are broken."""
    return {broken.partition(":")[0] for broken in violations(evidence)}


def test_a_sound_history_breaks_nothing() -> None:
    story = Story().did("set_budget", 5500, 0).did("set_status", "PAUSED", 5).did("set_budget", 4800, 400)
    assert violations(story.evidence()) == []


def test_a_change_applied_twice_is_found() -> None:
    story = Story().did("set_budget", 5500, 0)
    story.attempted(30)
    story.happened(30, daily_budget=5500)
    assert found(story.evidence()) == {"I1"}


def test_two_objects_with_one_tag_are_found() -> None:
    story = Story()
    for number in (901, 902):
        story.asked("create_adset", None, number)
        story.attempted(number)
        story.history[-1]["remote_id"] = str(number)
        story.history[-1]["actual_budget"] = 5000
        params = {"name": "one [fw-tag]", "daily_budget": 5000}
        story.happened(number, path=f"{ACCOUNT}/adsets", answer={"id": str(number)}, **params)
    assert found(story.evidence(budgets={})) == {"I1"}


def test_an_effect_that_nobody_audited_is_found() -> None:
    story = Story().did("set_status", "PAUSED", 0)
    story.happened(10, status="ACTIVE")
    assert found(story.evidence()) == {"I2"}


@pytest.mark.parametrize(
    ("minutes", "params"), [(0.0, {"status": "PAUSED"}), (5.0, {"status": "ACTIVE"}), (0.0, {"name": "ACTIVE"})]
)
def test_a_claim_with_another_value_time_or_kind_is_found(minutes: float, params: dict[str, str]) -> None:
    story = Story()
    story.asked("set_status", "ACTIVE", 0)
    story.attempted(0)
    story.happened(minutes, **params)
    assert found(story.evidence()) == {"I2", "I3"}


def test_a_conflict_does_not_take_the_write_of_an_attempt_that_was_applied_while_it_was_open() -> None:
    story = Story()
    story.asked("set_status", "ACTIVE", 0, status="rejected")
    story.attempted(0, status="conflict")
    story.history[-1]["finished_at"] += timedelta(minutes=30)
    story.did("set_status", "ACTIVE", 10)
    assert match(story.evidence()).unfounded == []


@pytest.mark.parametrize(
    ("status", "priorities", "minutes", "unfounded"),
    [
        ("reconciled", (100, 100), 10, 0),
        ("reconciled", (100, 0), 10, 0),
        ("reconciled", (0, 100), 10, 0),
        ("applied", (100, 100), 10, 1),
        ("reconciled", (0, 0), 10, 1),
        ("reconciled", (100, 100), 50, 2),
    ],
    ids=["read back", "beside a safety pause", "a safety pause beside it", "answered", "no safety pause", "later"],
)
def test_one_pause_may_be_what_two_attempts_read_back_and_no_more_than_that(
    status: str, priorities: tuple[int, int], minutes: float, unfounded: int
) -> None:
    story = Story()
    for number in range(2):
        story.asked("set_status", "PAUSED", number, status="applied")
        story.queue[-1] |= {"priority": priorities[number], "jitter_seconds": 0.0}
        story.attempted(number, status="reconciled" if number == 0 else status)
        story.history[-1]["finished_at"] += timedelta(minutes=30)
    story.happened(minutes, status="PAUSED")
    assert len(match(story.evidence()).unfounded) == unfounded


@pytest.mark.parametrize(
    ("writes", "pauses", "broken"), [(14, 0, set()), (15, 0, {"I4"}), (14, 1, set()), (14, 2, {"I4"})]
)
def test_one_action_too_many_in_an_hour_is_found_across_the_hands_of_the_clock(
    writes: int, pauses: int, broken: set[str]
) -> None:
    story = Story()
    for number in range(writes + pauses):
        story.did("set_name", f"name {number}", 31 + 59 * number / (writes + pauses - 1))
    for change in story.queue[:pauses]:
        change |= {"priority": 100, "jitter_seconds": 0.0}
    assert found(story.evidence()) == broken


@pytest.mark.parametrize(
    ("second", "minutes", "broken"),
    [(6000, 100, set()), (6001, 100, {"I5"}), (4000, 100, set()), (3999, 100, {"I5"}), (7200, 361, {"I5"})],
)
def test_a_budget_too_far_from_the_one_it_replaces_is_found(second: int, minutes: float, broken: set[str]) -> None:
    story = Story().did("set_budget", second, minutes)
    assert found(story.evidence()) == broken


def test_a_budget_that_was_replaced_six_hours_ago_no_longer_counts() -> None:
    story = Story().did("set_budget", 6000, 0).did("set_budget", 7200, 361)
    assert violations(story.evidence()) == []
    early = Story().did("set_budget", 6000, 0).did("set_budget", 7200, 359)
    assert found(early.evidence()) == {"I5"}


def test_a_budget_in_force_until_just_now_counts_however_long_it_had_held() -> None:
    story = Story().did("set_budget", 5500, 0).did("set_budget", 5400, 1000).did("set_budget", 4399, 1001)
    assert found(story.evidence()) == {"I5"}


@pytest.mark.parametrize(("changes", "broken"), [(3, set()), (4, {"I6"})])
def test_a_fourth_budget_change_in_an_hour_is_found(changes: int, broken: set[str]) -> None:
    story = Story()
    for number in range(changes):
        story.did("set_budget", 5000 + number, 19 * number)
    assert found(story.evidence()) == broken


def test_a_lost_row_and_a_death_without_a_letter_are_found() -> None:
    story = Story()
    story.asked("set_status", "PAUSED", 0, status="dead")
    assert found(story.evidence(asked=2)) == {"I7"}
    assert found(story.evidence(letters=[])) == {"I7"}
    assert found(story.evidence(letters=[{"change_id": 1}, {"change_id": 1}])) == {"I7"}
    assert violations(story.evidence()) == []


def test_a_vain_try_of_a_safety_pause_is_an_action_of_nobody_but_only_one_a_try() -> None:
    story = Story()
    for number in range(14):
        story.did("set_name", f"name {number}", number)
    story.asked("set_status", "PAUSED", 20)
    story.queue[-1] |= {"priority": 100, "jitter_seconds": 0.0}
    for minute, status in ((21, "not_applied"), (22, "applied")):
        story.attempted(minute, status)
        story.happened(minute, status="PAUSED")
    assert violations(story.evidence()) == []
    story.happened(23, status="PAUSED")
    assert found(story.evidence()) == {"I2", "I4"}


def test_what_is_still_open_is_found() -> None:
    story = Story()
    story.asked("set_status", "PAUSED", 0, status="unknown")
    story.attempted(0, status="unknown")
    story.history[-1]["finished_at"] = None
    assert len(violations(story.evidence())) == 2
    assert found(story.evidence()) == {"I13"}


def test_an_older_change_that_takes_effect_after_a_newer_one_is_found() -> None:
    story = Story().did("set_status", "PAUSED", 0).did("set_status", "ACTIVE", 5)
    story.queue[0]["seq"], story.queue[1]["seq"] = 2, 1
    assert found(story.evidence()) == {"I14"}


def test_a_call_that_starts_during_a_freeze_is_found() -> None:
    story = Story().did("set_status", "PAUSED", 10)
    during = Freeze(ACCOUNT, REAL + timedelta(minutes=9), REAL + timedelta(minutes=20))
    just_before_it_came = Freeze(ACCOUNT, REAL + timedelta(minutes=10, seconds=0.5), REAL + timedelta(minutes=20))
    of_another = replace(during, account="act_2")
    assert found(story.evidence(freezes=[during])) == {"I16"}
    assert violations(story.evidence(freezes=[just_before_it_came, of_another])) == []


@pytest.mark.parametrize(
    ("jitter", "priority", "broken"),
    [(2.9, 0, {"I25"}), (18.1, 0, {"I25"}), (3.0, 0, set()), (0.0, 100, set()), (5.0, 100, {"I25"})],
)
def test_a_jitter_out_of_bounds_is_found(jitter: float, priority: int, broken: set[str]) -> None:
    story = Story().did("set_status", "PAUSED", 0)
    story.queue[0] |= {"jitter_seconds": jitter, "priority": priority}
    assert found(story.evidence()) == broken


def test_a_jitter_that_was_not_waited_for_is_found() -> None:
    story = Story().did("set_status", "PAUSED", 0)
    story.queue[0]["created_at"] = START - timedelta(seconds=5)
    assert found(story.evidence()) == {"I25"}


def test_every_checker_is_shown_to_find_something() -> None:
    assert set(CHECKS) == {"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I13", "I14", "I16", "I25"}
