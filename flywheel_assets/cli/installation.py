"""Starting what an installation needs: state, Dagster's home, and in a sandbox the twin."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import yaml

from flywheel_assets.core.account import Account
from flywheel_assets.settings import Settings
from flywheel_assets.store.accounts import load_account, save_account
from flywheel_assets.store.postgres import DAGSTER_DATABASE, server_url
from flywheel_assets.store.store import Store

# As in the root dagster.yaml, but on the Postgres that is running anyway.
_DAGSTER = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
    "concurrency": {"runs": {"max_concurrent_runs": 2}, "pools": {"granularity": "run", "default_limit": 1}},
    "run_monitoring": {"enabled": True, "free_slots_after_run_end_seconds": 60},
    "retention": {"sensor": {"purge_after_days": {"skipped": 1, "failure": 14, "success": 14}}},
    "sensors": {"use_threads": True, "num_workers": 2},
}


@dataclass(frozen=True)
class Installation:
    """A started platform."""

    settings: Settings
    store: Store
    account: Account


def prepare(settings: Settings) -> Installation:
    """Folders, database, account and Dagster's home; nothing that keeps running but the embedded database."""
    account = load_account(settings.account_file)
    settings.root.mkdir(parents=True, exist_ok=True)
    settings.drop_path.mkdir(parents=True, exist_ok=True)
    store = Store.open(settings)
    with store.engine.begin() as connection:
        save_account(connection, account, settings.world)
    os.environ["DAGSTER_HOME"] = str(write_dagster_home(settings))
    return Installation(settings, store, account)


def write_dagster_home(settings: Settings) -> Path:
    """Dagster's home with its storage on our Postgres. Readable by its owner only: an address can hold a password."""
    home = settings.root / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    url = server_url(settings, DAGSTER_DATABASE).render_as_string(hide_password=False)
    text = yaml.safe_dump({**_DAGSTER, "storage": {"postgres": {"postgres_url": url}}}, sort_keys=False)
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
