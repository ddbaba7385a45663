"""Confidence is a probability: what decisions claim comes true about as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from flywheel_assets.sandbox.market.play import Game
from flywheel_assets.sandbox.market.reliability import Claims, claims_of, reliability


def test_a_curve_has_what_was_claimed_beside_what_was_right() -> None:
    sure = Claims(np.array([0.85, 0.85, 1.0, 0.2]), np.array([True, False, True, False]))
    doubtful = Claims(np.array([0.85, 0.85]), np.array([True, True]))
    low, middle, high = reliability([sure, doubtful])
    assert (low.claimed, low.right, low.count) == (pytest.approx(0.2), 0.0, 1)
    assert (middle.claimed, middle.right, middle.count) == (pytest.approx(0.85), 0.75, 4)
    assert middle.half == pytest.approx(1.96 * np.sqrt(0.5**2 + 0.5**2) / 4)
    assert (high.claimed, high.right, high.count) == (1.0, 1.0, 1)
    assert len(sure.between(0.7).right) == 3


@pytest.fixture(scope="module")
def claims() -> list[Claims]:
    """Two ordinary worlds and two of a kind nobody tuned on."""
    return [claims_of(Game(name, "funnel", seed, 20)) for name in ("service", "heavy_tails") for seed in (901, 902)]


def test_what_passes_the_gate_is_right_about_as_often_as_it_says(claims: list[Claims]) -> None:
    sure = [run.between(0.7) for run in claims]
    claimed = np.concatenate([run.confidence for run in sure]).mean()
    right = np.concatenate([run.right for run in sure]).mean()
    assert sum(len(run.right) for run in sure) > 500
    assert right == pytest.approx(claimed, abs=0.1)
    assert right > 0.7


def test_who_is_surer_is_right_more_often(claims: list[Claims]) -> None:
    shares = [one.right for one in reliability(claims) if one.claimed > 0.5 and one.count > 100]
    assert len(shares) >= 4
    assert shares[-1] > shares[0] + 0.15
