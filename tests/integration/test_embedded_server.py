"""The embedded server ends with the last process that needs it and starts for the next, whoever was killed between."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import psutil
import pytest

from flywheel_assets.core.errors import Busy, ConfigurationError
from flywheel_assets.store.embedded import embedded_uri, is_running, names_folder
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


def _noted(pid: int, folder: Path, begun: int = 1) -> str:
    """What a server that was killed leaves; begun so early, its number has been given to somebody else since."""
    return f"{pid}\n{folder}\n{begun}\n5432\n{folder}\n\n  1 1\nready   \n"


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


def test_the_lock_of_a_server_that_may_live_out_of_sight_is_left_alone(tmp_path: Path) -> None:
    """As another container's does on a shared folder: its number is that of a process here, which was there before."""
    folder = _data(tmp_path, "18")
    noted = _noted(os.getpid(), folder, begun=int(time.time()) + 60)
    (folder / "postmaster.pid").write_text(noted)
    with pytest.raises(Busy, match=f"names process {os.getpid()}, which is no server .*; stop the Flywheel that runs"):
        embedded_uri(folder)
    assert (folder / "postmaster.pid").read_text() == noted


def test_the_lock_of_a_server_that_answers_is_left_alone_whoever_has_its_number_here() -> None:
    home = new_folder()
    folder = _data(home, "18")
    noted = _noted(os.getpid(), folder)
    (folder / "postmaster.pid").write_text(noted)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / ".s.PGSQL.5432"))
        server.listen()
        with pytest.raises(Busy, match="may be one of another container"):
            embedded_uri(folder)
    assert (folder / "postmaster.pid").read_text() == noted
    shutil.rmtree(home)


def test_a_process_that_may_not_be_looked_into_is_taken_for_the_server(tmp_path: Path) -> None:
    class Hidden(psutil.Process):
        def cmdline(self) -> list[str]:
            raise psutil.AccessDenied(self.pid)

    assert names_folder(Hidden(), tmp_path)
    assert not names_folder(psutil.Process(), tmp_path)


@pytest.mark.parametrize("version", ["16", "9.6", ""], ids=["sixteen", "nine", "none"])
def test_data_of_another_postgres_are_refused_and_left_as_they_are(tmp_path: Path, version: str) -> None:
    folder = _data(tmp_path, version)
    with pytest.raises(ConfigurationError, match="and the embedded one is Postgres 18; move it away to begin anew"):
        embedded_uri(folder)
    assert [file.name for file in folder.iterdir()] == ["PG_VERSION"]


def _data(home: Path, version: str) -> Path:
    folder = home / "postgres"
    folder.mkdir()
    (folder / "PG_VERSION").write_text(f"{version}\n")
    return folder
