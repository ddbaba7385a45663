"""Which pictures of real files may become the cover, and which are marked as fading."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from flywheel_assets.creative.types import Perception
from flywheel_assets.rendering.survey.covers import best_still
from flywheel_assets.rendering.survey.measure import survey
from flywheel_assets.rendering.survey.types import Survey
from tests.films.clips import FPS, perceived, texture, with_disc, write
from tests.films.footage import Pixels


def _scenes_for_covers() -> Iterator[Pixels]:
    """Sharp; half sharp and half blurred; black; sharp, fading to black."""
    yield from (with_disc(texture(10), 300, 180, 30 + 0.1 * frame) for frame in range(60))
    blurred = cv2.GaussianBlur(texture(11), (0, 0), 4).astype(np.uint8)
    yield from [texture(11)] * 30 + [blurred] * 30
    yield from [np.zeros((360, 640, 3), np.uint8)] * 40
    for frame in range(60):
        yield cv2.convertScaleAbs(texture(12), alpha=min((59 - frame) / 30, 1.0))


COVER_LENGTHS = [60, 60, 40, 60]


@pytest.fixture(scope="module")
def four_scenes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Perception, Survey]:
    folder = tmp_path_factory.mktemp("four")
    video = write(folder / "four.mp4", _scenes_for_covers())
    perception = perceived(video, COVER_LENGTHS, faces=())
    return video, perception, survey(video, perception, range(4), folder)


@pytest.mark.parametrize(
    ("played", "good"),
    [([1], (2.0, 3.0)), ([3], (16 / 3, 6.4)), ([2, 3], (16 / 3, 6.4)), ([1, 2], (2.0, 3.0)), ([0, 1, 2, 3], (0, 6.4))],
)
def test_a_cover_is_never_black_nor_blurred_nor_faded_nor_at_a_cut(
    four_scenes: tuple[Path, Perception, Survey], played: list[int], good: tuple[float, float]
) -> None:
    _, perception, found = four_scenes
    cover = best_still(found, played)
    assert cover is not None
    assert good[0] <= cover.time <= good[1]
    assert not 3.0 <= cover.time < 16 / 3
    for scene in perception.scenes:
        assert abs(cover.time - scene.start) > 5 / FPS
        assert abs(cover.time - scene.end) > 5 / FPS


def test_a_black_scene_has_no_cover(four_scenes: tuple[Path, Perception, Survey]) -> None:
    assert best_still(four_scenes[2], [2]) is None


def test_a_dissolve_is_marked_at_both_sides_of_its_middle_and_nothing_else_is(tmp_path: Path) -> None:
    one, two = texture(20), texture(21)
    shots = [one] * 60
    shots += [cv2.addWeighted(one, 1 - share, two, share, 0).astype(np.uint8) for share in np.linspace(0, 1, 30)]
    shots += [two] * 60
    video = write(tmp_path / "dissolve.mp4", shots)
    found = survey(video, perceived(video, [75, 75]), [0, 1], tmp_path)
    for scene in found.scenes:
        for still in scene.stills:
            # Of a mixture with a tenth of the other picture, nothing is asked: nobody sees it.
            if not 2.0 <= still.time <= 3.0:
                assert not still.fading, still.time
            elif 2.1 < still.time < 2.88:
                assert still.fading, still.time


def test_scenes_asked_for_alone_are_seen_as_in_the_whole(four_scenes: tuple[Path, Perception, Survey]) -> None:
    video, perception, found = four_scenes
    alone = survey(video, perception, [3, 1, 3], video.parent)
    assert [scene.index for scene in alone.scenes] == [1, 3]
    for scene in alone.scenes:
        assert scene == found.scene(scene.index)
