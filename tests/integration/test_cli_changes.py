"""The operator's commands: what they print, what a program can read, and how a refusal looks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flywheel_assets.cli.exits import Exit
from flywheel_assets.clients.meta_accounts import MetaAccounts
from flywheel_assets.core.errors import PermanentError
from flywheel_assets.execution.drain import drain
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.sandbox.meta.app import build_app
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.sandbox.server import SandboxServer
from flywheel_assets.settings import Safety, Settings
from flywheel_assets.store.tables import accounts
from tests.executor_bench import Bench
from tests.fakes import Fault
from tests.integration.conftest import TwinClock
from tests.terminal import refused

# Dagster looks for the fields of a resource that has none in the way an older pydantic kept them.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute")

ACCOUNT = "act_1000000001"


class Flywheel:
    """The program within this process, at the test's installation."""

    def __init__(self, settings: Settings) -> None:
        self._environment = {
            "FLYWHEEL_HOME": str(settings.root),
            "FLYWHEEL_DATABASE_URL": str(settings.database_url),
        }

    def __call__(self, *arguments: str, **environment: str) -> Result:
        from flywheel_assets.cli import main

        result = CliRunner(env=self._environment | environment).invoke(main, list(arguments))
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def said(self, *arguments: str) -> str:
        """What a command that goes well prints."""
        result = self(*arguments)
        assert (result.exit_code, result.stderr) == (0, "")
        return result.stdout

    def table(self, *arguments: str) -> list[list[str]]:
        """The words of every row but the heading."""
        return [line.split() for line in self.said(*arguments).splitlines()[1:]]

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.said(*arguments, "--json").splitlines()]

    def refused(self, *arguments: str, code: Exit = Exit.REFUSED) -> str:
        """What a refusal says: what is wrong and what to do."""
        return refused(self(*arguments), code)


@pytest.fixture
def flywheel(settings: Settings, bench: Bench) -> Flywheel:
    del bench  # there is an installation with an account
    return Flywheel(settings)


def short(bench: Bench, place: int = 0) -> str:
    return str(bench.queue[place]["id"])[:8]


def fields(told: str) -> list[tuple[str, str]]:
    """Name and value of every line of a story."""
    lines = [line.partition("  ") for line in told.splitlines() if line.strip()]
    return [(name.strip(), value.strip()) for name, _, value in lines]


# --- looking -----------------------------------------------------------------------------------------


def test_a_list_shows_each_change_by_its_short_id_with_money_and_reason(bench: Bench, flywheel: Flywheel) -> None:
    ref = bench.adset("a")
    bench.enqueue(bench.budget(ref, 5500), bench.pause("c1/campaign", reasoning="[bold] too dear [fw-1]"))
    budget, pause = flywheel.table("changes", "list")
    assert budget == [
        short(bench),
        "pending",
        "set_budget",
        ref,
        *["55.00", "USD", "a", "day", "because", "the", "test", "says", "so"],
    ]
    assert pause == [
        short(bench, 1),
        "pending",
        "set_status",
        "c1/campaign",
        *["PAUSED", "[bold]", "too", "dear", "[fw-1]"],
    ]


def test_a_list_can_be_narrowed_to_a_plan_or_a_status(bench: Bench, flywheel: Flywheel) -> None:
    plan = bench.enqueue(bench.pause(bench.adset("a"))).plan_digest
    bench.enqueue(bench.pause(bench.adset("b")))
    assert [row["object_ref"] for row in flywheel.json("changes", "list", "--plan", plan[:12])] == ["c1/a/adset"]
    assert len(flywheel.json("changes", "list", "--status", "pending")) == 2
    nothing = flywheel("changes", "list", "--status", "dead", "--json")
    assert (nothing.exit_code, nothing.stdout, nothing.stderr) == (0, "", "no changes\n")


def test_a_list_says_how_proposed_plans_are_let_go(bench: Bench, flywheel: Flywheel) -> None:
    bench.mode("approve")
    plan = bench.enqueue(bench.pause(bench.adset("a"))).plan_digest
    told = flywheel("changes", "list").stderr
    assert told == f"1 proposed; let them go with: flywheel changes approve {plan[:12]}\n"


