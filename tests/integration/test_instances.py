"""Every dagster.yaml we ship or write opens an instance, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile
from typing import Any
from uuid import uuid4

import pytest
import yaml

from flywheel_assets.settings import Settings
from flywheel_assets.store.postgres import DAGSTER_DATABASE, server_url
from tests.integration.conftest import DatabaseServer

# Dagster looks for the fields of a resource that has none in the way an older pydantic kept them.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute")

_ROOT = Path(__file__).resolve().parents[2]
_OPEN = """
import json, sys
import dagster as dg
with dg.DagsterInstance.get() as instance:
    instance.add_dynamic_partitions("creatives", sys.argv[1:])
    pools = instance.get_concurrency_config().pool_config
    print(json.dumps({
        "storage": type(instance.event_log_storage).__name__,
        "partitions": sorted(instance.get_dynamic_partitions("creatives")),
        "pool": [pools.default_pool_limit, pools.pool_granularity.value],
        "runs_at_once": instance.get_concurrency_config().run_queue_config.max_concurrent_runs,
        "telemetry": instance.telemetry_enabled,
        "greeting": instance.nux_enabled,
        "monitored": instance.run_monitoring_enabled,
        "retried": instance.run_retries_max_retries if instance.run_retries_enabled else 0,
        "retried_after_a_step_failed": instance.run_retries_retry_on_asset_or_op_failure,
    }))
"""


def _start(home: Path, *partitions: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "DAGSTER_HOME": str(home)}
    command = [sys.executable, "-c", _OPEN, *partitions]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _opened(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "Traceback" not in err
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.fixture
def written(settings: Settings, database_server: DatabaseServer) -> Iterator[Path]:
    """The home that `flywheel up` and `flywheel demo` write, with its empty database."""
    from flywheel_assets.cli.installation import write_dagster_home

    yield write_dagster_home(settings)
    database_server.drop(server_url(settings, DAGSTER_DATABASE))


_AS_MEANT = {
    "pool": [1, "run"],
    "runs_at_once": 2,
    "telemetry": False,
    "greeting": False,
    "monitored": True,
    "retried": 3,
    "retried_after_a_step_failed": False,
}


def test_the_shipped_one_opens_on_sqlite_with_nothing_set_up(tmp_path: Path) -> None:
    copyfile(_ROOT / "dagster.yaml", tmp_path / "dagster.yaml")
    found = _opened(_start(tmp_path, "c_1"))
    assert found == {**_AS_MEANT, "storage": "SqliteEventLogStorage", "partitions": ["c_1"]}


def test_the_written_one_opens_on_postgres_from_several_processes_at_once(written: Path) -> None:
    """As `dagster dev` does, whose server and daemon both find no tables at the first start."""
    keys = [f"c_{uuid4().hex[:12]}" for _ in range(2)]
    found = [_opened(process) for process in [_start(written, key) for key in keys]]
    assert {one["storage"] for one in found} == {"PostgresEventLogStorage"}
    assert [{name: one[name] for name in _AS_MEANT} for one in found] == [_AS_MEANT] * 2
    assert _opened(_start(written))["partitions"] == sorted(keys)


def test_the_written_one_differs_from_the_shipped_one_in_its_storage_only(written: Path) -> None:
    ours = yaml.safe_load((written / "dagster.yaml").read_text(encoding="utf-8"))
    assert set(ours.pop("storage")["postgres"]) == {"postgres_url"}
    assert ours == yaml.safe_load((_ROOT / "dagster.yaml").read_text(encoding="utf-8"))


def test_the_written_one_is_nobody_elses_to_read(written: Path, settings: Settings) -> None:
    from flywheel_assets.cli.installation import write_dagster_home

    path = written / "dagster.yaml"
    first = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    write_dagster_home(settings)
    assert path.read_bytes() == first
    assert sorted(one.name for one in written.iterdir()) == ["dagster.yaml", "workspace.yaml"]
