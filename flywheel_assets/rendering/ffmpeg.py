"""Runs the bundled ffmpeg: bounded in time, reading local files only, and not outliving us.

File names follow `file:`, so that none can be an option or an address. Inside filter text `:` and `'` have a meaning,
so files named there lie in a working folder under plain names.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.creative.apart.limits import Limits, bounded
from flywheel_assets.creative.perception.container import demuxer_of
from flywheel_assets.rendering import room
from flywheel_assets.rendering.typefaces import Typefaces

_LAST_LINES = 12
_MISSING_GLYPH = "failed to find any fallback with glyph"
_VERSION_TIMEOUT = 30.0
# One filter thread: processes run side by side, and the output does not depend on the machine.
_THREADS = ("-filter_threads", "1", "-filter_complex_threads", "1")
_MEMORY_MB = 16_384  # 4K read a dozen times at once by 32 threads
_FONT_CONFIG = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}</dir><cachedir>{cache}</cachedir></fontconfig>
"""


def local_input(path: Path) -> tuple[str, ...]:
    """Arguments that read a local file and refuse any address inside it."""
    return "-protocol_whitelist", "file", "-i", f"file:{path}"


def original(path: Path) -> tuple[str, ...]:
    """As `local_input`, of a video nobody vouches for: it is read as what its first bytes say, whatever it names."""
    return "-f", demuxer_of(path), *local_input(path)


@lru_cache(maxsize=1)
def version() -> str:
    """The program's own name for its version, part of every cache key."""
    answer = subprocess.run(  # noqa: S603 - our own program, constant arguments
        [_program(), "-version"], capture_output=True, text=True, check=True, timeout=_VERSION_TIMEOUT
    )
    return answer.stdout.splitlines()[0]


def run(arguments: Sequence[str], *, subject: str, timeout: float, folder: Path | None = None) -> str:
    """Run ffmpeg and return what it logged.

    Args:
        arguments: everything after the global options.
        subject: what is being made, for the error.
        timeout: wall seconds before the process is killed.
        folder: working folder with `workspace`'s fonts; only needed to draw text.

    Raises:
        RenderFailed: it failed, was killed, took too long, or could not draw a character.
        StorageFull: the disk has no room for what it writes.
    """
    command = [_program(), "-hide_banner", "-nostdin", "-nostats", "-y", *_THREADS, *arguments]
    command[:0] = [*_bound_to_us(), *bounded(_limits(timeout))]
    environment = None if folder is None else {**os.environ, "FONTCONFIG_FILE": str(folder / "fonts.conf")}
    try:
        done = subprocess.run(  # noqa: S603 - no shell; file names follow `file:` and cannot be options
            command, capture_output=True, text=True, errors="replace", timeout=timeout, cwd=folder, env=environment,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RenderFailed(
            f"{subject}: timeout: ffmpeg was stopped after {timeout:.0f} s; shorten the video or raise "
            "FLYWHEEL_RENDERING__TIMEOUT_SECONDS"
        ) from None
    if done.returncode != 0:
        raise _failure(done.returncode, done.stderr, subject, _written(arguments, folder))
    if _MISSING_GLYPH in done.stderr:
        raise RenderFailed(f"{subject}: missing_glyph: libass could not draw a character:\n{_tail(done.stderr)}")
    return done.stderr


@contextmanager
def workspace(files: Iterable[Path] = ()) -> Iterator[Path]:
    """A temporary folder in which text can be drawn with the given fonts and no others: `fonts`, `fonts.conf`.

    Without any they are the bundled ones. See `Typefaces.files` for those of a script.
    """
    held = Path(gettempdir())
    with room.told("working files", held), TemporaryDirectory(prefix="flywheel-render-") as name:
        folder = Path(name)
        (folder / "fonts").mkdir()
        for number, file in enumerate(tuple(files) or Typefaces().files("")):
            (folder / "fonts" / f"{number:02d}{file.suffix.lower()}").symlink_to(file.absolute())
        config = _FONT_CONFIG.format(folder=folder / "fonts", cache=folder / "cache")
        (folder / "fonts.conf").write_text(config)
        yield folder


def _failure(returncode: int, log: str, subject: str, folder: Path) -> RenderFailed:
    if (code := room.ran_out(returncode, log)) is not None:
        return room.full(subject, folder, code)
    if returncode == -signal.SIGKILL:
        return RenderFailed(
            f"{subject}: killed: somebody ended ffmpeg with SIGKILL, as the kernel does where memory runs out; render "
            "again (what is finished stays), with fewer FLYWHEEL_RENDERING__WORKERS if it happens again"
        )
    return RenderFailed(f"{subject}: ffmpeg ended with {returncode}:\n{_tail(log)}")


def _written(arguments: Sequence[str], folder: Path | None) -> Path:
    """The folder that is written to."""
    return ((folder or Path()) / arguments[-1].removeprefix("file:")).parent


@lru_cache(maxsize=1)
def _bound_to_us() -> tuple[str, ...]:
    """What to put before a command so that the kernel ends it when we are killed; nothing where there is no such means.

    Said by a program of its own: between fork and exec a process with threads must not run Python.
    """
    found = shutil.which("setpriv")
    if found is None:
        return ()
    prefix = (found, "--pdeathsig", "KILL")
    works = subprocess.run(  # noqa: S603 - constant arguments
        [*prefix, found, "--version"], capture_output=True, check=False, timeout=_VERSION_TIMEOUT
    )
    return prefix if works.returncode == 0 else ()


def _limits(timeout: float) -> Limits:
    return Limits(timeout, math.ceil(timeout) * (os.cpu_count() or 1), _MEMORY_MB, room.LARGEST_MB)


def _program() -> str:
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _tail(log: str) -> str:
    return "\n".join(log.strip().splitlines()[-_LAST_LINES:])
