"""An opening as numbers: the scene, and the hook where there is one. What was not looked at is NaN, never zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from statistics import median

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.core.ids import digest
from flywheel_assets.creative.perception.texts import words_to_read
from flywheel_assets.creative.types import Hook, Perception, Scene, SceneFeatures

_READ_BY = 1.0  # seconds from the scene's start, as in the cold-start prior
_ADDRESS = frozenset({"you", "your", "you're", "you'd", "yours"})
_UNKNOWN = float("nan")


@dataclass(frozen=True)
class OpeningFeatures:
    """One opening. The order of the fields is the order of the model's columns.

    Attributes:
        brightness, saturation: means, 0 to 1.
        pace: log2 of motion against the video's median scene, within -2 and 2.
        sharpness: natural log of 1 + variance of the Laplacian.
        seconds: for which an advert shows the scene.
        words_to_read: words on screen within the first second.
        person_area: largest share of the frame a person takes.
        objects: different things seen.
        speech: words spoken a second.
        hook_words, hook_question, hook_number, hook_you: of the line on screen.
    """

    brightness: float
    saturation: float
    pace: float
    sharpness: float
    seconds: float
    words_to_read: float
    person_area: float
    objects: float
    speech: float
    hook_words: float
    hook_question: float
    hook_number: float
    hook_you: float


NAMES = tuple(field.name for field in fields(OpeningFeatures))
SCHEMA = digest(NAMES)  # a model trained on other columns, or another order, does not fit


def opening_features(perception: Perception, scene: int, hook: Hook | None = None) -> OpeningFeatures:
    """The features of a video opened by ``scene``; without a hook its columns are unknown.

    Raises:
        ValueError: the video has no scene of that index.
    """
    pairs = zip(perception.scenes, perception.features, strict=True)
    found = next(((one, seen) for one, seen in pairs if one.index == scene), None)
    if found is None:
        raise ValueError(f"video {perception.video_sha256[:12]} has no scene {scene}")
    one, seen = found
    usual = median([each.motion for each in perception.features])
    return OpeningFeatures(
        brightness=seen.brightness,
        saturation=seen.saturation,
        pace=_pace(seen.motion, usual),
        sharpness=math.log1p(max(seen.sharpness, 0.0)),
        seconds=one.shown_seconds,
        words_to_read=_words_to_read(one, seen),
        person_area=_person_area(seen),
        objects=_UNKNOWN if seen.objects is None else float(len({each.label for each in seen.objects})),
        speech=_UNKNOWN if seen.words is None else len(seen.words) / max(one.seconds, 0.1),
        **_hook(hook),
    )


def matrix(rows: Sequence[OpeningFeatures]) -> NDArray[np.float64]:
    """Rows as an array of shape (rows, features)."""
    return np.array([astuple(row) for row in rows], dtype=float).reshape(len(rows), len(NAMES))


def _pace(motion: float, usual: float) -> float:
    if motion <= 0 or usual <= 0:
        return 0.0 if motion == usual else math.copysign(2.0, motion - usual)
    return max(-2.0, min(2.0, math.log2(motion / usual)))


def _words_to_read(scene: Scene, seen: SceneFeatures) -> float:
    return _UNKNOWN if seen.texts is None else float(words_to_read(seen.texts, scene.shown[0] + _READ_BY))


def _person_area(seen: SceneFeatures) -> float:
    if seen.objects is None:
        return _UNKNOWN
    boxes = [each.box for each in seen.objects if each.label == "person"]
    return max(((right - left) * (bottom - top) for left, top, right, bottom in boxes), default=0.0)


def _hook(hook: Hook | None) -> dict[str, float]:
    if hook is None:
        return dict.fromkeys(("hook_words", "hook_question", "hook_number", "hook_you"), _UNKNOWN)
    words = hook.text.lower().split()
    return {
        "hook_words": float(len(words)),
        "hook_question": float("?" in hook.text),
        "hook_number": float(any(letter.isdigit() for letter in hook.text)),
        "hook_you": float(any(word.strip(".,!?") in _ADDRESS for word in words)),
    }
