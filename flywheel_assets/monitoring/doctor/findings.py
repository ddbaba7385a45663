"""One line of an examination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# `fault`: something a person asked for cannot work. `lacks`: it works without, with less.
State = Literal["ok", "lacks", "fault"]


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was found, and what to do about it."""

    subject: str
    state: State
    found: str
    remedy: str = ""
