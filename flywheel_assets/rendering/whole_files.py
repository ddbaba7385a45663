"""Whole files or none: made beside their place under a hidden name, and named when they are safely on the disk.

While a file is being made its maker holds a lock on it, which ends with the maker, however that ends. So a part that
is not locked was left by somebody who was killed; unless it was just begun, or lies on a disk that knows no locks.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from flywheel_assets.core.errors import StorageFull
from flywheel_assets.rendering import room

T = TypeVar("T")

_FRESH_SECONDS = 600  # since it was last written to, a part may be somebody's who holds no lock


def write(target: Path, make: Callable[[Path], T]) -> T:
    """Let `make` write a temporary file beside `target`, flush it and give it its final name; what `make` returned.

    Whatever goes wrong before that, nothing exists under the final name and the temporary file is removed.

    Raises:
        StorageFull: the disk has no room for it.
    """
    part = target.with_name(f".{target.stem}.{uuid4().hex}.part{target.suffix}")
    try:
        with room.told(target.name, target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
            with part.open("xb") as held:
                with suppress(OSError):  # some network disks know no locks
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                made = make(part)
                _flush(part)
                part.replace(target)
                return made
    except StorageFull as error:
        written = part.stat().st_size if part.exists() else 0
        raise StorageFull(f"{target.name} ended after {written:,} bytes: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what makers that were killed have left in a folder."""
    for part in folder.glob(".*.part*"):
        with suppress(OSError), part.open("rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - part.stat().st_mtime >= _FRESH_SECONDS:
                part.unlink()


def _flush(part: Path) -> None:
    with part.open("rb") as file:
        os.fsync(file.fileno())
