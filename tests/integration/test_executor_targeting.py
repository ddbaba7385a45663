"""Whom an ad set reaches and what it is called: sent, audited with what stood before, read back."""

from __future__ import annotations

from typing import Any

import pytest

from flywheel_assets.core.changes import AdChange, SetName, SetTargeting
from flywheel_assets.core.errors import AmbiguousOutcome
from tests.executor_bench import Bench, remote
from tests.fakes import Fault

US = {"geo_locations": {"countries": ["US"]}}
ADULTS = {**US, "age_min": 18}
CANADA = {"geo_locations": {"countries": ["CA"]}}


@pytest.fixture
def ref(bench: Bench) -> str:
    made = bench.adset("a")
    bench.platform.put(remote(made), targeting=US, name="Old [fw-c1/a/adset]")
    return made


def change(bench: Bench, ref: str, field: str) -> AdChange:
    return bench.change(ref, SetTargeting(targeting=CANADA) if field == "targeting" else SetName(name="New"))


WANTED: dict[str, Any] = {"targeting": CANADA, "name": "New [fw-c1/a/adset]"}
BEFORE: dict[str, Any] = {"targeting": US, "name": "Old [fw-c1/a/adset]"}
fields = pytest.mark.parametrize("field", ["targeting", "name"])


@fields
def test_it_is_sent_and_the_audit_knows_what_stood_before(bench: Bench, ref: str, field: str) -> None:
    assert bench.ask(change(bench, ref, field)).outcome == "applied"
    assert [row["params"] for row in bench.platform.journal] == [{field: WANTED[field]}]
    (row,) = bench.history
    assert (row["status"], row["scope"], row["previous"]) == ("applied", "campaign", {field: BEFORE[field]})
    assert (row["previous_budget"], row["target_budget"]) == (None, None)


def test_the_tag_by_which_the_object_is_found_stays_in_its_name(bench: Bench, ref: str) -> None:
    bench.ask(change(bench, ref, "name"))
    assert bench.platform.objects[remote(ref)]["name"] == f"New [{bench.known(ref)['tag']}]"


@fields
def test_what_is_as_asked_already_is_cancelled_without_a_call(bench: Bench, ref: str, field: str) -> None:
    bench.platform.put(remote(ref), **{field: WANTED[field]})
    step = bench.ask(change(bench, ref, field))
    assert (step.outcome, step.reason) == ("cancelled", f"{ref} is as asked already")
    assert bench.platform.journal == bench.history == []


@fields
@pytest.mark.parametrize(("landed", "ends"), [(True, ["reconciled"]), (False, ["not_applied", "applied"])])
def test_after_an_ambiguous_answer_it_is_read_back(
    bench: Bench, ref: str, field: str, landed: bool, ends: list[str]
) -> None:
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=landed)]
    bench.enqueue(change(bench, ref, field))
    bench.drain_all()
    assert [row["status"] for row in bench.history] == ends
    assert len(bench.platform.journal) == len(ends)
    assert bench.platform.objects[remote(ref)][field] == WANTED[field]
    assert bench.statuses() == ["applied"]


@fields
def test_a_third_value_is_somebody_elses_and_stays(bench: Bench, ref: str, field: str) -> None:
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))]
    bench.enqueue(change(bench, ref, field))
    bench.due()
    bench.executor().run_one()
    bench.due()
    theirs: Any = {"geo_locations": {"countries": ["MX"]}} if field == "targeting" else "Theirs"
    bench.platform.put(remote(ref), **{field: theirs})
    assert [step.outcome for step in bench.drain()] == ["rejected"]
    assert [row["status"] for row in bench.history] == ["conflict"]
    assert bench.platform.objects[remote(ref)][field] == theirs
    assert len(bench.platform.journal) == 1


def test_what_the_platform_filled_in_does_not_hide_that_a_targeting_landed(bench: Bench, ref: str) -> None:
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))]
    bench.enqueue(change(bench, ref, "targeting"))
    bench.due()
    bench.executor().run_one()
    bench.due()
    bench.platform.put(remote(ref), targeting={**CANADA, "age_max": 65})
    assert [step.outcome for step in bench.drain()] == ["applied"]
    assert [row["status"] for row in bench.history] == ["reconciled"]


def test_a_targeting_that_only_takes_something_away_has_not_landed_while_the_old_one_is_shown(
    bench: Bench, ref: str
) -> None:
    """All that was asked for is in what stood before, which proves nothing."""
    bench.platform.put(remote(ref), targeting=ADULTS)
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))]
    bench.enqueue(bench.change(ref, SetTargeting(targeting=US)))
    bench.drain_all()
    assert [row["status"] for row in bench.history] == ["not_applied", "applied"]
    assert bench.platform.objects[remote(ref)]["targeting"] == US
