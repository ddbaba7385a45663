from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

from flywheel_assets.creative.types import Engine, Perception
from flywheel_assets.rendering import audio, noise, probe
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.style import Kit, Style
from flywheel_assets.rendering.types import EditPlan
from tests import coded_films
from tests.coded_films import FFMPEG, RATE, TINY, Array, Script, Spoken

STARTS = (0.8, 1.2, 3.0, 3.4, 6.0)
WORDS = tuple(Spoken("word", start, start + 0.35, 600.0 + 90 * place) for place, start in enumerate(STARTS))
QUIET = ((0.0, 0.6), (1.8, 2.6), (4.0, 5.6), (6.6, 8.0))
SPEECH = tuple((word.start + 0.05, word.end - 0.05) for word in WORDS)


def _made(folder: Path, script: Script, name: str) -> tuple[Path, Perception, EditPlan]:
    path = coded_films.film(folder / f"{name}.mkv", script)
    seen = coded_films.perception(path, script)
    return path, seen, edit_plan(coded_films.blueprint(1, 0), seen, TINY)


def _enhanced(path: Path, plan: EditPlan, cache: Path) -> Array:
    found = audio.enhanced_source(path, plan, cache, TINY)
    assert found is not None
    return coded_films.sound(found)


def _level(samples: Array, spans: tuple[tuple[float, float], ...]) -> float:
    return coded_films.decibels(np.concatenate([samples[round(a * RATE) : round(b * RATE)] for a, b in spans]))


def _coloured(seconds: float, db: float) -> Array:
    """Noise that falls with pitch, as a room's does."""
    white = np.random.default_rng(8).standard_normal(round(seconds * RATE))
    red = lfilter([1.0], [1.0, -0.85], white)
    return np.asarray(red / np.sqrt(np.mean(red**2)) * 10 ** (db / 20))


@pytest.mark.parametrize("db", [-36.0, -45.0, -54.0])
@pytest.mark.parametrize("white", [True, False])
def test_steady_noise_falls_by_ten_decibels_and_speech_stays(tmp_path: Path, db: float, white: bool) -> None:
    script = Script(
        scenes=(240,), words=WORDS, noise_db=db if white else -90, extra=None if white else _coloured(8, db)
    )
    path, _, plan = _made(tmp_path, script, "noisy")
    assert noise.floor(path, plan.audio.quiet, timeout=60) == pytest.approx(db - 3, abs=1)  # one channel becomes two
    deaf = plan.model_copy(update={"audio": plan.audio.model_copy(update={"quiet": ()})})
    before, after = _enhanced(path, deaf, tmp_path / "a"), _enhanced(path, plan, tmp_path / "b")
    assert len(before) == len(after)
    assert _level(after, QUIET) <= _level(before, QUIET) - 10
    assert _level(after, SPEECH) == pytest.approx(_level(before, SPEECH), abs=1)
    alike = np.fft.irfft(np.fft.rfft(after, 2**20) * np.conj(np.fft.rfft(before, 2**20)))
    assert int(np.argmax(alike)) == 0  # not one sample late


def test_what_is_no_steady_noise_is_left_alone(tmp_path: Path) -> None:
    times = np.arange(8 * RATE) / RATE
    chord = sum(0.02 * np.sin(2 * np.pi * pitch * times) for pitch in (220.0, 277.2, 329.6))
    steps = _coloured(8, -40) * (np.sin(2 * np.pi * 2 * times) > 0.6)
    for name, extra, db in (("music", chord, -80.0), ("steps", steps, -80.0), ("clean", None, -95.0)):
        path, _, plan = _made(tmp_path, Script(scenes=(240,), words=WORDS, noise_db=db, extra=extra), name)
        assert plan.audio.quiet
        assert noise.floor(path, plan.audio.quiet, timeout=60) is None


def test_where_nobody_listened_or_nobody_speaks_no_noise_is_measured(tmp_path: Path) -> None:
    _, seen, _ = _made(tmp_path, Script(scenes=(240,), words=WORDS), "talk")
    blind = seen.features[0].model_copy(update={"words": None})
    engines = {**seen.engines, "speech": Engine(name="none", unavailable="no weights for German")}
    deaf = seen.model_copy(update={"features": (blind,), "engines": engines})
    assert edit_plan(coded_films.blueprint(1, 0), deaf, TINY).audio.quiet == ()
    _, _, mute = _made(tmp_path, Script(scenes=(240,)), "mute")
    assert mute.audio.quiet == ()


def test_a_mono_source_of_hard_kicks_reaches_the_loudness_under_the_peaks(tmp_path: Path) -> None:
    """Mono, 44.1 kHz, high crest: the source that cannot be made loud without being compressed first."""
    times = np.arange(8 * RATE) / RATE
    beat = times % 0.5
    kicks = 0.76 * np.exp(-beat * 60) * np.sin(2 * np.pi * 200 * beat)
    soft = np.zeros(len(times))
    for word in WORDS:
        inside = (times >= word.start) & (times < word.end)
        soft[inside] = 0.02 * np.sin(2 * np.pi * word.pitch * times[inside])
    made = coded_films.film(tmp_path / "loud.mkv", Script(scenes=(240,), extra=kicks + soft, noise_db=-80))
    path = tmp_path / "kicks.mp4"
    encode = ["-c:v", "copy", "-ar", "44100", "-ac", "1", "-c:a", "aac", "-b:a", "128k"]
    subprocess.run([FFMPEG, "-v", "error", "-i", str(made), *encode, str(path)], check=True, timeout=60)
    source = probe.loudness(path, timeout=60)
    assert source.peak_dbtp - source.lufs > 15
    seen = coded_films.perception(path, Script(scenes=(240,), words=WORDS))
    kit = Kit(Style(without=frozenset({"silence_trim"})))
    render = render_all(path, [coded_films.blueprint(1, 0)], seen, tmp_path / "o", tmp_path / "c", TINY, kit=kit)[0]
    assert render.loudness_lufs == pytest.approx(-14, abs=1)
    assert (render.true_peak_dbtp or 0) <= -1
