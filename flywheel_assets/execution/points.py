"""Named moments at which a worker may die. In production nothing happens there; the chaos tests kill.

K0, K2 and K7 lie between transactions as well as K1, but each leaves a different row behind, and it
is the row that the next worker has to understand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Point = Literal[
    "K0_before_claim_commits",
    "K1_claimed",
    "K2_waiting",
    "K3_intent_written",
    "K4_request_sent",
    "K5_answered",
    "K6_before_outcome_commits",
    "K7_outcome_written",
    "K8_reading_back",
    "K9_before_burial_commits",
    "K10_rescuing",
]
Hook = Callable[[Point], None]


def pass_by(_: Point) -> None:
    """What production does at every point."""
