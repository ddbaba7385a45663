from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.creative.types import Blueprint, Engine, Hook, Perception, Scene, SceneFeatures, ScreenText, Word
from flywheel_assets.rendering import srt
from flywheel_assets.rendering.canvas import Canvas, overlap
from flywheel_assets.rendering.effects import Box, Crop, Fit
from flywheel_assets.rendering.modules import REGISTRY, module
from flywheel_assets.rendering.modules.audio_enhancement import AudioEnhancement
from flywheel_assets.rendering.modules.smart_reframe import SmartReframe
from flywheel_assets.rendering.placements import REELS, inside
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.style import Style
from flywheel_assets.rendering.types import EditPlan, Overlay
from flywheel_assets.settings import Rendering

SETTINGS = Rendering()
UNSURVEYED = dict.fromkeys(("stabilize", "cover_frame"), "the source was not surveyed")
SAFE = REELS.safe_box(1080, 1920)
WHOLE = Style(without=frozenset({"silence_trim", "scene_transitions"}))  # scenes as they are, with hard cuts


def _perception(
    lengths: list[int],
    words: dict[int, list[tuple[str, float, float]]] | None = None,
    *,
    size: tuple[int, int] = (1280, 720),
    texts: tuple[ScreenText, ...] = (),
    fps: float = 30,
) -> Perception:
    """Scenes of the given lengths in frames; words as text, start and end in seconds of the source."""
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    scenes = tuple(
        Scene(index=i, start_frame=a, end_frame=a + n, start=a / fps, end=(a + n) / fps)
        for i, (a, n) in enumerate(zip(starts, lengths, strict=True))
    )
    features = tuple(
        SceneFeatures(
            index=scene.index, brightness=0.5, saturation=0.5, motion=0.1, sharpness=100, texts=texts, objects=None,
            words=tuple(Word(text=t, start=a, end=b, probability=0.9) for t, a, b in (words or {}).get(scene.index, [])),
        )
        for scene in scenes
    )  # fmt: skip
    engine = Engine(name="by hand")
    return Perception(
        video_sha256="0" * 64, fps=fps, frame_count=sum(lengths), width=size[0], height=size[1], has_audio=True,
        scenes=scenes, features=features,
        engines={"scenes": engine, "text": engine, "speech": engine, "objects": engine},
    )  # fmt: skip


def _blueprint(*order: int, hook: str = "Tired of cold coffee?", offer: str | None = "First month free") -> Blueprint:
    return Blueprint(
        key="v01", hook=Hook(index=0, family="pain", text=hook), scene_order=order, promise="Fresh coffee.",
        call_to_action="Book your free tasting", offer=offer, proof="Trusted by 1,200 offices", brand="Bright Cup",
    )  # fmt: skip


def _picture(plan: EditPlan) -> Box:
    """Where the source picture lies in the first segment."""
    (framing,) = (found for found in plan.segments[0].clips[0].effects if isinstance(found, Fit | Crop))
    return framing.source_box(plan.width, plan.height)


def _of(plan: EditPlan, role: str) -> list[Overlay]:
    return [overlay for overlay in plan.overlays if overlay.role == role]


WORDS = {0: [("Is", 0.1, 0.3), ("your", 0.3, 0.5), ("machine", 0.5, 0.9), ("broken?", 0.9, 1.4), ("Then", 2.3, 2.6)]}


def test_frames_add_up_and_the_card_closes() -> None:
    plan = edit_plan(_blueprint(2, 0), _perception([90, 60, 45], WORDS), SETTINGS, WHOLE)
    assert [(s.kind, s.scene_index, s.frames) for s in plan.segments] == [
        ("scene", 2, 45),
        ("scene", 0, 30),
        ("scene", 0, 60),
        ("end_card", None, 66),
    ]
    assert plan.frames == plan.audio.total_frames == 201
    assert plan.segments[2].clips[0].source_start == pytest.approx(1.0)
    assert plan.segments[2].clips[0].source_end == pytest.approx(3.0)


