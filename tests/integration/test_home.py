"""One program a home, no run that ended with its process, and accounts that a person freezes and lets go on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner, Result
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from flywheel_assets.cli.exits import Exit
from flywheel_assets.core.errors import Busy, ConfigurationError
from flywheel_assets.sensors.running import LOST
from flywheel_assets.settings import Settings
from flywheel_assets.store.tables import accounts
from tests.executor_bench import Bench
from tests.integration.conftest import TwinClock
from tests.terminal import refused

# Dagster looks for the fields of a resource that has none in the way an older pydantic kept them.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute")

_HOLD = """
import sys
from pathlib import Path
from flywheel_assets.cli.installation import only_one
from flywheel_assets.settings import Settings
with only_one(Settings(home=Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


# --- one program a home ----------------------------------------------------------------------------


@pytest.fixture
def holder(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """Another process that works on the test's home until its input ends."""
    command = [sys.executable, "-c", _HOLD, str(settings.home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        if process.poll() is None:
            process.kill()


def _hold_briefly(settings: Settings) -> None:
    from flywheel_assets.cli.installation import only_one

    with only_one(settings):
        pass


def test_a_home_that_another_process_works_on_is_refused_by_name(
    settings: Settings, holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(ConfigurationError, match=f"another flywheel works on {settings.root}; stop it, or set FLYW"):
        _hold_briefly(settings)
    assert holder.poll() is None


def test_a_home_is_free_again_when_its_holder_ends(settings: Settings, holder: subprocess.Popen[str]) -> None:
    holder.communicate("")
    assert holder.returncode == 0
    _hold_briefly(settings)


def test_a_home_is_free_again_when_its_holder_is_killed(settings: Settings, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    _hold_briefly(settings)


def test_a_home_is_held_against_the_same_process_too(settings: Settings) -> None:
    from flywheel_assets.cli.installation import only_one

    with only_one(settings), ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(_hold_briefly, settings).exception(), ConfigurationError)
    _hold_briefly(settings)


def test_a_home_is_free_again_after_an_error(settings: Settings) -> None:
    from flywheel_assets.cli.installation import only_one

    with pytest.raises(RuntimeError, match="broken"), only_one(settings):
        raise RuntimeError("broken")
    _hold_briefly(settings)


def test_homes_do_not_hold_up_one_another(settings: Settings, holder: subprocess.Popen[str], tmp_path: Path) -> None:
    _hold_briefly(settings.model_copy(update={"home": tmp_path / "other"}))
    assert holder.poll() is None


# --- one program a database ------------------------------------------------------------------------

_HOLD_DATABASE = """
import sys
from flywheel_assets.cli.installation import only_one_on_database
from flywheel_assets.settings import Settings
with only_one_on_database(Settings(home=sys.argv[1], database_url=sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


def _hold_database_briefly(settings: Settings) -> None:
    from flywheel_assets.cli.installation import only_one_on_database

    with only_one_on_database(settings):
        pass


@pytest.mark.usefixtures("store")
def test_a_database_that_another_home_works_on_is_refused_and_free_again_when_it_is_killed(
    settings: Settings, tmp_path: Path
) -> None:
    other = tmp_path / "far"
    command = [sys.executable, "-W", "ignore", "-c", _HOLD_DATABASE, str(other), str(settings.database_url)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(
            Busy, match=r"works on the database .*_dagster \(flywheel on .* UTC\); stop it, or set FLYW"
        ):
            _hold_database_briefly(settings)
        process.kill()
        process.wait()
    for attempt in range(100):  # the server sees a moment later that its client has ended
        try:
            _hold_database_briefly(settings)
        except Busy:
            assert attempt < 99
            time.sleep(0.1)
        else:
            break


# --- runs whose process is gone --------------------------------------------------------------------


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as opened:
        yield opened


@dg.job
def idle() -> None:
    """A job without a step: only its runs matter."""


def test_runs_that_had_begun_are_failed_and_all_others_left(instance: dg.DagsterInstance) -> None:
    from flywheel_assets.cli.leftovers import end_orphans

    runs = {status: _run_in(instance, status) for status in dg.DagsterRunStatus}
    assert end_orphans(instance) == 3
    after = {status: _status(instance, run_id) for status, run_id in runs.items()}
    begun = {dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING}
    assert after == {status: dg.DagsterRunStatus.FAILURE if status in begun else status for status in runs}
    said = [_messages(instance, runs[status]) for status in begun]
    assert all("its process ended before it did" in messages for messages in said)
    assert end_orphans(instance) == 0


def test_a_run_that_a_demo_had_not_begun_is_failed_too_and_marked_as_lost(instance: dg.DagsterInstance) -> None:
    from flywheel_assets.cli.leftovers import end_orphans

    run = instance.create_run_for_job(idle, status=dg.DagsterRunStatus.NOT_STARTED)
    assert end_orphans(instance) == 1
    assert _status(instance, run.run_id) == dg.DagsterRunStatus.FAILURE
    after = instance.get_run_by_id(run.run_id)
    assert after is not None
    assert after.tags[LOST] == "true"


def test_an_instance_without_runs_has_no_orphans(instance: dg.DagsterInstance) -> None:
    from flywheel_assets.cli.leftovers import end_orphans

    assert end_orphans(instance) == 0


def _run_in(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> str:
    """A run as the daemon would have left it; only from an origin can a queued one be started."""
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("test"), "test")
    return instance.create_run_for_job(
        idle, status=status, remote_job_origin=RemoteJobOrigin(repository, idle.name)
    ).run_id


def _status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def _messages(instance: dg.DagsterInstance, run_id: str) -> str:
    return "\n".join(entry.user_message or entry.message for entry in instance.all_logs(run_id))


# --- freeze and resume -----------------------------------------------------------------------------


@pytest.fixture
def surroundings(settings: Settings) -> dict[str, str]:
    return {"FLYWHEEL_HOME": str(settings.root), "FLYWHEEL_DATABASE_URL": str(settings.database_url)}


def _run(surroundings: dict[str, str], *arguments: str) -> Result:
    from flywheel_assets.cli import main

    result = CliRunner(env=surroundings).invoke(main, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def _account_row(bench: Bench) -> dict[str, Any]:
    (row,) = bench.rows(accounts)
    return {name: row[name] for name in ("frozen", "frozen_reason")}


@pytest.mark.parametrize("arguments", [("freeze", "act_9", "--reason", "stop"), ("resume", "act_9")])
def test_an_account_that_is_not_known_is_refused_with_those_that_are(
    surroundings: dict[str, str], bench: Bench, arguments: tuple[str, ...]
) -> None:
    result = _run(surroundings, *arguments)
    assert refused(result, Exit.CONFIGURATION).startswith("account act_9 is not known; known are: act_1000000001; ")
    assert _account_row(bench) == {"frozen": False, "frozen_reason": None}


@pytest.mark.usefixtures("store")
def test_where_no_account_is_known_that_is_said(surroundings: dict[str, str]) -> None:
    result = _run(surroundings, "resume", "act_9")
    assert refused(result, Exit.CONFIGURATION).startswith("account act_9 is not known; known are: none; ")


def test_freezing_needs_a_reason(surroundings: dict[str, str], bench: Bench) -> None:
    result = _run(surroundings, "freeze", bench.account.account_id)
    assert result.exit_code == 2
    assert "--reason" in result.stderr
    assert not _account_row(bench)["frozen"]


def test_nothing_of_a_frozen_account_starts_until_it_goes_on(
    surroundings: dict[str, str], bench: Bench, clock: TwinClock
) -> None:
    name = bench.account.account_id
    bench.enqueue(bench.pause(bench.adset("a")))
    clock.forward(minutes=1)
    frozen = _run(surroundings, "freeze", name, "--reason", "the token was stolen")
    assert (frozen.exit_code, frozen.stderr) == (0, "")
    assert frozen.stdout == f"{name} is frozen; lift it with: flywheel resume {name}\n"
    assert _account_row(bench) == {"frozen": True, "frozen_reason": "the token was stolen"}
    assert bench.drain_all() == []
    assert (bench.statuses(), bench.platform.journal) == (["pending"], [])
    resumed = _run(surroundings, "resume", name)
    assert (resumed.exit_code, resumed.stdout, resumed.stderr) == (0, f"{name} goes on\n", "")
    assert _account_row(bench) == {"frozen": False, "frozen_reason": None}
    assert [step.outcome for step in bench.drain()] == ["applied"]


def test_a_change_in_a_workers_hands_does_not_call_once_its_account_is_frozen(
    surroundings: dict[str, str], bench: Bench, clock: TwinClock
) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    clock.forward(minutes=1)
    worker = bench.executor()
    claimed = worker._claim()
    assert claimed is not None
    _run(surroundings, "freeze", bench.account.account_id, "--reason", "wait")
    step = worker._see_through(*claimed)
    assert (step.outcome, bench.platform.journal) == ("deferred", [])
    assert step.reason.endswith("is frozen: wait")
    _run(surroundings, "resume", bench.account.account_id)
    assert [one.outcome for one in bench.drain()] == ["applied"]
