"""The state of one installation as a single handle: settings, database, files."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from flywheel_assets.settings import Settings
from flywheel_assets.store.blobs import Blobs
from flywheel_assets.store.database import open_database


@dataclass(frozen=True)
class Store:
    """What assets, commands and the executor share."""

    settings: Settings
    engine: Engine
    blobs: Blobs

    @classmethod
    def open(cls, settings: Settings) -> Store:
        """Start or reach the database, migrate it, and check that its world is ours."""
        blobs = Blobs(settings.blob_base, settings.root / "cache" / "blobs")
        return cls(settings, open_database(settings), blobs)
