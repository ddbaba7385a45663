"""Films drawn at random from a seed, in the styles adverts come in, each with its exact truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tests.films.edit import Film, Joint, Kind, Shot
from tests.films.effects import Card, Effect, Flash, Light, Passer, Punch, Shake, Whip, Window
from tests.films.footage import Footage

Style = Literal["advert", "montage", "calm", "trouble"]
STYLES: tuple[Style, ...] = ("advert", "montage", "calm", "trouble")

# Shortest and longest shot in seconds, and how shots are joined.
_PACE: dict[Style, tuple[float, float]] = {
    "advert": (0.8, 3.5), "montage": (0.35, 1.3), "calm": (2.0, 4.5), "trouble": (1.6, 4.0),
}  # fmt: skip
_JOINTS: dict[Style, tuple[float, float, float]] = {
    "advert": (0.8, 0.12, 0.08), "montage": (0.95, 0.05, 0.0), "calm": (0.25, 0.5, 0.25), "trouble": (0.7, 0.2, 0.1),
}  # fmt: skip
_TROUBLED: dict[Style, float] = {"advert": 0.25, "montage": 0.05, "calm": 0.2, "trouble": 1.0}
_KINDS: tuple[Kind, ...] = ("cut", "dissolve", "fade")
_RATES = (24.0, 25.0, 30000 / 1001, 30.0, 30.0, 60.0)
_SIZES = ((384, 216), (216, 384), (288, 288), (256, 320))


def drawn_film(
    seed: int,
    style: Style,
    footage: Sequence[Footage],
    *,
    seconds: float = 15.0,
    effect: str | None = None,
    joint: Kind | None = None,
) -> Film:
    """One film of about so many seconds; equal seeds give equal films.

    ``effect`` comes into every shot, and alone; ``joint`` joins all shots in place of what the style draws.
    """
    rng = np.random.default_rng((seed, STYLES.index(style)))
    if joint == "jump":  # in a photograph there is nothing to leap
        footage = [each for each in footage if len(each.frames) > 1]
    shots: list[Shot] = []
    joints: list[Joint] = []
    effects: list[Effect] = []
    clock = 0.0
    while clock < seconds:
        jumped = joint == "jump" and len(shots) % 3
        shots.append(_jumped(rng, shots[-1]) if jumped else _shot(rng, footage, shots[-1].footage if shots else None))
        lasts = float(rng.uniform(*_PACE[style]))
        drawn = _joint(rng, style, clock + lasts)
        if joint is not None:
            drawn = _special(rng, joint, clock + lasts, follows=len(shots) % 3 > 0)
        troubled = rng.random() < (_TROUBLED[style] if effect is None else 1)
        if troubled and lasts > 1.2:
            effects += _trouble(rng, clock + 0.45, clock + lasts - 0.45, effect)
        elif style != "calm" and lasts > 0.7 and rng.random() < 0.6:
            effects.append(_caption(rng, clock + 0.1 + 0.3 * lasts * rng.random(), clock + lasts))
        joints.append(drawn)
        clock = drawn.end
    joints.pop()
    return _film(rng, f"{style}-{seed}", (shots, joints, effects), clock)


def _film(
    rng: np.random.Generator, name: str, content: tuple[list[Shot], list[Joint], list[Effect]], ends: float
) -> Film:
    shots, joints, effects = content
    rate = float(rng.choice(_RATES))
    cadence = float(rng.choice((24.0, 30.0))) if rate == 60 and rng.random() < 0.5 else 0.0
    times = np.arange(0, ends, 1 / rate)
    if rng.random() < 0.25:
        times = _uneven(rng, times)
    brand = Card(0, ends, (0.03, 0.03, 0.2, 0.08), text="BRAND", plate=bool(rng.random() < 0.5))
    return Film(
        name,
        shots,
        joints,
        [float(each) for each in times],
        effects,
        [brand] if rng.random() < 0.5 else [],
        size=_SIZES[rng.integers(len(_SIZES))],
        grain=float(rng.choice((0, 0, 2, 5))),
        cadence=cadence,
        seed=int(rng.integers(1 << 30)),
        crf=int(rng.integers(18, 33)),
    )


def _uneven(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """A telephone's clock: every frame a little early or late, and a third of them dropped in places."""
    step = times[1]
    shifted = times + rng.uniform(-0.2, 0.2, len(times)) * step
    dropping = np.repeat(rng.random(len(times) // 12 + 1) < 0.4, 12)[: len(times)]
    kept = shifted[~(dropping & (rng.random(len(times)) < 0.5))]
    return kept - kept[0]


def _shot(rng: np.random.Generator, footage: Sequence[Footage], before: Footage | None) -> Shot:
    others = [each for each in footage if each is not before]
    chosen = others[rng.integers(len(others))]
    return Shot(
        chosen,
        _move(rng, still=len(chosen.frames) == 1),
        since=float(rng.uniform(0, 3)),
        sway=float(rng.choice((0, 0.004, 0.01))),
        gain=float(rng.choice((1, 1, 1, 0.6, 1.2))),
    )


def _move(rng: np.random.Generator, *, still: bool) -> tuple[Window, Window]:
    """Held, pushed in, pulled out or panned; a photograph moves more than footage that moves itself."""
    width = float(rng.uniform(0.5, 0.95))
    x, y = (float(each) for each in rng.uniform(0.4, 0.6, 2))
    reach = float(rng.choice((0, 0.05, 0.12, 0.25))) * (1.0 if still else 0.4)
    angle = float(rng.uniform(0, 2 * np.pi))
    grow = float(rng.uniform(0.8, 1.25)) if rng.random() < 0.5 else 1.0
    end = (x + reach * np.cos(angle), y + 0.5 * reach * np.sin(angle), width * grow)
    return (x, y, width), end


def _joint(rng: np.random.Generator, style: Style, at: float) -> Joint:
    kind = _KINDS[int(rng.choice(3, p=_shares(style)))]
    if kind == "cut":
        return Joint(kind, at, at)
    if kind == "dissolve":
        return Joint(kind, at, at + float(rng.choice((0.2, 0.4, 0.6, 1.0, 1.5))))
    rest = float(rng.choice((0, 0.1, 0.4)))
    length = 2 * float(rng.choice((0.25, 0.4, 0.7))) + rest
    return Joint(kind, at, at + length, level=int(rng.choice((0, 0, 255))), rest=rest)


def _special(rng: np.random.Generator, kind: Kind, at: float, *, follows: bool) -> Joint:
    """A joint no style draws; a jump needs the same shot to follow, which every third does not."""
    if kind == "jump":
        return Joint("jump" if follows else "cut", at, at)
    return Joint(kind, at, at + float(rng.choice((0.2, 0.4, 0.7, 1.0))), down=bool(rng.random() < 0.5))


def _jumped(rng: np.random.Generator, before: Shot) -> Shot:
    """The same shot a while later, from a little nearer or farther as interviews are cut, or from where it was."""
    (x, y, width), _ = before.move
    closer = float(rng.choice((1.0, 1.0, 1.15, 1.35)))
    shift = float(rng.uniform(-0.04, 0.04))
    held = (x + shift, y, width / closer)
    return Shot(before.footage, (held, held), before.since + float(rng.uniform(0.7, 2.5)), before.sway, before.gain)


def _shares(style: Style) -> list[float]:
    shares = np.array(_JOINTS[style])
    return list(shares / shares.sum())


def _caption(rng: np.random.Generator, start: float, end: float) -> Effect:
    top = float(rng.choice((0.06, 0.4, 0.68)))
    ink = tuple(int(each) for each in rng.integers(180, 256, 3))
    colour = tuple(int(each) for each in rng.integers(0, 120, 3))
    words = str(rng.choice(("Save 50% today", "Sleep better", "No contract", "Loved by 1,200 crews", "WOW")))
    box = (0.06, top, 0.94, top + float(rng.uniform(0.1, 0.24)))
    fade = float(rng.choice((0, 0, 0.2)))
    return Card(start, end, box, colour, ink, words, fade=fade, plate=bool(rng.random() < 0.6))


def _trouble(rng: np.random.Generator, start: float, end: float, kind: str | None) -> list[Effect]:
    """One thing between these times that looks like a change and is none."""
    name = kind or str(rng.choice(list(_TROUBLES)))
    at = float(rng.uniform(start, max(start + 0.01, end - 0.6)))
    return [_TROUBLES[name](rng, at, end)]


_TROUBLES = {
    "flash": lambda rng, at, _: Flash(
        at, at + float(rng.uniform(0.03, 0.16)), float(rng.uniform(0.5, 1)), int(rng.choice((255, 255, 0)))
    ),
    "strobe": lambda rng, at, end: Flash(
        at, min(end, at + float(rng.uniform(0.4, 1.2))), 0.85, int(rng.choice((255, 0))),
        period=float(rng.choice((0.08, 0.13, 0.2))),
    ),
    "light": lambda rng, at, end: Light(
        at, min(end, at + float(rng.uniform(0.05, 0.6))), float(rng.choice((0.35, 0.6, 1.5))), back=bool(rng.random() < 0.4)
    ),
    "shake": lambda rng, at, end: Shake(at, min(end, at + float(rng.uniform(0.3, 0.9))), float(rng.uniform(0.02, 0.07))),
    "whip": lambda rng, at, _: Whip(
        at, at + float(rng.uniform(0.18, 0.45)), float(rng.choice((-1, 1)) * rng.uniform(0.25, 0.7)),
        back=bool(rng.random() < 0.4),
    ),
    "passer": lambda rng, at, _: Passer(at, at + float(rng.uniform(0.35, 1.0)), float(rng.uniform(0.25, 0.55))),
    "punch": lambda rng, at, end: Punch(at, end + 0.45, float(rng.uniform(1.05, 1.1))),
    "caption": lambda rng, at, end: _caption(rng, at, end + 0.45),
    "card": lambda rng, at, end: Card(
        at, end + 0.45, (0.1, 0.25, 0.9, float(rng.uniform(0.6, 0.78))), text="Book your free tasting",
        colour=tuple(int(each) for each in rng.integers(0, 255, 3)),
        fade=float(rng.choice((0, 0, 0.3))), veil=float(rng.choice((0, 0, 0.45))),
    ),
}  # fmt: skip
TROUBLES = tuple(_TROUBLES)
