"""Variations over HTTP, at the brief's path: a video and a brief in, a creative id out; the work is done by a run.

What is asked for here may become ads, so whoever asks has to prove that they may.
"""

from __future__ import annotations

import re
import secrets
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator
from sqlalchemy import Connection, select
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.ids import campaign_of
from flywheel_assets.creative.asking import Asked, AskRefused, NotKnown, ask, open_creative
from flywheel_assets.creative.briefs import checked_brief
from flywheel_assets.creative.options import Options
from flywheel_assets.execution.queue import is_asked_for
from flywheel_assets.gateway.body import parse_json, read_body
from flywheel_assets.gateway.state import state_of
from flywheel_assets.settings import Settings
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import accounts

GENERATE_PATH = "/api/video-pro/generate"
SHORTEST_TOKEN = 16
_CREATIVE = r"c_[0-9a-f]{12}"
_SCHEME = "Bearer "
_NOT_STORED = {"Cache-Control": "no-store"}


class GenerateRequest(Options):
    """A creative that is known, or a video that was taken in and what is said about it."""

    creative_id: str | None = Field(None, pattern=f"^{_CREATIVE}$")
    video: str | None = Field(None, pattern=r"^[!-~]{1,500}$", description="SHA-256 or URI of a stored video.")
    brief: dict[str, Any] | None = Field(None, description="`creative.types.Brief`; unset: the account's default.")
    account_id: str | None = Field(
        None, pattern=r"^[!-~]{1,60}$", description="Needed where there are several accounts."
    )

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.creative_id is None) == (self.video is None):
            raise ValueError("name either a creative_id or a video")
        if self.creative_id is not None and (self.brief is not None or self.account_id is not None):
            raise ValueError("a creative has its brief and its account; leave brief and account_id out")
        return self

    @property
    def options(self) -> Options:
        """What is asked of the variations."""
        return Options(**{name: getattr(self, name) for name in Options.model_fields})


def check_token(settings: Settings) -> None:
    """Refuse a token that can be guessed.

    Raises:
        ConfigurationError: it is too short.
    """
    if settings.api_token and len(settings.api_token.get_secret_value()) < SHORTEST_TOKEN:
        raise ConfigurationError(f"FLYWHEEL_API_TOKEN has less than {SHORTEST_TOKEN} characters; set a longer one")


class Generate:
    """The two endpoints."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ask(self, request: Request) -> Response:
        """202 where a run was queued or is under way, 200 where there is nothing to do; both with the creative's id."""
        self._check_sender(request)
        try:
            wanted = GenerateRequest.model_validate(parse_json(await read_body(request)))
        except ValidationError as error:
            return _unusable([_problem(item["loc"], item["msg"]) for item in error.errors()])
        try:
            asked = await run_in_threadpool(self._ask, wanted)
        except ConfigurationError as error:
            return _unusable([str(error)])
        except NotKnown as error:
            raise HTTPException(404, str(error)) from None
        except AskRefused as error:
            raise HTTPException(409, str(error)) from None
        place = f"{GENERATE_PATH}/{asked.creative_id}"
        body = {"creative_id": asked.creative_id, "answer": asked.answer, "state": place}
        return JSONResponse(body, 200 if asked.answer == "finished" else 202, {"Location": place, **_NOT_STORED})

    async def show(self, request: Request) -> Response:
        """200 with how far the creative is and what was made, 404 where there is none."""
        self._check_sender(request)
        named = request.path_params["creative_id"]
        found = await run_in_threadpool(self._state, named) if re.fullmatch(_CREATIVE, named) else None
        if found is None:
            raise HTTPException(404, "there is no such creative")
        return JSONResponse(found, headers=_NOT_STORED)

    def _check_sender(self, request: Request) -> None:
        token = self._store.settings.api_token
        if token is None:
            raise HTTPException(
                403, "this gateway takes no requests for videos; set FLYWHEEL_API_TOKEN and start it again"
            )
        given = request.headers.get("authorization", "")
        # Compared as bytes: a header may hold what is no ASCII.
        if not secrets.compare_digest(given.encode(), f"{_SCHEME}{token.get_secret_value()}".encode()):
            reason = "send FLYWHEEL_API_TOKEN in the header Authorization: Bearer …"
            raise HTTPException(401, reason, headers={"WWW-Authenticate": "Bearer"})

    def _ask(self, wanted: GenerateRequest) -> Asked:
        with self._store.engine.begin() as connection:
            key = wanted.creative_id or self._opened(connection, wanted)
            return ask(
                connection, key, wanted.options, lambda creative: is_asked_for(connection, campaign_of(creative))
            )

    def _opened(self, connection: Connection, wanted: GenerateRequest) -> str:
        account = _account(connection, wanted.account_id, self._store.settings.world)
        raw = wanted.brief if wanted.brief is not None else account.default_brief
        if raw is None:
            raise ConfigurationError(f"brief: none is given and account {account.account_id} has no default_brief")
        try:
            brief = checked_brief(raw)
        except ConfigurationError as error:
            raise ConfigurationError(f"brief: {error}") from None
        return open_creative(connection, str(wanted.video), brief, account.account_id)

    def _state(self, creative_id: str) -> dict[str, Any] | None:
        with self._store.engine.connect() as connection:
            return state_of(connection, creative_id, self._store.settings.creative)


def _account(connection: Connection, account_id: str | None, world: str) -> Account:
    configs = connection.execute(select(accounts.c.config).where(accounts.c.world == world)).scalars()
    known = {account.account_id: account for account in map(Account.model_validate, configs)}
    if account_id is None and len(known) != 1:
        raise ConfigurationError(f"account_id: there are {len(known)} accounts; name one")
    chosen = next(iter(known)) if account_id is None else account_id
    if chosen not in known:
        raise ConfigurationError("account_id: there is no such account")
    return known[chosen]


def _problem(place: tuple[int | str, ...], message: str) -> str:
    where = ".".join(map(str, place)) or "request"
    return f"{where}: {message.removeprefix('Value error, ')}"


def _unusable(problems: list[str]) -> Response:
    return JSONResponse({"error": "the request cannot be used", "problems": problems}, 422)
