"""The shapes of an output, and what a request may ask for."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from flywheel_assets.creative.options import Options, Ratio
from flywheel_assets.rendering.placements import for_size, placement
from flywheel_assets.rendering.ratios import framed, styled
from flywheel_assets.rendering.style import Kit, Style
from flywheel_assets.settings import Creative, Rendering


@pytest.mark.parametrize(
    ("ratio", "size"), [("9:16", (1080, 1920)), ("4:5", (1080, 1350)), ("1:1", (1080, 1080)), ("16:9", (1920, 1080))]
)
def test_the_sizes_are_those_the_platform_names(ratio: Ratio, size: tuple[int, int]) -> None:
    made = framed(Rendering(), ratio)
    assert (made.width, made.height) == size
    assert made.model_copy(update={"width": 1080, "height": 1920, "placement": "reels"}) == Rendering()
    assert placement(made.placement).name == for_size(*size).name


@pytest.mark.parametrize("width", [270, 358, 542, 718])
def test_every_size_is_even_and_close_to_its_ratio(width: int) -> None:
    for ratio in get_args(Ratio):
        made = framed(Rendering(width=width, height=2 * round(width * 8 / 9)), ratio)
        wide, high = map(int, ratio.split(":"))
        assert (made.width % 2, made.height % 2) == (0, 0)
        assert made.width / made.height == pytest.approx(wide / high, rel=0.01)


def test_captions_are_left_out_where_nobody_wants_them() -> None:
    kit = Kit(Style(without=frozenset({"hook_title"})))
    assert styled(kit, Options()) is kit
    assert styled(kit, Options(captions="none")).style.without == {"hook_title", "auto_captions"}


def test_what_is_not_asked_for_is_as_the_settings_say() -> None:
    settings = Creative(min_variations=6, max_variations=9)
    assert Options().wanted(settings) == settings
    asked = Options(variations=7).wanted(settings)
    assert (asked.min_variations, asked.max_variations, asked.drafts) == (7, 7, settings.drafts)
    assert Options().ratios == ("9:16",)


def test_options_read_back_from_their_row_are_the_same() -> None:
    asked = Options(variations=10, ratios=("1:1", "9:16"))
    assert Options.model_validate(asked.model_dump(mode="json")) == asked


@pytest.mark.parametrize(
    "wrong", [{"variations": 4}, {"variations": 11}, {"ratios": []}, {"ratios": ["3:2"]}, {"x": 1}]
)
def test_options_out_of_bounds_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(wrong)
