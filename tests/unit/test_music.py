"""Beat grids, our own loops, and cuts on beats, without a file."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.creative.perception.beat import find_beats
from flywheel_assets.creative.types import Blueprint, Engine, Hook, Perception, Scene, SceneFeatures, Word
from flywheel_assets.rendering import loops
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.style import Style
from flywheel_assets.rendering.tracks import BeatGrid, LoopName
from flywheel_assets.rendering.types import EditPlan
from flywheel_assets.settings import Rendering

LENGTHS = (93, 100, 88, 97)


def _plan(style: Style, words: tuple[tuple[float, float], ...] = ()) -> EditPlan:
    starts = [sum(LENGTHS[:i]) for i in range(len(LENGTHS))]
    scenes = tuple(
        Scene(index=i, start_frame=a, end_frame=a + n, start=a / 30, end=(a + n) / 30)
        for i, (a, n) in enumerate(zip(starts, LENGTHS, strict=True))
    )
    features = tuple(
        SceneFeatures(
            index=s.index, brightness=0.5, saturation=0.5, motion=0.1, sharpness=100,
            words=tuple(Word(text="so", start=a, end=b, probability=1) for a, b in words if s.start <= a < s.end),
        )
        for s in scenes
    )  # fmt: skip
    perception = Perception(
        video_sha256="0" * 64, fps=30, frame_count=sum(LENGTHS), width=1280, height=720, has_audio=True, scenes=scenes,
        features=features, engines={"speech": Engine(name="by hand")},
    )  # fmt: skip
    blueprint = Blueprint(
        key="v01", hook=Hook(index=0, family="pain", text="Tired?"), scene_order=(0, 1, 2, 3), promise="Coffee.",
        call_to_action="Book now", brand="Bright Cup",
    )  # fmt: skip
    return edit_plan(blueprint, perception, Rendering(), style)


def _cuts(style: Style, words: tuple[tuple[float, float], ...] = ()) -> list[int]:
    return np.cumsum([span.frames for span in _plan(style, words).audio.spans]).tolist()


STILL = frozenset({"scene_transitions", "silence_trim"})


def test_cuts_just_after_a_beat_move_onto_it_and_others_stay() -> None:
    assert _cuts(Style(without=STILL)) == [93, 193, 281, 378]
    # every 15 frames a beat: 93 -> 90, then 190 is too far from 195 and from 180, 278 and 375 are not
    assert _cuts(Style(without=STILL, music="pulse")) == [90, 190, 278, 375]
    grid = BeatGrid(seconds=10.0, beats=(3.0, 6.4, 9.2))
    assert _cuts(Style(without=STILL, grid=grid)) == [93, 193, 281, 378]


def test_a_cut_stays_where_somebody_speaks_at_it() -> None:
    assert _cuts(Style(without=STILL, music="pulse"), ((2.7, 3.1),))[0] == 93
    assert _cuts(Style(without=STILL, music="pulse"), ((2.0, 2.6),))[0] == 90


def test_a_trimmed_scene_may_also_grow_to_a_beat() -> None:
    grid = BeatGrid(seconds=100.0, beats=(1.87,))
    style = Style(without=frozenset({"scene_transitions"}), grid=grid, music="pulse")
    trimmed = _cuts(style.model_copy(update={"music": None}), ((0.2, 1.6),))[0]
    assert trimmed == 53  # 0.15 s after the word
    assert _cuts(style, ((0.2, 1.6),))[0] == 53  # pulse: 45 and 60 are too far
    slow = style.model_copy(update={"music": "warm"})
    assert _cuts(slow, ((0.2, 1.75),))[0] == 60  # from 57 to the beat at 2.0 s


def test_without_music_the_plan_says_why() -> None:
    assert _plan(Style()).unavailable["music_bed"] == "no music is asked for"
    assert _plan(Style()).audio.music is None
    asked = _plan(Style(music="warm"))
    assert "music_bed" not in asked.unavailable
    assert asked.audio.music is not None
    assert asked.plan_hash != _plan(Style(music="pulse")).plan_hash


@given(
    st.lists(st.floats(0, 9.9), min_size=1, max_size=20, unique=True),
    st.floats(0, 50),
)
def test_the_nearest_beat_is_the_nearest_of_all_turns(beats: list[float], time: float) -> None:
    grid = BeatGrid(seconds=10.0, beats=tuple(sorted(beats)))
    every = [beat + 10.0 * turn for beat in beats for turn in range(-1, 7)]
    assert abs(grid.nearest(time) - time) == pytest.approx(min(abs(beat - time) for beat in every), abs=1e-9)


@pytest.mark.parametrize("name", ["pulse", "warm"])
def test_a_loop_has_no_click_where_it_begins_again_and_is_the_same_every_time(name: LoopName) -> None:
    wave = loops.samples(name)
    assert np.array_equal(wave, loops.samples(name))
    assert len(wave) == round(loops.grid(name).seconds * loops.RATE)
    assert np.abs(wave).max() == pytest.approx(0.7)
    assert abs(wave[0] - wave[-1]) <= np.abs(np.diff(wave)).max()


@pytest.mark.parametrize("name", ["pulse", "warm"])
def test_the_beats_of_a_loop_are_where_a_beat_finder_hears_them(name: LoopName) -> None:
    found = find_beats(np.tile(loops.samples(name)[::3].astype(np.float32), 2))
    assert found.tempo == pytest.approx(loops.tempo(name), abs=1)
    assert all(abs(loops.grid(name).nearest(beat) - beat) <= 0.04 for beat in found.times)
