"""The council's gate: a weighted mean, a quorum, and strictly more than 85."""

from __future__ import annotations

import math
from collections.abc import Sequence

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.creative.types import Blueprint, RubricLine, Verdict, Vote

_SMALLEST_QUORUM = 2
_BEST = 100.0
_DIGITS = 6  # of a score; a mean of scores of exactly 85 must not pass by rounding


def cast_vote(judge: str, score: float | None, weight: float, reason: str, lines: Sequence[RubricLine] = ()) -> Vote:
    """A vote from a judge that may answer anything: a score that is no number from 0 to 100 becomes an abstention."""
    if score is None:
        return Vote(judge=judge, score=None, weight=0, reason=reason)
    if not (math.isfinite(score) and 0 <= score <= _BEST):
        return Vote(
            judge=judge, score=None, weight=0, reason=f"abstains: scored {score}, outside 0 to {_BEST:.0f}. {reason}"
        )
    if not (math.isfinite(weight) and weight > 0):
        return Vote(judge=judge, score=None, weight=0, reason=f"abstains: weight {weight} is not positive. {reason}")
    return Vote(judge=judge, score=score, weight=weight, reason=reason, lines=tuple(lines))


def convene(blueprint: Blueprint, votes: Sequence[Vote], approval_score: float, turn: int = 0) -> Verdict:
    """The council's answer on one draft; ``votes`` holds one vote per member, abstentions included.

    At least two members and at least half of them must score, otherwise there is no score and no approval.

    Raises:
        ConfigurationError: a member votes twice.
    """
    judges = [vote.judge for vote in votes]
    if doubled := sorted({judge for judge in judges if judges.count(judge) > 1}):
        raise ConfigurationError(
            f"council on {blueprint.key}: {', '.join(doubled)} voted twice; give each judge one seat"
        )
    checked = tuple(cast_vote(vote.judge, vote.score, vote.weight, vote.reason, vote.lines) for vote in votes)
    score = _mean(checked)
    approved = score is not None and score > approval_score
    return Verdict(blueprint=blueprint, turn=turn, score=score, approved=approved, votes=checked)


def quorum(members: int) -> int:
    """Scores needed: half of the members, at least two."""
    return max(_SMALLEST_QUORUM, -(-members // 2))


def _mean(votes: Sequence[Vote]) -> float | None:
    scored = [(vote.score, vote.weight) for vote in votes if vote.score is not None]
    if len(scored) < quorum(len(votes)):
        return None
    heaviest = max(weight for _, weight in scored)  # relative weights cannot overflow
    total = math.fsum(score * (weight / heaviest) for score, weight in scored)
    return round(min(_BEST, total / math.fsum(weight / heaviest for _, weight in scored)), _DIGITS)
