"""What is checked of a dropped file before and while it is stored: its name, its kind, and room for it."""

from __future__ import annotations

import errno
import logging
import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flywheel_assets.core.errors import IntakeRejected
from flywheel_assets.creative.apart.running import ChildBroke
from flywheel_assets.creative.perception.guarded import look
from flywheel_assets.creative.perception.probe import Probe
from flywheel_assets.settings import Media
from flywheel_assets.store.blobs import Blobs, Stored

_LOG = logging.getLogger(__name__)

# What says nothing about the file: it is taken in by itself once the reason is gone.
PASSING = ("no_space", "not_stored", "interrupted")

# A file system allows 255; the brief's name beside it is longer than the video's own.
_MAX_NAME_BYTES = 200
_MIB = 1024**2
# No room, no quota, and a file larger than the file system takes.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What a machine says that is short of something for now.
_MACHINE = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EIO, errno.ESTALE, *_FULL)
# Signs that show a name in another order than it is stored: "clip<sign>4pm.exe" reads "clipexe.mp4".
_TURNING = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def shown(name: str) -> str:
    """The name as text for a database and a terminal; what neither can show is written as an escape."""
    text = name.encode(errors="backslashreplace").decode()
    return "".join(letter if _is_shown(letter) else letter.encode("unicode_escape").decode() for letter in text)


def _is_shown(letter: str) -> bool:
    return unicodedata.category(letter) != "Cc" and letter not in _TURNING


def plain_file(folder: Path, name: str) -> Path:
    """Where a file of this name lies in the folder.

    Raises:
        IntakeRejected: ``name_not_text``, ``name_is_path``, ``name_too_long``, ``symlink`` or ``not_a_file``.
    """
    told = shown(name)
    if (length := len(os.fsencode(name))) > _MAX_NAME_BYTES:
        reason = f"its name has {length} bytes, the limit is {_MAX_NAME_BYTES}"
        raise IntakeRejected(told[:40], "name_too_long", reason, "Give it a shorter name.")
    if told != name:
        reason = "its name holds what is no text: bytes that are not UTF-8, control or turning characters"
        raise IntakeRejected(told, "name_not_text", reason, "Rename it with plain letters.")
    if name != Path(name).name:
        raise IntakeRejected(told, "name_is_path", "its name leads to another folder", "Give it a name without /.")
    path = folder / name
    if path.is_symlink():
        raise IntakeRejected(name, "symlink", "it points elsewhere", "Copy the video itself into the folder.")
    if path.exists() and not path.is_file():
        raise IntakeRejected(name, "not_a_file", "it is no regular file", "Drop a video file.")
    return path


def looked_at(path: Path, media: Media) -> Probe:
    """The first look. One that the machine broke off, or a fault of ours, says nothing about the file.

    Raises:
        IntakeRejected: it is no advert, or could not be examined.
        FileNotFoundError: it went away.
    """
    try:
        return look(path, media)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in _MACHINE:
            raise _interrupted(path, str(error.strerror)) from None
        remedy = "Let the platform's user read it, or copy it again."
        raise IntakeRejected(path.name, "unreadable", f"it cannot be read ({error.strerror})", remedy) from None
    except ChildBroke as broke:
        if broke.cause == "killed":
            raise _interrupted(path, str(broke)) from broke
        if broke.cause == "fault":
            _LOG.error("%s: the look at it failed: %s", path.name, broke)
            reason = "Flywheel itself failed on it, its log says how"
            raise IntakeRejected(
                path.name, "our_fault", reason, "Report this; drop it again once it is mended."
            ) from broke
        remedy = "Export the video again as MP4 (H.264)."
        raise IntakeRejected(path.name, "damaged", f"it cannot be examined: {broke}", remedy) from broke


def _interrupted(path: Path, why: str) -> IntakeRejected:
    remedy = "It is looked at again by itself; more memory may be needed."
    return IntakeRejected(path.name, "interrupted", f"the look at it was cut short: {why}", remedy)


def refuse_without_room(blobs: Blobs, name: str, size: int, spare_mb: int) -> None:
    """Refuse a file that would fill the disk it is to be stored on.

    Raises:
        IntakeRejected: ``no_space``.
    """
    free = blobs.free_bytes()
    if free is not None and free - size < spare_mb * _MIB:
        reason = (
            f"{blobs.base} has {free // _MIB:,} MiB free; the file has {size / _MIB:,.1f}, and {spare_mb:,} stay free"
        )
        raise _no_space(name, reason)


def store(blobs: Blobs, path: Path) -> Stored:
    """Store a file that was looked at.

    Raises:
        IntakeRejected: ``no_space`` or ``not_stored``; nothing of it is left.
        FileNotFoundError: the file itself is gone.
    """
    with _told_of(blobs, path):
        return blobs.put(path)


@contextmanager
def _told_of(blobs: Blobs, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if not path.exists():
            raise FileNotFoundError(path.name) from error
        said = f"{blobs.base}: {error.strerror or error}"
        if error.errno in _FULL:
            raise _no_space(path.name, said) from error
        remedy = "See that files can be written there; the video is then taken in by itself."
        raise IntakeRejected(path.name, "not_stored", said, remedy) from error


def _no_space(name: str, reason: str) -> IntakeRejected:
    return IntakeRejected(name, "no_space", reason, "Make room there; the video is then taken in by itself.")
