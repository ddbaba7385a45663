"""The command line: what it says, and that a mistake ends in two lines and an exit code of its own."""

from __future__ import annotations

import json
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flywheel_assets.cli.exits import Exit
from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.sandbox.market.scenarios import SCENARIOS
from flywheel_assets.settings import Settings
from flywheel_assets.store.store import Store
from tests.executor_bench import Bench
from tests.terminal import installed, invoke, refused

# Dagster looks for the fields of a resource that has none in the way an older pydantic kept them.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute")


@pytest.fixture
def at(settings: Settings) -> dict[str, str]:
    """The environment of the test's installation."""
    return {"FLYWHEEL_HOME": str(settings.root), "FLYWHEEL_DATABASE_URL": str(settings.database_url)}


@pytest.fixture
def open_home() -> Iterator[Path]:
    """A new home below folders that everybody may enter, so that its database lies in it under root too."""
    with tempfile.TemporaryDirectory(prefix="fw-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "home"


# --- the installed program ------------------------------------------------------------------------


def test_help_names_every_command_with_its_purpose() -> None:
    ran = installed("--help")
    assert ran.returncode == 0
    assert ran.stderr == ""
    commands = [line.split() for line in ran.stdout.partition("Commands:")[2].splitlines() if line.strip()]
    assert {"demo", "up", "changes", "fetch-weights"} <= {words[0] for words in commands}
    assert all(len(words) > 3 for words in commands)


def test_an_empty_installation_has_no_changes_and_needs_no_server(open_home: Path) -> None:
    ran = installed("changes", "list", FLYWHEEL_HOME=str(open_home))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "no changes\n")
    assert (open_home / "postgres" / "PG_VERSION").exists()


def test_the_demo_refuses_the_live_world_and_starts_nothing(open_home: Path) -> None:
    ran = installed("demo", FLYWHEEL_HOME=str(open_home), FLYWHEEL_WORLD="live")
    assert (ran.returncode, ran.stdout) == (Exit.CONFIGURATION, "")
    assert ran.stderr == "flywheel: the demo runs in the sandbox only\nnext: unset FLYWHEEL_WORLD\n"
    assert not open_home.exists()


# --- mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "said", "code"),
    [
        ("FLYWHEEL_WORLD", "moon", "FLYWHEEL_WORLD: Input should be 'sandbox' or 'live'", Exit.CONFIGURATION),
        (
            "FLYWHEEL_SAFETY__FUZZ",
            "7",
            "FLYWHEEL_SAFETY__FUZZ: Input should be less than or equal to 0.1",
            Exit.CONFIGURATION,
        ),
        ("FLYWHEEL_SAFETY", "none", '"safety"', Exit.CONFIGURATION),
        ("FLYWHEEL_DATABASE_URL", "nonsense", "FLYWHEEL_DATABASE_URL is not of the form", Exit.CONFIGURATION),
        ("FLYWHEEL_DATABASE_URL", "postgresql://me:hush@127.0.0.1:1/ads", "//127.0.0.1:1/ads: ", Exit.UNAVAILABLE),
    ],
)
def test_a_wrong_variable_is_named(at: dict[str, str], name: str, value: str, said: str, code: Exit) -> None:
    line = refused(invoke("changes", "list", **(at | {name: value})), code)
    assert said in line
    assert "hush" not in line


@pytest.mark.parametrize("command", ["demo", "up"])
def test_an_account_file_that_does_not_exist_stops_before_anything_starts(at: dict[str, str], command: str) -> None:
    line = refused(invoke(command, **at, FLYWHEEL_ACCOUNT_FILE="/nowhere/account.yaml"), Exit.CONFIGURATION)
    assert "/nowhere/account.yaml does not exist; set FLYWHEEL_ACCOUNT_FILE" in line
    assert not Path(at["FLYWHEEL_HOME"]).exists()


@pytest.mark.parametrize("command", ["demo", "up"])
def test_a_scenario_nobody_knows_stops_before_anything_starts(at: dict[str, str], command: str) -> None:
    line = refused(invoke(command, **at, FLYWHEEL_SCENARIO="moon"), Exit.CONFIGURATION)
    assert "scenario 'moon' is not known; choose from service, " in line
    assert not Path(at["FLYWHEEL_HOME"]).exists()


