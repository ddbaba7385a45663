"""Files by content: the same bytes are stored once, under a name made of their hash."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from upath import UPath

_LOCAL = ("", "file")
_MAX_SUFFIX = 8


@dataclass(frozen=True)
class Stored:
    """A file in blob storage."""

    uri: str
    sha256: str
    bytes: int


class Blobs:
    """Files under one base URI (``file://``, ``gs://``, ``s3://``).

    Args:
        base_uri: where files are kept, `base` from then on.
        cache: local folder for copies of files kept elsewhere.
    """

    def __init__(self, base_uri: str, cache: Path) -> None:
        self.base = base_uri
        self._base = _path(base_uri)
        self._cache = cache

    def free_bytes(self) -> int | None:
        """Room where files are kept; None elsewhere than on a local disk, where nobody can tell."""
        if self._base.protocol not in _LOCAL:
            return None
        place = Path(self._base.path)
        return shutil.disk_usage(next(folder for folder in (place, *place.parents) if folder.exists())).free

    def put(self, path: Path) -> Stored:
        """Store a local file. It is hashed while it is copied, so a file that still grows cannot get a wrong name."""
        partial = self._base / f".{uuid4().hex}.part"
        self._base.mkdir(parents=True, exist_ok=True)
        with _removed_on_error(partial):
            sha256, size = _copy(path, partial)
        target = self._base / sha256[:2] / f"{sha256}{_suffix(path)}"
        if target.exists():
            partial.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.rename(target)
        return Stored(self._uri(target), sha256, size)

    @staticmethod
    def _uri(target: UPath) -> str:
        return Path(target.path).as_uri() if target.protocol in _LOCAL else str(target)

    def local(self, uri: str) -> Path:
        """A local path with the file's bytes; downloaded once when it is kept elsewhere.

        Raises:
            FileNotFoundError: nothing is stored there.
        """
        source = _path(uri)
        if not source.exists():
            raise FileNotFoundError(f"{uri} is not in blob storage; run the stage that made it again")
        if source.protocol in _LOCAL:
            return Path(source.path)
        copy = self._cache / source.name
        if not copy.exists():
            self._cache.mkdir(parents=True, exist_ok=True)
            partial = copy.with_name(f".{uuid4().hex}.part")
            with _removed_on_error(partial), source.open("rb") as remote, partial.open("wb") as sink:
                shutil.copyfileobj(remote, sink, 1 << 20)
            partial.replace(copy)
        return copy


def _path(uri: str) -> UPath:
    """The place a URI means; for a local one the library would keep the %20 of a blank as three characters."""
    parts = urlsplit(uri)
    return UPath(unquote(parts.path)) if parts.scheme == "file" else UPath(uri)


def _suffix(path: Path) -> str:
    """The file's own suffix where it is one; what follows the last dot of a sentence is not."""
    suffix = path.suffix.lower()
    return suffix if suffix[1:].isalnum() and suffix.isascii() and len(suffix) <= _MAX_SUFFIX else ""


@contextmanager
def _removed_on_error(partial: Path | UPath) -> Iterator[None]:
    """Half a file on a full disk must not stay and keep it full."""
    try:
        yield
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _copy(path: Path, partial: UPath) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as source, partial.open("wb") as sink:
        while chunk := source.read(1 << 20):
            digest.update(chunk)
            size += len(chunk)
            sink.write(chunk)
        sink.flush()
        if partial.protocol in _LOCAL:
            os.fsync(sink.fileno())
    return digest.hexdigest(), size
