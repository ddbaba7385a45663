"""The simulated days read what the schedules read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flywheel_assets.cli.days import hours_to_read
from flywheel_assets.core.hours import HOUR
from flywheel_assets.jobs.schedules import nightly_restatement_schedule
from flywheel_assets.settings import FIRST_HOUR

NIGHT = datetime(2026, 11, 4, 3, tzinfo=UTC)


@pytest.mark.parametrize("other", [NIGHT - HOUR, NIGHT + HOUR, NIGHT + 12 * HOUR])
def test_an_ordinary_hour_is_read_alone(other: datetime) -> None:
    assert hours_to_read(other, 28) == [other]


def test_the_hour_of_the_nightly_schedule_is_read_with_the_weeks_before_it() -> None:
    assert nightly_restatement_schedule.cron_schedule == f"10 {(NIGHT + HOUR).hour} * * *"
    hours = hours_to_read(NIGHT, 28)
    assert (hours[0], hours[-1], len(hours)) == (NIGHT - timedelta(days=28), NIGHT, 28 * 24 + 1)


def test_nothing_is_read_from_before_the_first_hour() -> None:
    early = FIRST_HOUR + timedelta(days=2, hours=3)
    assert hours_to_read(early, 28) == [FIRST_HOUR + HOUR * index for index in range(2 * 24 + 4)]
