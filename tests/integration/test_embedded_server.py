"""The embedded server ends with the last process that needs it and starts for the next, whoever was killed between."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.store.embedded import embedded_uri, is_running
from tests.acceptance.launch import new_folder
from tests.databases import stop

_HOLD = """
import sys, time
from flywheel_assets.settings import Settings
from flywheel_assets.store.postgres import server_url
server_url(Settings())
print("ready", flush=True)
time.sleep(float(sys.argv[1]))
"""


def _holder(home: Path, seconds: float) -> subprocess.Popen[str]:
    environment = {**os.environ, "FLYWHEEL_HOME": str(home)}
    command = [sys.executable, "-W", "ignore", "-c", _HOLD, str(seconds)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = new_folder()
    yield folder
    shutil.rmtree(folder)


def test_a_killed_holder_does_not_keep_the_server_running(home: Path) -> None:
    killed = _holder(home, 60)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=30)
    assert (home / "postgres" / "postmaster.pid").exists()
    last = _holder(home, 0)
    last.communicate(timeout=60)
    assert last.returncode == 0
    assert not (home / "postgres" / "postmaster.pid").exists()


def _noted(pid: int, folder: Path) -> str:
    """What a server that was killed leaves, as if its number had been given to somebody else since."""
    return f"{pid}\n{folder}\n1\n5432\n{folder}\n\n  1 1\nready   \n"


def test_what_a_killed_server_leaves_stops_no_other(home: Path) -> None:
    folder = home / "postgres"
    _holder(home, 0).communicate(timeout=60)
    for left in (_noted(os.getpid(), folder), ""):
        (folder / "postmaster.pid").write_text(left)
        assert not is_running(folder)
        last = _holder(home, 0)
        last.communicate(timeout=60)
        assert last.returncode == 0


def test_a_server_that_is_not_ready_yet_is_waited_for(home: Path) -> None:
    """Its starter was killed; the server knows nothing of that."""
    file = home / "postgres" / "postmaster.pid"
    holder = _holder(home, 60)
    ready = file.read_text()
    file.write_text(ready.replace("ready   ", "starting"))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(embedded_uri, home / "postgres")
        assert not wait([asked], timeout=1).done
        file.write_text(ready)
        assert str(home) in asked.result(timeout=60)
    holder.kill()
    holder.communicate(timeout=30)
    stop(home / "postgres")


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "letters.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="holds files, but no data of a Postgres; move it away"):
        embedded_uri(folder)
    assert [file.name for file in tmp_path.iterdir()] == ["postgres"]
