"""How a deal goes through the CRM's pipeline: planned whole when it is opened. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from flywheel_assets.sandbox.market.deals import Course

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
# Where the sales team keeps a deal in each stage of the market: lead, qualified, proposal, won.
PATH = ("appointmentscheduled", "qualifiedtobuy", "presentationscheduled", "closedwon")
LOST = "closedlost"

_LATE_AMOUNT = 0.25  # deals whose amount is not known at first
_AMOUNT_HOURS = 48.0  # median until somebody enters it
_AMOUNT_SPREAD = 0.5  # of the logarithm of these hours


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


def plan_journey(course: Course, amount: str, rng: np.random.Generator) -> Journey:
    """The market's course as the CRM shows it, ``amount`` in major units; drawn is only when the amount is entered.

    A lost deal that nobody marks stays where it is.
    """
    stages = [Move(hours, "dealstage", stage) for hours, stage in zip(course.entered, PATH[1:], strict=False)]
    if course.lost is not None:
        stages.append(Move(course.lost, "dealstage", LOST))
    late = rng.random() < _LATE_AMOUNT
    known = _AMOUNT_HOURS * math.exp(_AMOUNT_SPREAD * rng.standard_normal())
    if not late:
        return Journey(amount, tuple(stages))
    if stages and stages[-1].value in (PATH[-1], LOST):  # a deal is not closed without its amount
        known = min(known, 0.9 * stages[-1].hours)
    return Journey(None, tuple(sorted([*stages, Move(known, "amount", amount)], key=lambda move: move.hours)))
