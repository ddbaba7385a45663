from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.creative.types import Perception
from flywheel_assets.rendering.effects import Material
from flywheel_assets.rendering.music import read_track
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.style import Kit, Style
from flywheel_assets.rendering.types import Render
from tests import coded_films
from tests.coded_films import RATE, TINY, Array, Script, Spoken

# Two runs of words, with silence before, between and after them.
TALK = ((1.0, 3.0), (6.0, 8.5))
WORDS = tuple(
    Spoken("word", float(start), float(start) + 0.25, 430.0 + 25 * place)
    for begin, end in TALK
    for place, start in enumerate(np.arange(begin, end - 0.01, 0.25))
)
SCENES = (137, 137, 97)
BLUEPRINT = coded_films.blueprint(1, 0, 1, 2)
WHOLE = frozenset({"silence_trim", "scene_transitions", "pattern_interrupt"})
PITCH = 1000.0  # as loud to the ear as it measures


@dataclass(frozen=True)
class Film:
    path: Path
    seen: Perception

    def render(self, folder: Path, kit: Kit) -> Render:
        return render_all(self.path, [BLUEPRINT], self.seen, folder / "out", folder / "cache", TINY, kit=kit)[0]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    folder = tmp_path_factory.mktemp("talk")
    script = Script(scenes=SCENES, words=WORDS)
    path = coded_films.film(folder / "talk.mkv", script)
    return Film(path, coded_films.perception(path, script))


def _write(path: Path, samples: Array) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 44_100, len(samples), "NONE", "not compressed"))
        file.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
    return path


def _tone(path: Path) -> Path:
    times = np.arange(44_100 * 5) / 44_100
    return _write(path, 0.3 * np.sin(2 * np.pi * PITCH * times))


def _clicks(path: Path, seconds: float, step: float) -> tuple[Path, Array]:
    """Short bursts at a steady pace, and where they are."""
    samples, beats = np.zeros(round(44_100 * seconds)), np.arange(0.0, seconds - 0.1, step)
    burst = np.sin(2 * np.pi * 900 * np.arange(2205) / 44_100) * np.exp(-np.arange(2205) / 400)
    for beat in beats:
        samples[round(beat * 44_100) :][:2205] += 0.8 * burst
    return _write(path, samples), beats


def _kit(path: Path, without: frozenset[str] = WHOLE) -> Kit:
    track, grid = read_track(path, timeout=60)
    return Kit(Style(music=track, grid=grid, without=without), {track.sha256: path})


def _level(samples: Array, start: float, end: float) -> float:
    return coded_films.decibels(samples[round(start * RATE) : round(end * RATE)])


def test_music_lies_under_the_speech_comes_up_in_the_gaps_and_fades_at_the_end(film: Film, tmp_path: Path) -> None:
    kit = _kit(_tone(tmp_path / "tone.wav"))
    made = film.render(tmp_path, kit)
    heard = coded_films.sound(made.path)
    assert len(heard) == made.frames * 1600
    music = coded_films.band(heard, PITCH)
    speech = heard - music
    for begin, end in TALK:
        during = _level(music, begin + 0.3, end)
        assert 12 <= _level(speech, begin + 0.3, end) - during <= 18
        assert _level(music, end + 0.9, end + 1.4) - during >= 6
    end = made.seconds
    assert _level(music, end - 0.05, end) < _level(music, end - 1.6, end - 1.3) - 20
    assert abs((made.loudness_lufs or 0) + 14) <= 1
    plan = edit_plan(BLUEPRINT, film.seen, TINY, kit.style)
    assert coded_films.broken(made, film.path, plan) == []


def test_cuts_near_a_beat_of_a_track_of_ones_own_fall_on_it(film: Film, tmp_path: Path) -> None:
    path, beats = _clicks(tmp_path / "clicks.wav", 12, 0.5)
    kit = _kit(path)
    plan = edit_plan(BLUEPRINT, film.seen, TINY, kit.style)
    made = film.render(tmp_path, kit)
    shown = [coded_films.number(frame, plan) for frame in coded_films.pictures(made.path)[: plan.frames - 66]]
    cuts = [place for place in range(1, len(shown)) if shown[place] != shown[place - 1] + 1]
    assert cuts == pytest.approx([135, 270], abs=1)
    assert all(np.abs(place / 30 - beats).min() <= 1 / 30 for place in cuts)
    # 12.2 s is too far from 12.0 s and 12.5 s: it stays where it is.
    assert len(shown) == 371 - (137 - cuts[0]) - (137 - (cuts[1] - cuts[0]))


@pytest.mark.parametrize("name", ["pulse", "warm"])
def test_our_own_loops_play_to_the_end_under_a_source_without_sound(name: str, tmp_path: Path) -> None:
    script = Script(scenes=(150, 160), has_audio=False)
    path = coded_films.film(tmp_path / "mute.mkv", script)
    film = Film(path, coded_films.perception(path, script))
    kit = Kit(Style.model_validate({"music": name}))
    made = render_all(film.path, [coded_films.blueprint(1, 0, 1)], film.seen, tmp_path, tmp_path / "c", TINY, kit=kit)[
        0
    ]
    heard = coded_films.sound(made.path)
    assert len(heard) == made.frames * 1600
    assert abs((made.loudness_lufs or 0) + 14) <= 1
    seconds = [_level(heard, at, at + 1) for at in np.arange(0, made.seconds - 2.5)]
    assert min(seconds) > max(seconds) - 20  # also where the loop begins again
    assert _level(heard, made.seconds - 0.05, made.seconds) < max(seconds) - 20


def test_the_same_plan_sounds_the_same_to_the_last_sample(film: Film, tmp_path: Path) -> None:
    kit = _kit(_tone(tmp_path / "tone.wav"))
    one, other = (coded_films.sound(film.render(tmp_path / name, kit).path) for name in ("a", "b"))
    assert np.array_equal(one, other)


def test_a_track_that_is_missing_or_is_no_sound_is_refused_before_anything_is_encoded(
    film: Film, tmp_path: Path
) -> None:
    broken = tmp_path / "notes.mp3"
    broken.write_bytes(b"no music")
    with pytest.raises(RenderFailed, match=r"notes\.mp3: unreadable_music: .* leave music out"):
        read_track(broken, timeout=20)
    with pytest.raises(RenderFailed, match=r"gone\.mp3: missing_music"):
        read_track(tmp_path / "gone.mp3", timeout=20)
    with pytest.raises(RenderFailed, match=r"still\.wav: silent_music"):
        read_track(_write(tmp_path / "still.wav", np.zeros(44_100)), timeout=20)
    track = Material(name="notes.mp3", sha256="1" * 64)
    with pytest.raises(RenderFailed, match=r"notes\.mp3: missing_material"):
        film.render(tmp_path, Kit(Style(music=track)))
    with pytest.raises(RenderFailed, match=r"notes\.mp3: unreadable_music"):
        film.render(tmp_path, Kit(Style(music=track), {track.sha256: broken}))
    assert list(tmp_path.rglob("*.mp4")) == []
