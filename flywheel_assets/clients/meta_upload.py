"""Sending files to Meta: videos in chunks, images whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from flywheel_assets.clients.meta_errors import Reply
from flywheel_assets.clients.meta_transport import Transport
from flywheel_assets.core.errors import AmbiguousOutcome, PermanentError, TransientError

_RESUMES = 5  # chunk refusals and stalls of one upload; the SDK's own loop has no bound
_RESUME_AT = 1363037  # "retry this chunk": the answer says at which offsets


@dataclass(frozen=True)
class _Span:
    """Bytes [start, end) that the platform wants next; empty when it has them all."""

    start: int
    end: int


class VideoUpload:
    """One chunked upload. Nothing is visible at Meta before `finish`, so an unclear answer before it is transient."""

    def __init__(self, transport: Transport, account_id: str, path: Path) -> None:
        self._transport, self._where, self._path = transport, (account_id, "advideos"), path
        self._size = file_size(path)
        started = self._post({"upload_phase": "start", "file_size": self._size}, write=False)
        self._session, self._video_id = _text(started, "upload_session_id"), _text(started, "video_id")
        self._wanted = _span(started)

    def transfer(self) -> None:
        """Send every byte the platform asks for.

        Raises:
            TransientError: it keeps asking for the same bytes, or stops before the end of the file.
        """
        resumes = 0
        with self._path.open("rb") as file:
            while self._wanted.start < self._wanted.end:
                following = self._send_chunk(file)
                resumes += following.start <= self._wanted.start
                if resumes > _RESUMES:
                    raise TransientError(f"{self._label()}: no progress after {_RESUMES} resumed chunks; upload again")
                self._wanted = following
        if self._wanted.start != self._size:
            raise TransientError(f"{self._label()}: Meta stopped asking before the end; upload again")

    def finish(self, name: str) -> str:
        """Publish the video to the account's library under ``name`` and return its id."""
        self._post({"upload_phase": "finish", "upload_session_id": self._session, "title": name}, write=True)
        return self._video_id

    def _send_chunk(self, file: BinaryIO) -> _Span:
        file.seek(self._wanted.start)
        chunk = file.read(self._wanted.end - self._wanted.start)
        if not chunk:
            raise TransientError(f"{self._label()}: Meta asks for bytes after the end of the file; upload again")
        params = {
            "upload_phase": "transfer",
            "start_offset": str(self._wanted.start),
            "upload_session_id": self._session,
        }
        files = {"video_file_chunk": (self._path.name, chunk, "application/octet-stream")}
        outcome = self._transport.exchange("POST", self._where, params, files, video=True)
        if isinstance(outcome, Reply) and (resume := _resume_span(outcome.error)):
            return resume
        if isinstance(outcome, dict):
            return _span(outcome)
        raise self._transport.verdict("POST", self._where, outcome, write=False)

    def _post(self, params: Mapping[str, Any], *, write: bool) -> dict[str, Any]:
        outcome = self._transport.exchange("POST", self._where, params, video=True)
        if isinstance(outcome, dict):
            return outcome
        raise self._transport.verdict("POST", self._where, outcome, write=write)

    def _label(self) -> str:
        return f"video {self._path.name} at byte {self._wanted.start} of {self._size}"


def upload_image(transport: Transport, account_id: str, path: Path, name: str) -> str:
    """Send an image under ``name``; returns its hash, the same for the same bytes."""
    file_size(path)
    where = (account_id, "adimages")
    files = {"filename": (name, path.read_bytes(), "application/octet-stream")}
    outcome = transport.exchange("POST", where, files=files)
    if not isinstance(outcome, dict):
        raise transport.verdict("POST", where, outcome, write=True)
    images = outcome.get("images")
    found = [str(image["hash"]) for image in images.values() if image.get("hash")] if isinstance(images, dict) else []
    if len(found) != 1:
        raise AmbiguousOutcome(f"image {name}: Meta answered with {len(found)} hashes instead of one; read back first")
    return found[0]


def file_size(path: Path) -> int:
    """Bytes of a file worth sending.

    Raises:
        PermanentError: there is no such file, or it is empty.
    """
    size = path.stat().st_size if path.is_file() else 0
    if size == 0:
        raise PermanentError(f"{path}: missing or empty, nothing to upload; render it again")
    return size


def _resume_span(error: Mapping[str, Any] | None) -> _Span | None:
    if not error or error.get("error_subcode") != _RESUME_AT:
        return None
    data = error.get("error_data")
    try:
        return _span(json.loads(data) if isinstance(data, str) else data)
    except (ValueError, TransientError):
        return None


def _span(answer: Any) -> _Span:
    try:
        return _Span(int(answer["start_offset"]), int(answer["end_offset"]))
    except (KeyError, TypeError, ValueError):
        raise TransientError("video upload: Meta's answer names no offsets; upload again") from None


def _text(answer: Mapping[str, Any], key: str) -> str:
    if not answer.get(key):
        raise TransientError(f"video upload: Meta's answer has no {key}; upload again")
    return str(answer[key])
