"""Files by content: the same bytes are stored once, under a name made of their hash."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from uuid import uuid4

from upath import UPath

from flywheel_assets.core.ids import file_sha256


class Blobs:
    """Files under one base URI (``file://``, ``gs://``, ``s3://``).

    Args:
        base_uri: where files are kept.
        cache: local folder for copies of files kept elsewhere.
    """

    def __init__(self, base_uri: str, cache: Path) -> None:
        self._base = UPath(base_uri)
        self._cache = cache

    def put(self, path: Path, sha256: str | None = None) -> str:
        """Store a local file and return its URI. Written whole and flushed before it has its name."""
        key = sha256 or file_sha256(path)
        target = self._base / key[:2] / f"{key}{path.suffix.lower()}"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.parent / f".{uuid4().hex}.part"
            with path.open("rb") as source, partial.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
                sink.flush()
                if partial.protocol in ("", "file"):
                    os.fsync(sink.fileno())
            partial.rename(target)
        return str(target) if target.protocol not in ("", "file") else Path(target.path).as_uri()

    def local(self, uri: str) -> Path:
        """A local path with the file's bytes; downloaded once when it is kept elsewhere.

        Raises:
            FileNotFoundError: nothing is stored there.
        """
        source = UPath(uri)
        if not source.exists():
            raise FileNotFoundError(f"{uri} is not in blob storage; run the stage that made it again")
        if source.protocol in ("", "file"):
            return Path(source.path)
        copy = self._cache / source.name
        if not copy.exists():
            self._cache.mkdir(parents=True, exist_ok=True)
            partial = copy.with_name(f".{uuid4().hex}.part")
            with source.open("rb") as remote, partial.open("wb") as sink:
                shutil.copyfileobj(remote, sink, 1 << 20)
            partial.replace(copy)
        return copy
