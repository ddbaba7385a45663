"""Room on the disk: asked for before a render starts, and told in numbers where it ran out all the same."""

from __future__ import annotations

import errno
import os
import signal
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from tempfile import gettempdir

from flywheel_assets.core.errors import StorageFull
from flywheel_assets.settings import Rendering

# No room, no quota, and a file larger than the file system or a limit of the process allows.
_CODES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
LARGEST_MB = 8_192  # what a program of ours may write into one file: ten minutes of sound, unpacked, are less
_REMEDY = "free some space or put FLYWHEEL_HOME on a larger disk, and do it again: what is finished stays"
# Of an encoded picture at CRF 21: moving camera footage takes 0.02 to 0.06 (measured); six steps of CRF halve it.
_BITS_PER_PIXEL, _CRF, _HALVES = 0.1, 21, 6
_SOUND = 24_000  # bytes a second: AAC of 192 kbit/s


def film_bytes(frames: int, settings: Rendering) -> int:
    """How large so many pictures and their sound become, rather too large than too small."""
    bits = _BITS_PER_PIXEL * 2 ** ((_CRF - settings.crf) / _HALVES)
    return int(frames * settings.width * settings.height * bits / 8 + frames / settings.fps * _SOUND)


def require(needs: Mapping[Path, int]) -> None:
    """Check that each folder can take so many bytes, together where folders share a disk.

    Raises:
        StorageFull: one cannot.
    """
    disks: dict[int, list[Path]] = defaultdict(list)
    for folder in needs:
        disks[_existing(folder).stat().st_dev].append(folder)
    for folders in disks.values():
        needed, free = sum(needs[folder] for folder in folders), _free(folders[0])
        if needed > free:
            places = " and ".join(sorted(map(str, folders)))
            raise StorageFull(
                f"{places}: disk_full: rendering needs about {needed:,} bytes there, {free:,} are free; {_REMEDY}"
            )


@contextmanager
def told(name: str, folder: Path) -> Iterator[None]:
    """Where a disk fills up or a file becomes too large, say so by the name of what is written to the folder."""
    try:
        yield
    except OSError as error:
        if error.errno not in _CODES:
            raise
        raise full(name, folder, error.errno) from error


def full(name: str, folder: Path, code: int) -> StorageFull:
    """The error for a file that could not be written whole, by the number of the system's error."""
    working, reason = Path(gettempdir()), os.strerror(code)
    if code == errno.EFBIG:  # there may be room enough
        return StorageFull(
            f"{name}: file_too_large: {reason}: larger than the file system of {folder} or of {working}, the limit of "
            f"this process (ulimit -f) or ours of {LARGEST_MB:,} MiB allows; shorten the video, or raise the limit or "
            "put FLYWHEEL_HOME and TMPDIR on disks that take larger files, and do it again: what is finished stays"
        )
    return StorageFull(
        f"{name}: disk_full: {reason}; {_free(folder):,} bytes are free in {folder}, "
        f"{_free(working):,} in {working} for working files; {_REMEDY}"
    )


def ran_out(returncode: int, log: str) -> int | None:
    """The system's error that kept a program from writing; None where it failed of something else."""
    if returncode == -signal.SIGXFSZ:
        return errno.EFBIG
    return next((code for code in _CODES if returncode != 0 and os.strerror(code) in log), None)


def _free(folder: Path) -> int:
    return disk_usage(_existing(folder)).free


def _existing(folder: Path) -> Path:
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
