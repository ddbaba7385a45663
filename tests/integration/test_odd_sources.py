"""Sources that are not an even 30 frames a second with sound: nothing is lost, nothing drifts."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.style import Kit, Style
from flywheel_assets.rendering.types import EditPlan, Render
from tests import coded_films
from tests.coded_films import RATE, TINY, Script, Spoken

STARTS = (0.7, 2.2, 3.9, 5.3, 7.4, 9.0, 10.8)
WORDS = tuple(Spoken("word", start, start + 0.4, 500.0 + 130 * place) for place, start in enumerate(STARTS))
KIT = Kit(Style(music="pulse"))


def _render(folder: Path, script: Script, *order: int, kit: Kit | None = None) -> tuple[Render, EditPlan]:
    path = coded_films.film(folder / "film.mkv", script)
    seen = coded_films.perception(path, script)
    blueprint = coded_films.blueprint(1, *order)
    made = render_all(path, [blueprint], seen, folder / "out", folder / "cache", TINY, kit=kit)[0]
    plan = edit_plan(blueprint, seen, TINY, kit.style if kit else None)
    assert len(coded_films.pictures(made.path)) == made.frames == plan.frames
    assert coded_films.broken(made, path, plan) == []
    return made, plan


def test_a_varying_frame_rate_drifts_by_less_than_a_frame_over_many_jumps(tmp_path: Path) -> None:
    paces = np.random.default_rng(2).choice([1 / 60, 1 / 30, 1 / 24, 1 / 15], size=380)
    times = [round(float(time), 4) for time in np.concatenate([[0.0], np.cumsum(paces)]) if time < 11.99]
    script = Script(scenes=(6.0, 6.0), words=WORDS, times=times, fps=Fraction(len(times), 12))
    made, plan = _render(tmp_path, script, 1, 0)
    shown, heard = coded_films.pictures(made.path), coded_films.sound(made.path)
    assert len(plan.audio.spans) >= 6
    at = 0
    for segment in plan.segments[:-1]:
        for place in range(segment.frames):
            said = segment.clips[0].source_start + place / 30
            number = coded_films.number(shown[at + place], plan)
            until = times[number + 1] if number + 1 < len(times) else 12.0
            # the picture that stands at that time of the source, to less than one output frame
            assert times[number] - 1 / 30 < said < until + 1 / 30
        at += segment.frames
    for word in WORDS:
        tone = np.abs(coded_films.band(heard, word.pitch))
        onset = int(np.argmax(tone > 0.3 * tone.max())) / RATE
        assert onset == pytest.approx(_planned(plan, word.start), abs=0.01)


def _planned(plan: EditPlan, source: float) -> float:
    """When a source time plays, by the plan."""
    at = 0
    for segment in plan.segments[:-1]:
        clip = segment.clips[0]
        if clip.source_start <= source < clip.source_end:
            return at / 30 + source - clip.source_start
        at += segment.frames
    raise AssertionError(f"{source} does not play")


def test_a_source_without_sound_mixes_and_takes_music(tmp_path: Path) -> None:
    made, plan = _render(tmp_path, Script(scenes=(90, 96, 93), has_audio=False), 0, 1, 2, kit=KIT)
    assert set(plan.unavailable) == {"silence_trim", "auto_captions", "brand_overlay", "stabilize", "cover_frame"}
    assert made.loudness_lufs is not None
    assert len(coded_films.sound(made.path)) == made.frames * 1600


def test_a_source_in_which_nobody_speaks_is_not_trimmed(tmp_path: Path) -> None:
    script = Script(scenes=(90, 96, 93), noise_db=-40)
    made, plan = _render(tmp_path, script, 2, 0, 1)
    mixed = sum(segment.frames for segment in plan.segments if segment.mix)
    assert made.frames == 90 + 96 + 93 - mixed + 66
    assert made.loudness_lufs is not None


def test_scenes_of_three_seconds_in_all_still_play(tmp_path: Path) -> None:
    made, _ = _render(tmp_path, Script(scenes=(90,), words=WORDS[:2]), 0, kit=KIT)
    assert 30 + 66 <= made.frames <= 90 + 66
