"""What was surveyed once is not surveyed again, unless what is kept cannot be trusted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flywheel_assets.creative.types import Perception, SeenObject
from flywheel_assets.rendering.survey.kept import remembered
from flywheel_assets.rendering.survey.measure import survey
from flywheel_assets.rendering.survey.settings import DEFAULTS
from tests.films.clips import perceived, texture, with_disc, write

LENGTHS = [30, 30, 30]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    shots = (
        with_disc(texture(index), 200 + 3 * frame, 180, 30) for index in range(3) for frame in range(LENGTHS[index])
    )
    return write(tmp_path_factory.mktemp("film") / "film.mp4", shots).read_bytes()


@pytest.fixture
def film(made: bytes, tmp_path: Path) -> tuple[Path, Perception]:
    video = tmp_path / "film.mp4"
    video.write_bytes(made)
    return video, perceived(video, LENGTHS)


def test_a_second_survey_needs_no_video_and_a_further_scene_adds_only_itself(
    film: tuple[Path, Perception], tmp_path: Path
) -> None:
    (video, perception), cache = film, tmp_path / "cache"
    first = remembered(video, perception, [0, 2], tmp_path, cache=cache)
    assert first == survey(video, perception, [0, 2], tmp_path)
    files = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert len(files) == 2
    both = remembered(video, perception, [0, 1, 2], tmp_path, cache=cache)
    assert [scene.index for scene in both.scenes] == [0, 1, 2]
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert len(list(cache.iterdir())) == 3
    video.unlink()
    assert remembered(video, perception, [2, 1, 0], tmp_path, cache=cache) == both


@pytest.mark.parametrize("damage", [b"", b"{", b'{"index": 0}', b"\xff\xfe"])
def test_a_damaged_file_is_measured_again(film: tuple[Path, Perception], tmp_path: Path, damage: bytes) -> None:
    (video, perception), cache = film, tmp_path / "cache"
    good = remembered(video, perception, [1], tmp_path, cache=cache)
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(damage)
    assert remembered(video, perception, [1], tmp_path, cache=cache) == good
    assert kept.read_bytes() == whole
    assert list(cache.iterdir()) == [kept]


def test_whatever_changes_the_result_changes_the_name(film: tuple[Path, Perception], tmp_path: Path) -> None:
    (video, perception), cache = film, tmp_path / "cache"
    cup = SeenObject(label="cup", time=0.5, box=(0.1, 0.1, 0.3, 0.3), confidence=0.9)
    seen = tuple(one.model_copy(update={"objects": (cup,)}) for one in perception.features)
    longer = perception.scenes[0].model_copy(update={"end": 0.9, "end_frame": 27})
    asked = (
        (perception, DEFAULTS),
        (perception, replace(DEFAULTS, look_seconds=0.1)),
        (perception.model_copy(update={"video_sha256": "1" * 64}), DEFAULTS),
        (perception.model_copy(update={"features": seen}), DEFAULTS),
        (perception.model_copy(update={"scenes": (longer, *perception.scenes[1:])}), DEFAULTS),
    )
    found = [remembered(video, one, [0], tmp_path, cache=cache, settings=use) for one, use in asked]
    assert len(list(cache.iterdir())) == len(asked)
    assert found[3].scenes[0].subject_kind == "object"
