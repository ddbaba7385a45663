"""People on their way from a click to the form: known whole when they click, counted as a lead when they send it.

A visitor clicks in one hour, is on the page from then on, and sends the form after the market's lag.
Whoever did not reach the page never sends it. The platform counts a lead in the hour of its click.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from flywheel_assets.sandbox.market.deals import NOBODY, Course, Deals, course_of
from flywheel_assets.sandbox.meta.state import Node, SandboxMeta

_COLUMNS = "origin, ad, link, known, course, address"


@dataclass(frozen=True)
class Visitor:
    """One person who will send the form.

    Attributes:
        origin: names the person for good.
        ad: whose click it was; ``link`` is the ad through which the form is reached in the end.
        known: whether the form still says through which ad it was reached.
        course: what will become of the deal.
        address: of the page that was reached; None before.
    """

    origin: str
    ad: int
    link: int
    known: bool
    course: Course
    address: str | None


def expect_leads(state: SandboxMeta, hour: float, deals: Deals, running: Sequence[Node]) -> None:
    """Note the leads that will come of an hour of the first ad; ``deals`` counts hours from ``hour`` and ads as here."""
    ad = running[0]
    for row in range(len(deals)):
        known = deals.seen_ad[row] != NOBODY
        link = running[deals.seen_ad[row]] if known else ad
        values = (f"{ad.id}-{int(hour)}-{row}", ad.id, hour, link.id, int(known))
        arrives, course = hour + 3600 * float(deals.entered[row, 0]), json.dumps(asdict(course_of(deals, row)))
        state.execute("INSERT INTO visitors VALUES (?, ?, ?, ?, ?, ?, ?, 'clicked', NULL)", *values, arrives, course)


def newly_clicked(state: SandboxMeta) -> list[Visitor]:
    """Those nobody has followed to the page yet, in the order of their hours."""
    return _visitors(state, "status = 'clicked' ORDER BY hour, ad, rowid")


def reached(state: SandboxMeta, visitor: Visitor, address: str | None) -> None:
    """The visitor is on the page at ``address``, or (None) lost on the way there."""
    status = "lost" if address is None else "on_page"
    state.execute("UPDATE visitors SET status = ?, address = ? WHERE origin = ?", status, address, visitor.origin)


def sending(state: SandboxMeta, now: datetime) -> list[Visitor]:
    """Those on the page who have sent the form by ``now``, in their order."""
    return _visitors(state, "status = 'on_page' AND arrives <= ? ORDER BY arrives, rowid", now.timestamp())


def count_lead(state: SandboxMeta, visitor: Visitor) -> None:
    """The platform hears of the lead, once, and counts it in the hour of its click."""
    with state.transaction():
        done = "UPDATE visitors SET status = 'lead' WHERE origin = ? AND status = 'on_page' RETURNING ad, hour"
        for clicked in state.execute(done, visitor.origin):
            state.execute("UPDATE deliveries SET leads = leads + 1 WHERE ad = ? AND hour = ?", *clicked)


def _visitors(state: SandboxMeta, chosen: str, *values: Any) -> list[Visitor]:
    rows = state.execute(f"SELECT {_COLUMNS} FROM visitors WHERE {chosen}", *values)  # noqa: S608 - constants of this module
    return [
        Visitor(origin, ad, link, bool(known), _course(course), address)
        for origin, ad, link, known, course, address in rows
    ]


def _course(text: str) -> Course:
    stored = json.loads(text)
    return Course(tuple(stored["entered"]), stored["lost"], stored["amount"])
