from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.keeping import kept_if_it_fails, kept_seeds
from tests.chaos.test_storm import rounds


def fail(folder: Path, seed: int) -> None:
    with kept_if_it_fails("storm", seed, folder):
        raise AssertionError("I4: sixteen actions")


def test_the_seed_of_a_failure_is_kept_with_its_cause_until_it_passes(tmp_path: Path) -> None:
    for seed in (7, 8):
        with pytest.raises(AssertionError, match="sixteen") as failure:
            fail(tmp_path, seed)
        assert "FLYWHEEL_CHAOS_SEED=" in failure.value.__notes__[0]
    assert kept_seeds("storm", tmp_path) == [7, 8]
    told = (tmp_path / "storm-7.txt").read_text()
    assert told.startswith("FLYWHEEL_CHAOS_SEED=7 pytest tests/chaos/test_keeping.py::")
    assert "I4: sixteen actions" in told
    with kept_if_it_fails("storm", 7, tmp_path):
        pass
    assert kept_seeds("storm", tmp_path) == [8]
    assert kept_seeds("clocks", tmp_path) == []


@pytest.mark.parametrize(("kills", "parts"), [(200, [200]), (250, [250]), (251, [126, 125]), (10_000, [250] * 40)])
def test_kills_are_spread_over_equal_rounds_each_with_a_seed_of_its_own(kills: int, parts: list[int]) -> None:
    plans = rounds(kills, 5, kept=[])
    assert [plan.kills for plan in plans] == parts
    assert [plan.seed for plan in plans] == list(range(5, 5 + len(parts)))


def test_what_failed_before_is_tried_first_and_only_once() -> None:
    assert [plan.seed for plan in rounds(300, 5, kept=[3, 6])] == [3, 6, 5]