@given(st.lists(st.integers(1, 150), min_size=1, max_size=8), st.sampled_from([23.976, 24.0, 25.0, 30.0, 59.94]))
def test_every_plan_is_whole(lengths: list[int], fps: float) -> None:
    perception = _perception(lengths, fps=fps)
    scenes = [scene for scene in perception.scenes if scene.seconds * 30 >= 0.5]
    if not scenes:
        return
    plan = edit_plan(_blueprint(*(scene.index for scene in scenes)), perception, SETTINGS)
    body = plan.frames - 66
    mixed = sum(span.blend for span in plan.audio.spans)
    assert sum(span.frames for span in plan.audio.spans) - mixed == body
    assert abs(body + mixed - sum(scene.seconds for scene in scenes) * 30) <= 0.5 * len(scenes) + 1e-6
    hooks = _of(plan, "hook")
    assert hooks[0].start_frame == 0
    assert hooks[-1].end_frame == min(body, hooks[-1].end_frame) <= 75
    assert hooks[-1].end_frame >= min(body, 60)
    assert all(0 <= o.start_frame < o.end_frame <= s.frames for s in plan.segments for o in s.overlays)
    assert all(inside(overlay.box, SAFE) for overlay in plan.overlays)


def test_the_plan_survives_json_and_its_hash_follows_content_not_the_key() -> None:
    perception = _perception([90, 60], WORDS)
    plan = edit_plan(_blueprint(0, 1), perception, SETTINGS)
    assert EditPlan.model_validate_json(plan.model_dump_json()) == plan
    renamed = _blueprint(0, 1).model_copy(update={"key": "v07"})
    assert edit_plan(renamed, perception, SETTINGS).plan_hash == plan.plan_hash
    others = [
        edit_plan(_blueprint(0, 1, hook="Tired of bad coffee?"), perception, SETTINGS),
        edit_plan(_blueprint(1, 0), perception, SETTINGS),
        edit_plan(_blueprint(0, 1, offer=None), perception, SETTINGS),
        edit_plan(_blueprint(0, 1), perception, Rendering(loudness_lufs=-16)),
        edit_plan(_blueprint(0, 1), perception, Rendering(crf=23)),
        edit_plan(_blueprint(0, 1), perception, Rendering(backend="moviepy")),
    ]
    assert len({plan.plan_hash, *(other.plan_hash for other in others)}) == 7


def test_variations_differ_only_where_they_differ() -> None:
    perception = _perception([120, 90, 90], WORDS)
    one = edit_plan(_blueprint(0, 1, hook="Tired of cold coffee?"), perception, SETTINGS, WHOLE)
    two = edit_plan(_blueprint(0, 2, 1, hook="Stop waiting for a repair."), perception, SETTINGS, WHOLE)
    assert one.segments[0] != two.segments[0]
    assert one.segments[1] == two.segments[1]
    assert one.segments[2] == two.segments[3]
    assert one.segments[-1] == two.segments[-1]


def test_captions_are_short_timed_and_broken_at_sentences() -> None:
    plan = edit_plan(_blueprint(1, 0), _perception([90, 60], WORDS), SETTINGS, WHOLE)
    cards = [(card.text, card.start_frame, card.end_frame) for card in _of(plan, "caption")]
    assert cards == [("Is your machine", 63, 87), ("broken?", 87, 110), ("Then", 129, 146)]
    assert srt.captions(plan) == (
        "1\n00:00:02,100 --> 00:00:02,900\nIs your machine\n\n"
        "2\n00:00:02,900 --> 00:00:03,667\nbroken?\n\n"
        "3\n00:00:04,300 --> 00:00:04,867\nThen\n"
    )


def _cards(*spoken: tuple[str, float, float], frames: int = 120) -> tuple[list[tuple[str, int, int]], str | None]:
    """What the cards of one scene say and when, and the note on them."""
    plan = edit_plan(_blueprint(0), _perception([frames], {0: list(spoken)}), SETTINGS, WHOLE)
    cards = [(card.text, card.start_frame, card.end_frame) for card in _of(plan, "caption")]
    return cards, plan.notes.get("auto_captions: scene 0")


def test_a_word_that_the_next_follows_at_once_shares_its_card() -> None:
    assert _cards(("Yes.", 1.0, 1.0), ("No", 1.0, 1.4)) == ([("Yes. No", 30, 50)], None)
    assert _cards(("Wait.", 1.0, 1.03), ("Stop", 1.04, 1.3)) == ([("Wait. Stop", 30, 47)], None)
    assert _cards(("Go.", 1.0, 1.2), ("Now.", 1.4, 1.8)) == (
        [("Go.", 30, 42), ("Now.", 42, 62)],
        None,
    )  # 0.4 s is enough


