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
