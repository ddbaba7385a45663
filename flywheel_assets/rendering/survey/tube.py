"""The calmest line through a tube: where nothing forces it, it rests; where it must move, it moves evenly.

A string pulled tight inside the tube has, of all lines through it, the smallest greatest slope. So if any line keeps
to a speed limit, this one does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def pulled_tight(times: Values, low: Values, high: Values) -> Values:
    """Values at the times, each between its low and its high; both ends are free.

    Args:
        times: rising.
        low: of the tube at each time.
        high: nowhere below ``low``.
    """
    line = np.empty(len(times))
    at, value = _first_bend(low, high)
    line[: at + 1] = value
    while at < len(times) - 1:
        bend, end = _next_bend(times, low, high, at, value)
        line[at : bend + 1] = value + (end - value) * (times[at : bend + 1] - times[at]) / (times[bend] - times[at])
        at, value = bend, end
    return np.clip(line, low, high)


def _first_bend(low: Values, high: Values) -> tuple[int, float]:
    """How far the line can rest at its start, at which value, and where it has to leave it."""
    lows, highs = np.maximum.accumulate(low), np.minimum.accumulate(high)
    apart = np.flatnonzero(lows > highs)
    if not apart.size:
        middle = float(((low + high) / 2).mean())
        return len(low) - 1, float(np.clip(middle, lows[-1], highs[-1]))
    before = int(apart[0])
    if low[before] > highs[before - 1]:
        return int(np.argmin(high[:before])), float(highs[before - 1])
    return int(np.argmax(low[:before])), float(lows[before - 1])


def _next_bend(times: Values, low: Values, high: Values, at: int, value: float) -> tuple[int, float]:
    """The next corner of the tube that the tight line touches, and its value there."""
    after = times[at + 1 :] - times[at]
    rising, falling = (low[at + 1 :] - value) / after, (high[at + 1 :] - value) / after
    floors, roofs = np.maximum.accumulate(rising), np.minimum.accumulate(falling)
    blocked = np.flatnonzero(floors > roofs)
    until = int(blocked[0]) if blocked.size else len(after)
    if blocked.size:
        upward = rising[until] > roofs[until - 1]
    else:
        if floors[-1] <= 0 <= roofs[-1]:
            return len(times) - 1, value
        upward = roofs[-1] < 0
    if upward:
        corner = int(np.argmin(falling[:until]))
        return at + 1 + corner, float(high[at + 1 + corner])
    corner = int(np.argmax(rising[:until]))
    return at + 1 + corner, float(low[at + 1 + corner])


def slowed(times: Values, low: Values, high: Values, speed: float) -> Values:
    """A line that never moves faster than ``speed`` and stays as near to the tube as it can."""
    apart = speed * np.abs(times[:, None] - times[None, :])
    roof, floor = (high[None, :] + apart).min(axis=1), (low[None, :] - apart).max(axis=1)
    return np.asarray((roof + floor) / 2, np.float64)


def rounded(line: Values, window: int) -> Values:
    """The line without its corners; it gets no faster and goes no farther, and at its ends it moves as it did."""
    half = min(window // 2, len(line) - 1)
    weights = np.hanning(2 * half + 3)[1:-1]
    longer = np.pad(line, half, mode="reflect", reflect_type="odd")
    return np.clip(np.convolve(longer, weights / weights.sum(), "valid"), line.min(), line.max())


def corners(times: Values, line: Values, tolerance: float) -> list[int]:
    """Positions of the fewest points that, joined by straight lines, stay within ``tolerance`` of the line."""
    kept, open_spans = {0, len(times) - 1}, [(0, len(times) - 1)]
    while open_spans:
        first, last = open_spans.pop()
        if last - first < 2:  # noqa: PLR2004 - neighbours have nothing between them
            continue
        inner = slice(first + 1, last)
        share = (times[inner] - times[first]) / (times[last] - times[first])
        far = np.abs(line[inner] - (line[first] + share * (line[last] - line[first])))
        worst = int(np.argmax(far))
        if far[worst] > tolerance:
            middle = first + 1 + worst
            kept.add(middle)
            open_spans += [(first, middle), (middle, last)]
    return sorted(kept)