def test_a_twin_lives_in_the_scenario_of_the_settings_and_keeps_it(store: Store, account: Account) -> None:
    from flywheel_assets.cli.installation import Installation
    from flywheel_assets.cli.twin import running_twin

    def asked(scenario: str) -> Installation:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            free = {"gateway_port": taken.getsockname()[1]}
        return Installation(store.settings.model_copy(update=free | {"scenario": scenario}), store, account)

    with running_twin(asked("slow_deals")) as twin:
        assert twin.meta.scenario is SCENARIOS["slow_deals"]
    with pytest.raises(ConfigurationError, match="began with scenario slow_deals"), running_twin(asked("service")):
        pytest.fail("ads would change under those who decide about them")


def test_nobody_chooses_the_market_of_the_live_world(at: dict[str, str]) -> None:
    line = refused(invoke("up", "--scenario", "large", **at, FLYWHEEL_WORLD="live"), Exit.CONFIGURATION)
    assert line.endswith("the world is live, whose market nobody chooses; leave out --scenario")


def test_an_unknown_plan_is_not_approved(at: dict[str, str]) -> None:
    line = refused(invoke("changes", "approve", "d0d0", **at), Exit.REFUSED)
    assert "d0d0: unknown_plan" in line
    assert "flywheel changes list" in line


def test_a_live_process_does_not_look_at_open_sandbox_changes(at: dict[str, str], bench: Bench) -> None:
    bench.enqueue(bench.pause(bench.adset("a1")))
    line = refused(invoke("changes", "list", **at, FLYWHEEL_WORLD="live"), Exit.CONFIGURATION)
    assert "this process is live, but the database belongs to the sandbox world" in line


@pytest.mark.parametrize(
    ("arguments", "said", "help_of"),
    [
        (["chnages"], "Did you mean changes?", "flywheel"),
        (["changes", "lits"], "Did you mean 'list'?", "flywheel changes"),
        (["demo", "--vidoe", "x"], "--video", "flywheel demo"),
        (["up", "--port", "x"], "'x' is not a valid", "flywheel up"),
        (["freeze"], "Missing argument 'ACCOUNT_ID'", "flywheel freeze"),
    ],
)
def test_a_mistyped_command_says_what_was_meant_and_where_to_read_on(
    arguments: list[str], said: str, help_of: str
) -> None:
    line = refused(invoke(*arguments), Exit.USAGE)
    assert said in line
    assert line.endswith(f"read {help_of} --help")


# --- the queue ------------------------------------------------------------------------------------


def test_changes_can_be_read_by_a_program_and_picked_by_status(at: dict[str, str], bench: Bench) -> None:
    bench.enqueue(bench.pause(bench.adset("a1")), bench.pause(bench.adset("a2")))
    rows = [json.loads(line) for line in invoke("changes", "list", "--json", **at).stdout.splitlines()]
    assert [(row["object_ref"], row["spec"]["status"]) for row in rows] == [
        ("c1/a1/adset", "PAUSED"),
        ("c1/a2/adset", "PAUSED"),
    ]
    nothing = invoke("changes", "list", "--status", "dead", **at)
    assert (nothing.exit_code, nothing.stdout, nothing.stderr) == (0, "", "no changes\n")


def test_a_plan_is_approved_by_its_digest_once(at: dict[str, str], bench: Bench) -> None:
    ref = bench.adset("a1")
    bench.mode("approve")
    plan = bench.enqueue(bench.pause(ref), bench.pause("c1/campaign"))
    assert bench.statuses() == ["proposed", "proposed"]
    result = invoke("changes", "approve", plan.plan_digest, **at)
    assert result.stdout == "2 changes approved; they go out within the limits\n"
    assert bench.statuses() == ["pending", "pending"]
    assert "unknown_plan" in refused(invoke("changes", "approve", plan.plan_digest, **at), Exit.REFUSED)
