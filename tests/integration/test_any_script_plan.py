"""A hook, captions and a card in any script, from the blueprint to the picture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.creative.types import Blueprint, Engine, Hook, Perception, Scene, SceneFeatures, Word
from flywheel_assets.rendering import emoji, modules
from flywheel_assets.rendering.backends import recipe
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.style import Style
from flywheel_assets.rendering.types import EditPlan, Overlay
from flywheel_assets.settings import Rendering
from tests import tiny_fonts
from tests.drawing import drawn

pytestmark = pytest.mark.needs_fribidi

LETTERS = {letter: 500 + 10 * place for place, letter in enumerate("قهوةطازجكلصبحنيم")}
HOOK = "قهوة طازجة \U0001f525 كل صباح"


@pytest.fixture(scope="module")
def with_fonts(tmp_path_factory: pytest.TempPathFactory) -> Rendering:
    folder = tmp_path_factory.mktemp("fonts")
    tiny_fonts.saved(tiny_fonts.boxes({**LETTERS, "؟": 700, " ": 0}, "Qahwa Black"), folder)
    tiny_fonts.saved(tiny_fonts.boxes(dict.fromkeys("咖啡無料。", 800), "Fine SC Black"), folder)
    tiny_fonts.emoji_font(folder)
    return Rendering(width=540, height=960, font_folders=(folder,))


ARABIC = ("قهوة", "طازجة", "صباح")


def _plan(
    settings: Rendering,
    *,
    hook: str = "Tired of cold coffee?",
    brand: str = "Bright Cup",
    said: tuple[str, ...] = ARABIC,
) -> EditPlan:
    words = tuple(
        Word(text=text, start=2.6 + 0.9 * place / len(said), end=2.6 + 0.9 * (place + 1) / len(said), probability=0.9)
        for place, text in enumerate(said)
    )
    spoken = words if settings.font_folders else ()
    scene = Scene(index=0, start_frame=0, end_frame=120, start=0, end=4)
    features = SceneFeatures(
        index=0, brightness=0.5, saturation=0.5, motion=0.1, sharpness=100, texts=(), objects=None, words=spoken
    )
    engine = Engine(name="by hand")
    perception = Perception(
        video_sha256="0" * 64, fps=30, frame_count=120, width=640, height=360, has_audio=True, scenes=(scene,),
        features=(features,), engines={"scenes": engine, "text": engine, "speech": engine, "objects": engine},
    )  # fmt: skip
    blueprint = Blueprint(
        key="v01", hook=Hook(index=0, family="pain", text=hook), scene_order=(0,), promise="Fresh coffee.",
        call_to_action="Book your free tasting", offer=None, proof="Trusted by 1,200 offices", brand=brand,
    )  # fmt: skip
    return edit_plan(blueprint, perception, settings, Style(without=frozenset({"silence_trim"})))


def _of(plan: EditPlan, role: str) -> Overlay:
    return next(overlay for overlay in plan.overlays if overlay.role == role)


def test_an_arabic_hook_with_an_emoji_is_drawn_in_its_panel(with_fonts: Rendering, tmp_path: Path) -> None:
    canvas = Canvas.of(with_fonts)
    hook = _of(_plan(with_fonts, hook=HOOK), "hook").model_copy(update={"start_frame": 0, "end_frame": 30})
    assert " ".join(hook.lines) == HOOK
    (sticker,) = emoji.stickers(hook, canvas, modules.module(hook.module).defaults.spacing)
    events = modules.module(hook.module).draw(hook, canvas)
    picture = drawn(events, canvas, tmp_path / "hook.png", stickers=(sticker,), at=20).astype(int)
    left, top, right, bottom = (round(edge) for edge in hook.box)
    fire = picture[sticker.top + 9 : sticker.top + sticker.side - 9, sticker.left + 9 : sticker.left + sticker.side - 9]
    assert fire.reshape(-1, 3).mean(axis=0) == pytest.approx([254, 0, 0], abs=12)
    panel = picture[top:bottom, left:right]
    assert (panel.max(axis=2) < 60).mean() > 0.05  # dark letters
    outside = picture.sum() - panel.sum()
    assert outside < 0.01 * panel.sum()


def test_without_fonts_the_same_hook_is_refused_by_character_and_remedy() -> None:
    bare = Rendering(width=540, height=960)
    with pytest.raises(
        RenderFailed, match=r"blueprint v01 hook: missing_glyph: .*ARABIC.*`flywheel fetch-fonts arabic`"
    ):
        _plan(bare, hook=HOOK)
    with pytest.raises(RenderFailed, match=r"U\+1F525 FIRE.*`flywheel fetch-fonts emoji`"):
        _plan(bare, hook="Hot \U0001f525 coffee")


def test_captions_of_another_script_are_drawn_in_its_font(with_fonts: Rendering) -> None:
    card = _of(_plan(with_fonts), "caption")
    events = modules.module(card.module).draw(card, Canvas.of(with_fonts))
    assert len(events) == len(card.words) == 3
    assert all(event.body.count("\\fnQahwa Black") == 1 and "\\fe-1" in event.body for event in events)


@pytest.mark.parametrize(
    ("said", "cards"),
    [
        (("咖", "啡", "無", "料"), ["咖啡無料"]),
        (("咖", "啡。", "無", "料"), ["咖啡。", "無料"]),
        (("咖啡無料咖啡無", "料咖啡無", "料"), ["咖啡無料咖啡無料咖啡無", "料"]),
        (("قهوة", "طازجة؟", "صباح"), ["قهوة طازجة؟", "صباح"]),
    ],
)
def test_a_caption_is_as_long_as_its_script_allows_and_ends_with_its_sentence(
    with_fonts: Rendering, said: tuple[str, ...], cards: list[str]
) -> None:
    whole = [overlay for overlay in _plan(with_fonts, said=said).overlays if overlay.entering]
    shown = [overlay for overlay in whole if overlay.role == "caption"]
    assert [card.text for card in shown] == cards
    assert [word.text for card in shown for word in card.words] == list(said)
    canvas = Canvas.of(with_fonts)
    for card in shown:
        bodies = [event.body for event in modules.module(card.module).draw(card, canvas)]
        assert bodies
        assert all(re.sub(r"{[^}]*}|\u200f", "", body) == card.text for body in bodies)


def test_a_brand_with_a_cup_keeps_it_on_the_card(with_fonts: Rendering) -> None:
    brand = _of(_plan(with_fonts, brand="Bright \u2615 Cup"), "brand")
    (sticker,) = emoji.stickers(brand, Canvas.of(with_fonts), 1.12)
    assert sticker.sequence == "\u2615"
    assert brand.box[0] < sticker.left < sticker.left + sticker.side < brand.box[2]


def test_two_hundred_characters_without_a_space_are_too_long_in_any_script(with_fonts: Rendering) -> None:
    with pytest.raises(RenderFailed, match="too_long: 200 characters"):
        _plan(with_fonts, hook="咖啡無料" * 50)
    with pytest.raises(RenderFailed, match="too_long: 199 characters"):
        _plan(with_fonts, hook="قهوة " * 40)


def test_a_font_that_is_replaced_under_its_name_makes_another_plan_and_no_kept_segment_serves(tmp_path: Path) -> None:
    folder = tmp_path / "fonts"
    settings = Rendering(width=540, height=960, font_folders=(folder,))
    tiny_fonts.emoji_font(folder)
    plans, keys = [], []
    for height in (600, 500):  # as wide as before, so that nothing is laid out in another way
        tiny_fonts.saved(tiny_fonts.boxes({**dict.fromkeys(LETTERS, height), " ": 0}, "Qahwa Black"), folder)
        plans.append(_plan(settings, hook=HOOK))
        keys.append([recipe(segment, plans[-1], settings).key for segment in plans[-1].segments])
    one, other = plans
    assert one.segments == other.segments
    assert list(one.fonts) == list(other.fonts) == ["Inter Black", "Inter Bold", "Plain Emoji", "Qahwa Black"]
    assert [name for name in one.fonts if one.fonts[name] != other.fonts[name]] == ["Qahwa Black"]
    assert one.plan_hash != other.plan_hash
    spoken = [bool(segment.overlays) and segment.kind == "scene" for segment in one.segments]
    assert [old != new for old, new in zip(*keys, strict=True)] == spoken


def test_moviepy_refuses_text_that_it_would_draw_as_boxes(with_fonts: Rendering) -> None:
    plan, named = _plan(with_fonts), with_fonts.model_copy(update={"backend": "moviepy"})
    with pytest.raises(RenderFailed, match=r"other_fonts: .* the plan needs Qahwa Black; .*BACKEND=ffmpeg"):
        recipe(plan.segments[0], plan, named)


def test_fonts_that_nothing_takes_change_no_plan(with_fonts: Rendering) -> None:
    bare = Rendering(width=540, height=960)
    latin = [overlay for overlay in _plan(with_fonts).overlays if overlay.role != "caption"]
    assert latin == [overlay for overlay in _plan(bare).overlays if overlay.role != "caption"]
