"""The best sharing of a total when every further unit buys less: equal marginal returns, exactly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.belief.response import Response

Vector = npt.NDArray[np.float64]

# A market is never taken to be larger than this many totals: without any saturation the best would take all.
_WIDEST = 50.0


def fill(value: Vector, response: Response, total: float) -> Vector:
    """Budgets that maximise the revenue of ``value`` per impression; shape (draws, ads), rows sum to ``total``.

    The revenue of ad i at budget b is v 1000 b / (c (1 + s b)); where its slope equals the price of
    money p, b = (sqrt(1000 v / (c p)) - 1) / s, or 0 if that is negative. With x = p^(-1/2) all b are
    piecewise linear in x, so the breakpoints, sorted, hold the answer.
    """
    steep = np.maximum(response.steep, 1 / (_WIDEST * total))
    root = np.sqrt(np.maximum(1000 * value / response.base, 1e-300))
    slope, level = root / steep, np.broadcast_to(1 / steep, root.shape)
    order = np.argsort(-root, axis=1)
    slopes = np.cumsum(np.take_along_axis(slope, order, axis=1), axis=1)
    levels = np.cumsum(np.take_along_axis(level, order, axis=1), axis=1)
    # With the best j ads in use, x solves x * slopes - levels = total; the last j whose own b is positive holds.
    x = (total + levels) / slopes
    used = x * np.take_along_axis(root, order, axis=1) > 1
    last = used.shape[1] - 1 - np.argmax(used[:, ::-1], axis=1)
    best = np.take_along_axis(x, last[:, None], axis=1)
    return np.asarray(np.maximum(best * root - 1, 0.0) / steep)
