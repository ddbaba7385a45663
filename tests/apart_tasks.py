"""What a child process is asked to do to break, one way each."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flywheel_assets.core.errors import IntakeRejected, NotAvailable
from flywheel_assets.creative.apart.child import Progress
from flywheel_assets.creative.apart.limits import seal

Asked = Mapping[str, Any]


def echo(asked: Asked, progress: Progress) -> Any:
    os.write(1, b"a library prints here\n")
    for stage in range(3):
        progress("counting", stage, 3)
    return asked["value"]


def die(asked: Asked, _: Progress) -> None:
    os.kill(os.getpid(), asked["signal"])


def touch_nothing(_: Asked, __: Progress) -> None:
    ctypes.string_at(0)


def compute(_: Asked, __: Progress) -> None:
    while True:
        pass


def wait(asked: Asked, progress: Progress) -> None:
    if "grandchild" in asked:
        child = os.fork()
        if child == 0:
            signal.pause()
        progress("grandchild", child, 0)
    progress("waiting", os.getpid(), 0)
    signal.pause()


def swell(_: Asked, __: Progress) -> int:
    return len(bytearray(2**31))


def swell_inside_a_library(_: Asked, __: Progress) -> None:
    """As C++ code does it."""
    sys.stderr.write("terminate called after throwing an instance of 'std::bad_alloc'\n")
    sys.stderr.flush()
    os.abort()


def write_much(asked: Asked, _: Progress) -> None:
    with Path(asked["path"]).open("wb") as file:
        file.writelines(bytes(1024**2) for _block in range(64))


def go_wrong(_: Asked, __: Progress) -> None:
    raise ValueError("a mistake in our own code")


def refuse(_: Asked, __: Progress) -> None:
    raise IntakeRejected("clip.mp4", "too_short", "it lasts 0.40 s", "Upload a longer take.")


def lack(_: Asked, __: Progress) -> None:
    raise NotAvailable("no weights")


def open_missing(asked: Asked, _: Progress) -> None:
    Path(asked["path"]).read_bytes()


def leave_without_a_word(_: Asked, __: Progress) -> None:
    os._exit(0)


def lie(_: Asked, __: Progress) -> None:
    """Something else than an answer, where the answers go."""
    for number in range(3, 10):
        try:
            os.write(number, b"\x80\x04K\x01.\n")
        except OSError:
            continue
    os._exit(0)


def sealed(asked: Asked, _: Progress) -> dict[str, str]:
    """What a sealed process can still open."""
    tries: dict[str, Callable[[], object]] = {
        "file": lambda: os.open(asked["path"], os.O_RDONLY),
        "connection": lambda: socket.create_connection(("127.0.0.1", asked["port"])),
        "pipe": os.pipe,
    }
    seal()
    found = {}
    for name, attempt in tries.items():
        try:
            attempt()
        except OSError as error:
            found[name] = os.strerror(error.errno or 0)
        else:
            found[name] = "opened"
    return found
