"""An object is made once: before it is asked for again the platform is searched for it, whatever the first answer was."""

from __future__ import annotations

from pathlib import Path

import pytest

from flywheel_assets.core.changes import CreateCampaign
from flywheel_assets.core.errors import AmbiguousOutcome, PermanentError, TransientError
from flywheel_assets.execution import operators
from flywheel_assets.execution.audit import compare
from flywheel_assets.settings import Safety
from tests.executor_bench import Bench
from tests.fakes import Fault
from tests.integration.conftest import TwinClock

SETTLE = Safety().settle_seconds
EDGES = ["campaigns", "adsets", "advideos", "adimages", "adcreatives", "ads"]
edges = pytest.mark.parametrize("edge", EDGES)


def made(bench: Bench, edge: str) -> int:
    return sum(known.get("edge") == edge for known in bench.platform.objects.values())


def calls(bench: Bench, edge: str) -> int:
    return sum(row["path"] == f"act_1/{edge}" for row in bench.platform.journal)


def no_gaps(bench: Bench) -> bool:
    with bench.store.engine.connect() as connection:
        return compare(connection, bench.platform.journal).gaps == 0


@pytest.fixture
def dead(bench: Bench, clock: TwinClock) -> None:
    """A campaign that was made unanswered, and whose search was refused: given up, with nobody knowing of it."""
    spec = CreateCampaign(name="C", objective="OUTCOME_LEADS", special_ad_categories=())
    bench.enqueue(bench.change("c1/campaign", spec))
    bench.due()
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=True)]
    bench.drain()
    clock.forward(seconds=SETTLE)
    bench.platform.reads = [PermanentError("(#100) filtering is not allowed", code=100)]
    assert [step.outcome for step in bench.drain()] == ["dead"]


@edges
def test_what_was_made_although_the_platform_said_it_failed_is_found_and_not_made_again(
    bench: Bench, tmp_path: Path, edge: str
) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    bench.platform.writes = [Fault(TransientError("Create Failed", code=100, subcode=1487390), landed=True, path=edge)]
    bench.drain_all()
    assert (made(bench, edge), calls(bench, edge), set(bench.statuses())) == (1, 1, {"applied"})
    assert sorted(row["status"] for row in bench.history if row["status"] != "applied") == ["failed", "reconciled"]
    assert no_gaps(bench)


@edges
def test_what_failed_indeed_is_made_at_the_second_call(bench: Bench, tmp_path: Path, edge: str) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    bench.platform.writes = [Fault(TransientError("Create Failed", code=100, subcode=1487390), path=edge)]
    bench.drain_all()
    assert (made(bench, edge), calls(bench, edge), set(bench.statuses())) == (1, 2, {"applied"})
    assert no_gaps(bench)


def test_a_first_call_is_not_preceded_by_a_search(bench: Bench, tmp_path: Path) -> None:
    """It costs a read; nothing can be there yet."""
    bench.enqueue(bench.launch(tmp_path, variations=1)[0])
    bench.platform.reads = [PermanentError("asked")]
    bench.drain_all()
    assert (len(bench.platform.reads), bench.statuses()) == (1, ["applied"])


@pytest.mark.usefixtures("dead")
def test_an_outcome_that_could_not_be_found_out_is_not_called_a_failure(bench: Bench) -> None:
    assert [row["status"] for row in bench.history] == ["conflict"]
    (alert,) = bench.alerts
    assert (alert["rule"], alert["stopped"]) == ("launch_incomplete", False)


@pytest.mark.usefixtures("dead")
def test_a_person_who_sends_it_again_makes_no_second_one(bench: Bench) -> None:
    with bench.store.engine.begin() as connection:
        operators.retry(connection, bench.queue[0]["id"], Safety())
    bench.drain_all()
    assert (made(bench, "campaigns"), calls(bench, "campaigns"), bench.statuses()) == (1, 1, ["applied"])
    assert [row["status"] for row in bench.history] == ["conflict", "reconciled"]
    (remote_id,) = bench.platform.objects
    assert bench.known("c1/campaign")["remote_id"] == remote_id


def test_a_budget_whose_outcome_could_not_be_found_out_binds_the_next_one(bench: Bench, clock: TwinClock) -> None:
    """The 5900 may have been in force: 4000 would be 32 % less within minutes."""
    ref = bench.adset("a")
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))]
    bench.enqueue(bench.budget(ref, 5900))
    bench.due()
    worker = bench.executor(fuzz=0)
    worker.run_one()
    clock.forward(seconds=SETTLE)
    bench.platform.reads = [PermanentError("unsupported request", code=100)]
    assert [step.outcome for step in worker.drain()] == ["dead"]
    assert bench.ask(bench.budget(ref, 4000), fuzz=0).outcome == "applied"
    assert bench.shown_budget(ref) == 4720
