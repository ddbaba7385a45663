"""Every error Flywheel raises on purpose.

    FlywheelError
    ├── ConfigurationError      a setting, account or brief is missing or wrong
    │   ├── Busy                a port, a home or a database is held by another process
    │   └── NoAnswer            a service that a setting names does not answer
    ├── IntakeRejected          a file is not an advert we can work with (rule, remedy)
    ├── NotAvailable            an engine or its weights are not installed here
    ├── RenderFailed            ffmpeg or the quality gate refused an output
    │   └── StorageFull         a disk has no room for it: the same render works once there is some
    ├── ChangeRefused           enqueue or the executor refused a change (rule)
    └── RemoteError             an answer, or no answer, from a platform
        ├── Throttled           come back later; never an attempt
        ├── TransientError      safe to send again
        ├── AmbiguousOutcome    the write may or may not have landed: read back first
        ├── AuthError           token or permission: the account stops
        ├── PolicyError         the platform restricts the account: a person decides
        └── PermanentError      sending the same again cannot work

A message names the entity, the rule and the numbers, and says what to do: after its last semicolon or colon, verb
first. The command line shows what is wrong and what to do on a line each (`FlywheelError.told`).
"""

from __future__ import annotations

import re
from datetime import timedelta

# What a next step begins with; a clause that begins otherwise goes on telling what is wrong.
_VERBS = """activate add alerts analyse ask build call change check choose close connect convert copy correct create
 drop empty end export fetch find free give go grant install launch leave let list load look make materialise mend move
 name open pass pause pip plan publish put read reinstall remove rename render renew report resume retry reword run see
 send set shorten start stop train try undo unset upload use wait write"""
_STEP = re.compile(rf"(?:[;:] |\. )(?=(?:{'|'.join(_VERBS.split())})\b)", re.IGNORECASE)


class FlywheelError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: what is wrong; it may say what to do at its end.
        next_step: what to do, where the message does not say it; verb first.
    """

    usual_step = "run flywheel doctor, which says what this installation lacks"

    def __init__(self, message: str = "", *, next_step: str | None = None) -> None:
        super().__init__(message if next_step is None else f"{message}; {next_step}")
        self._message, self._next_step = message, next_step

    def told(self) -> tuple[str, str]:
        """What is wrong, and what to do next."""
        if self._next_step is not None:
            return self._message, self._next_step
        message = str(self)
        steps = list(_STEP.finditer(message))
        if not steps:
            return message, self.usual_step
        return message[: steps[-1].start()], message[steps[-1].end() :]


class ConfigurationError(FlywheelError):
    """A setting, account or brief is missing or wrong."""

    usual_step = "correct it; flywheel check tells everything that is wrong with the files at once"


class Busy(ConfigurationError):
    """A port, a home or a database is held by another process."""


class NoAnswer(ConfigurationError):
    """A service that a setting names does not answer."""


class IntakeRejected(FlywheelError):
    """A dropped file cannot become an advert.

    Attributes:
        rule: short stable name, e.g. ``empty_file``; stored on the upload row.
        remedy: what the person who dropped it can do.
    """

    def __init__(self, name: str, rule: str, reason: str, remedy: str) -> None:
        super().__init__(f"{name}: {rule}: {reason}. {remedy}")
        self.name, self.rule, self.reason, self.remedy = name, rule, reason, remedy

    def told(self) -> tuple[str, str]:
        """What is wrong with the file, and its remedy."""
        return f"{self.name}: {self.rule}: {self.reason}", self.remedy


class NotAvailable(FlywheelError):
    """An engine or its weights are not installed; the result is unknown, never empty."""


class RenderFailed(FlywheelError):
    """A render could not be made or did not pass its gate."""

    usual_step = "run flywheel doctor; if ffmpeg is in order there, export the video again as MP4 (H.264)"


class StorageFull(RenderFailed):
    """A disk has no room for a file of a render; nothing half-written stays under its name."""


class ChangeRefused(FlywheelError):
    """A change broke a rule that waiting cannot mend.

    Attributes:
        rule: short stable name, e.g. ``currency_mismatch``.
    """

    usual_step = "look at what is queued and why: flywheel changes list"

    def __init__(self, subject: str, rule: str, reason: str) -> None:
        super().__init__(f"{subject}: {rule}: {reason}")
        self.subject, self.rule, self.reason = subject, rule, reason


class RemoteError(FlywheelError):
    """A platform answered with an error, or did not answer.

    Attributes:
        code, subcode: the platform's own numbers, where it gave any.
        trace_id: the platform's reference for its support.
    """

    usual_step = "try again later; flywheel doctor says whether this side is in order"

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        subcode: int | None = None,
        trace_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.subcode, self.trace_id = code, subcode, trace_id


class Throttled(RemoteError):
    """The platform asks us to wait.

    Attributes:
        retry_after: how long, from the platform's header or our table.
        scope: what has to wait: ``object``, ``account`` or ``app``.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: timedelta,
        scope: str,
        code: int | None = None,
        subcode: int | None = None,
        trace_id: str | None = None,
    ) -> None:
        super().__init__(message, code=code, subcode=subcode, trace_id=trace_id)
        self.retry_after, self.scope = retry_after, scope


class TransientError(RemoteError):
    """The platform failed before it did anything; the same call may be sent again.

    Attributes:
        flaky: it refuses what it takes at another time, but may as well mean it: worth few tries only.
    """

    def __init__(
        self,
        message: str,
        *,
        flaky: bool = False,
        code: int | None = None,
        subcode: int | None = None,
        trace_id: str | None = None,
    ) -> None:
        super().__init__(message, code=code, subcode=subcode, trace_id=trace_id)
        self.flaky = flaky


class AmbiguousOutcome(RemoteError):
    """A write got no usable answer; it may have been applied."""


class AuthError(RemoteError):
    """Token invalid or expired, or a permission is missing."""


class PolicyError(RemoteError):
    """The platform restricts the account."""


class PermanentError(RemoteError):
    """The request itself is wrong."""
