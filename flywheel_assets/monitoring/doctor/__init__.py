"""What an installation has and what it lacks, before it is needed. Nothing here changes anything or calls a platform."""

from __future__ import annotations

from collections.abc import Iterator

from flywheel_assets.monitoring.doctor.findings import Finding
from flywheel_assets.monitoring.doctor.machine import disk, ports, programs
from flywheel_assets.monitoring.doctor.settings import account, credentials, world
from flywheel_assets.monitoring.doctor.state import database
from flywheel_assets.monitoring.doctor.watching import engines, weights
from flywheel_assets.settings import Settings

__all__ = ["Finding", "examine"]


def examine(settings: Settings) -> Iterator[Finding]:
    """One finding after the other; each part is looked at whatever the others lack."""
    for part in (world, account, credentials, database, disk, ports, programs, engines, weights):
        yield from part(settings)
