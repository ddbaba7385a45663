"""Which scenes play in which order: the opening first, the rest as the story ran, 10 to 16 seconds in all."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from flywheel_assets.creative.types import Perception, Scene

Order = tuple[int, ...]

SHORTEST, LONGEST = 10.0, 16.0  # seconds of scenes; Reels and Stories advise 15 s, the end card comes on top
OPENING_SECONDS = 5.0  # nearly half of an advert's value is earned by 3 s, three quarters by 10 s
MANY_SHOTS = (2, 4)  # cuts in the opening seconds that hold attention without confusing
SHOT_SECONDS = (1.2, 3.0)  # mean shot length that keeps pace
LONGEST_SHOT = 4.0  # seconds before a shot reads as stopped
_ZERO_MEAN, _ZERO_SHOT = (0.5, 6.0), 8.0  # where the two shot-length measures reach nothing
_SAMPLES = 96  # random fillings tried per opening; enough to see every order of up to seven scenes
_TOLERANCE = 1e-6  # seconds; two frame-exact sums may differ by rounding


def played(order: Order, perception: Perception) -> list[tuple[Scene, float]]:
    """The scenes of ``order``, each with its start in the finished advert, seconds.

    Raises:
        KeyError: the order names a scene the video does not have.
    """
    by_index = {scene.index: scene for scene in perception.scenes}
    scenes = [by_index[index] for index in order]
    starts = accumulate((scene.shown_seconds for scene in scenes), initial=0.0)
    return list(zip(scenes, starts, strict=False))


def opening_cuts(order: Order, perception: Perception) -> int:
    """Cuts in the first five seconds of the advert."""
    return sum(0 < start <= OPENING_SECONDS + _TOLERANCE for _, start in played(order, perception))


def cuts_share(order: Order, perception: Perception) -> float:
    """1 for two to four cuts in the opening; one cut counts half, each above four costs a quarter."""
    cuts = opening_cuts(order, perception)
    low, high = MANY_SHOTS
    return cuts / low if cuts < low else max(0.0, 1 - max(0, cuts - high) / 4)


def shots_share(order: Order, perception: Perception) -> float:
    """Half for a mean shot of 1.2 to 3.0 s, half for no shot above 4 s, both falling off linearly; one shot has no pace."""
    lengths = [scene.shown_seconds for scene, _ in played(order, perception)]
    if len(lengths) == 1:
        return 0.0
    return 0.5 * _mean_share(sum(lengths) / len(lengths)) + 0.5 * _fall(max(lengths), LONGEST_SHOT, _ZERO_SHOT)


def orders(opening: int, perception: Perception, rng: np.random.Generator) -> tuple[Order, ...]:
    """Distinct orders that open with ``opening``, best paced first.

    Scenes are shown without what is mixed into them, and never repeat. Where no choice of scenes lasts 10 to 16 s, the nearest ones are given.
    """
    story = sorted(perception.scenes, key=lambda scene: scene.start)
    first = next(scene for scene in story if scene.index == opening)
    rest = [scene for scene in story if scene.index != opening]
    found: dict[Order, None] = {(opening,): None}
    for _ in range(_SAMPLES):
        chosen, total = [], first.shown_seconds
        for place in rng.permutation(len(rest)):
            if total > LONGEST:
                break
            chosen.append(int(place))
            total += rest[place].shown_seconds
            found.setdefault((opening, *(rest[i].index for i in sorted(chosen))))
    off = {order: _off_window(order, perception) for order in found}
    nearest = min(off.values())
    return tuple(sorted((o for o in found if off[o] <= nearest + _TOLERANCE), key=lambda o: -_pace(o, perception)))


def opening_pool(ranked: Sequence[int]) -> tuple[int, ...]:
    """The upper half of the ranked scenes, at least three where there are as many."""
    return tuple(ranked[: max(3, -(-len(ranked) // 2))])


def _off_window(order: Order, perception: Perception) -> float:
    total = sum(scene.shown_seconds for scene, _ in played(order, perception))
    return max(0.0, SHORTEST - total, total - LONGEST)


def _pace(order: Order, perception: Perception) -> float:
    """Pace of the opening and of the shots; a story that keeps its last scene, where the ask is, gains a little."""
    last = max(perception.scenes, key=lambda scene: scene.start).index
    return cuts_share(order, perception) + shots_share(order, perception) + 0.25 * (order[-1] == last)


def _mean_share(seconds: float) -> float:
    low, high = SHOT_SECONDS
    zero_low, zero_high = _ZERO_MEAN
    if seconds < low:
        return max(0.0, (seconds - zero_low) / (low - zero_low))
    return _fall(seconds, high, zero_high)


def _fall(value: float, full: float, zero: float) -> float:
    return min(1.0, max(0.0, (zero - value) / (zero - full)))
