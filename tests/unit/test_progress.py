"""The progress logger: what a person at a terminal sees of a run, and what a log file keeps."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

_PROGRAM = """
import dagster as dg
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.monitoring.progress import progress

@dg.asset
def scenes(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    context.log.info("cutting: %d of %d", 5, 10)
    context.log.debug("not for people")
    return dg.MaterializeResult(metadata={"summary": "8 scenes"})

@dg.asset(deps=[scenes])
def silent() -> None:
    pass

@dg.asset(deps=[silent])
def drafts() -> None:
    raise ConfigurationError("no brief; write one")

job = dg.define_asset_job("job", selection=dg.AssetSelection.all())
defs = dg.Definitions([scenes, silent, drafts], jobs=[job], loggers={"progress": progress})
defs.resolve_job_def("job").execute_in_process(run_config={"loggers": {"progress": {}}}, raise_on_error=False)
"""


@pytest.fixture(scope="module")
def log() -> list[str]:
    """What a run leaves on a standard error that is a file."""
    ran = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    return ran.stderr.splitlines()


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a run writes to a terminal."""
    controller, terminal = pty.openpty()
    program = tmp_path_factory.mktemp("progress") / "program.py"
    program.write_text(_PROGRAM, encoding="utf-8")
    with subprocess.Popen([sys.executable, program], stdout=subprocess.DEVNULL, stderr=terminal) as process:
        os.close(terminal)
        shown = b"".join(_until_hung_up(controller))
    os.close(controller)
    assert process.returncode == 0
    return shown.decode()


def _until_hung_up(controller: int) -> list[bytes]:
    pieces: list[bytes] = []
    while True:
        try:
            piece = os.read(controller, 4096)
        except OSError:  # how a terminal says that nobody holds its other end
            return pieces
        if not piece:
            return pieces
        pieces.append(piece)


def test_a_log_holds_one_line_a_finished_stage(log: list[str]) -> None:
    assert [line.split()[0] for line in log] == ["scenes", "silent", "drafts"]
    assert re.fullmatch(r"scenes +\d+\.\d s  8 scenes", log[0])
    assert re.fullmatch(r"silent +\d+\.\d s  done", log[1])


def test_a_log_holds_no_moving_lines(log: list[str]) -> None:
    assert "\x1b" not in "".join(log)
    assert not any("cutting" in line for line in log)


def test_a_failed_stage_shows_the_cause_and_not_dagsters_wrapper(log: list[str]) -> None:
    assert re.search(r"FAILED: no brief; write one$", log[-1])


def test_a_terminal_sees_the_stage_move_and_then_its_result(screen: str) -> None:
    moving, done = screen.index("cutting: 5 of 10"), screen.index("8 scenes")
    assert moving < done
    assert "\r\x1b[2K" in screen[moving:done]
    assert "not for people" not in screen


def test_the_moving_line_is_gone_when_the_run_ends(screen: str) -> None:
    assert screen.splitlines()[-1].endswith("write one")
