"""Batches: up to fifty requests in one, each carried out, counted and journalled as a call of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from flywheel_assets.sandbox.meta.errors import GraphError
from flywheel_assets.sandbox.meta.faults import Fault, refusal_of
from flywheel_assets.sandbox.meta.graph import Answer, note_unanswered, serve
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.sandbox.meta.wire import Call, File, without_secrets

_MOST = 50
_KNOWN = frozenset({"batch", "include_headers"})


class _Part(BaseModel):
    """One request of a batch. Requests that build on each other are not offered, so they are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["GET", "POST", "DELETE"]
    relative_url: str
    body: str = ""
    attached_files: str = ""
    headers: list[dict[str, str]] = []


_PARTS = TypeAdapter(list[_Part])


def is_batch(call: Call) -> bool:
    """Whether a request is a batch of others."""
    return call.method == "POST" and not call.parts and "batch" in call.params


def serve_batch(
    state: SandboxMeta, call: Call, take: Callable[[Call], Fault | None], *, fault: str | None = None
) -> Answer:
    """Carry out every request in its order; one that is left out is `null` in the answer.

    ``take`` finds the fault ordered for one of the requests, ``fault`` is what the whole batch suffers.
    """
    try:
        parts = [_call_of(call, part) for part in _parts(call)]
    except GraphError as refusal:
        return serve(state, call, fault=fault, refusal=refusal)
    answers = [_serve_part(state, part, take(part), fault) for part in parts]
    shown = call.params.get("include_headers") != "false"
    last = next((one for one in reversed(answers) if one is not None), Answer(200, None))
    return Answer(200, [_wrapped(one, headers=shown) if one else None for one in answers], last.headers)


def _serve_part(state: SandboxMeta, part: Call, fault: Fault | None, whole: str | None) -> Answer | None:
    if fault is None:
        return serve(state, part, fault=whole)
    if fault.kind == "not_executed":
        note_unanswered(state, part, fault.kind, Answer(0, None))
        return None
    return serve(state, part, fault=fault.kind, refusal=refusal_of(fault))


def _wrapped(answer: Answer, *, headers: bool) -> dict[str, Any]:
    pairs = [{"name": name, "value": value} for name, value in answer.headers.items()]
    shown = {"headers": pairs} if headers else {}
    return {"code": answer.status, **shown, "body": json.dumps(answer.body)}


def _parts(call: Call) -> list[_Part]:
    if other := sorted(set(call.params) - _KNOWN):
        raise GraphError(f"The sandbox does not carry out batches with {', '.join(other)}")
    try:
        parts = _PARTS.validate_json(call.params["batch"])
    except ValidationError as refused:
        first = refused.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise GraphError(f"Param batch must be a list of requests; {place or 'it'}: {first['msg']}") from None
    if not 0 < len(parts) <= _MOST:
        raise GraphError(f"A batch holds 1 to {_MOST} requests, got {len(parts)}")
    return parts


def _call_of(envelope: Call, part: _Part) -> Call:
    """The request as though it had come alone; the envelope's token stands in for a missing one."""
    url = urlsplit(part.relative_url)
    steps = tuple(step for step in url.path.split("/") if step)
    version = envelope.version
    if steps and steps[0].startswith("v") and steps[0][1:2].isdigit():
        version, steps = steps[0], steps[1:]
    params, token = without_secrets(dict(parse_qsl(f"{url.query}&{part.body}", keep_blank_values=True)))
    files = _files(envelope.files, part.attached_files)
    return Call(part.method, version, steps, params, files, has_token=token or envelope.has_token)


def _files(files: Mapping[str, File], attached: str) -> dict[str, File]:
    names = [name.strip() for name in attached.split(",") if name.strip()]
    if lost := [name for name in names if name not in files]:
        raise GraphError(f"attached_files names {lost[0]!r}, which did not come with the batch")
    return {name: files[name] for name in names}
