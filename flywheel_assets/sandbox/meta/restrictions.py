"""What stops a whole account until somebody lifts it: a token that is no longer valid, a breach of policy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from flywheel_assets.sandbox.meta.errors import GraphError, missing
from flywheel_assets.sandbox.meta.state import SandboxMeta

_TOKEN, _POLICY = 190, 368
_ACTIVE, _DISABLED = 1, 2  # account_status
_NO_REASON, _ADS_POLICY = 0, 1  # disable_reason


class Restriction(BaseModel):
    """One restricted account: with 190 no call passes, with 368 no write does and nothing is delivered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: str
    code: Literal[190, 368]
    subcode: int | None = Field(None, description="E.g. 463 for an expired token.")


def order_restrictions(state: SandboxMeta, restrictions: Iterable[Restriction]) -> None:
    """From now on these and no others; they survive a restart.

    Raises:
        GraphError: the twin has no such account.
    """
    with state.transaction():
        state.execute("DELETE FROM restrictions")
        for one in restrictions:
            if one.account not in state.accounts:
                raise missing(one.account)
            state.execute("INSERT OR REPLACE INTO restrictions VALUES (?, ?, ?)", one.account, one.code, one.subcode)


def check_restriction(state: SandboxMeta, account: str, method: str) -> None:
    """Refuse what the account's restriction does not let pass."""
    code, subcode = _restriction(state, account)
    if code == _TOKEN:
        raise GraphError("Error validating access token", code=code, subcode=subcode, status=401)
    if code == _POLICY and method != "GET":
        raise GraphError(
            "The action attempted has been deemed abusive or is otherwise disallowed",
            code=code,
            subcode=subcode,
            status=403,
        )


def account_status(state: SandboxMeta, account: str) -> dict[str, int]:
    """``account_status`` and ``disable_reason`` as the account's node shows them."""
    if disabled(state, account):
        return {"account_status": _DISABLED, "disable_reason": _ADS_POLICY}
    return {"account_status": _ACTIVE, "disable_reason": _NO_REASON}


def disabled(state: SandboxMeta, account: str) -> bool:
    """Whether the account's ads are stopped."""
    return _restriction(state, account)[0] == _POLICY


def _restriction(state: SandboxMeta, account: str) -> tuple[int | None, int | None]:
    """Code and subcode; None and None for an account that is free."""
    rows = state.execute("SELECT code, subcode FROM restrictions WHERE account = ?", account)
    return (rows[0][0], rows[0][1]) if rows else (None, None)
