"""What is heard: words, voices, loudness and beats, all from one decode of the sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception import beat, loudness
from flywheel_assets.creative.perception.engines.base import SpeechEngine, VoiceEngine
from flywheel_assets.creative.perception.engines.choice import Place, load
from flywheel_assets.creative.perception.sound import Sound, read_sound
from flywheel_assets.creative.types import Engine, Modality, Scene, Word

# Mean probability of the words below which they are made up, and how many it takes to say so. English read by people
# has 0.9 and more, under as much noise as voice 0.7 to 0.8; the same recordings played backwards 0.34 to 0.54 (measured).
_UNDERSTOOD, _FEWEST_WORDS = 0.6, 6
_NEAR = 0.5  # seconds a word may lie outside the spans with a voice; both are only so exact

Span = tuple[float, float]


@dataclass(frozen=True)
class Heard:
    """What a video's sound holds. None means that nobody could listen; ``engines`` say why.

    Attributes:
        engines: of the four modalities of the ear, as they turned out.
        words: in order of time.
        voice: spans in seconds with a voice.
        beats: seconds of the beats; ``tempo`` is theirs a minute, None without a steady one.
        sound: what all of this was taken from.
    """

    engines: dict[Modality, Engine]
    words: tuple[Word, ...] | None = None
    voice: tuple[Span, ...] | None = None
    beats: beat.Beats | None = None
    sound: Sound | None = None


def methods() -> dict[Modality, Engine]:
    """The two listeners that are computed and need no weights."""
    return {
        "loudness": Engine(name="bs1770", version=version("numpy"), settings={"hops": loudness.HOPS}),
        "beat": Engine(name="onset-chain", version=beat.VERSION),
    }


def listen(path: Path, chosen: Mapping[Modality, Engine], place: Place) -> Heard:
    """Everything that can be heard in a video.

    Args:
        path: of the video.
        chosen: the engines of speech and voice, as `choice.identities` named them.
        place: what they were chosen by.
    """
    engines = {"speech": chosen["speech"], "voice": chosen["voice"], **methods()}
    try:
        sound = read_sound(path)
    except NotAvailable as reason:
        mute = {
            name: Engine(name=one.name, unavailable=one.unavailable or str(reason)) for name, one in engines.items()
        }
        return Heard(mute)
    voice = words = None
    if engines["voice"].unavailable is None:
        detector: VoiceEngine = load("voice", engines["voice"], place)
        voice = detector.read(sound.samples)
    if engines["speech"].unavailable is None:
        recogniser: SpeechEngine = load("speech", engines["speech"], place)
        words = spoken(recogniser.read(sound.samples), voice)
        if doubt := not_understood(words, place.language):
            words, engines["speech"] = None, engines["speech"].model_copy(update={"unavailable": doubt})
    return Heard(engines, words, voice, beat.find_beats(sound.samples), sound)


def spoken(words: Sequence[Word], voice: Sequence[Span] | None) -> tuple[Word, ...]:
    """The words near a voice: over music and silence a recogniser makes some up."""
    if voice is None:
        return tuple(words)
    return tuple(
        word
        for word in words
        if any(start - _NEAR <= (word.start + word.end) / 2 <= end + _NEAR for start, end in voice)
    )


def not_understood(words: Sequence[Word], language: str) -> str | None:
    """Why the words are worth nothing, if so: a model writes words of its own language whatever it hears."""
    mean = sum(word.probability for word in words) / max(1, len(words))
    if len(words) < _FEWEST_WORDS or mean >= _UNDERSTOOD:
        return None
    return (
        f"what is said was not understood as {language!r}: the mean probability of {len(words)} words is {mean:.2f}, at "
        f"least {_UNDERSTOOD:g} is needed; name the language that is spoken, or record it more clearly"
    )


def words_by_scene(words: Sequence[Word], scenes: Sequence[Scene]) -> tuple[tuple[Word, ...], ...]:
    """Every word in the scene that shows at its middle; what is said after the last picture belongs to the last."""
    said: list[list[Word]] = [[] for _ in scenes]
    for word in words:
        middle = (word.start + word.end) / 2
        place = next((place for place, scene in enumerate(scenes) if middle < scene.end), len(scenes) - 1)
        said[place].append(word)
    return tuple(tuple(each) for each in said)


def voice_share(voice: Sequence[Span], scene: Scene) -> float:
    """Share of the scene with a voice, 0 to 1."""
    covered = sum(max(0.0, min(end, scene.end) - max(start, scene.start)) for start, end in voice)
    return round(min(1.0, covered / max(scene.seconds, 0.001)), 4)


def scene_loudness(sound: Sound, scene: Scene) -> float:
    """LUFS of the tenths of a second that begin in the scene; -70 where the sound has ended."""
    return loudness.lufs(sound.power[round(scene.start * loudness.HOPS) : round(scene.end * loudness.HOPS)])