def test_plans_are_shown_with_counts_money_and_age(bench: Bench, flywheel: Flywheel, clock: TwinClock) -> None:
    bench.mode("approve")
    plan = bench.enqueue(bench.budget(bench.adset("a", 5000), 5500), bench.pause("c1/campaign")).plan_digest
    clock.forward(hours=3, minutes=5)
    (row,) = flywheel.table("changes", "plans")
    assert row == [plan[:12], ACCOUNT, "test", "2", "proposed", "5.00", "USD", "3", "h", "5", "min"]
    (found,) = flywheel.json("changes", "plans")
    assert (found["plan_digest"], found["adds"], found["counts"]) == (plan, 500, {"proposed": 2})


@pytest.mark.parametrize(
    ("command", "said"), [("list", "no changes"), ("plans", "no plans"), ("dead-letters", "no dead letters")]
)
def test_an_empty_queue_is_said_to_be_empty(flywheel: Flywheel, command: str, said: str) -> None:
    result = flywheel("changes", command)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"{said}\n")


def test_a_change_is_shown_with_every_amount_on_its_way_and_every_error(bench: Bench, flywheel: Flywheel) -> None:
    bench.platform.writes.append(Fault(PermanentError("Invalid parameter", code=100, subcode=33, trace_id="AbC")))
    bench.enqueue(bench.budget(bench.adset("a", 5000), 9000))
    bench.drain_all()
    flywheel.said("changes", "retry", short(bench))
    bench.drain_all()
    told = fields(flywheel.said("changes", "show", short(bench)))
    names = [name for name, _ in told]
    last = dict(told[names.index("attempt 2") :])
    assert dict(told)["asked for"] == "90.00 USD a day"
    assert ("error", "PermanentError: Invalid parameter (code 100, subcode 33, trace id AbC)") in told
    assert (last["requested"], last["in force before"], last["after the limits"], last["applied"]) == (
        "90.00 USD", "50.00 USD", "60.00 USD", "60.00 USD",
    )  # fmt: skip
    assert last["after the fuzz"] not in ("90.00 USD", "60.00 USD")
    assert names.count("adjusted") >= 2


def test_a_change_that_does_nothing_says_why_and_until_when(bench: Bench, flywheel: Flywheel) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    flywheel.said("freeze", ACCOUNT, "--reason", "holiday")
    told = fields(flywheel.said("changes", "show", short(bench)))
    assert ("waits for", f"account {ACCOUNT} is frozen: holiday") in told
    assert ("not before", f"{bench.queue[0]['not_before']:%Y-%m-%d %H:%M:%S} UTC") in told
    (found,) = flywheel.json("changes", "show", short(bench))
    assert (found["id"], found["attempts"], found["plan"]) == (str(bench.queue[0]["id"]), [], {"pending": 1})


def test_dead_letters_name_the_error_and_the_way_back(bench: Bench, flywheel: Flywheel) -> None:
    bench.platform.writes.append(Fault(PermanentError("no such ad set", code=100)))
    bench.enqueue(bench.pause(bench.adset("a")))
    bench.drain_all()
    (row,) = flywheel.table("changes", "dead-letters")
    assert row[0] == short(bench)
    assert row[-5:] == ["PermanentError", "no", "such", "ad", "set"]
    (found,) = flywheel.json("changes", "dead-letters")
    assert (found["rule"], found["object_ref"], found["error"]["code"]) == ("PermanentError", "c1/a/adset", 100)
    told = fields(flywheel.said("changes", "show", short(bench)))
    assert ("send again", f"flywheel changes retry {short(bench)}") in told


# --- deciding ----------------------------------------------------------------------------------------


def test_a_plan_is_approved_or_rejected_by_the_start_of_its_digest(bench: Bench, flywheel: Flywheel) -> None:
    bench.mode("approve")
    good = bench.enqueue(bench.pause(bench.adset("a"))).plan_digest
    bad = bench.enqueue(bench.pause(bench.adset("b"))).plan_digest
    assert flywheel.json("changes", "approve", good[:12]) == [{"plan_digest": good, "approved": 1}]
    assert flywheel.said("changes", "reject", bad[:12], "--reason", "not now") == "1 change rejected\n"
    assert bench.statuses() == ["pending", "rejected"]
    assert "nothing_to_reject" in flywheel.refused("changes", "reject", bad[:12], "--reason", "not now")
    assert "unknown_plan" in flywheel.refused("changes", "approve", "d0d0d0")


