"""A scene is worth what an advert shows of it: fades and mixes at its ends are counted by nobody."""

from __future__ import annotations

import numpy as np
import pytest

from flywheel_assets.creative.council.rubric import judge
from flywheel_assets.creative.council.variety import seconds
from flywheel_assets.creative.director.orders import LONGEST, SHORTEST, opening_cuts, orders
from flywheel_assets.creative.types import Perception, ScreenText
from flywheel_assets.learning.cold_start import ColdStartCtr
from flywheel_assets.learning.features import opening_features
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.timeline import shots
from tests.unit.test_rubric import BRIEF, FACE, PLAN, footage, line

CANVAS = Canvas(1080, 1920, 30)


def faded(lengths: tuple[float, ...], fade: float, **features: object) -> Perception:
    """Scenes of those lengths, so much of each end mixed with a neighbour; nobody speaks. The first one's features as given."""
    seen = footage(lengths, said=False)
    scenes = tuple(
        scene.model_copy(
            update={
                "fade_in_frames": round(fade * 30), "fade_out_frames": round(fade * 30),
                "clean_start": scene.start + fade, "clean_end": scene.end - fade,
            }
        )
        for scene in seen.scenes
    )  # fmt: skip
    first = seen.features[0].model_copy(update=features)
    return seen.model_copy(update={"scenes": scenes, "features": (first, *seen.features[1:])})


def test_what_the_director_counts_is_what_rendering_plays() -> None:
    for seen in (
        faded((3.0,) * 7, 0.5),
        faded((3.0,) * 7, 0.0),
        faded((1.2,) * 7, 0.5),
    ):  # of the last too little is its own
        played = shots(PLAN, seen, CANVAS)
        assert seconds(PLAN.scene_order, seen) == pytest.approx(sum(shot.frames for shot in played) / 30, abs=0.2)


def test_an_order_lasts_10_to_16_seconds_without_its_fades() -> None:
    seen = faded((3.0,) * 9, 1.0)  # a second of each is its own: all nine last nine seconds
    for order in orders(0, seen, np.random.default_rng(0)):
        assert sorted(order) == list(range(9))
    shorter = faded((4.0,) * 9, 1.0)
    for order in orders(0, shorter, np.random.default_rng(0)):
        assert SHORTEST <= seconds(order, shorter) <= LONGEST


def test_the_pace_of_the_opening_and_of_the_shots_is_that_of_what_is_shown() -> None:
    whole, mixed = faded((5.2,) * 3, 0.0), faded((5.2,) * 3, 1.6)
    assert (opening_cuts((0, 1, 2), whole), opening_cuts((0, 1, 2), mixed)) == (0, 2)
    three = PLAN.model_copy(update={"scene_order": (0, 1, 2)})
    points, out_of, evidence = line(judge(three, BRIEF, mixed), "length of shots")
    assert points == out_of
    assert evidence == "mean shot 2.0 s, longest 2.0 s"


@pytest.mark.parametrize(("time", "shown"), [(0.3, False), (2.4, True), (2.7, False)], ids=["fade", "early", "late"])
def test_a_face_counts_from_the_first_picture_that_is_shown(time: float, *, shown: bool) -> None:
    face = FACE.model_copy(update={"time": time})
    evidence = line(
        judge(PLAN, BRIEF, faded((4.0,) * 7, 0.5, faces=(face,), objects=())), "person or product within 2 s"
    )[2]
    assert (evidence == "face within 2 s") == shown


def test_a_brand_that_is_read_only_in_a_fade_is_not_read() -> None:
    early = ScreenText(text="Bright Cup", start=0.0, end=0.4, box=(0, 0, 1, 1), confidence=0.9)
    for end, points in ((0.4, 0.5), (0.9, 1.0)):
        seen = faded((4.0,) * 7, 0.5, texts=(early.model_copy(update={"end": end}),))
        found = line(judge(PLAN, BRIEF, seen), "brand by 5 s")
        assert found[0] == pytest.approx(points * found[1])


def test_the_click_model_and_its_prior_know_the_shown_length() -> None:
    seen = faded((7.0,) * 3, 2.5)
    assert opening_features(seen, 0).seconds == pytest.approx(2.0)
    assert any("2.0 s long" in reason for found in ColdStartCtr().predict(seen) for reason in found.reasons)
