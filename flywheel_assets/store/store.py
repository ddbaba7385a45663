"""The state of one installation as a single handle: settings, database, files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from flywheel_assets.settings import Settings
from flywheel_assets.store.blobs import Blobs
from flywheel_assets.store.clock import start_twin_clock
from flywheel_assets.store.database import open_database


@dataclass(frozen=True)
class Store:
    """What assets, commands and the executor share."""

    settings: Settings
    engine: Engine
    blobs: Blobs

    @classmethod
    def open(cls, settings: Settings) -> Store:
        """Start or reach the database, migrate it, check that its world is ours, and set a new twin's clock."""
        engine = open_database(settings)
        if settings.world == "sandbox":
            hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
            with engine.begin() as connection:
                start_twin_clock(connection, hour - timedelta(days=settings.twin_starts_days_ago))
        return cls(settings, engine, Blobs(settings.blob_base, settings.root / "cache" / "blobs"))