def test_a_retry_says_what_came_back_and_a_refused_one_why(bench: Bench, flywheel: Flywheel, tmp_path: Path) -> None:
    bench.platform.writes.append(Fault(PermanentError("no"), path="/campaigns"))
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    bench.drain_all()
    told = flywheel.said("changes", "retry", short(bench))
    assert told == f"change {short(bench)} is pending again, with 3 that were cancelled because of it\n"
    assert "open: it is open and goes out by itself" in flywheel.refused("changes", "retry", short(bench))


def test_an_undo_shows_what_goes_back_to_what_and_what_a_limit_makes_of_it(bench: Bench, flywheel: Flywheel) -> None:
    bench.enqueue(bench.budget(bench.adset("a", 5000), 4000))
    bench.drain_all()
    result = flywheel("changes", "undo", short(bench))
    assert result.exit_code == 0
    row, said = result.stdout.splitlines()[1:]
    assert row.split() == ["c1/a/adset", "set_budget", "50.00", "USD", "a", "day"]
    assert said == "1 change queued, to go out within the limits"
    assert "note: c1/a/adset: back to 50.00 USD is more than the 20 % rule allows now; it goes to 4" in result.stderr
    assert "undone_before" in flywheel.refused("changes", "undo", short(bench))


def test_an_undo_for_an_account_that_waits_says_for_what(bench: Bench, flywheel: Flywheel) -> None:
    plan = bench.enqueue(bench.pause(bench.adset("a"))).plan_digest
    bench.drain_all()
    flywheel.said("freeze", ACCOUNT, "--reason", "holiday")
    assert "1 change queued, to wait until the account is resumed; it is frozen: holiday" in flywheel.said(
        "changes", "undo", plan[:12]
    )
    bench.enqueue(bench.pause(bench.adset("b")))
    bench.sql("update accounts set frozen = false, frozen_reason = null")
    bench.drain_all()
    bench.mode("approve")
    told = flywheel.said("changes", "undo", short(bench, 2))
    assert f"to wait for: flywheel changes approve {bench.queue[3]['plan_digest'][:12]}" in told


def test_an_undo_can_be_read_by_a_program(bench: Bench, flywheel: Flywheel) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    bench.drain_all()
    (found,) = flywheel.json("changes", "undo", short(bench))
    assert (found["added"], found["status"], found["left"], found["notes"]) == (1, "pending", [], [])
    assert found["changes"][0]["spec"] == {"kind": "set_status", "status": "ACTIVE"}


def test_what_names_neither_a_change_nor_a_plan_is_refused(flywheel: Flywheel) -> None:
    assert "no plan begins so" in flywheel.refused("changes", "undo", "abcdef12")


# --- the two stops -----------------------------------------------------------------------------------


@pytest.fixture
def twin(bench: Bench, clock: TwinClock, tmp_path: Path) -> Iterator[str]:
    """Address of a twin."""
    state = SandboxMeta(tmp_path / "meta.sqlite", {bench.account.account_id: "USD"}, clock.now)
    with SandboxServer(build_app(state)) as server:
        yield server.url
    state.close()


def launched_at(twin: str, bench: Bench, folder: Path) -> None:
    """A campaign that runs at the twin."""
    bench.enqueue(*bench.launch(folder, variations=1))
    with MetaAccounts(bench.store.settings.model_copy(update={"meta_graph_url": twin})) as platforms:
        list(drain(SafeExecutor(bench.store.engine, platforms, bench.store.blobs, Safety(), "w1")))
    assert set(bench.statuses()) == {"applied"}


def test_stop_spend_tells_what_it_pauses_and_what_is_not_ours(bench: Bench, flywheel: Flywheel) -> None:
    bench.adset("a")
    told = flywheel.said("stop-spend", ACCOUNT, "--reason", "too dear")
    assert "c1/campaign" in told
    assert "1 pause queued, 0 before" in told
    assert "did not create are not ours to pause" in told
    again = flywheel.json("stop-spend", ACCOUNT, "--reason", "too dear")
    assert (again[0]["added"], again[0]["known"], again[0]["to_pause"]) == (0, 1, ["c1/campaign"])
    assert again[0]["not_paused"] == {"c1/campaign": "pending"}
    (row,) = bench.rows(accounts)
    assert (row["frozen"], row["pausing"], row["frozen_reason"]) == (True, True, "spend stopped: too dear")


