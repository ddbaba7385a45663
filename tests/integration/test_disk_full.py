"""A disk without room: told before a render starts or when it shows, nothing half-written, and gone on with later."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from flywheel_assets.core.errors import StorageFull
from flywheel_assets.rendering import ffmpeg, music, room, whole_files
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.style import Kit, Style
from flywheel_assets.rendering.tracks import Music
from flywheel_assets.rendering.types import Render
from tests import coded_films
from tests.coded_films import TINY, Script
from tests.small_files import no_file_beyond

PLAIN = Kit(Style(without=frozenset({"scene_transitions", "pattern_interrupt", "color_grading"})))
BLUEPRINT = coded_films.blueprint(1, 0, 1)
FULL = Path("/dev/full")  # a device that is always full


@dataclass(frozen=True)
class Studio:
    """A film, and a render of it with its segments."""

    film: Path
    folder: Path

    def render(self, folder: Path) -> Render:
        seen = coded_films.perception(self.film, SCRIPT)
        return render_all(self.film, [BLUEPRINT], seen, folder / "out", folder / "cache", TINY, kit=PLAIN)[0]


SCRIPT = Script(scenes=(80, 70), has_audio=False)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder = tmp_path_factory.mktemp("studio")
    made = Studio(coded_films.film(folder / "film.mkv", SCRIPT), folder)
    made.render(folder)
    return made


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_disk_that_fills_up_in_a_segment_is_told_and_only_whole_ones_stay(studio: Studio, tmp_path: Path) -> None:
    whole = {path.name: path.read_bytes() for path in _files(studio.folder / "cache")}
    beyond = max(map(len, whole.values())) - 500
    said = r"\.mp4 ended after [\d,]+ bytes: segment of .*: file_too_large: File too large: larger than .* allows;"
    with no_file_beyond(beyond), pytest.raises(StorageFull, match=said):
        studio.render(tmp_path)
    assert all(whole[path.name] == path.read_bytes() for path in _files(tmp_path))
    assert studio.render(tmp_path).path.read_bytes() == next((studio.folder / "out").glob("*.mp4")).read_bytes()


def test_a_disk_that_fills_up_in_the_film_keeps_the_segments_for_when_there_is_room(
    studio: Studio, tmp_path: Path
) -> None:
    shutil.copytree(studio.folder / "cache", tmp_path / "cache")
    segments = _files(tmp_path)
    (film,) = (studio.folder / "out").glob("*.mp4")
    largest = max(path.stat().st_size for path in segments)
    assert largest < film.stat().st_size - 2_000
    with (
        no_file_beyond(film.stat().st_size - 1_000),
        pytest.raises(StorageFull, match=r"variation: file_too_large: .* allows"),
    ):
        studio.render(tmp_path)
    assert _files(tmp_path) == segments
    made = studio.render(tmp_path)
    assert made.segments_encoded == 0
    assert made.path.read_bytes() == film.read_bytes()
    plan = edit_plan(BLUEPRINT, coded_films.perception(studio.film, SCRIPT), TINY, PLAIN.style)
    assert coded_films.broken(made, studio.film, plan) == []


def test_no_space_is_told_whether_the_program_meets_it_or_we(tmp_path: Path) -> None:
    picture = ["-f", "lavfi", "-i", "testsrc2=s=320x180:d=1", "-f", "rawvideo", f"file:{FULL}"]
    with pytest.raises(
        StorageFull, match=r"a film: disk_full: No space left on device; [\d,]+ bytes are free in /dev,"
    ):
        ffmpeg.run(picture, subject="a film", timeout=60)
    with pytest.raises(StorageFull, match=r"a\.srt ended after 0 bytes: a\.srt: disk_full: No space left on device"):
        whole_files.write(tmp_path / "a.srt", lambda part: FULL.write_bytes(b"words") + part.write_bytes(b""))
    assert _files(tmp_path) == []


def test_another_error_of_the_disk_is_not_taken_for_a_full_one(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError):
        whole_files.write(tmp_path / "a.srt", lambda part: (part / "x").read_bytes())


def test_what_no_disk_holds_is_refused_in_numbers_before_anything_is_encoded(studio: Studio, tmp_path: Path) -> None:
    seen = coded_films.perception(studio.film, SCRIPT)
    endless = seen.scenes[1].model_copy(update={"end_frame": 10**13, "end": 10**13 / 30, "clean_end": 10**13 / 30})
    told: list[str] = []
    with pytest.raises(
        StorageFull, match=r"cache and .*out: disk_full: rendering needs about [\d,]{19,} bytes there, [\d,]+ are"
    ):
        render_all(
            studio.film, [coded_films.blueprint(1, 0, 1)], seen.model_copy(update={"scenes": (seen.scenes[0], endless)}),
            tmp_path / "out", tmp_path / "cache", TINY, lambda *step: told.append(step[0]), kit=PLAIN,
        )  # fmt: skip
    assert told == []
    assert _files(tmp_path) == []


def test_room_is_asked_for_once_a_disk(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    room.require({tmp_path / "a" / "b": free // 3, tmp_path / "c": free // 3})
    with pytest.raises(
        StorageFull, match=r"a/b and .*/c: disk_full: .*; free some space or put FLYWHEEL_HOME on a larger"
    ):
        room.require({tmp_path / "a" / "b": free * 2 // 3, tmp_path / "c": free * 2 // 3})


def test_the_estimate_is_more_than_what_is_made(studio: Studio) -> None:
    made = studio.render(studio.folder)
    assert made.path.stat().st_size < room.film_bytes(made.frames, TINY) < 20 * made.path.stat().st_size


def test_a_film_or_record_that_was_damaged_on_the_disk_is_made_again(studio: Studio, tmp_path: Path) -> None:
    shutil.copytree(studio.folder / "cache", tmp_path / "cache")
    shutil.copytree(studio.folder / "out", tmp_path / "out")
    next((tmp_path / "out").glob("*.json")).unlink()  # it names the folder it was copied from
    made = studio.render(tmp_path)
    files = {path: path.read_bytes() for path in _files(tmp_path / "out")}
    assert {path.suffix for path in files} == {".mp4", ".jpg", ".json"}
    for damaged, whole in files.items():
        for damage in (whole[:100], _flipped(whole)):
            damaged.write_bytes(damage)
            assert studio.render(tmp_path).segments_encoded == 0
            assert {path: path.read_bytes() for path in files} == files
    assert made.path in files


def test_a_segment_of_which_one_byte_is_another_is_encoded_again(studio: Studio, tmp_path: Path) -> None:
    shutil.copytree(studio.folder / "cache", tmp_path / "cache")
    segment = max((tmp_path / "cache").glob("*.mp4"), key=lambda path: path.stat().st_size)
    whole = segment.read_bytes()
    segment.write_bytes(_flipped(whole))
    assert studio.render(tmp_path).segments_encoded == 1
    assert segment.read_bytes() == whole


def _flipped(whole: bytes) -> bytes:
    """With another byte in its middle: as long as it was, and with as many pictures."""
    middle = len(whole) // 2
    return whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :]


def test_a_track_that_was_damaged_is_prepared_again(tmp_path: Path) -> None:
    asked = Music(track="warm", under=10, fade_seconds=1)
    loop = music.prepared(asked, Kit(), tmp_path, timeout=60)
    whole = loop.read_bytes()
    loop.write_bytes(_flipped(whole))
    assert music.prepared(asked, Kit(), tmp_path, timeout=60) == loop
    assert loop.read_bytes() == whole
