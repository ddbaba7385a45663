"""Everything bad that people drop: a row with rule, reason and remedy each, as `flywheel intake list` shows it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import IntakeRejected
from flywheel_assets.creative.intake import Dropped, take_in
from flywheel_assets.creative.perception.probe import probe
from flywheel_assets.settings import Media
from flywheel_assets.store.blobs import Blobs, Stored
from flywheel_assets.store.store import Store
from tests.drop_bench import BRIEF, DropBench
from tests.rubbish import enormous, film, sound_only, turned_aside

# Dagster looks for the fields of a resource that has none in the way an older pydantic kept them.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as made:
        yield made


@pytest.fixture
def drops(store: Store, account: Account) -> DropBench:
    store.settings.drop_path.mkdir(parents=True)
    return DropBench(store, account)


@pytest.fixture
def ticking(drops: DropBench, instance: dg.DagsterInstance) -> DropBench:
    """The same folder, with an instance for its sensor."""
    return replace(drops, _instance=instance)


def _listed(drops: DropBench) -> dict[str, dict[str, Any]]:
    """What the program shows of all uploads, by name."""
    from flywheel_assets.cli import main

    settings = drops.store.settings
    at = {"FLYWHEEL_HOME": str(settings.root), "FLYWHEEL_DATABASE_URL": str(settings.database_url)}
    result = CliRunner(env=at).invoke(main, ["intake", "list", "--json", "--limit", "1000"])
    assert result.exit_code == 0, result.output
    return {row["name"]: row for row in json.loads(result.stdout)}


def _drop_rubbish(drops: DropBench) -> dict[str, str]:
    """The rule that each file breaks, by the name it is listed under."""
    good = film()
    contents: dict[str, tuple[bytes, str]] = {
        "sound only.mp4": (sound_only(), "no_video_stream"),
        "cut off.mp4": (good[: len(good) // 2], "damaged"),
        "blink.mp4": (film(seconds=0.4), "too_short"),
        "enormous.mkv": (enormous(), "too_many_pixels"),
        "transport.mp4": (film("-f", "mpegts", suffix="ts"), "not_a_video"),
        "old.mp4": (film(suffix="avi"), "not_a_video"),
        "two\nlines\x1b[2J.mp4": (good, "name_not_text"),
        "clip\u202e4pm.exe.mp4": (good, "name_not_text"),
    }
    for name, (content, _) in contents.items():
        drops.drop(name, content)
    (drops.folder / "link.mp4").symlink_to("/etc/passwd")
    briefs: dict[str, dict[str, Any] | str] = {
        "unknown keys.mp4": BRIEF | {"budget": 5, "ofer": "x"},
        "foreign.mp4": BRIEF | {"account": "act_404", "currency": "XYZ"},
        "long brief.mp4": "# " + "x" * 70_000,
    }
    for name, brief in briefs.items():
        drops.drop(name, good, brief)
    (drops.folder / "brief is link.mp4").write_bytes(good)
    (drops.folder / "brief is link.brief.yaml").symlink_to("/etc/passwd")
    (drops.folder / "brief is pipe.mp4").write_bytes(good)
    os.mkfifo(drops.folder / "brief is pipe.brief.yaml")
    names = {ascii_of(name): rule for name, (_, rule) in contents.items()}
    bad_briefs = [*briefs, "brief is link.mp4", "brief is pipe.mp4"]
    return names | {"link.mp4": "symlink"} | dict.fromkeys(bad_briefs, "bad_brief")


def ascii_of(name: str) -> str:
    return name.replace("\n", "\\n").replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")


def test_rubbish_is_refused_and_odd_good_files_are_taken(ticking: DropBench) -> None:
    from flywheel_assets.sensors import uploads

    drops = ticking
    rules = _drop_rubbish(drops)
    good = {"portrait.mp4": film(size="64x96"), "turned.mp4": turned_aside(), "🎬 Café 🚀.mp4": film(size="80x64")}
    for name, content in good.items():
        drops.drop(name, content)
    ticks = [drops.tick(uploads) for _ in range(4)]
    listed = _listed(drops)
    assert {name: row["rule"] for name, row in listed.items()} == rules | dict.fromkeys(good)
    for name in rules:
        row = listed[name]
        assert (row["status"], bool(row["reason"]), bool(row["remedy"])) == ("rejected", True, True)
        assert "root:" not in row["reason"], "it quotes a file that was not dropped"
        assert str(drops.folder) not in row["reason"], "it tells where the server keeps its files"
    assert {listed[name]["status"] for name in good} == {"accepted"}
    runs = {request.partition_key for tick in ticks for request in tick.run_requests or []}
    assert runs == {listed[name]["creative_id"] for name in good}
    assert "AVI" in listed["old.mp4"]["reason"]
    assert "account: Extra inputs" in listed["foreign.mp4"]["reason"]
    assert "currency: Extra inputs" in listed["foreign.mp4"]["reason"]


@pytest.mark.parametrize(
    ("name", "rule", "told"),
    [
        ("../outside.mp4", "name_is_path", "../outside.mp4"),
        ("/etc/passwd", "name_is_path", "/etc/passwd"),
        ("nul\0.mp4", "name_not_text", "nul\\x00.mp4"),
        ("n" * 296 + ".mp4", "name_too_long", "n" * 296 + ".mp4"),
    ],
    ids=["dots", "root", "nul", "300 letters"],
)
def test_a_name_no_folder_can_hold_is_refused_all_the_same(drops: DropBench, name: str, rule: str, told: str) -> None:
    (drops.folder.parent / "outside.mp4").write_bytes(film())
    assert take_in(drops.store, drops.folder, Dropped(name, 1, 1), drops.account).status == "rejected"
    row = _listed(drops)[told]
    assert (row["rule"], bool(row["reason"]), bool(row["remedy"])) == (rule, True, True)


def test_more_frames_and_streams_than_allowed_are_told_the_limit(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(film())
    with pytest.raises(IntakeRejected, match=r"too_many_frames: .* the limit is 5") as refused:
        probe(clip, Media(max_frames=5))
    assert "60 frames a second" in refused.value.remedy
    with pytest.raises(IntakeRejected, match=r"too_many_streams: it has 1 streams, the limit is 0"):
        probe(clip, Media(max_streams=0))


def test_a_file_that_changes_while_it_is_read_is_looked_at_again(drops: DropBench) -> None:
    path = drops.drop("clip.mp4", film())
    seen = drops.seen("clip.mp4")
    with path.open("ab") as file:
        file.write(b"\0")
    assert take_in(drops.store, drops.folder, seen, drops.account).status == "changed"
    assert drops.rows() == []


# --- no room --------------------------------------------------------------------------------------


class BrokenBlobs(Blobs):
    """A disk with much room that fails at the first byte."""

    failure = errno.ENOSPC

    def put(self, path: Path) -> Stored:
        raise OSError(self.failure, os.strerror(self.failure), f"/blobs/.{path.name}.part")


def test_without_room_nothing_is_stored_and_with_room_the_file_is_taken_by_itself(ticking: DropBench) -> None:
    from flywheel_assets.sensors import uploads

    drops = ticking
    drops.drop("clip.mp4", film())
    full = drops.limited(spare_mb=10**9)
    for _ in range(2):
        full.tick(uploads)
    row = _listed(drops)["clip.mp4"]
    assert (row["status"], row["rule"]) == ("rejected", "no_space")
    assert "MiB free" in row["reason"]
    assert "1,000,000,000 stay free" in row["reason"]
    assert "Make room" in row["remedy"]
    assert list(drops.store.settings.root.glob("blobs/**/*")) == []
    runs = [request for _ in range(2) for request in drops.tick(uploads).run_requests or []]
    assert len(runs) == 1
    row = _listed(drops)["clip.mp4"]
    assert (row["status"], row["rule"], row["reason"]) == ("accepted", None, None)


@pytest.mark.parametrize(
    ("failure", "rule"), [(errno.ENOSPC, "no_space"), (errno.EDQUOT, "no_space"), (errno.EIO, "not_stored")]
)
def test_a_storage_that_fails_is_named_and_the_file_taken_once_it_works(
    drops: DropBench, failure: int, rule: str
) -> None:
    drops.drop("clip.mp4", film())
    blobs = BrokenBlobs(drops.store.settings.blob_base, drops.folder)
    blobs.failure = failure
    assert drops.limited(blobs=blobs).take_in("clip.mp4").status == "rejected"
    (row,) = drops.rows()
    assert row.rule == rule
    assert os.strerror(failure) in row.reason
    assert "by itself" in row.remedy
    assert drops.take_in("clip.mp4").status == "accepted"
    assert [row.status for row in drops.rows()] == ["accepted"]
