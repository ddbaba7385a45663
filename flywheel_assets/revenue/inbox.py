"""The inbox: events are stored as HubSpot sent them, before anybody looks at what they mean.

HubSpot repeats, reorders and batches; whatever it sends must be answered with success within
seconds, so nothing here raises on an event's content. What cannot be used is a problem row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError
from sqlalchemy import BigInteger, Connection, cast, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.core.ids import digest
from flywheel_assets.revenue.problems import Problem, record
from flywheel_assets.store.documents import explain
from flywheel_assets.store.tables import accounts, hubspot_events

Source = Literal["webhook", "reconciliation"]

_DEAL_TYPE = "0-3"  # HubSpot's object type id of deals
_DEAL_EVENTS = frozenset({"deal.propertyChange", "deal.creation"})
_OBJECT_EVENTS = frozenset({"object.propertyChange", "object.creation"})

# The escape of NUL in JSON, not a backslash that is itself escaped.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")

_Id = Annotated[StrictInt, Field(ge=0, lt=2**63)]
# Milliseconds; the upper bound is the year 5138 and keeps the value a date.
_Milliseconds = Annotated[StrictInt, Field(ge=0, lt=10**14)]


class _Event(BaseModel):
    """The fields we rely on; the payload keeps the others."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    event_id: _Id = Field(alias="eventId")
    subscription_id: _Id = Field(alias="subscriptionId")
    portal_id: _Id = Field(alias="portalId")
    object_id: _Id = Field(alias="objectId")
    occurred_ms: _Milliseconds = Field(alias="occurredAt")
    subscription_type: StrictStr = Field(alias="subscriptionType", max_length=100)
    object_type: StrictStr | None = Field(None, alias="objectTypeId")
    property_name: StrictStr | None = Field(None, alias="propertyName")
    property_value: StrictStr | None = Field(None, alias="propertyValue")

    @property
    def speaks_of_a_deal(self) -> bool:
        """Newer subscriptions call every record an object and tell its type apart."""
        generic = self.subscription_type in _OBJECT_EVENTS and self.object_type == _DEAL_TYPE
        return generic or self.subscription_type in _DEAL_EVENTS


@dataclass(frozen=True)
class Stored:
    """What became of one delivery.

    Attributes:
        refused: events that are not in the inbox; each has a row in ``revenue_problems``.
    """

    new: int
    duplicates: int
    refused: int


def store_events(connection: Connection, events: Sequence[Mapping[str, Any]], source: Source) -> Stored:
    """Put deal events into the inbox; one that is known already is left alone.

    ``events`` are the elements of a webhook's JSON array; anything may be among them.
    """
    portals = _portals(connection)
    new = refused = 0
    for payload in events:
        event = _read(payload, portals)
        if isinstance(event, Problem):
            record(connection, [event], account_id=None)
            refused += 1
        else:
            new += _insert(connection, event, payload, source)
    return Stored(new, len(events) - new - refused, refused)


def _portals(connection: Connection) -> frozenset[int]:
    portal = accounts.c.config["hubspot"]["portal_id"].astext
    return frozenset(connection.execute(select(cast(portal, BigInteger)).where(portal.is_not(None))).scalars())


def _read(payload: Any, portals: frozenset[int]) -> _Event | Problem:
    try:
        _refuse_unstorable(payload)
        event = _Event.model_validate(payload)
    except ValidationError as error:
        return _malformed(payload, explain(error))
    except (TypeError, ValueError, RecursionError) as error:
        return _malformed(payload, str(error))
    if event.portal_id not in portals:
        return Problem(
            f"portal:{event.portal_id}",
            "unknown_portal",
            f"no account has HubSpot portal {event.portal_id}; add it to the account's file, "
            "reconciliation then finds what was missed",
        )
    if not event.speaks_of_a_deal:
        return Problem(
            f"subscription:{event.subscription_type}",
            "unsupported_event",
            f"{event.subscription_type} of object type {event.object_type} is not about a deal; "
            "remove the subscription from the HubSpot app",
        )
    return event


def _refuse_unstorable(payload: Any) -> None:
    """Text that a database cannot hold: NUL, halves of surrogate pairs, numbers that are not JSON."""
    text = json.dumps(payload, allow_nan=False, ensure_ascii=False)
    text.encode()
    if _NUL.search(text):
        raise ValueError("it holds a NUL character")


def _malformed(payload: Any, reason: str) -> Problem:
    return Problem(
        f"event:{digest(ascii(payload))[:12]}",
        "malformed_event",
        f"{ascii(reason)[1:-1]}; the event was not stored, compare it with the webhook's documentation",
    )


def _insert(connection: Connection, event: _Event, payload: Mapping[str, Any], source: Source) -> int:
    statement = insert(hubspot_events).values(
        portal_id=event.portal_id,
        subscription_id=event.subscription_id,
        event_id=event.event_id,
        object_id=event.object_id,
        subscription_type=event.subscription_type,
        property_name=event.property_name,
        property_value=event.property_value,
        occurred_at=datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=event.occurred_ms),
        payload=dict(payload),
        source=source,
    )
    return connection.execute(statement.on_conflict_do_nothing(constraint="uq_hubspot_events_key")).rowcount
