"""The one velocity rule: no two budgets in force within six hours differ by more than a fifth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flywheel_assets.settings import Safety


@dataclass(frozen=True)
class BudgetSpan:
    """A daily budget and the business time during which it was, or may have been, in force.

    ``until`` is None while it still holds. A change with an unknown outcome contributes two
    overlapping spans, the old budget and the new one.
    """

    minor: int
    since: datetime
    until: datetime | None


def allowed_interval(history: Sequence[BudgetSpan], now: datetime, safety: Safety | None = None) -> tuple[int, int]:
    """Lowest and highest budget, in minor units, that may be set at ``now``.

    [0.8 x max, 1.2 x min] of all budgets in force in the last six hours: then no two moments
    within the window differ by more than 20 %. Bounds are rounded inwards. The interval holds the
    current budget when every earlier change respected the rule; after a person's larger edit it
    can be empty (low > high) until that edit leaves the window.

    Raises:
        ValueError: no budget was in force in the window, so nothing can be allowed.
    """
    rules = safety or Safety()
    opens = now - timedelta(hours=rules.velocity_window_hours)
    values = [span.minor for span in history if span.until is None or span.until > opens]
    if not values:
        raise ValueError("no budget in force in the velocity window; read the current budget first")
    share = rules.velocity_percent
    low = -(-max(values) * (100 - share) // 100)
    return low, min(values) * (100 + share) // 100
