"""What may go wrong at the platform: by name, so that a run that fails can be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from flywheel_assets.core.errors import (
    AmbiguousOutcome,
    AuthError,
    PermanentError,
    PolicyError,
    RemoteError,
    Throttled,
    TransientError,
)
from tests.chaos.machine_platform import Killed, Late
from tests.fakes import Fault


def _throttled(scope: str, minutes: int) -> Callable[[], RemoteError]:
    return lambda: Throttled(f"slow down, {scope}", retry_after=timedelta(minutes=minutes), scope=scope)


_ERRORS: dict[str, Callable[[], RemoteError]] = {
    "transient": lambda: TransientError("busy"),
    "ambiguous": lambda: AmbiguousOutcome("cut off"),
    "throttled object": _throttled("object", 60),
    "throttled account": _throttled("account", 5),
    "throttled app": _throttled("app", 5),
    "auth": lambda: AuthError("token expired"),
    "policy": lambda: PolicyError("account restricted"),
    "permanent": lambda: PermanentError("no such thing"),
}
# With an effect all the same, at once or, well inside the time that is given for it, later.
_MORE: dict[str, Callable[[], Fault]] = {
    "landed": lambda: Fault(AmbiguousOutcome("cut off"), landed=True),
    "landed late": lambda: Late(AmbiguousOutcome("cut off"), seconds=30),
    "landed very late": lambda: Late(AmbiguousOutcome("cut off"), seconds=85),
    "killed": lambda: Fault(Killed("request sent")),
    "killed landed": lambda: Fault(Killed("request sent"), landed=True),
    "killed landed late": lambda: Late(Killed("request sent"), seconds=30),
    # The platform is known to make things and say that it could not; ids of objects end with no letter.
    "made but denied": lambda: Fault(TransientError("could not be made"), landed=True, path="s"),
}
FAULTS = (*_ERRORS, *_MORE)
# A permanent answer to a question means that the object is gone; here objects stay.
QUESTION_ERRORS = ("transient", "throttled account", "auth")


def faults_of(kinds: Sequence[str]) -> list[Fault]:
    """What the next writes will meet."""
    return [_MORE[kind]() if kind in _MORE else Fault(_ERRORS[kind]()) for kind in kinds]


def errors_of(kinds: Sequence[str]) -> list[Exception]:
    """What the next questions will meet."""
    return [_ERRORS[kind]() for kind in kinds]
