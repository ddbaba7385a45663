"""Who is asked to stop ends whole and with 0, however often and however early it is asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

# Ends slowly: it says so, and goes on once it is told to.
_SLOW = """
import signal, sys
from contextlib import contextmanager
from flywheel_assets.cli.stopping import StoppableStack

@contextmanager
def slow():
    try:
        yield
    finally:
        print("ending", flush=True)
        sys.stdin.readline()
        print("ended", flush=True)

class Swallowing:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

with StoppableStack() as stack:
    stack.enter_context(slow())
    exec(sys.argv[1])
print("behind it", flush=True)
"""
_WAITS = 'print("up", flush=True); signal.pause()'


def _started(does: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _SLOW, does]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_again_while_it_ends_it_ends_whole_all_the_same(number: signal.Signals) -> None:
    with _started(_WAITS) as process:
        assert _line(process) == "up\n"
        process.send_signal(number)
        assert _line(process) == "ending\n"
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate("\n", timeout=60)
    assert (process.returncode, out, err) == (0, "ended\nbehind it\n", "stopping …\n")


def test_asked_while_it_ends_by_itself_it_says_why_it_did() -> None:
    with _started('raise SystemExit("Dagster ended by itself")') as process:
        assert _line(process) == "ending\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate("\n", timeout=60)
    assert (process.returncode, out, err) == (1, "ended\n", "Dagster ended by itself\n")


def test_code_that_goes_on_after_every_error_does_not_keep_it_from_ending() -> None:
    with _started("try:\n    signal.raise_signal(signal.SIGINT)\nexcept Exception:\n    signal.pause()") as process:
        out, err = process.communicate("\n", timeout=60)
    assert (process.returncode, out, err) == (0, "ending\nended\nbehind it\n", "stopping …\n")


def test_a_stop_that_was_lost_in_a_finalizer_is_seen_at_the_next_look() -> None:
    with _started("Swallowing()\nprint('goes on', flush=True)\nstack.still_wanted()\nsignal.pause()") as process:
        out, err = process.communicate("\n", timeout=60)
    assert (process.returncode, out) == (0, "goes on\nending\nended\nbehind it\n")
    assert err.splitlines()[-1] == "stopping …"
