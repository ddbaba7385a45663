"""Whether a worker is gone is known of this machine's processes only, and of the very process, not of its number."""

from __future__ import annotations

import os
import socket
import subprocess

import psutil
import pytest

from flywheel_assets.resources.base import is_gone, worker_name

_HOST, _PID = socket.gethostname(), os.getpid()


def test_this_process_is_not_gone() -> None:
    assert worker_name().startswith(f"{_HOST}:{_PID}:")
    assert not is_gone(worker_name())


def test_a_process_that_has_ended_is_gone() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        name = f"{_HOST}:{process.pid}:{int(psutil.Process(process.pid).create_time())}"
        assert not is_gone(name)
    assert is_gone(name)


def test_a_process_whose_number_was_given_to_another_is_gone() -> None:
    assert is_gone(f"{_HOST}:{_PID}:1")


@pytest.mark.parametrize(
    "name",
    ["elsewhere:1:1", f"{_HOST}:{_PID}", f"{_HOST}:4194305:", f"{_HOST}:x:1", "test", ""],
    ids=[
        "elsewhere",
        "no start",
        "empty start",
        "no number",
        "no parts",
        "nothing",
    ],  # every run has a number of its own
)
def test_of_others_nothing_is_known(name: str) -> None:
    assert not is_gone(name)
