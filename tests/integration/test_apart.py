"""A child process that breaks is an error of one kind in its parent, which goes on; nothing of it is left."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from flywheel_assets.core.errors import IntakeRejected, NotAvailable
from flywheel_assets.creative.apart.limits import Limits, bounded
from flywheel_assets.creative.apart.running import ChildBroke, run

ROOT = Path(__file__).resolve().parents[2]
WIDE = Limits(seconds=60, cpu_seconds=60, memory_mb=1024, file_mb=16)


def _run(task: str, limits: Limits = WIDE, **asked: Any) -> Any:
    return run(f"tests.apart_tasks:{task}", asked, limits)


def _broke(task: str, limits: Limits = WIDE, **asked: Any) -> ChildBroke:
    with pytest.raises(ChildBroke) as broke:
        _run(task, limits, **asked)
    return broke.value


def test_an_answer_of_any_size_comes_back_and_progress_before_it() -> None:
    stages: list[tuple[str, int, int]] = []
    value = {"text": "é" * 300_000, "list": [1, None, 2.5]}
    found = run("tests.apart_tasks:echo", {"value": value}, WIDE, lambda *stage: stages.append(stage))
    assert found == value
    assert stages == [("counting", number, 3) for number in range(3)]


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE])
def test_a_crash_is_named(number: signal.Signals) -> None:
    broke = _broke("die", signal=int(number))
    assert (broke.cause, str(broke)) == ("crash", f"it crashed with {number.name}")


def test_a_real_crash_in_c_code_is_one_too() -> None:
    assert _broke("touch_nothing").cause == "crash"


def test_who_is_killed_from_outside_did_not_crash() -> None:
    assert _broke("die", signal=int(signal.SIGKILL)).cause == "killed"


def test_computing_without_end_is_stopped_by_the_processor_clock() -> None:
    broke = _broke("compute", Limits(seconds=60, cpu_seconds=1, memory_mb=0, file_mb=0))
    assert (broke.cause, str(broke)) == ("time", "it was not done after 1 s of computing")


def test_waiting_without_end_is_stopped_by_the_wall_clock_with_all_it_started() -> None:
    told: dict[str, int] = {}
    limits = Limits(seconds=3, cpu_seconds=60, memory_mb=0, file_mb=0)
    with pytest.raises(ChildBroke, match="not done after 3 s"):
        run("tests.apart_tasks:wait", {"grandchild": True}, limits, lambda name, pid, _: told.update({name: pid}))
    assert all(_ends(told[name]) for name in ("grandchild", "waiting"))


def _ends(pid: int) -> bool:
    """Whether a process has ended, or does within half a minute."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], 30)[0])
    finally:
        os.close(process)


@pytest.mark.parametrize("task", ["swell", "swell_inside_a_library"])
def test_memory_beyond_the_limit_is_told_with_the_limit(task: str) -> None:
    broke = _broke(task)
    assert (broke.cause, str(broke)) == ("memory", "it needs more than 1024 MiB of memory")


def test_a_file_beyond_the_limit_is_not_written(tmp_path: Path) -> None:
    target = tmp_path / "much"
    with pytest.raises(OSError, match="File too large"):
        _run("write_much", path=str(target))
    assert target.stat().st_size <= WIDE.file_mb * 1024**2


def test_a_mistake_in_our_own_code_is_told_as_such() -> None:
    broke = _broke("go_wrong")
    assert broke.cause == "fault"
    assert "a mistake in our own code" in str(broke)


@pytest.mark.parametrize("task", ["leave_without_a_word", "lie"])
def test_no_answer_and_a_false_one_are_faults(task: str) -> None:
    assert _broke(task).cause == "fault"


def test_errors_raised_on_purpose_are_raised_here_too(tmp_path: Path) -> None:
    with pytest.raises(IntakeRejected) as refused:
        _run("refuse")
    assert (refused.value.name, refused.value.rule, refused.value.remedy) == (
        "clip.mp4", "too_short", "Upload a longer take.",
    )  # fmt: skip
    with pytest.raises(NotAvailable, match="no weights"):
        _run("lack")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        _run("open_missing", path=str(tmp_path / "nowhere"))


def test_a_sealed_process_opens_no_file_and_no_connection(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        found = _run("sealed", path=str(secret), port=listener.getsockname()[1])
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert set(found.values()) == {"Too many open files"}


def test_a_program_of_others_starts_with_the_bounds_and_none_is_widened() -> None:
    command = [*bounded(Limits(seconds=9, cpu_seconds=7, memory_mb=100, file_mb=3)), "cat", "/proc/self/limits"]
    narrowed = ["prlimit", f"--fsize={2 * 1024**2}", sys.executable, "-c", _OF_A_NARROWED_ONE]
    for given, written in ((command, 3 * 1024**2), (narrowed, 2 * 1024**2)):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        told = subprocess.run(given, capture_output=True, text=True, check=True, env=environment, timeout=60).stdout
        found = {line[:26].strip(): line[26:].split() for line in told.splitlines()}
        assert found["Max cpu time"][:2] == ["7", "12"]
        assert found["Max address space"][:2] == [str(100 * 1024**2)] * 2
        assert found["Max file size"][:2] == [str(written)] * 2


_OF_A_NARROWED_ONE = """
import subprocess
from flywheel_assets.creative.apart.limits import Limits, bounded
subprocess.run([*bounded(Limits(9, 7, 100, 3)), "cat", "/proc/self/limits"], check=True)
"""


def test_a_child_ends_with_its_parent() -> None:
    parent = textwrap.dedent("""
        from flywheel_assets.creative.apart.limits import Limits
        from flywheel_assets.creative.apart.running import run
        run("tests.apart_tasks:wait", {}, Limits(60, 60, 0, 0), lambda name, pid, _: print(pid, flush=True))
    """)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.kill()
    assert _ends(child)
