"""What an unsuccessful call to Meta means for the caller: one table, one pure function per way to fail.

The numbers come from Meta's error reference and the retry lists of public connectors. The order of
the rules matters: a throttle, a bad token or a restricted account say that nothing was done, so
they come before "a write that ended in a server error may have been applied".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flywheel_assets.clients.meta_usage import regain, standard_tier
from flywheel_assets.core.errors import (
    AmbiguousOutcome,
    AuthError,
    PermanentError,
    PolicyError,
    RemoteError,
    Throttled,
    TransientError,
)

_THROTTLES = frozenset({4, 17, 32, 613, *range(80000, 80007), 80008, 80009, 80014})
_AUTH = frozenset({10, 102, 190, *range(200, 300)})
_POLICY = frozenset({368})
_TRANSIENT = frozenset({1, 2, 104, 960})
_FLAKY = (100, 1487390)  # "Adcreative Create Failed": half of them pass when sent again
_CHUNK = 1363037  # "retry this chunk" of a video; the upload follows its offsets, this is for an answer without any
_BUDGET_CHANGES = 1487632  # more than four budget changes of one ad set in an hour
_VIDEO_NOT_READY = 1885252  # not a fault of the request: the same one works once the video is processed
_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500


@dataclass(frozen=True)
class Reply:
    """An answer that is not a success.

    Attributes:
        error: Meta's error object; None when the answer had none (a proxy's page, a bare 500).
    """

    status: int
    headers: Mapping[str, str]
    error: Mapping[str, Any] | None


@dataclass(frozen=True)
class Silence:
    """No answer.

    Attributes:
        sent: False only when the connection failed before a byte of the request left.
    """

    sent: bool
    reason: str


@dataclass(frozen=True)
class _Known:
    text: str
    code: int | None
    subcode: int | None
    trace_id: str | None

    def numbers(self) -> dict[str, Any]:
        return {"code": self.code, "subcode": self.subcode, "trace_id": self.trace_id}


def classify(call: str, reply: Reply, *, write: bool) -> RemoteError:
    """The error to raise for ``reply``; ``call`` names the request, without parameters."""
    known = _describe(call, reply)
    if known.code in _THROTTLES or reply.status == _TOO_MANY_REQUESTS or known.subcode == _VIDEO_NOT_READY:
        return _throttled(known, reply)
    if known.code in _AUTH:
        return AuthError(f"{known.text}; renew the token or grant the missing permission", **known.numbers())
    if known.code in _POLICY:
        return PolicyError(f"{known.text}; a person must clear the account with Meta", **known.numbers())
    if reply.error is None or reply.status >= _SERVER_ERROR:
        return _unclear(known, write=write)
    if _is_transient(known, reply.error):
        again = f"{known.text}; nothing was done, send it again later"
        return TransientError(again, flaky=_is_flaky(known), **known.numbers())
    return PermanentError(f"{known.text}; correct the request, the same one will fail again", **known.numbers())


def unanswered(call: str, silence: Silence, *, write: bool) -> RemoteError:
    """The error to raise when no answer came."""
    known = _Known(f"{call}: no answer ({silence.reason})", None, None, None)
    if not silence.sent:
        return TransientError(f"{known.text}; the request was not sent, try again later")
    return _unclear(known, write=write)


def _unclear(known: _Known, *, write: bool) -> RemoteError:
    if write:
        return AmbiguousOutcome(
            f"{known.text}; it may have been applied, read back before sending again", **known.numbers()
        )
    return TransientError(f"{known.text}; nothing visible was changed, send it again later", **known.numbers())


def _is_transient(known: _Known, error: Mapping[str, Any]) -> bool:
    again = _is_flaky(known) or known.subcode == _CHUNK
    return again or error.get("is_transient") is True or known.code in _TRANSIENT


def _is_flaky(known: _Known) -> bool:
    return (known.code, known.subcode) == _FLAKY


def _throttled(known: _Known, reply: Reply) -> Throttled:
    wait = max(regain(reply.headers), _default_wait(known, reply.headers))
    scope = _scope(known)
    minutes = wait.total_seconds() / 60
    return Throttled(
        f"{known.text}; wait {minutes:g} min before the next call for this {scope}",
        retry_after=wait,
        scope=scope,
        **known.numbers(),
    )


def _default_wait(known: _Known, headers: Mapping[str, str]) -> timedelta:
    if known.subcode == _BUDGET_CHANGES:  # with 613 today, with 17 in older answers
        return timedelta(hours=1)
    if known.subcode == _VIDEO_NOT_READY:
        return timedelta(minutes=1)
    if known.code == 17 and standard_tier(headers):  # noqa: PLR2004 - the account's call score; named by its number everywhere
        return timedelta(minutes=1)
    return timedelta(minutes=5)


def _scope(known: _Known) -> str:
    if known.subcode in {_BUDGET_CHANGES, _VIDEO_NOT_READY}:
        return "object"
    return "app" if known.code == 4 else "account"  # noqa: PLR2004 - code 4, application request limit


def _describe(call: str, reply: Reply) -> _Known:
    if reply.error is None:
        return _Known(f"{call}: HTTP {reply.status} without Meta's error object", None, None, None)
    code, subcode = _number(reply.error.get("code")), _number(reply.error.get("error_subcode"))
    words = " - ".join(str(reply.error[key]) for key in ("message", "error_user_msg") if reply.error.get(key))
    trace = reply.error.get("fbtrace_id")
    label = f"{code}" if subcode is None else f"{code}/{subcode}"
    return _Known(f"{call}: Meta error {label}: {words}", code, subcode, str(trace) if trace else None)


def _number(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None
