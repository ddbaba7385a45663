"""``flywheel simulate``: what a person and a program get to read, and that it says the same twice."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from flywheel_assets.cli import main
from flywheel_assets.sandbox.market.policies import OURS, POLICIES
from tests.terminal import PROGRAM, clean_environment

SHORT = ("--scenario", "small", "--days", "6", "--seeds", "2")
SIMPLE = ("--policy", "uniform", "--policy", "cost_per_lead")


def flywheel(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["simulate", "--processes", "1", *arguments])


def answer(*arguments: str) -> dict[str, Any]:
    result = flywheel(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return dict(json.loads(result.stdout))


def test_a_table_has_the_best_first_and_every_policy_beside_the_best_simple_rule() -> None:
    result = flywheel(*SHORT, *SIMPLE)
    assert (result.exit_code, result.stderr) == (0, "")
    title, headings, *rows = result.stdout.splitlines()
    assert title.startswith("small: 300 a day over 8 ads")
    assert "% of oracle" in headings
    assert "against the best simple rule" in headings
    assert rows[0].split()[0] == "oracle"
    assert {row.split()[0] for row in rows} == {"oracle", "uniform", "cost_per_lead"}
    assert sum("itself" in row for row in rows) == 1
    assert sum("±" in row for row in rows) == 3


def test_all_policies_play_by_the_platforms_own_function_and_keep_its_rules() -> None:
    told = answer(*SHORT)
    lines = {line["policy"]: line for line in told["scenarios"]["small"]}
    assert set(lines) == set(POLICIES)
    assert {name: told[name] for name in ("seeds", "first_seed", "days", "every")} == {
        "seeds": 2,
        "first_seed": 1,
        "days": 6,
        "every": 6,
    }
    for policy in OURS:
        assert 20 < lines[policy]["of_oracle"]["mean"] <= 101
        assert lines[policy]["gain"]["half"] >= 0


def test_the_same_question_has_the_same_answer_and_another_seed_another() -> None:
    first = answer(*SHORT, *SIMPLE)
    assert answer(*SHORT, *SIMPLE) == first
    assert answer(*SHORT, *SIMPLE, "--first-seed", "7")["scenarios"] != first["scenarios"]


def test_two_scenarios_are_two_tables_and_one_seed_has_no_interval() -> None:
    result = flywheel("--scenario", "small", "--scenario", "junk_leads", "--days", "4", "--seeds", "1", *SIMPLE)
    assert result.exit_code == 0
    assert "junk_leads: " in result.stdout
    assert "±" not in result.stdout


def test_a_decision_every_hour_is_possible() -> None:
    assert answer(*SHORT, *SIMPLE, "--every", "1")["every"] == 1


def test_the_picture_is_a_png_where_it_was_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "new" / "picture.png"
    result = flywheel(*SHORT, *SIMPLE, "--png", str(file))
    assert result.exit_code == 0
    assert str(file) in result.stderr
    with Image.open(file) as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scenario", "casino"), "'casino' is not one of 'service'"),
        (("--policy", "luck"), "'luck' is not one of 'uniform'"),
        (("--seeds", "0"), "0 is not in the range x>=1"),
        (("--days", "1"), "1 is not in the range 2<=x<=365"),
        (("--every", "5"), "'5' is not one of '1', '6'"),
    ],
)
def test_what_cannot_be_played_is_refused_by_name(arguments: tuple[str, ...], said: str) -> None:
    result = flywheel(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_who_watches_sees_a_bar_beside_the_answer() -> None:
    watched, terminal = os.openpty()
    ran = subprocess.Popen(
        [PROGRAM, "simulate", "--processes", "1", *SHORT, *SIMPLE, "--json"],
        env=clean_environment(TERM="xterm", COLUMNS="100"),
        stdout=subprocess.PIPE,
        stderr=terminal,
    )
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # how a terminal ends whose last user has gone
        while piece := os.read(watched, 65536):
            shown += piece
    os.close(watched)
    out, _ = ran.communicate(timeout=60)
    assert ran.returncode == 0, shown
    assert len(out.splitlines()) == 1
    assert set(json.loads(out)["scenarios"]) == {"small"}
    assert b"small: " in shown
    assert b"100%" in shown
