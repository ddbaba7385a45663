"""Loudness, beats and voices, on sounds whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from flywheel_assets.creative.perception.beat import find_beats
from flywheel_assets.creative.perception.hearing import not_understood, spoken, voice_share
from flywheel_assets.creative.perception.loudness import LOUD_RATE, SILENCE, LoudnessMeter, integrated, lufs
from flywheel_assets.creative.types import Scene, Word
from tests.films.loops import PATTERNS, Pattern, drawn_loop

_RATE = 16_000


def _sine(seconds: float, amplitude: float, channels: int = 1) -> NDArray[np.float32]:
    wave = amplitude * np.sin(2 * np.pi * 997 * np.arange(round(seconds * LOUD_RATE)) / LOUD_RATE)
    return np.tile(wave.astype(np.float32), (channels, 1))


def _power(*pieces: NDArray[np.float32]) -> NDArray[np.float64]:
    meter = LoudnessMeter()
    for piece in pieces:
        meter.add(piece)
    return meter.power()


# --- loudness -------------------------------------------------------------------------------------


def test_a_full_sine_in_one_channel_is_minus_three_lufs() -> None:
    # The recommendation's own calibration: a 997 Hz sine of 0 dBFS in one front channel reads -3.01.
    assert integrated(_power(_sine(5, 1.0))) == pytest.approx(-3.01, abs=0.05)


def test_two_equal_channels_are_three_units_louder() -> None:
    assert integrated(_power(_sine(5, 0.1, 2))) - integrated(_power(_sine(5, 0.1))) == pytest.approx(3.01, abs=0.02)


def test_pauses_do_not_make_a_programme_quieter() -> None:
    loud, pause = _sine(5, 0.2), np.zeros((1, 5 * LOUD_RATE), dtype=np.float32)
    assert integrated(_power(loud, pause)) == pytest.approx(integrated(_power(loud)), abs=0.3)
    assert lufs(_power(loud, pause)) < integrated(_power(loud)) - 2.5


def test_silence_is_as_quiet_as_anything_is_called() -> None:
    assert integrated(_power(np.zeros((2, LOUD_RATE), dtype=np.float32))) == SILENCE
    assert integrated(_power()) == lufs(_power()) == SILENCE


@given(st.lists(st.integers(1, 9000), min_size=1, max_size=12))
def test_how_sound_is_cut_into_pieces_does_not_matter(lengths: list[int]) -> None:
    sound = np.random.default_rng(1).normal(0, 0.1, (2, sum(lengths))).astype(np.float32)
    pieces = np.split(sound, np.cumsum(lengths)[:-1], axis=1)
    assert _power(*pieces) == pytest.approx(_power(sound))


def test_the_weighting_is_the_filters_of_the_recommendation_worked_out_sample_by_sample() -> None:
    sound = np.random.default_rng(2).normal(0.2, 0.1, (1, 3 * LOUD_RATE // 10)).astype(np.float32)
    heard = _filtered(_filtered(sound[0].tolist(), *_HEAD), *_LOW_CUT)
    expected = (np.array(heard) ** 2).reshape(3, -1).mean(axis=1)
    assert _power(sound) == pytest.approx(expected, rel=1e-9)


# Tables 1 and 2 of ITU-R BS.1770-4: numerator, and denominator without its leading one.
_HEAD = (1.53512485958697, -2.69169618940638, 1.19839281085285), (-1.69065929318241, 0.73248077421585)
_LOW_CUT = (1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621)


def _filtered(sound: list[float], ahead: tuple[float, ...], back: tuple[float, ...]) -> list[float]:
    """The difference equation, term by term."""
    before, heard = [0.0, 0.0], [0.0, 0.0]
    for sample in sound:
        now = ahead[0] * sample + ahead[1] * before[-1] + ahead[2] * before[-2]
        heard.append(now - back[0] * heard[-1] - back[1] * heard[-2])
        before = [before[-1], sample]
    return heard[2:]


# --- words ----------------------------------------------------------------------------------------


def _words(*probabilities: float) -> tuple[Word, ...]:
    return tuple(Word(text="word", start=at, end=at + 0.3, probability=value) for at, value in enumerate(probabilities))


def test_words_of_little_probability_are_not_understood_and_the_reason_says_how_little() -> None:
    reason = not_understood(_words(*[0.3, 0.6] * 10), "en")
    assert reason is not None
    assert "'en'" in reason
    assert "20 words is 0.45, at least 0.6" in reason


def test_a_doubtful_word_among_sure_ones_and_too_few_words_to_tell_are_left_as_they_are() -> None:
    assert not_understood(_words(*[0.9] * 9, 0.1), "en") is None
    assert not_understood(_words(*[0.3] * 5), "en") is None
    assert not_understood((), "en") is None


# --- beats ----------------------------------------------------------------------------------------


def _drums(tempo: float, seconds: float = 12.0, first: float = 0.3) -> tuple[NDArray[np.float32], list[float]]:
    """A bass drum on every beat and a hat between two, over a little noise; with the times of the beats."""
    rng = np.random.default_rng(round(tempo))
    sound = rng.normal(0, 0.002, round(seconds * _RATE)).astype(np.float32)
    beats = np.arange(first, seconds - 0.5, 60 / tempo)
    decay = np.arange(round(0.12 * _RATE)) / _RATE
    drum, hat = (
        np.sin(2 * np.pi * 60 * decay) * np.exp(-30 * decay),
        rng.normal(0, 0.15, decay.size) * np.exp(-120 * decay),
    )
    for time in beats:
        for shape, at in ((0.8 * drum, time), (hat, time + 30 / tempo)):
            start = round(at * _RATE)
            sound[start : start + decay.size] += shape[: sound.size - start].astype(np.float32)
    return sound, beats.tolist()


@pytest.mark.parametrize("tempo", [90, 100, 120, 128, 140])
def test_the_beats_of_drums_are_found_where_they_are(tempo: float) -> None:
    sound, beats = _drums(tempo)
    found = find_beats(sound)
    assert found.tempo == pytest.approx(tempo, rel=0.01)
    near = [min(abs(one - two) for two in found.times) for one in beats]
    assert np.mean(np.array(near) < 0.04) > 0.9


@pytest.mark.parametrize("pattern", ["clicks", "waltz", "sparse"])
@pytest.mark.parametrize("tempo", [60, 66, 74, 88, 104, 120, 138, 150, 160])
def test_a_beat_with_nothing_between_is_found_neither_doubled_nor_halved(pattern: Pattern, tempo: float) -> None:
    assert find_beats(drawn_loop(950, pattern, tempo).samples).tempo == pytest.approx(tempo, rel=0.02)


@pytest.mark.parametrize("pattern", [each for each in PATTERNS if each != "half"])
def test_most_loops_are_told_at_their_own_tempo_and_the_rest_an_octave_off(pattern: Pattern) -> None:
    tempos = np.arange(64, 180, 8.0)
    ratios = [float(find_beats(drawn_loop(951, pattern, each).samples).tempo or 0) / each for each in tempos]
    assert sum(abs(ratio - 1) < 0.03 for ratio in ratios) >= 0.7 * len(tempos), ratios
    assert all(min(abs(ratio / octave - 1) for octave in (0.5, 1, 2)) < 0.03 for ratio in ratios), ratios


def test_a_beat_in_half_time_is_told_as_it_is_counted_or_as_it_is_felt_or_not_at_all() -> None:
    tempos = np.arange(64, 180, 8.0)
    found = [find_beats(drawn_loop(951, "half", each).samples).tempo for each in tempos]
    told = [tempo / each for tempo, each in zip(found, tempos, strict=True) if tempo is not None]
    assert len(told) >= 0.8 * len(tempos)
    assert all(min(abs(ratio / octave - 1) for octave in (0.5, 1)) < 0.03 for ratio in told), told


def test_a_slow_beat_is_found_at_its_tempo_or_twice_it() -> None:
    tempo = find_beats(_drums(70)[0]).tempo
    assert tempo is not None
    assert min(abs(tempo / 70 - 1), abs(tempo / 140 - 1)) < 0.01


@pytest.mark.parametrize("kind", ["silence", "noise", "tone", "too short"])
def test_what_has_no_beat_gets_none(kind: str) -> None:
    time = np.arange(12 * _RATE) / _RATE
    sounds = {
        "silence": np.zeros(time.size),
        "noise": np.random.default_rng(1).normal(0, 0.1, time.size),
        "tone": 0.3 * np.sin(2 * np.pi * 440 * time),
        "too short": _drums(120)[0][: 2 * _RATE],
    }
    found = find_beats(sounds[kind].astype(np.float32))
    assert (found.tempo, found.times) == (None, ())


# --- words and voices -----------------------------------------------------------------------------


def _word(start: float) -> Word:
    return Word(text="you", start=start, end=start + 0.2, probability=0.5)


def test_words_far_from_any_voice_were_made_up() -> None:
    words = [_word(0.2), _word(1.2), _word(8.0)]
    assert spoken(words, [(1.0, 2.0)]) == (words[1],)
    assert spoken(words, []) == ()
    assert spoken(words, None) == tuple(words)


def test_the_share_of_a_scene_with_a_voice() -> None:
    scene = Scene(index=0, start_frame=30, end_frame=90, start=1.0, end=3.0)
    assert voice_share([(0.0, 1.5), (2.5, 9.0)], scene) == pytest.approx(0.5)
    assert voice_share([], scene) == 0
