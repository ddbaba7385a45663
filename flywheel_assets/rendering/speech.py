"""When somebody speaks in the source, and how far that is to be trusted.

What is known are the recogniser's word times and, of each scene, the share in which a voice detector heard a voice.
Word times are wrong in one direction: on the sample advert the first word of a sentence is found 0.13 to 0.31 s
late, whatever its probability, and those found latest are too short to be said at all (some last 0.0 s). Ends are
found late as well, which harms nothing. So a word may begin as early as its letters need, and somewhat before that.
The voice detector is right about time, but only its share is kept: where it heard more than the words explain,
somebody says something that was not understood, and nothing is taken for silence in that scene.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from flywheel_assets.creative.types import Perception, Scene, SceneFeatures, Word

_PER_LETTER = 0.05  # seconds; hardly anybody speaks faster
_LATE = 0.12  # seconds before its found begin in which a word may have begun
_DOUBT = 0.2  # seconds more on both sides of a word of probability 0
_BREATH = 0.3  # seconds; a shorter pause counts as voice, as it does to the detector
_PAD = 0.12  # seconds of silence that the detector adds to a stretch of speech
_LEAST_PAUSE = 0.4  # seconds between words in which noise can be measured; speech rings on in its first part
_MOST_PAUSES, _LONGEST_PAUSE = 8, 4.0  # enough to know the noise
_UNEXPLAINED = 0.35  # seconds of voice without words; less is the error of the word times


@dataclass(frozen=True)
class Said:
    """A word as found, [start, end), and the longest it can last, [first, last)."""

    start: float
    end: float
    first: float
    last: float


@dataclass(frozen=True)
class Speech:
    """All that is said in a source.

    Attributes:
        words: by their begin.
        unclear: scenes in which a voice says what was not understood, or in which nobody listened.
    """

    words: tuple[Said, ...]
    unclear: tuple[Scene, ...]

    @classmethod
    def of(cls, perception: Perception) -> Speech:
        """What is said; nothing in a source without sound."""
        known = {found.index: found for found in perception.features}
        if not perception.has_audio:
            return cls((), ())
        words = [_said(word) for found in perception.features for word in found.words or ()]
        unclear = tuple(scene for scene in perception.scenes if not _clear(scene, known.get(scene.index)))
        return cls(tuple(sorted(words, key=lambda word: word.start)), unclear)

    def between(self, start: float, end: float) -> tuple[Said, ...]:
        """Words that may be heard in a span of the source."""
        return tuple(word for word in self.words if word.first < end and word.last > start)

    def within(self, scene: Scene) -> tuple[Said, ...]:
        """Words of a scene: those of which at least half is said in it."""
        return tuple(word for word in self.words if scene.start <= (word.start + word.end) / 2 < scene.end)

    def quiet(self, start: float, end: float) -> bool:
        """Whether certainly nobody speaks in a span of the source."""
        unclear = any(scene.start < end and scene.end > start for scene in self.unclear)
        return not unclear and not self.between(start, end)

    def pauses(self, seconds: float) -> tuple[tuple[float, float], ...]:
        """The longest stretches of a source of that length in which nobody speaks, in order; none where nobody ever does."""
        if not self.words:
            return ()
        taken = sorted([(word.first, word.last) for word in self.words] + [(s.start, s.end) for s in self.unclear])
        ends = accumulate((end for _, end in taken), max, initial=0.0)
        between = zip(ends, [*(start for start, _ in taken), seconds], strict=True)
        inner = [(round(start + _BREATH / 2, 3), round(end, 3)) for start, end in between if end - start > _LEAST_PAUSE]
        longest = sorted(inner, key=lambda pause: pause[0] - pause[1])[:_MOST_PAUSES]
        return tuple(sorted((start, min(end, start + _LONGEST_PAUSE)) for start, end in longest))


def unknown_speech(perception: Perception, scenes: list[int]) -> str | None:
    """Why it is not known what is said in at least one of the scenes; None when it is."""
    engine = perception.engines.get("speech")
    if engine is None:
        return "no speech engine is recorded for this video"
    if engine.unavailable:
        return engine.unavailable
    heard = {found.index for found in perception.features if found.words is not None}
    unknown = [index for index in scenes if index not in heard]
    return f"speech was not looked for in scenes {unknown}" if unknown else None


def _said(word: Word) -> Said:
    letters = sum(map(str.isalnum, word.text))
    start = min(word.start, word.end - _PER_LETTER * letters)
    doubt = _DOUBT * (1 - min(max(word.probability, 0.0), 1.0))
    return Said(start, word.end, start - _LATE - doubt, word.end + doubt)


def _clear(scene: Scene, features: SceneFeatures | None) -> bool:
    """Whether words explain all of the voice in a scene; without a voice detector, they have to be believed."""
    if features is None or features.words is None:
        return False
    if features.voice is None:
        return True
    stretches = _stretches([(max(w.start, scene.start), min(w.end, scene.end)) for w in features.words])
    explained = sum(end - start + _PAD for start, end in stretches)
    return features.voice * scene.seconds - explained <= _UNEXPLAINED


def _stretches(words: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Words joined over pauses that are no more than a breath."""
    found: list[tuple[float, float]] = []
    for start, end in sorted(words):
        if found and start - found[-1][1] <= _BREATH:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found
