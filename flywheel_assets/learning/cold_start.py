"""The click-through rate of an opening scene before anything was delivered: a documented prior.

log CTR = log base + the sum of small effects. One effect has a measured size: captions added 12 %
view time in a platform's own test of 2016, so readable text is worth log 1.12 between its presence
and its absence. The others are scaled to it by the creative rubric's weights (text 12 points).
All of this is correlational and about attention, not clicks; hence the strength of a mere 70
impressions, which is what headline text was worth for the level of the CTR on a public
archive of tested headlines. Delivered numbers overrule it within a day.

An effect is split evenly around zero: half of it added when present, half taken when absent. So a
modality that was not available changes nothing, and that differs from having looked in vain.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from flywheel_assets.creative.perception.texts import words_to_read
from flywheel_assets.creative.types import Perception, Scene, SceneFeatures, ScenePrediction

MODEL = "cold-start-1"
STRENGTH = 70.0  # impressions
# The round figure nearest to published averages of link clicks per feed impression. It moves no
# rank, and one recalibration on delivered ads replaces it.
BASE_CTR = 0.01

_POINT = math.log(1.12) / 12  # log CTR per rubric point, from the captions' 12 % and 12 points
_TEXT, _PERSON, _SPEECH, _MOTION, _LENGTH, _CRAFT = (points * _POINT for points in (12, 7, 8, 5, 5, 5))

_READ_BY = 1.0  # seconds from the scene's start by which text has to stand
_SEEN_BY = 2.0  # the same for a person
_WORDS = range(3, 9)
_PERSON_AREA = 0.05  # share of the frame
_LIT = (0.15, 0.85)  # mean luma outside is night or glare
_SHARP = 60.0  # squared grey levels; frames of the sample lie above 700, blurred by two pixels below 34
_PACE = (1.2, 3.0)  # seconds; the span of a shot that gets full marks in the rubric
_SLOW = 4.0  # seconds without a cut


@dataclass(frozen=True)
class _Effect:
    """One measured circumstance; ``shift`` is in log CTR, None when it is unknown."""

    reason: str
    shift: float | None


@dataclass(frozen=True)
class ColdStartCtr:
    """Predictor for a video of which nothing was delivered yet.

    Attributes:
        base: the CTR of an average opening.
    """

    base: float = BASE_CTR

    def predict(self, perception: Perception) -> tuple[ScenePrediction, ...]:
        """Every scene as an opening, best first; equal scenes in playing order.

        Raises:
            ValueError: scenes and features do not belong together.
        """
        usual = median([each.motion for each in perception.features]) if perception.features else 0.0
        pairs = zip(perception.scenes, perception.features, strict=True)
        rated = [(scene.index, tuple(_effects(scene, seen, usual))) for scene, seen in pairs]
        best_first = sorted(rated, key=lambda each: (-_total(each[1]), each[0]))
        return tuple(
            ScenePrediction(
                index=index,
                rank=rank,
                ctr=_clamped(self.base * math.exp(_total(effects))),
                strength=STRENGTH,
                model=MODEL,
                reasons=_reasons(effects),
            )
            for rank, (index, effects) in enumerate(best_first, 1)
        )


def _total(effects: Sequence[_Effect]) -> float:
    return math.fsum(each.shift or 0.0 for each in effects)


def _clamped(ctr: float) -> float:
    """A probability strictly between 0 and 1, whatever base was chosen."""
    return min(max(ctr, 1e-9), 1 - 1e-9)


def _reasons(effects: Sequence[_Effect]) -> tuple[str, ...]:
    """What moved the score, largest first; then what is unknown."""
    moved = [(each.shift, each.reason) for each in effects if each.shift]
    moved.sort(key=lambda each: -abs(each[0]))
    known = [f"{math.expm1(shift):+.1%} {reason}" for shift, reason in moved]
    return (*known, *(f"no effect: {each.reason}" for each in effects if each.shift is None))


def _effects(scene: Scene, seen: SceneFeatures, usual_motion: float) -> Iterator[_Effect]:
    yield _text(scene, seen)
    yield _person(scene, seen)
    yield _speech(seen)
    yield _motion(seen, usual_motion)
    yield _length(scene)
    yield from _craft(seen)


def _text(scene: Scene, seen: SceneFeatures) -> _Effect:
    if seen.texts is None:
        return _Effect("on-screen text was not looked at", None)
    words = words_to_read(seen.texts, scene.shown[0] + _READ_BY)
    if words in _WORDS:
        return _Effect(f"{words} words to read in the first second", _TEXT / 2)
    if not words:
        return _Effect("nothing to read in the first second", -_TEXT / 2)
    return _Effect(f"{words} words in the first second, 3 to 8 are read", 0.0)


def _person(scene: Scene, seen: SceneFeatures) -> _Effect:
    if seen.objects is None:
        return _Effect("people were not looked for", None)
    first = scene.shown[0]
    early = [each for each in seen.objects if each.label == "person" and first <= each.time <= first + _SEEN_BY]
    if any(_area(each.box) >= _PERSON_AREA for each in early):
        return _Effect("a person in the first two seconds", _PERSON / 2)
    return _Effect("no person in the first two seconds", -_PERSON / 2)


def _area(box: tuple[float, float, float, float]) -> float:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


def _speech(seen: SceneFeatures) -> _Effect:
    if seen.words is None:
        return _Effect("speech was not listened for", None)
    if seen.words:
        return _Effect("somebody speaks", _SPEECH / 2)
    return _Effect("nobody speaks", -_SPEECH / 2)


def _motion(seen: SceneFeatures, usual: float) -> _Effect:
    """Half the effect per doubling against the video's median scene, and not more."""
    if seen.motion <= 0 or usual <= 0:
        doublings = float(seen.motion > usual) - float(seen.motion < usual)
    else:
        doublings = max(-1.0, min(1.0, math.log2(seen.motion / usual)))
    word = "more" if doublings > 0 else "less"
    return _Effect(f"{word} motion than the video's median scene", doublings * _MOTION / 2)


def _length(scene: Scene) -> _Effect:
    (low, high), seconds = _PACE, scene.shown_seconds
    if low <= seconds <= high:
        return _Effect(f"{seconds:.1f} s long", _LENGTH / 2)
    if high < seconds <= _SLOW:
        return _Effect(f"{seconds:.1f} s long", 0.0)
    return _Effect(f"{seconds:.1f} s long, {low:g} to {high:g} s hold attention", -_LENGTH / 2)


def _craft(seen: SceneFeatures) -> Iterator[_Effect]:
    """Faults only: a well-lit, sharp picture is expected and earns nothing."""
    low, high = _LIT
    if not low <= seen.brightness <= high:
        yield _Effect(f"mean brightness {seen.brightness:.2f} outside {low} to {high}", -_CRAFT)
    if seen.sharpness < _SHARP:
        yield _Effect(f"blurred, sharpness {seen.sharpness:.0f} under {_SHARP:.0f}", -_CRAFT)
