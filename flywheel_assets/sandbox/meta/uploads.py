"""Videos, whole or in chunks, and images. Contents are hashed and not kept: the twin shows nothing."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flywheel_assets.core.ids import file_sha256
from flywheel_assets.sandbox.meta.errors import GraphError, unsupported
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.sandbox.meta.validate import decode
from flywheel_assets.sandbox.meta.wire import File

_CHUNK = 1024 * 1024
_RESUME_AT = 1363037


def post_video(
    state: SandboxMeta, account: str, raw: Mapping[str, str], files: Mapping[str, File]
) -> tuple[dict[str, Any], bool]:
    """A simple upload or one phase of a chunked one; returns the answer and whether anything was stored."""
    params = decode("create advideo", raw)
    phase = params.get("upload_phase")
    if phase is None:
        return _simple(state, account, params, files), True
    if phase == "start":
        return _start(state, account, params), True
    if phase == "cancel":
        raise unsupported("upload_phase cancel; an unfinished upload is never shown")
    session = _session(state, account, params)
    if phase == "finish":
        return _finish(state, session, params), True
    return _transfer(state, session, params, files), True


def post_image(
    state: SandboxMeta, account: str, raw: Mapping[str, str], files: Mapping[str, File]
) -> tuple[dict[str, Any], bool]:
    """One image as a file or as base64 ``bytes``; the same bytes are the same image."""
    params = decode("create adimage", raw)
    key, name, content = _image(params, files)
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    known = any(image.data["hash"] == found for image in state.nodes(account, "adimage"))
    if not known:
        state.add("adimage", account, None, {"hash": found, "name": name})
    return {"images": {key: {"hash": found, "name": name}}}, not known


def _image(params: Mapping[str, Any], files: Mapping[str, File]) -> tuple[str, str, bytes]:
    """Key of the answer, name and content."""
    if len(files) == 1:
        file = next(iter(files.values()))
        key, name, content = file.name, file.name, file.content
    elif "bytes" in params:
        key, name, content = "bytes", "bytes", _decoded(params["bytes"])
    else:
        raise GraphError("Exactly one image is needed, as a file or as bytes")
    if not content:
        raise GraphError("The image is empty")
    return key, name, content


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise GraphError("Param bytes must be base64") from None


def _simple(state: SandboxMeta, account: str, params: Mapping[str, Any], files: Mapping[str, File]) -> dict[str, Any]:
    if "file_url" in params:
        raise unsupported("file_url; it fetches nothing")
    source = files.get("source")
    if source is None or not source.content:
        raise GraphError("The parameter source is required, or upload_phase")
    title = params.get("title") or params.get("name") or source.name
    digest = hashlib.sha256(source.content).hexdigest()
    data = {"title": title, "sha256": digest, "ready_at": state.now() + state.video_seconds}
    return {"id": str(state.add("advideo", account, None, data))}


def _start(state: SandboxMeta, account: str, params: Mapping[str, Any]) -> dict[str, Any]:
    size = params.get("file_size", 0)
    if size <= 0:
        raise GraphError("The parameter file_size is required to start an upload")
    video = state.add("advideo", account, None, {})
    session = video + 10**9  # distinct from the video's id, so that nobody takes one for the other
    state.execute("INSERT INTO uploads VALUES (?, ?, ?, ?, 0)", session, account, video, size)
    _part(state, session).write_bytes(b"")
    return {"upload_session_id": str(session), "video_id": str(video), **_offsets(0, size)}


def _transfer(
    state: SandboxMeta, session: tuple[int, int, int, int], params: Mapping[str, Any], files: Mapping[str, File]
) -> dict[str, Any]:
    number, _, size, received = session
    chunk = files.get("video_file_chunk")
    wanted = _offsets(received, size)
    length = int(wanted["end_offset"]) - received
    if chunk is None or params.get("start_offset") != received or len(chunk.content) != length:
        raise GraphError(
            f"The chunk does not start at {received} with {length} bytes", code=6000, subcode=_RESUME_AT, data=wanted
        )
    with _part(state, number).open("r+b") as file:  # a chunk whose row was rolled back is overwritten
        file.seek(received)
        file.write(chunk.content)
    state.execute("UPDATE uploads SET received = ? WHERE session = ?", received + length, number)
    return dict(_offsets(received + length, size))


def _finish(state: SandboxMeta, session: tuple[int, int, int, int], params: Mapping[str, Any]) -> dict[str, Any]:
    number, video, size, received = session
    if received != size:
        raise GraphError(f"The upload has {received} of {size} bytes")
    part = _part(state, number)
    title = params.get("title") or str(video)
    data = {"title": title, "sha256": file_sha256(part), "ready_at": state.now() + state.video_seconds}
    state.put(video, data)
    state.execute("DELETE FROM uploads WHERE session = ?", number)
    part.unlink()
    return {"success": True}


def _session(state: SandboxMeta, account: str, params: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Session, video, size and received bytes."""
    text = params.get("upload_session_id", "")
    columns = "SELECT session, video, size, received FROM uploads WHERE account = ? AND session = ?"
    rows = state.execute(columns, account, text)
    if not rows:
        raise GraphError(f"Upload session {text!r} does not exist or is finished")
    number, video, size, received = rows[0]
    return number, video, size, received


def _offsets(received: int, size: int) -> dict[str, str]:
    return {"start_offset": str(received), "end_offset": str(min(received + _CHUNK, size))}


def _part(state: SandboxMeta, session: int) -> Path:
    return state.upload_folder / f"{session}.part"
