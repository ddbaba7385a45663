"""The cover as a file: what it shows, and of which moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.style import Style
from flywheel_assets.settings import Rendering
from tests.films.adverts import PLAIN, SMALL, Advert, advert, blueprint
from tests.films.clips import perceived, shifted, texture, with_disc, write
from tests.films.footage import Pixels

LENGTHS = [60, 60, 40, 60]
ORDER = (1, 2, 0, 3)
TITLED = Style(without=PLAIN)


def _film() -> Iterator[Pixels]:
    """Sharp with something that moves; soft; black; sharp, fading to black."""
    yield from (with_disc(shifted(texture(10), 0.6 * frame, 0), 300, 180, 30 + 0.1 * frame) for frame in range(60))
    yield from [cv2.GaussianBlur(texture(11), (0, 0), 4).astype(np.uint8)] * 60
    yield from [np.zeros((360, 640, 3), np.uint8)] * 40
    for frame in range(60):
        yield np.asarray(cv2.convertScaleAbs(texture(12), alpha=min((59 - frame) / 30, 1.0)), np.uint8)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Advert:
    folder = tmp_path_factory.mktemp("cover")
    video = write(folder / "film.mp4", _film())
    return advert(video, perceived(video, LENGTHS, faces=()), ORDER, folder, style=TITLED)


def _cover(made: Advert) -> Pixels:
    with Image.open(made.render.cover_path) as found:
        return np.asarray(found.convert("RGB"), np.uint8)


def _distance(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(float) - other).mean())


def _sharpness(picture: Pixels) -> float:
    return float(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())


def test_the_cover_is_the_planned_frame_of_the_finished_file(made: Advert) -> None:
    cover, at = _cover(made), made.plan.cover_frame
    distances = [_distance(cover, picture) for picture in made.pictures]
    assert int(np.argmin(distances)) == at
    assert distances[at] < 3


def test_the_cover_is_not_near_a_cut_not_black_not_on_the_card_and_sharper_than_most(made: Advert) -> None:
    starts = np.cumsum([0, *(LENGTHS[index] for index in ORDER)])
    assert min(abs(made.plan.cover_frame - start) for start in starts) > 5
    assert made.plan.cover_frame < starts[-1] - 30  # neither in the fade that ends the last scene nor on the card
    cover, body = _cover(made), made.pictures[: starts[-1]]
    assert cover.mean() > 20
    assert _sharpness(cover) > np.median([_sharpness(picture) for picture in body])


def test_the_cover_opens_at_the_size_of_the_output_and_is_small_enough(made: Advert) -> None:
    assert _cover(made).shape == (SMALL.height, SMALL.width, 3)
    assert made.render.cover_path.stat().st_size <= 1_000_000


def test_a_cover_of_noise_at_full_size_still_fits(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    noise = [rng.integers(0, 256, (360, 640, 3)).astype(np.uint8) for _ in range(30)]
    video = write(tmp_path / "noise.mp4", noise)
    perception, settings = perceived(video, [30]), Rendering()
    (render,) = render_all(video, [blueprint([0])], perception, tmp_path / "o", tmp_path / "c", settings)
    assert edit_plan(blueprint([0]), perception, settings).cover_frame == 15
    with Image.open(render.cover_path) as cover:
        assert cover.size == (1080, 1920)
    assert render.cover_path.stat().st_size <= 1_000_000


def test_a_good_opening_gives_a_cover_with_the_hook_on_it(tmp_path: Path) -> None:
    video = write(tmp_path / "film.mp4", _film())
    made = advert(video, perceived(video, LENGTHS, faces=()), (0, 1), tmp_path, style=TITLED)
    assert made.plan.notes["cover_frame: cover"].endswith("with the hook")
    (hook,) = {overlay.box for overlay in made.plan.overlays if overlay.role == "hook"}
    left, top, right, bottom = (round(edge) for edge in hook)
    assert np.quantile(_cover(made)[top:bottom, left:right], 0.5) > 235  # the white of its panel
