from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import av
import numpy as np
import pytest

from flywheel_assets.creative.types import Perception
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.style import Kit, Style
from flywheel_assets.rendering.types import EditPlan, Segment
from tests import coded_films
from tests.coded_films import TINY, Array, Script

SCENES = tuple(44 + 7 * place % 11 for place in range(16))
CUTS = Kit(Style(without=frozenset({"scene_transitions"})))
WINDOW = 10


@dataclass(frozen=True)
class Film:
    """Sixteen scenes in which nobody speaks; all but four move. So many that some pair mixes in each way."""

    path: Path
    seen: Perception
    folder: Path

    def plan(self, order: Sequence[int]) -> EditPlan:
        return edit_plan(coded_films.blueprint(1, *order), self.seen, TINY)

    def order_with(self, *kinds: str) -> tuple[int, ...]:
        """An order of four scenes whose mixes are of these kinds."""
        for order in permutations(range(len(SCENES)), 4):
            found = [segment.mix.kind for segment in self.plan(order).segments if segment.mix]
            if found == list(kinds):
                return order
        raise AssertionError(f"no four scenes mix by {kinds}")

    def render(self, order: Sequence[int], kit: Kit | None = None, number: int = 1) -> list[av.VideoFrame]:
        blueprint = coded_films.blueprint(number, *order)
        (made,) = render_all(
            self.path, [blueprint], self.seen, self.folder / "out", self.folder / "cache", TINY, kit=kit
        )
        return coded_films.pictures(made.path)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    folder = tmp_path_factory.mktemp("mixes")
    noise = np.random.default_rng(5).standard_normal(sum(SCENES) * 1600)
    dull = coded_films.band(noise, 0, 2000)  # so that a click, which has high pitches, is heard
    script = Script(scenes=SCENES, noise_db=-100, extra=0.1 * dull, motion=(0.01,) * 4 + (0.08,) * 12)
    path = coded_films.film(folder / "film.mkv", script)
    return Film(path, coded_films.perception(path, script), folder)


def _mix(plan: EditPlan) -> tuple[int, Segment]:
    """The first frame of the first mix, and the mix."""
    at = 0
    for segment in plan.segments:
        if segment.mix:
            return at, segment
        at += segment.frames
    raise AssertionError("nothing mixes")


def _pixels(frame: av.VideoFrame) -> Array:
    return frame.to_ndarray(format="yuv420p").astype(float)


def test_the_middle_of_a_fade_is_the_mean_of_both_scenes_and_no_frame_is_lost(film: Film) -> None:
    order = film.order_with("fade")
    plan, mixed, hard = film.plan(order), film.render(order), film.render(order, CUTS)
    at, segment = _mix(plan)
    one, other = (clip.scene_index for clip in segment.clips)
    begins = np.cumsum([0, *(SCENES[index] for index in order)])
    begin = begins[order.index(other)]
    assert segment.frames == WINDOW
    assert len(mixed) == plan.frames == len(hard) - WINDOW
    assert order.index(one) + 1 == order.index(other)
    handles = _pixels(hard[begin - WINDOW // 2]), _pixels(hard[begin + WINDOW // 2])
    error = np.mean((_pixels(mixed[at + WINDOW // 2]) - sum(handles) / 2) ** 2)
    assert 10 * np.log10(255**2 / error) >= 35
    shown = [coded_films.number(mixed[place], plan) for place in (at - 1, at, at + WINDOW, at + WINDOW + 1)]
    wanted = [coded_films.number(hard[place], plan) for place in (begin - 11, begin - 10, begin + 10, begin + 11)]
    assert shown == wanted


@pytest.mark.parametrize("kind", ["slideleft", "smoothleft", "hblur"])
def test_moving_scenes_give_way_by_movement_with_exact_frames(film: Film, kind: str) -> None:
    order = film.order_with(kind)
    plan, mixed = film.plan(order), film.render(order)
    at, segment = _mix(plan)
    assert len(mixed) == plan.frames == sum(SCENES[index] for index in order) - WINDOW + 66
    assert {clip.scene_index for clip in segment.clips} <= set(range(4, 16))
    ends = [sum(SCENES[: clip.scene_index + 1]) for clip in segment.clips]
    begins = [sum(SCENES[: clip.scene_index]) for clip in segment.clips]
    # The first frame of a mix is still all of the old scene; after the last the new one goes on.
    numbers = [coded_films.number(mixed[place], plan) for place in (at - 1, at, at + WINDOW)]
    assert numbers == [ends[0] - WINDOW - 1, ends[0] - WINDOW, begins[1] + WINDOW]
    middle = _pixels(mixed[at + WINDOW // 2])
    assert min(np.abs(middle - _pixels(mixed[place])).mean() for place in (at, at + WINDOW)) > 2


def test_sound_crosses_over_without_a_dip_or_a_click(film: Film) -> None:
    order = film.order_with("fade")
    plan = film.plan(order)
    film.render(order)
    at, _ = _mix(plan)
    (path,) = (path for path in (film.folder / "out").glob("*.mp4") if path.stem == plan.plan_hash[:24])
    heard = coded_films.sound(path)
    body = heard[: (plan.frames - 66) * 1600]
    blocks = body[: len(body) // 960 * 960].reshape(-1, 960)
    levels = 10 * np.log10((blocks**2).mean(axis=1))
    usual = np.median(levels)
    crossing = levels[at * 1600 // 960 - 2 : (at + WINDOW) * 1600 // 960 + 2]
    assert usual - 3 < crossing.min() < crossing.max() < usual + 3
    high = body - coded_films.band(body, 0, 6000)
    clicks = 10 * np.log10((high[: len(blocks) * 960].reshape(-1, 960) ** 2).mean(axis=1) + 1e-12)
    near = clicks[at * 1600 // 960 - 2 : (at + WINDOW) * 1600 // 960 + 2]
    assert near.max() < usual - 40


def test_variations_share_a_mix_and_what_lies_around_it(film: Film) -> None:
    order = film.order_with("fade")
    _, segment = _mix(film.plan(order))
    one, other = (clip.scene_index for clip in segment.clips)
    rest = [index for index in range(len(SCENES)) if index not in {one, other}]
    orders = [(rest[0], one, other), (rest[1], one, other), (rest[2], one, other)]
    mixes = [[s for s in film.plan(order).segments if s.mix and s.clips[1].scene_index == other] for order in orders]
    assert mixes == [[segment]] * 3
    blueprints = [coded_films.blueprint(place, *order) for place, order in enumerate(orders, start=1)]
    folder = film.folder / "shared"
    made = render_all(film.path, blueprints, film.seen, folder / "out", folder / "cache", TINY)
    recipes = {(s.clips, s.mix) for order in orders for s in film.plan(order).segments}
    assert sum(render.segments_encoded for render in made) == len(list((folder / "cache").glob("*.mp4")))
    assert sum(render.segments_encoded for render in made) <= len(recipes)
    # The second and the third variation pay for their opening only.
    assert all(render.segments_encoded <= 3 for render in made[1:])