def test_a_word_that_the_end_of_the_scene_leaves_no_time_shares_the_card_before() -> None:
    assert _cards(("Go.", 1.0, 1.4), ("Now.", 1.8, 1.9), frames=60) == ([("Go. Now.", 30, 60)], None)
    cards, note = _cards(("Go", 0.2, 0.5), ("Now.", 1.8, 1.9), frames=60)  # a pause lies between
    assert cards == [("Go", 6, 23), ("Now.", 54, 60)]
    assert note == "1 of 2 cards are shown for less than 0.4 s, the words come too fast or the scene ends"


def test_words_too_long_to_share_a_card_that_come_too_fast_are_noted() -> None:
    cards, note = _cards(("Incomprehensibilities", 1.0, 1.0), ("Characteristically", 1.0, 1.4))
    assert cards == [("Characteristically", 30, 50)]
    assert note == "1 words are not shown, the next came at once or the scene ended"
    cards, note = _cards(("Incomprehensibilities", 1.0, 1.1), ("Characteristically", 1.1, 1.4))
    assert cards == [("Incomprehensibilities", 30, 33), ("Characteristically", 33, 50)]
    assert note is not None
    assert note.startswith("1 of 2 cards are shown for less than 0.4 s")


@given(
    st.lists(
        st.tuples(st.text(alphabet="abcdefghij.,-♪ ", min_size=1, max_size=30), st.floats(0, 4), st.floats(0, 1)),
        max_size=25,
    )
)
def test_any_transcript_gives_readable_cards(spoken: list[tuple[str, float, float]]) -> None:
    words = [(text, start, min(start + length, 4.0)) for text, start, length in spoken]
    plan = edit_plan(_blueprint(0), _perception([120], {0: words}), SETTINGS)
    cards = _of(plan, "caption")
    assert all(len(card.words) <= 3 for card in cards)
    assert all(len(card.text) <= 22 or len(card.words) == 1 for card in cards)
    assert all(card.end_frame - card.start_frame <= 75 for card in cards)
    assert all(one.end_frame <= two.start_frame for one, two in pairwise(cards))
    noted = plan.notes.get("auto_captions: scene 0", "")
    assert "shown for less than 0.4 s" in noted or not any(end - start < 12 for start, end in _shown(cards))


def _shown(cards: list[Overlay]) -> list[tuple[int, int]]:
    """From when to when each is shown, the pieces that segments cut it into taken together."""
    spans: list[tuple[str, int, int]] = []
    for card in cards:
        if spans and (card.text, card.start_frame) == (spans[-1][0], spans[-1][2]):
            spans[-1] = (card.text, spans[-1][1], card.end_frame)
        else:
            spans.append((card.text, card.start_frame, card.end_frame))
    return [(start, end) for _, start, end in spans]


@pytest.mark.parametrize("size", [(1280, 720), (1920, 800), (640, 480), (720, 720), (720, 900), (720, 1280)])
def test_titles_and_captions_hide_neither_each_other_nor_the_text_of_the_source(size: tuple[int, int]) -> None:
    text = ScreenText(text="Half price", start=0.5, end=2.0, box=(0.1, 0.7, 0.8, 0.82), confidence=0.9)
    perception = _perception([90], WORDS, size=size, texts=(text,))
    plan = edit_plan(_blueprint(0), perception, SETTINGS)
    left, top, right, bottom = _picture(plan)
    wide, high = right - left, bottom - top
    source_text = (left + 0.1 * wide, top + 0.7 * high, left + 0.8 * wide, top + 0.82 * high)
    hook = _of(plan, "hook")[0]
    for card in _of(plan, "caption"):
        assert overlap(card.box, hook.box) == 0
        assert overlap(card.box, source_text) == 0
    assert overlap(hook.box, source_text) == 0


