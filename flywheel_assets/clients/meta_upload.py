"""Sending files to Meta: videos in chunks, images whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from flywheel_assets.clients.meta_errors import Reply
from flywheel_assets.clients.meta_transport import Transport
from flywheel_assets.core.errors import AmbiguousOutcome, PermanentError, TransientError
from flywheel_assets.core.uploads import UploadSession

_STALLS = 5  # chunk refusals without progress of one upload; the SDK's own loop has no bound
_RESUME_AT = 1363037  # "retry this chunk": the answer says at which offsets
_RESUMED_BYTES = 1024 * 1024  # of the first chunk of a resumed session, whose wanted end nobody kept


@dataclass(frozen=True)
class _Span:
    """Bytes [start, end) that the platform wants next; empty when it has them all."""

    start: int
    end: int


class _SessionLost(TransientError):
    """This session cannot be completed; a new one can."""


def upload_video(
    transport: Transport,
    account_id: str,
    path: Path,
    name: str,
    *,
    resume: UploadSession | None,
    progress: Callable[[UploadSession], None],
) -> str:
    """Send a video under ``name`` and return its id; see `AdPlatform.upload_video`.

    The file of a resumed session is known by its size only: its caller keeps files under names that
    their content decides.
    """
    where, size = (account_id, "advideos"), file_size(path)
    if resume is not None and resume.fits(size):
        upload = _VideoUpload(transport, where, path, resume, progress=progress)
        try:
            return upload.send(name)
        except _SessionLost:
            pass
        except PermanentError:
            if upload.confirmed:  # the session was alive, so the refusal is of the video
                raise
    return _started(transport, where, path, size, progress).send(name)


def _started(
    transport: Transport, where: Sequence[str], path: Path, size: int, progress: Callable[[UploadSession], None]
) -> _VideoUpload:
    """A new session. One whose answer was lost is never shown, so an unclear start is transient."""
    answer = _post(transport, where, {"upload_phase": "start", "file_size": size}, write=False)
    wanted = _span(answer)
    session = UploadSession(_text(answer, "upload_session_id"), _text(answer, "video_id"), size, wanted.start)
    upload = _VideoUpload(transport, where, path, session, progress=progress, wanted=wanted)
    progress(session)
    return upload


class _VideoUpload:
    """One session. Nothing is visible at Meta before it is finished, so an unclear answer before that is transient.

    Attributes:
        confirmed: chunks that the platform took from us.
    """

    def __init__(
        self,
        transport: Transport,
        where: Sequence[str],
        path: Path,
        session: UploadSession,
        *,
        progress: Callable[[UploadSession], None],
        wanted: _Span | None = None,
    ) -> None:
        self._transport, self._where, self._path = transport, where, path
        self._session, self._progress, self.confirmed = session, progress, 0
        at = session.next_byte
        self._wanted = wanted or _Span(at, min(at + _RESUMED_BYTES, session.size))

    def send(self, name: str) -> str:
        """Send every byte the platform asks for and publish the video to the account's library."""
        self._transfer()
        last = {"upload_phase": "finish", "upload_session_id": self._session.session_id, "title": name}
        _post(self._transport, self._where, last, write=True)
        return self._session.video_id

    def _transfer(self) -> None:
        stalls = 0
        with self._path.open("rb") as file:
            while self._wanted.start < self._wanted.end:
                before, chunk = self._wanted.start, self._chunk(file)
                self._send_chunk(chunk)
                stalls += self._wanted.start <= before
                if stalls > _STALLS:
                    raise _SessionLost(f"{self._label()}: no progress after {_STALLS} resumed chunks; upload again")
        if self._wanted.start != self._session.size:
            raise _SessionLost(f"{self._label()}: Meta stopped asking before the end; upload again")

    def _chunk(self, file: BinaryIO) -> bytes:
        file.seek(self._wanted.start)
        chunk = file.read(self._wanted.end - self._wanted.start)
        if not chunk:
            raise _SessionLost(f"{self._label()}: Meta asks for bytes after the end of the file; upload again")
        return chunk

    def _send_chunk(self, chunk: bytes) -> None:
        params = {
            "upload_phase": "transfer",
            "start_offset": str(self._wanted.start),
            "upload_session_id": self._session.session_id,
        }
        files = {"video_file_chunk": (self._path.name, chunk, "application/octet-stream")}
        outcome = self._transport.exchange("POST", self._where, params, files, video=True)
        if isinstance(outcome, dict):
            self._confirm(_span(outcome))
        elif isinstance(outcome, Reply) and (other := _other_span(outcome.error)):
            self._wanted = other
        else:
            raise self._transport.verdict("POST", self._where, outcome, write=False)

    def _confirm(self, wanted: _Span) -> None:
        self._wanted = wanted
        self._session = replace(self._session, next_byte=wanted.start)
        self.confirmed += 1
        self._progress(self._session)

    def _label(self) -> str:
        return f"video {self._path.name} at byte {self._wanted.start} of {self._session.size}"


def _post(transport: Transport, where: Sequence[str], params: Mapping[str, Any], *, write: bool) -> dict[str, Any]:
    outcome = transport.exchange("POST", where, params, video=True)
    if isinstance(outcome, dict):
        return outcome
    raise transport.verdict("POST", where, outcome, write=write)


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


def _other_span(error: Mapping[str, Any] | None) -> _Span | None:
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
        raise _SessionLost("video upload: Meta's answer names no offsets; upload again") from None


def _text(answer: Mapping[str, Any], key: str) -> str:
    if not answer.get(key):
        raise TransientError(f"video upload: Meta's answer has no {key}; upload again")
    return str(answer[key])
