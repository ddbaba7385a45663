"""Which kept pictures are looked at by the engines: scene starts and ends, and where something appears or goes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from flywheel_assets.creative.perception.stills import Still, changed
from flywheel_assets.creative.types import Scene

SETTLE = 0.2  # seconds after and before a cut, when captions pop in and the picture is still soft
_POP = 0.02  # share of blocks that change when a short line of text appears
_OVER_USUAL = 2.0  # times the scene's own usual change, which is its camera and its actors
_LONGEST_GAP = 1.5  # seconds between two looks at a picture that moves
_STRIDE = 3.0  # seconds between two looks for things and faces in a long scene
_LEAST_LOOKS = 3


def within(scene: Scene, stills: Sequence[Still]) -> list[int]:
    """Positions of the pictures that show in the scene, without its first and last moment; at least one.

    Raises:
        ValueError: no picture was kept.
    """
    if not stills:
        raise ValueError("no picture was kept; the scenes do not belong to this video")
    settle = min(SETTLE, scene.seconds / 4)
    early, late = scene.start + settle, scene.end - settle
    inner = [at for at, still in enumerate(stills) if still.until >= early and still.time <= late]
    own = [at for at in inner if scene.start <= stills[at].time < scene.end]
    return own or inner[-1:] or [min(range(len(stills)), key=lambda at: abs(stills[at].time - scene.start))]


def for_text(scene: Scene, stills: Sequence[Still]) -> list[int]:
    """Positions of the pictures in which to read: first, last, after each sudden change, and every so often."""
    own = within(scene, stills)
    steps = [changed(stills[one].hash, stills[two].hash) for one, two in pairwise(own)]
    bound = max(_POP, _OVER_USUAL * median(steps)) if steps else _POP
    popped = [step >= bound for step in steps]
    chosen = {own[0], own[-1]}
    for place, is_pop in enumerate(popped):
        settled = place + 1 == len(popped) or not popped[place + 1]
        if is_pop and settled:  # one picture later a text that fades in stands in full
            chosen.add(own[min(place + 2, len(own) - 1)])
    last = own[0]
    for at in own:
        if at in chosen:
            last = at
        elif stills[at].time - stills[last].until >= _LONGEST_GAP:
            chosen.add(at)
            last = at
    return sorted(chosen)


def for_things(scene: Scene, stills: Sequence[Still]) -> list[int]:
    """Positions of the pictures in which to look for objects and faces: start, middle, end, more in a long scene."""
    own = within(scene, stills)
    looks = max(_LEAST_LOOKS, math.ceil(scene.seconds / _STRIDE) + 1)
    return sorted({own[round((len(own) - 1) * step / (looks - 1))] for step in range(looks)})
