"""Requests as the twin reads them: version, path, parameters, files, token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.requests import Request

_SECRETS = ("access_token", "appsecret_proof")
_LONG = ("bytes", "batch")
_MAX_FIELD = 64 * 1024**2  # an image as base64 is one form field


@dataclass(frozen=True)
class File:
    """One uploaded file."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Call:
    """One request. ``parts`` is the path below the version; ``params`` hold no secrets."""

    method: str
    version: str
    parts: tuple[str, ...]
    params: Mapping[str, str]
    files: Mapping[str, File]
    has_token: bool

    @property
    def path(self) -> str:
        """The path for people."""
        return "/".join(self.parts)

    def journal_params(self) -> dict[str, str]:
        """Parameters for the journal: contents as their length, and so a batch, whose requests may hold tokens."""
        sizes = {name: f"<{len(file.content)} bytes: {file.name}>" for name, file in self.files.items()}
        long = {name: f"<{len(self.params[name])} characters>" for name in _LONG if name in self.params}
        return {**self.params, **long, **sizes}


async def read_call(request: Request) -> Call:
    """Parse query, form and files; form fields win over the query."""
    params, files = dict(request.query_params), {}
    async with request.form(max_part_size=_MAX_FIELD) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                files[name] = File(value.filename or name, await value.read())
            else:
                params[name] = value
    params, has_token = without_secrets(params)
    parts = tuple(part for part in request.path_params["path"].split("/") if part)
    return Call(request.method, request.path_params["version"], parts, params, files, has_token)


def without_secrets(params: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """The parameters without tokens and proofs, and whether a token was among them."""
    return {name: text for name, text in params.items() if name not in _SECRETS}, bool(params.get("access_token"))
