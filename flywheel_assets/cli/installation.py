"""Starting what an installation needs: state, Dagster's home, and in a sandbox the twin."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import yaml
from sqlalchemy.exc import DBAPIError

from flywheel_assets.cli.environment import export_settings_file
from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import Busy, NoAnswer
from flywheel_assets.rendering.kit import read_kit
from flywheel_assets.settings import Settings
from flywheel_assets.store.accounts import load_account, save_account
from flywheel_assets.store.holding import held_alone
from flywheel_assets.store.postgres import DAGSTER_DATABASE, data_folder, server_runs, server_url
from flywheel_assets.store.store import Store

# As in the root dagster.yaml, but on the Postgres that is running anyway.
_DAGSTER = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
    "concurrency": {"runs": {"max_concurrent_runs": 2}, "pools": {"granularity": "run", "default_limit": 1}},
    "run_monitoring": {"enabled": True, "free_slots_after_run_end_seconds": 60},
    # A run whose process was lost goes on from the step it was at; one that failed for a reason would fail again.
    "run_retries": {"enabled": True, "max_retries": 3, "retry_on_asset_or_op_failure": False},
    "retention": {"sensor": {"purge_after_days": {"skipped": 1, "failure": 14, "success": 14}}},
    "sensors": {"use_threads": True, "num_workers": 2},
}


# Two processes a step copy its output to the log; those of a run at a terminal write there anyway, and would answer
# Ctrl-C with a traceback each.
_NO_CAPTURE = {
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
}


@dataclass(frozen=True)
class Installation:
    """A started platform."""

    settings: Settings
    store: Store
    account: Account


def prepare(settings: Settings, *, capture: bool = True) -> Installation:
    """Folders, database, account and Dagster's home; nothing that keeps running but the embedded database.

    Without ``capture`` what steps print is left to the terminal.
    """
    account = load_account(settings.account_file)
    settings.root.mkdir(parents=True, exist_ok=True)
    settings.drop_path.mkdir(parents=True, exist_ok=True)
    store = Store.open(settings)
    read_kit(account.brand_kit, store.blobs)  # a damaged logo is told now, not when the first advert is rendered
    with store.engine.begin() as connection:
        save_account(connection, account, settings.world)
    export_settings_file()
    os.environ["DAGSTER_HOME"] = str(write_dagster_home(settings, capture=capture))
    return Installation(settings, store, account)


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """At most one `up` or `demo` works on a home: they set the same clock and serve the same twin.

    Raises:
        Busy: another one does.
    """
    settings.root.mkdir(parents=True, exist_ok=True)
    with (settings.root / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(
                f"another flywheel works on {settings.root}; stop it, or set FLYWHEEL_HOME to a place of its own"
            ) from None
        yield


def only_one_on_database(settings: Settings) -> AbstractContextManager[None]:
    """At most one `up` or `demo` works on a database: to each the other's runs would be those of a dead one.

    Raises:
        Busy: another one does, from another home or machine.
    """
    return held_alone(server_url(settings, DAGSTER_DATABASE), str(settings.root))


@contextmanager
def database_needed(settings: Settings) -> Iterator[None]:
    """What fails within the block because the embedded server was killed is told in one line.

    Raises:
        NoAnswer: it was.
    """
    try:
        yield
    except DBAPIError as error:
        if server_runs(settings):
            raise
        raise NoAnswer(
            f"the database server has ended ({data_folder(settings) / 'log'} may say why); start again: "
            "it goes on where it stopped"
        ) from error


def write_dagster_home(settings: Settings, *, capture: bool = True) -> Path:
    """Dagster's home with its storage on our Postgres. Readable by its owner only: an address can hold a password."""
    home = settings.root / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    url = server_url(settings, DAGSTER_DATABASE).render_as_string(hide_password=False)
    text = yaml.safe_dump(
        {**_DAGSTER, **({} if capture else _NO_CAPTURE), "storage": {"postgres": {"postgres_url": url}}},
        sort_keys=False,
    )
    path = home / "dagster.yaml"
    partial = home / ".dagster.yaml.part"
    partial.touch(mode=0o600)
    partial.write_text("# written by flywheel; changes are lost\n" + text, encoding="utf-8")
    partial.replace(path)
    location = {"python_module": {"module_name": "flywheel_assets.definitions", "location_name": "flywheel"}}
    (home / "workspace.yaml").write_text(yaml.safe_dump({"load_from": [location]}), encoding="utf-8")
    return home


def dagster_instance() -> dg.DagsterInstance:
    """The instance of the Dagster home that `prepare` wrote."""
    return dg.DagsterInstance.get()
