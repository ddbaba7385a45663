"""Every error Flywheel raises on purpose.

    FlywheelError
    ├── ConfigurationError      a setting, account or brief is missing or wrong
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

A message names the entity, the rule and the numbers, and says what to do.
"""

from __future__ import annotations

from datetime import timedelta


class FlywheelError(Exception):
    """Base of all errors raised on purpose."""


class ConfigurationError(FlywheelError):
    """A setting, account or brief is missing or wrong."""


class IntakeRejected(FlywheelError):
    """A dropped file cannot become an advert.

    Attributes:
        rule: short stable name, e.g. ``empty_file``; stored on the upload row.
        remedy: what the person who dropped it can do.
    """

    def __init__(self, name: str, rule: str, reason: str, remedy: str) -> None:
        super().__init__(f"{name}: {rule}: {reason}. {remedy}")
        self.name, self.rule, self.reason, self.remedy = name, rule, reason, remedy


class NotAvailable(FlywheelError):
    """An engine or its weights are not installed; the result is unknown, never empty."""


class RenderFailed(FlywheelError):
    """A render could not be made or did not pass its gate."""


class StorageFull(RenderFailed):
    """A disk has no room for a file of a render; nothing half-written stays under its name."""


class ChangeRefused(FlywheelError):
    """A change broke a rule that waiting cannot mend.

    Attributes:
        rule: short stable name, e.g. ``currency_mismatch``.
    """

    def __init__(self, subject: str, rule: str, reason: str) -> None:
        super().__init__(f"{subject}: {rule}: {reason}")
        self.subject, self.rule, self.reason = subject, rule, reason


class RemoteError(FlywheelError):
    """A platform answered with an error, or did not answer.

    Attributes:
        code, subcode: the platform's own numbers, where it gave any.
        trace_id: the platform's reference for its support.
    """

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
