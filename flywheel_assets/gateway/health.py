"""Health: the database answers, and what came into the inbox is being taken out of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import hubspot_events

# Events are taken over within minutes; an hour means that the sensor or its job stands still.
_LONGEST_WAIT_SECONDS = 3600.0


@dataclass(frozen=True)
class Health:
    """What a monitor sees. ``oldest_unhandled_seconds`` is real time, None when the inbox is empty."""

    healthy: bool
    world: str
    database: str
    oldest_unhandled_seconds: float | None


def look(store: Store) -> Health:
    """Ask the database."""
    inbox, world = hubspot_events.c, store.settings.world
    waited = text("extract(epoch from clock_timestamp() - min(received_real))")
    try:
        with store.engine.connect() as connection:
            seconds = connection.execute(
                select(waited).select_from(hubspot_events).where(inbox.handled_at.is_(None))
            ).scalar_one()
    except SQLAlchemyError as error:
        # The message of the driver can name hosts and users; its class says enough to strangers.
        return Health(healthy=False, world=world, database=type(error).__name__, oldest_unhandled_seconds=None)
    oldest = None if seconds is None else round(float(seconds), 1)
    healthy = oldest is None or oldest <= _LONGEST_WAIT_SECONDS
    return Health(healthy=healthy, world=world, database="ok", oldest_unhandled_seconds=oldest)


class HealthPage:
    """The endpoint."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def show(self, _: Request) -> Response:
        """200 when healthy, else 503, both with the facts."""
        health = await run_in_threadpool(look, self._store)
        return JSONResponse(asdict(health), status_code=200 if health.healthy else 503)
