"""The embedded server ends with the last process that needs it, even when another one was killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.launch import new_folder

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


@pytest.fixture
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
