"""An account that is not the one of its file, or cannot run ads, is told with the numbers of both."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from flywheel_assets.clients.meta_money import AccountInfo
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.execution.account_check import account_faults, require_sound
from tests.integration.conftest import ACCOUNT

NOW = datetime(2026, 9, 24, tzinfo=UTC)
SOUND = AccountInfo("USD", "America/New_York", 1, active=True, least=None)


def faults(**changed: Any) -> tuple[str, ...]:
    return account_faults(ACCOUNT, replace(SOUND, **changed), NOW)


def test_the_account_of_the_file_is_sound() -> None:
    assert faults() == ()
    require_sound(ACCOUNT, SOUND, NOW)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"status": 2, "active": False}, "Meta says it is disabled (account_status 2)"),
        ({"status": 3, "active": False}, "Meta says it is unpaid (account_status 3)"),
        ({"status": 555, "active": False}, "Meta says it is not active (account_status 555)"),
        ({"currency": "JPY"}, "it pays in JPY, the account file says USD"),
        ({"time_zone": "Europe/Berlin"}, "its days are those of Europe/Berlin, the account file says America/New_York"),
        ({"time_zone": "America/Panama"}, "its days are those of America/Panama"),  # the same in winter only
        ({"time_zone": "Mars/Olympus"}, "its days are those of Mars/Olympus"),
        ({"time_zone": "../etc/passwd"}, "its days are those of ../etc/passwd"),
    ],
)
def test_each_fault_is_told_with_both_sides_and_stops_a_launch(changed: dict[str, Any], said: str) -> None:
    (fault,) = faults(**changed)
    assert said in fault
    with pytest.raises(ConfigurationError, match=ACCOUNT.account_id):
        require_sound(ACCOUNT, replace(SOUND, **changed), NOW)


def test_another_name_of_the_same_zone_is_the_same_zone() -> None:
    assert faults(time_zone="US/Eastern") == ()


def test_all_faults_are_told_at_once() -> None:
    assert len(faults(status=2, active=False, currency="EUR", time_zone="Europe/Paris")) == 3
