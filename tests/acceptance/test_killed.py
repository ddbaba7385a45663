"""Killed at ten points, one after the other, and started again each time: the end is that of an undisturbed life."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest
import yaml

from flywheel_assets.core.ids import creative_id, file_sha256
from flywheel_assets.creative.briefs import checked_brief, described
from tests.acceptance.killed import Life, live
from tests.acceptance.killing import Stage, left_in
from tests.acceptance.launch import ROOT, Home, free_port, new_folder
from tests.acceptance.outside import MetaOutside

# A life of its own; a busy machine may take a while for it.
pytestmark = pytest.mark.timeout(1200)

_SAMPLE = ROOT / "samples" / "raw_ad.mp4"
_TAG = re.compile(r"\[(fw-\w+)\]")


@pytest.fixture(scope="module")
def video() -> Iterator[Path]:
    """The sample's first two scenes, with its brief."""
    folder = new_folder()
    short = folder / "short.mp4"
    shorter = ("-t", "4", "-vf", "scale=640:-2")
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(_SAMPLE), *shorter, str(short)], check=True
    )
    shutil.copyfile(_SAMPLE.with_suffix(".brief.yaml"), short.with_suffix(".brief.yaml"))
    yield short
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def stage(video: Path) -> Iterator[Stage]:
    opened = Stage(Home(new_folder() / "home", free_port()), video)
    yield opened
    opened.end()
    opened.home.remove()


@pytest.fixture(scope="module")
def life(stage: Stage) -> Life:
    return live(stage)


# --- the kills ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("point", "there", "missing"),
    [
        ("data half made", (), "creatives"),
        ("intake", ("creatives",), "perceptions"),
        ("perception", ("creatives",), "perceptions"),
        ("between perception and drafting", ("perceptions",), "creative_drafts"),
        ("council", ("creative_drafts",), "council_verdicts"),
        ("shutdown", ("creative_drafts",), "renders"),
        ("rendering", ("council_verdicts",), "renders"),
        ("between plan and changes", ("renders", "publish_plans"), "pending_ad_changes"),
        ("executor's call", ("pending_ad_changes", "ad_change_history"), "learning_cycles"),
        ("simulated hours", ("ad_change_history", "learning_cycles"), ""),
    ],
)
def test_each_kill_struck_where_it_was_meant_to(life: Life, point: str, there: tuple[str, ...], missing: str) -> None:
    rows = life.seen[point].rows
    assert all(rows[table] > 0 for table in there), rows
    assert missing == "" or rows[missing] == 0, rows


def test_an_executor_was_killed_after_its_call_and_before_its_outcome(life: Life) -> None:
    seen = life.seen["executor's call"]
    assert seen.open_attempts == 1
    assert seen.remote == seen.known + 1


def test_what_up_started_ends_with_it(life: Life) -> None:
    for point in ("perception", "shutdown"):
        assert all("postgres" in command for command in life.seen[point].left), life.seen[point].left


def test_sockets_of_what_was_killed_are_in_a_folder_of_its_own(life: Life) -> None:
    assert life.sockets
    assert all(name.startswith("flywheel-") for name in life.sockets)


def test_what_outlives_its_guard_too_is_ended_by_the_next_start(life: Life) -> None:
    assert any("dagster._daemon" in command for command in life.seen["council"].left)
    assert life.said_at_next_start.startswith("ended what a killed `flywheel up` left running: ")
    assert not any("dagster._daemon" in command for command in life.seen["shutdown"].left)


def test_a_demo_without_its_database_ends_with_one_line(life: Life) -> None:
    assert life.exit_without_database == 1
    told = json.loads(life.said_without_database.splitlines()[-1])["error"]
    assert told["message"].startswith("the database server has ended")
    assert told["next"] == "start again: it goes on where it stopped"


# --- the end --------------------------------------------------------------------------------------


def test_it_is_the_creative_of_this_video_and_brief(life: Life, stage: Stage) -> None:
    brief = yaml.safe_load(stage.video.with_suffix(".brief.yaml").read_text(encoding="utf-8"))
    wanted = creative_id(file_sha256(stage.video), described(checked_brief(brief)))
    assert [answer["creative_id"] for answer in life.answers] == [wanted, wanted]
    assert life.rows_at_end["creatives"] == 1


def test_what_was_seen_once_is_not_looked_at_again(life: Life) -> None:
    assert len(life.first_perception) == 1
    assert life.perceptions == life.first_perception


def test_all_of_it_is_made_launched_and_audited(life: Life) -> None:
    answer = life.answers[0]
    assert (len(answer["renders"]), answer["approved"], answer["audit_gaps"]) == (2, 2, 0)
    assert life.statuses == {"applied"}
    assert answer["changes"]["applied"] == life.rows_at_end["pending_ad_changes"]
    assert life.rows_at_end["learning_cycles"] == 24


def test_the_platform_holds_no_object_twice(life: Life, stage: Stage) -> None:
    theirs = [
        (tag, one["data"].get("hash") or one["id"])
        for one in MetaOutside(stage.home.root / "sandbox" / "meta.sqlite").objects()
        for tag in _TAG.findall(one["data"].get("name") or one["data"]["title"])
    ]
    assert sorted(theirs) == sorted(life.objects)
    assert len({tag for tag, _ in theirs}) == len(theirs)


def test_once_more_makes_nothing_twice(life: Life) -> None:
    first, again = life.answers
    assert again | {"seconds_by_stage": {}} == first | {"seconds_by_stage": {}}
    assert life.writes[0] == life.writes[1]


def test_no_run_stays_begun_and_no_change_in_the_hands_of_the_dead(life: Life) -> None:
    assert set(life.run_statuses) <= {"SUCCESS", "FAILURE", "CANCELED"}
    assert life.run_statuses.count("FAILURE") >= 5
    assert life.open_attempts == 0


def test_no_process_socket_or_half_made_data_is_left(life: Life, stage: Stage) -> None:
    assert life.exit_code == 0
    assert left_in(stage.home) == []
    left = [file.name for file in (*stage.data.iterdir(), *stage.data.parent.glob(".postgres-new-*"))]
    assert [name for name in left if name.startswith((".s.PGSQL", "postmaster.pid", ".postgres-new"))] == []
    assert not (stage.home.root / "dagster" / "started").exists()
    assert [file for file in stage.temporary.rglob("*") if file.is_socket()] == []
