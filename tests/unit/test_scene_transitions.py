"""Which scenes mix, and where, by the plan alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.creative.types import Blueprint, Engine, Hook, Perception, Scene, SceneFeatures, Word
from flywheel_assets.rendering import timeline
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.modules.scene_transitions import SceneTransitions
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.speech import Speech
from flywheel_assets.rendering.style import Style
from flywheel_assets.rendering.types import EditPlan, Segment
from flywheel_assets.settings import Rendering

SETTINGS = Rendering()
CANVAS = Canvas.of(SETTINGS)


def _perception(
    lengths: list[int],
    words: list[tuple[float, float]] | None = None,
    *,
    speech: str | None = None,
    motion: float = 0.01,
    fades: int = 0,
) -> Perception:
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    scenes = tuple(
        Scene(
            index=i, start_frame=a, end_frame=a + n, start=a / 30, end=(a + n) / 30, fade_in_frames=fades,
            fade_out_frames=fades, clean_start=(a + fades) / 30, clean_end=(a + n - fades) / 30,
        )
        for i, (a, n) in enumerate(zip(starts, lengths, strict=True))
    )  # fmt: skip
    features = tuple(
        SceneFeatures(
            index=scene.index, brightness=0.5, saturation=0.5, motion=motion, sharpness=100, texts=(),
            words=None if speech else tuple(
                Word(text="so", start=a, end=b, probability=0.9)
                for a, b in words or () if scene.start <= (a + b) / 2 < scene.end
            ),
        )
        for scene in scenes
    )  # fmt: skip
    return Perception(
        video_sha256="0" * 64, fps=30, frame_count=sum(lengths), width=1280, height=720, has_audio=True, scenes=scenes,
        features=features, engines={"speech": Engine(name="by hand", unavailable=speech)},
    )  # fmt: skip


def _plan(perception: Perception, order: tuple[int, ...], style: Style | None = None) -> EditPlan:
    blueprint = Blueprint(
        key="v01", hook=Hook(index=0, family="pain", text="Tired?"), scene_order=order, promise="Coffee.",
        call_to_action="Book now", brand="Bright Cup",
    )  # fmt: skip
    return edit_plan(blueprint, perception, SETTINGS, style)


def test_about_a_third_of_the_pairs_mix_wherever_they_stand() -> None:
    perception = _perception([90] * 30)
    pairs = [(a, b) for a in range(1, 30) for b in range(1, 30) if a != b]
    mixes = {pair: found for pair in pairs if (found := _mix_of(_plan(perception, (0, *pair)), pair))}
    assert 0.25 <= len(mixes) / len(pairs) <= 0.35
    for pair, found in list(mixes.items())[:5]:
        other = next(index for index in range(1, 30) if index not in pair)
        assert _mix_of(_plan(perception, (0, other, *pair)), pair) == found


def _mix_of(plan: EditPlan, pair: tuple[int, int]) -> Segment | None:
    for segment in plan.segments:
        if segment.mix and tuple(clip.scene_index for clip in segment.clips) == pair:
            return segment
    return None


def test_still_scenes_fade_and_moving_ones_move() -> None:
    order = tuple(range(40))
    kinds = [
        {s.mix.kind for s in _plan(_perception([90] * 40, motion=m), order).segments if s.mix} for m in (0.01, 0.1)
    ]
    assert kinds[0] == {"fade"}
    assert kinds[1] == {"slideleft", "smoothleft", "hblur"}


def test_where_speech_is_unknown_all_cuts_are_hard() -> None:
    plan = _plan(_perception([90] * 12, speech="no weights for German"), tuple(range(12)))
    assert plan.unavailable["scene_transitions"] == "no weights for German"
    assert not any(segment.mix for segment in plan.segments)


def test_a_mix_does_not_grow_into_pictures_that_dissolve_in_the_source() -> None:
    plan = _plan(_perception([90] * 12, fades=6), tuple(range(12)))
    mixes = [segment for segment in plan.segments if segment.mix]
    assert mixes
    for segment in mixes:
        for clip in segment.clips:
            assert clip.scene_index * 3 + 0.2 <= clip.source_start + 1e-6
            assert clip.source_end <= clip.scene_index * 3 + 2.8 + 1e-6


@given(
    st.lists(st.integers(20, 120), min_size=2, max_size=7),
    st.lists(st.tuples(st.floats(0, 20), st.floats(0.05, 0.6)), max_size=12),
    st.sampled_from([None, "pulse", "warm"]),
    st.randoms(use_true_random=False),
)
def test_nobody_speaks_in_a_mix_and_it_lies_after_the_hook(
    lengths: list[int], said: list[tuple[float, float]], music: str | None, shuffled: object
) -> None:
    end = sum(lengths) / 30
    perception = _perception(lengths, [(a, min(a + b, end)) for a, b in said if a < end - 0.05])
    order = list(range(len(lengths)))
    shuffled.shuffle(order)  # type: ignore[attr-defined]
    plan = _plan(perception, tuple(order), Style.model_validate({"music": music}))
    speech, window = Speech.of(perception), SceneTransitions().window(CANVAS)
    hook = max(overlay.end_frame for overlay in plan.overlays if overlay.role == "hook")
    at = 0
    for segment in plan.segments:
        if segment.mix:
            assert segment.frames == window
            assert at >= hook
            assert all(speech.quiet(clip.source_start, clip.source_end) for clip in segment.clips)
        at += segment.frames
    assert at == plan.frames == plan.audio.total_frames
    spans = plan.audio.spans
    assert sum(span.frames - span.blend for span in spans) == plan.frames - 66
    cards = [overlay for overlay in plan.overlays if overlay.role == "caption"]
    assert all(one.end_frame <= two.start_frame for one, two in pairwise(cards))


def test_a_mix_under_the_hook_is_noticed() -> None:
    perception = _perception([40, 90, 90])
    plan = timeline.shots(
        Blueprint(
            key="v01", hook=Hook(index=0, family="pain", text="Tired?"), scene_order=(0, 1, 2), promise="Coffee.",
            call_to_action="Book now", brand="Bright Cup",
        ),
        perception, CANVAS,
    )  # fmt: skip
    early = timeline.in_order((replace(plan[0], blend=10), *plan[1:]))
    late = timeline.in_order((plan[0], replace(plan[1], blend=10), plan[2]))
    assert timeline.mixes_under_hook(early, CANVAS)
    assert not timeline.mixes_under_hook(late, CANVAS)
