"""``flywheel perceive``: what it prints, what it keeps, and what it says of a bad file."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from flywheel_assets.cli.exits import Exit
from tests.terminal import refused

SAMPLE = Path(__file__).parents[2] / "samples" / "raw_ad.mp4"


def _perceive(home: Path, *arguments: str) -> Result:
    from flywheel_assets.cli import main

    return CliRunner(env={"FLYWHEEL_HOME": str(home)}).invoke(main, ["perceive", *arguments])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def first(home: Path) -> dict[str, Any]:
    """The sample, looked at for the first time."""
    ran = _perceive(home, str(SAMPLE), "--json")
    assert ran.exit_code == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def test_the_json_has_the_promised_shape(first: dict[str, Any]) -> None:
    fades = {"fade_in_frames", "fade_out_frames", "clean_start", "clean_end"}
    assert {"start_frame", "end_frame", "start", "end"} | fades == first["scenes"][0].keys()
    assert first["scenes"][2]["clean_end"] < first["scenes"][2]["end"]
    assert {"text", "start", "end", "box"} <= first["texts"][0].keys()
    assert {"word", "start", "end"} <= first["words"][0].keys()
    assert first["objects"] is None
    assert "flywheel fetch-weights" in first["engines"]["objects"]["unavailable"]
    assert first["sound"]["loudness"] == pytest.approx(-24.4, abs=0.5)  # what ffmpeg's ebur128 says of it


def test_the_second_look_is_the_kept_first_and_draws_the_sheet(
    home: Path, first: dict[str, Any], tmp_path: Path
) -> None:
    (kept,) = (home / "cache" / "perceptions").iterdir()
    stamp = kept.stat().st_mtime_ns
    sheet = tmp_path / "sheet.jpg"
    again = _perceive(home, str(SAMPLE), "--json", "--brand", "Bright Cup", "--sheet", str(sheet))
    told = json.loads(again.stdout)
    assert told.pop("brand")["first"] == pytest.approx(8.1, abs=1.5)
    assert told == first
    assert kept.stat().st_mtime_ns == stamp
    with Image.open(sheet) as drawn:
        assert drawn.format == "JPEG"
        assert drawn.width > 1200


def test_a_damaged_memory_is_looked_at_again(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=1.5", "-pix_fmt", "yuv420p"]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source, str(clip)], check=True)
    first = _perceive(tmp_path, str(clip), "--json").stdout
    (kept,) = (tmp_path / "cache" / "perceptions").iterdir()
    kept.write_text("{half of it")
    assert _perceive(tmp_path, str(clip), "--json").stdout == first
    assert json.loads(kept.read_text())["frame_count"] == 45


def test_a_person_gets_tables(home: Path, first: dict[str, Any]) -> None:
    del first
    ran = _perceive(home, str(SAMPLE))
    assert "Fresh coffee every morning" in ran.stdout
    assert "not available: " in ran.stdout
    third = next(line for line in ran.stdout.splitlines() if line.split()[:1] == ["2"])
    assert third.rstrip().endswith("6.00 to 8.57")
    assert ran.exit_code == 0


def test_a_file_that_is_no_video_ends_in_two_lines(home: Path, tmp_path: Path) -> None:
    text = tmp_path / "advert.mp4"
    text.write_text("Buy now, this is not a film.")
    ran = _perceive(home, str(text))
    told = refused(ran, Exit.UNUSABLE)
    assert "not_a_video" in told
    assert told.endswith("; Export the video as MP4 (H.264) and drop that file")


def test_a_sheet_in_no_folder_is_refused_before_the_work(home: Path, tmp_path: Path) -> None:
    ran = _perceive(home, str(SAMPLE), "--sheet", str(tmp_path / "nowhere" / "sheet.jpg"))
    assert "is no folder; make it" in refused(ran, Exit.CONFIGURATION)
