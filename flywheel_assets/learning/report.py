"""What one step of the learning cycle did, in words and counts. A step that did nothing says so, and why."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Status = Literal["done", "nothing", "insufficient", "failed"]
Count = int | float | str | None


class StepReport(BaseModel):
    """One step: ``changed`` counts rows that were written, not rows that were looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str
    status: Status
    changed: dict[str, Count]
    reason: str

    def row(self) -> dict[str, str]:
        """One table row for a person."""
        changed = ", ".join(f"{name} {value}" for name, value in self.changed.items() if value is not None)
        return {"step": self.step, "status": self.status, "changed": changed, "reason": self.reason}


class Problem(BaseModel):
    """An ad that could not take part, and why; the others went on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str
    rule: str
    reason: str


def in_words(problems: tuple[Problem, ...]) -> str:
    """Problems as a clause to follow a sentence; empty without any."""
    if not problems:
        return ""
    first = problems[0]
    more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
    return f"; left out {first.subject}: {first.reason}{more}"
