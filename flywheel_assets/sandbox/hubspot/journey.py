"""How a deal goes: planned whole when it is opened, so that equal seeds sell equally. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

# The default pipeline: stage id, label, HubSpot's own probability.
STAGES = (
    ("appointmentscheduled", "Appointment Scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified To Buy", "0.4"),
    ("presentationscheduled", "Presentation Scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
    ("contractsent", "Contract Sent", "0.9"),
    ("closedwon", "Closed Won", "1.0"),
    ("closedlost", "Closed Lost", "0.0"),
)
FIRST_STAGE = STAGES[0][0]

# Next stage, median hours until it, and the part of the whole risk that this step carries. With a
# win chance of 0.2 the shares give HubSpot's probabilities 0.2, 0.4, 0.6 and 0.9 along the way.
_STEPS = (
    ("qualifiedtobuy", 18.0, 0.431),
    ("presentationscheduled", 36.0, 0.252),
    ("contractsent", 30.0, 0.252),
    ("closedwon", 40.0, 0.065),
)
_LAG_SPREAD = 0.5  # of the logarithm of a step's hours
_LATE_AMOUNT = 0.25  # deals whose amount is not known at first
_AMOUNT_HOURS = 48.0  # median until somebody enters it


@dataclass(frozen=True)
class Move:
    """One property that changes so many hours after the deal was opened."""

    hours: float
    property: Literal["dealstage", "amount"]
    value: str


@dataclass(frozen=True)
class Journey:
    """What will happen to a deal; ``amount`` is what is entered at once, None where it comes later."""

    amount: str | None
    moves: tuple[Move, ...]


def plan_journey(win_chance: float, amount: str, rng: np.random.Generator) -> Journey:
    """Draw a deal's way through the pipeline.

    Each step takes log-normal time and can end in closedlost; all steps together are survived
    with ``win_chance``. ``amount`` is in major units.
    """
    moves, hours, late = [], 0.0, rng.random() < _LATE_AMOUNT
    amount_at = _AMOUNT_HOURS * math.exp(_LAG_SPREAD * rng.standard_normal())
    for stage, median, share in _STEPS:
        hours += median * math.exp(_LAG_SPREAD * rng.standard_normal())
        survives = rng.random() < win_chance**share
        moves.append(Move(hours, "dealstage", stage if survives else "closedlost"))
        if not survives:
            break
    if late:
        # A deal is not closed without its amount.
        moves.append(Move(min(amount_at, 0.9 * hours), "amount", amount))
    return Journey(None if late else amount, tuple(sorted(moves, key=lambda move: move.hours)))
