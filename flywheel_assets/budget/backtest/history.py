"""An account's past as arrays, and what of it was known at a moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from flywheel_assets.core.errors import FlywheelError

Vector = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

NEVER = np.inf


class HistoryRefused(FlywheelError, ValueError):
    """The history cannot be read, or means something else than it seems to; nothing was computed.

    Attributes:
        problems: every reason found, each naming the place.
    """

    usual_step = "correct the export and call it again; docs/backtest.md says what is read"
    _SHOWN = 8

    def __init__(self, problems: list[str]) -> None:
        more = len(problems) - self._SHOWN
        super().__init__("; ".join(problems[: self._SHOWN]) + (f"; and {more} more" if more > 0 else ""))
        self.problems = problems

    def told(self) -> tuple[str, str]:
        """What is wrong; of several problems each says what to do about it."""
        if len(self.problems) == 1:
            return super().told()
        return str(self), self.usual_step


@dataclass(frozen=True)
class Delivery:
    """What ads did, shape (periods, ads); a period without a report of an ad is zero, of all ads is a gap.

    Attributes:
        begin: of the first period.
        hours: length of a period: 1 or 24.
        start: hour at which each period begins, counted from ``begin``; days of a clock change are not 24 apart.
        spend: major units of ``currency``.
    """

    ads: tuple[str, ...]
    names: tuple[str, ...]
    begin: datetime
    hours: int
    start: Vector
    impressions: Vector
    clicks: Vector
    spend: Vector
    leads: Vector
    currency: str

    @property
    def gaps(self) -> Mask:
        """Periods in which nothing was reported of any ad."""
        return np.asarray(~(self.impressions.any(axis=1) | self.spend.any(axis=1)))


@dataclass(frozen=True)
class Deals:
    """One row a deal, by creation; hours are counted from the delivery's ``begin``.

    Attributes:
        ad: column of the delivery.
        entered: hour in which each stage was entered, `NEVER` where it was not; shape (deals, stages).
        lost: hour in which it was marked lost.
        amount: major units, NaN where unknown.
    """

    ids: tuple[str, ...]
    ad: Index
    click: Vector
    created: Vector
    entered: Vector
    lost: Vector
    amount: Vector

    def stage_at(self, hour: float) -> Index:
        """Stage of each deal as of then; -1 where it did not exist yet."""
        reached = np.where(self.entered <= hour, np.arange(1, self.entered.shape[1] + 1), 0).max(axis=1, initial=0)
        return np.asarray(np.where(self.created <= hour, np.maximum(reached, 1), 0) - 1)


@dataclass(frozen=True)
class History:
    """Everything that is replayed.

    Attributes:
        end: last hour that anything is known of.
        assumed: what had to be assumed to read it, in sentences.
        noticed: what a person should look at, in sentences.
    """

    delivery: Delivery
    deals: Deals
    stages: tuple[str, ...]
    end: float
    assumed: tuple[str, ...] = field(default=())
    noticed: tuple[str, ...] = field(default=())