def test_stop_spend_waits_until_every_campaign_is_paused_and_resume_says_how_to_go_on(
    bench: Bench, flywheel: Flywheel, twin: str, tmp_path: Path
) -> None:
    launched_at(twin, bench, tmp_path)
    result = flywheel("stop-spend", ACCOUNT, "--reason", "too dear", "--wait", FLYWHEEL_META_GRAPH_URL=twin)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "every campaign of ours is paused")
    pause = bench.queue[-1]
    assert (pause["object_ref"], pause["spec"]["status"], pause["status"]) == ("c1/campaign", "PAUSED", "applied")
    assert flywheel.said("resume", ACCOUNT).splitlines() == [
        f"{ACCOUNT} goes on",
        f"campaigns stay paused; start them again with: flywheel changes undo {pause['plan_digest'][:12]}",
    ]
    flywheel.said("changes", "undo", pause["plan_digest"][:12])
    assert flywheel.said("resume", ACCOUNT) == f"{ACCOUNT} goes on\n"


def test_stop_spend_fails_when_a_campaign_could_not_be_paused(bench: Bench, flywheel: Flywheel, twin: str) -> None:
    bench.adset("a")  # the twin has never heard of it
    result = flywheel("stop-spend", ACCOUNT, "--reason", "too dear", "--wait", FLYWHEEL_META_GRAPH_URL=twin)
    assert result.exit_code == Exit.FAILED
    assert "1 campaign not paused (c1/campaign: " in result.stderr
    assert bench.letters != []


# --- the worker --------------------------------------------------------------------------------------


def test_a_worker_told_to_run_once_applies_what_is_due_and_leaves_the_rest(
    bench: Bench, flywheel: Flywheel, twin: str, tmp_path: Path
) -> None:
    launched_at(twin, bench, tmp_path)
    bench.enqueue(bench.pause("c1/v0/adset"), bench.pause("c1/v0/ad"))
    bench.sql(
        "update pending_ad_changes set not_before = case object_ref when 'c1/v0/ad' then cast('infinity' as timestamptz)"
        " else flywheel_now() end where status = 'pending'"
    )
    result = flywheel("worker", "--once", "--json", FLYWHEEL_META_GRAPH_URL=twin)
    assert result.exit_code == 0
    (told,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert told == {
        "change_id": str(bench.queue[-2]["id"]),
        "outcome": "applied",
        "change_type": "set_status",
        "object_ref": "c1/v0/adset",
        "reason": told["reason"],
        "until": None,
    }
    assert bench.statuses()[-2:] == ["applied", "pending"]


def test_a_worker_that_cannot_start_says_why_and_fails(flywheel: Flywheel) -> None:
    result = flywheel("worker", FLYWHEEL_META_GRAPH_URL="https://graph.example.org")
    assert (result.exit_code, result.stdout) == (Exit.CONFIGURATION, "")
    assert "the world is sandbox but FLYWHEEL_META_GRAPH_URL is at graph.example.org" in result.stderr


# --- all of them -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["freeze", "resume", "stop-spend"])
def test_an_unknown_account_is_refused_with_those_that_are_known(flywheel: Flywheel, command: str) -> None:
    reason = () if command == "resume" else ("--reason", "why")
    assert f"known are: {ACCOUNT}" in flywheel.refused(command, "act_9", *reason, code=Exit.CONFIGURATION)


@pytest.mark.parametrize(
    "command",
    [
        *(
            ("changes", name)
            for name in ("list", "show", "plans", "approve", "reject", "retry", "undo", "dead-letters")
        ),
        *((name,) for name in ("freeze", "resume", "stop-spend", "worker")),
    ],
)
def test_every_command_explains_itself(flywheel: Flywheel, command: tuple[str, ...]) -> None:
    told = flywheel.said(*command, "--help")
    assert told.startswith("Usage: ")
    purpose = told.partition("\n\n")[2].partition("Options:")[0]
    assert len(purpose.split()) >= 10
    assert "--json" in told