@pytest.mark.parametrize("size", [(1280, 720), (3840, 1600), (640, 480), (720, 720), (1080, 1350)])
def test_a_fitted_picture_keeps_its_shape_and_the_frame(size: tuple[int, int]) -> None:
    picture = SmartReframe().place(*size, Canvas(1080, 1920, 30))
    assert isinstance(picture, Fit)
    left, top, right, bottom = picture.box
    assert (right - left) / (bottom - top) == pytest.approx(size[0] / size[1], rel=0.01)
    assert inside(picture.box, (0, 0, 1080, 1920))


@pytest.mark.parametrize("size", [(720, 1280), (720, 1600), (540, 962)])
def test_a_vertical_source_fills_the_frame(size: tuple[int, int]) -> None:
    window = SmartReframe().place(*size, Canvas(1080, 1920, 30))
    assert isinstance(window, Crop)
    assert window.width * size[0] / (window.height * size[1]) == pytest.approx(9 / 16)
    left, top, right, bottom = window.source_box(1080, 1920)
    assert inside((0, 0, 1080, 1920), (left, top, right, bottom))
    assert (left + right) / 2 == pytest.approx(540)
    assert (top + bottom) / 2 == pytest.approx(960)


def test_the_sound_fades_before_anybody_speaks_again() -> None:
    words = {1: [("Next", 3.4, 3.8)]}
    plan = edit_plan(_blueprint(0), _perception([90, 90], words), SETTINGS, WHOLE)
    assert plan.audio.tail_frames == 12
    assert edit_plan(_blueprint(1), _perception([90, 90], words), SETTINGS, WHOLE).audio.tail_frames == 0
    assert edit_plan(_blueprint(0), _perception([90, 90]), SETTINGS, WHOLE).audio.tail_frames == 30


def test_unknown_speech_is_said_to_be_unknown() -> None:
    perception = _perception([90], WORDS)
    silent = {"music_bed": "no music is asked for", "brand_overlay": "no logo is given", **UNSURVEYED}
    assert edit_plan(_blueprint(0), perception, SETTINGS).unavailable == silent
    blind = perception.features[0].model_copy(update={"words": None})
    engines = {**perception.engines, "speech": Engine(name="none", unavailable="no weights for German")}
    plan = edit_plan(_blueprint(0), perception.model_copy(update={"features": (blind,), "engines": engines}), SETTINGS)
    named = dict.fromkeys(("silence_trim", "scene_transitions", "auto_captions"), "no weights for German")
    assert plan.unavailable == {**silent, **named}
    assert "auto_captions" not in plan.module_versions
    assert _of(plan, "caption") == []


def test_the_end_card_names_brand_offer_action_and_proof() -> None:
    plan = edit_plan(_blueprint(0, offer="first month free"), _perception([90]), SETTINGS)
    card = [(o.role, o.text) for o in plan.segments[-1].overlays]
    assert card == [
        ("brand", "Bright Cup"),
        ("headline", "First month free"),
        ("cta", "Book your free tasting"),
        ("proof", "Trusted by 1,200 offices"),
    ]
    boxes = [o.box for o in plan.segments[-1].overlays]
    assert all(upper[3] <= lower[1] for upper, lower in pairwise(boxes))


@pytest.mark.parametrize(
    ("blueprint", "rule"),
    [
        (_blueprint(0, 9), r"unknown_scene.*scene 9.*\[0\]"),
        (_blueprint(0, hook="Kaffee \u2615 jetzt"), r"v01 hook: missing_glyph.*HOT BEVERAGE"),
        (_blueprint(0, hook="word " * 40), r"too_long: 199 characters"),
        (_blueprint(0, hook="\u200b "), "empty"),
        (_blueprint(0).model_copy(update={"call_to_action": " "}), "call to action is empty"),
    ],
)
def test_what_cannot_be_shown_is_refused(blueprint: Blueprint, rule: str) -> None:
    with pytest.raises(RenderFailed, match=rule):
        edit_plan(blueprint, _perception([90]), SETTINGS)


def test_every_module_states_what_it_does() -> None:
    for name, found in REGISTRY.items():
        assert module(name) is found
        assert found.version
        assert found.promise.endswith(".")
        assert found.defaults is not None
    with pytest.raises(RenderFailed, match="not registered"):
        module("hologram")


def test_a_gain_and_its_ceiling_are_in_the_filter() -> None:
    assert "volume=6.50dB" in AudioEnhancement().level(gain_db=6.5, ceiling_dbtp=-1)
