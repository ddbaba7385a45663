"""Who made an edit: the entry of the account's log that fits it, or nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flywheel_assets.clients.meta_activities import Activity
from flywheel_assets.execution.edits import VANISHED, edit, named, nameless, told

BEFORE = datetime(2026, 11, 2, 8, 5, tzinfo=UTC)
NOW = BEFORE + timedelta(hours=1)
AT = BEFORE + timedelta(minutes=30)
ADA = Activity(
    "update_ad_set_budget",
    AT,
    "7",
    "55",
    "66",
    old="5000",
    new="9000",
    actor_name="Ada",
    application_name="Ads Manager",
)
PAUSED = replace(ADA, event_type="update_campaign_run_status", old="Active", new="Inactive")


def budget(theirs: int | None = 9000, **drift: Any) -> dict[str, Any]:
    return edit(drift, "daily_budget", 5000, theirs, after=BEFORE, now=NOW)


def status(theirs: str = "PAUSED", field: str = "status") -> dict[str, Any]:
    return edit(None, field, "ACTIVE", theirs, after=BEFORE, now=NOW)


def author(field: str, one: dict[str, Any], *log: Activity) -> str | None:
    by = named(field, one, "7", log).get("by")
    return None if by is None else by["who"]


def test_the_log_names_who_through_what_and_when() -> None:
    one = named("daily_budget", budget(), "7", [ADA])
    assert one["by"] == {"who": "Ada", "through": "Ads Manager", "at": AT.isoformat()}
    assert told("c1/a/adset", "daily_budget", one) == (
        "c1/a/adset: daily_budget is 9000, ours was 5000, by Ada through Ads Manager at 2026-11-02 08:35 UTC"
    )


@pytest.mark.parametrize(
    "other",
    [
        {"object_id": "8"},
        {"event_type": "update_ad_set_run_status"},
        {"new": "5000"},  # our own write before it
        {"new": "8999"},  # theirs before the last one
        {"at": BEFORE - timedelta(minutes=2)},
        {"at": NOW + timedelta(minutes=2)},
    ],
    ids=["another object", "another field", "ours", "an earlier one", "too early", "too late"],
)
def test_an_entry_that_does_not_fit_names_nobody(other: dict[str, Any]) -> None:
    assert author("daily_budget", budget(), replace(ADA, **other)) is None
    assert author("daily_budget", budget(), replace(ADA, **other), ADA) == "Ada"


def test_of_several_that_fit_the_last_one_stands() -> None:
    later = replace(ADA, at=AT + timedelta(minutes=5), actor_name="Grace")
    assert author("daily_budget", budget(), later, ADA) == "Grace"


def test_a_clock_that_is_a_little_off_does_not_hide_an_entry() -> None:
    assert author("daily_budget", budget(), replace(ADA, at=NOW + timedelta(seconds=50))) == "Ada"


def test_an_entry_whose_values_cannot_be_read_fits_by_object_kind_and_time() -> None:
    assert author("daily_budget", budget(), replace(ADA, old=None, new=None)) == "Ada"


@pytest.mark.parametrize(("word", "shown"), [("Inactive", "PAUSED"), ("PAUSED", "PAUSED"), ("Active", "ACTIVE")])
def test_the_logs_own_words_for_a_status_are_understood(word: str, shown: str) -> None:
    other = "ACTIVE" if shown == "PAUSED" else "PAUSED"
    entry = replace(PAUSED, new=word)
    assert (author("status", status(shown), entry), author("status", status(other), entry)) == ("Ada", None)


@pytest.mark.parametrize(("word", "who"), [("DELETED", "Ada"), ("Deleted", "Ada"), ("PAUSED", None), (None, None)])
def test_what_is_not_shown_any_more_was_deleted_only_if_the_log_says_so(word: str | None, who: str | None) -> None:
    gone = status("NOT_SHOWN", VANISHED)
    assert author(VANISHED, gone, replace(PAUSED, event_type="update_ad_run_status", new=word)) == who


def test_numbers_stand_in_for_names_that_are_not_shown() -> None:
    one = named("daily_budget", budget(), "7", [replace(ADA, actor_name=None, application_name=None)])
    assert "by 66 through 55 at" in told("r", "daily_budget", one)
    nobody = replace(ADA, actor_name=None, actor_id=None, application_name=None, application_id=None)
    assert "by somebody without a name at" in told("r", "daily_budget", named("daily_budget", budget(), "7", [nobody]))


def test_an_edit_that_goes_on_keeps_its_times_and_its_author() -> None:
    first = named("daily_budget", budget(), "7", [ADA])
    again = edit({"daily_budget": first}, "daily_budget", 5000, 9000, after=NOW, now=NOW + timedelta(hours=1))
    assert again == first
    moved = edit({"daily_budget": first}, "daily_budget", 5000, 9500, after=NOW, now=NOW + timedelta(hours=1))
    assert (moved["after"], "by" in moved) == (NOW.isoformat(), False)


def test_an_author_is_looked_for_until_the_log_must_have_him() -> None:
    day = timedelta(hours=24)
    assert nameless(budget(), NOW + day, day)
    assert not nameless(budget(), NOW + day + timedelta(seconds=1), day)
    assert not nameless(named("daily_budget", budget(), "7", [ADA]), NOW, day)


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        (0, "no daily budget of its own any more, ours was 5000"),
        (None, "a lifetime budget, ours was 5000"),
    ],
)
def test_a_budget_that_is_none_is_told_in_words(theirs: int | None, said: str) -> None:
    window = "between 2026-11-02 08:05 and 2026-11-02 09:05 UTC; the account's log does not name who"
    assert told("c1/a/adset", "daily_budget", budget(theirs)) == f"c1/a/adset: {said}, {window}"
