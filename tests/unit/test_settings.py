"""Settings: the brief's numbers, how the environment reaches them, and what they never show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from flywheel_assets.settings import Budget, Creative, Safety, Settings


def _read(**environment: str) -> subprocess.CompletedProcess[str]:
    """What a process with these variables, and none of ours, makes of them."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("FLYWHEEL_")}
    program = "from flywheel_assets.settings import Settings; print(Settings().model_dump_json())"
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=others | environment, capture_output=True, text=True, check=False)


def _settings(**environment: str) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(_read(**environment).stdout)
    return settings


def test_the_defaults_are_the_numbers_of_the_brief() -> None:
    safety, creative = Safety(), Creative()
    assert safety.jitter_seconds == (3, 18)
    assert (safety.actions_per_campaign_hour, safety.pause_reserve) == (15, 1)
    assert (safety.velocity_percent, safety.velocity_window_hours) == (20, 6)
    assert safety.fuzz == 0.03
    assert safety.retry_seconds == (1, 2, 4, 8, 16)
    assert (creative.approval_score, creative.reflexion_turns, creative.min_hooks) == (85, 3, 50)
    assert (creative.min_variations, creative.max_variations) == (5, 10)
    assert Budget().confidence == 0.70


def test_a_lease_outlives_the_longest_call() -> None:
    assert Safety().lease_seconds > 2 * Safety().http_timeout_seconds


def test_a_new_installation_acts_in_the_sandbox_and_holds_no_secret() -> None:
    found = _settings()
    assert found["world"] == "sandbox"
    assert {name for name, value in found.items() if value is not None and ("token" in name or "secret" in name)} == (
        set()
    )


def test_the_environment_reaches_plain_and_nested_fields() -> None:
    found = _settings(FLYWHEEL_WORLD="live", FLYWHEEL_SAFETY__ACTIONS_PER_CAMPAIGN_HOUR="7")
    assert found["world"] == "live"
    assert found["safety"]["actions_per_campaign_hour"] == 7
    assert found["safety"]["fuzz"] == 0.03


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLYWHEEL_WORLD", "moon"),
        ("FLYWHEEL_SAFETY__FUZZ", "0.5"),
        ("FLYWHEEL_SAFETY__VELOCITY_PERCENT", "0"),
        ("FLYWHEEL_SAFETY__ACTIONS_PER_CAMPAIGN_HUOR", "3"),
        ("FLYWHEEL_TWIN_STARTS_DAYS_AGO", "soon"),
    ],
)
def test_a_value_that_does_not_fit_stops_the_process_and_names_the_field(name: str, value: str) -> None:
    ran = _read(**{name: value})
    assert ran.returncode != 0
    assert name.removeprefix("FLYWHEEL_").rpartition("__")[2].lower() in ran.stderr


def test_settings_do_not_change_after_they_were_read() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().world = "live"  # type: ignore[misc]  # the point of the test
    with pytest.raises(ValidationError, match="frozen"):
        Safety().fuzz = 0.0  # type: ignore[misc]  # the point of the test


def test_a_secret_is_never_shown() -> None:
    settings = Settings(meta_access_token="EAAB-very-secret")  # noqa: S106 - invented
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "very-secret" not in shown


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=40))
def test_files_lie_under_the_home_whatever_it_is_called(name: str) -> None:
    home = Path("/srv") / f"x{name}"
    settings = Settings(home=home, blob_uri=None, drop_folder=None)
    assert settings.drop_path == home / "drop"
    assert Path(unquote(urlsplit(settings.blob_base).path)) == home / "blobs"


def test_a_relative_home_is_made_absolute_and_a_drop_folder_may_lie_elsewhere() -> None:
    settings = Settings(home=Path("here"), drop_folder=Path("~/videos"))
    assert settings.root == Path.cwd() / "here"
    assert settings.drop_path == Path.home() / "videos"
