"""The reflexion loop: judge, and while refused rewrite the weakest line, at most three times; then vary what passed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flywheel_assets.creative.council.gate import convene
from flywheel_assets.creative.council.remedies import Rewrite, rewrite
from flywheel_assets.creative.council.studio import Studio, orders_at_hand
from flywheel_assets.creative.council.variations import vary
from flywheel_assets.creative.council.variety import distinct, most_different
from flywheel_assets.creative.protocols import Judge
from flywheel_assets.creative.types import Blueprint, Brief, Hook, Perception, ScenePrediction, Verdict
from flywheel_assets.settings import Creative

MOST_TURNS = 3  # the brief's limit; a setting may only lower it


def review(  # noqa: PLR0917 - the stage's inputs, in the order they come to be
    blueprints: Sequence[Blueprint],
    brief: Brief,
    perception: Perception,
    predictions: Sequence[ScenePrediction],
    hooks: Sequence[Hook],
    settings: Creative,
    rng: np.random.Generator,
    further_judges: Sequence[Judge] = (),
) -> tuple[Verdict, ...]:
    """Every verdict on every draft, turn by turn, then those on the variations of what passed.

    The council is the rubric, the CTR model and ``further_judges``. Approval needs a quorum and strictly
    more than ``settings.approval_score``; a draft without a quorum is refused and not rewritten.
    """
    studio = Studio(
        brief=brief,
        perception=perception,
        predictions=tuple(predictions),
        hooks=tuple(hooks),
        orders=orders_at_hand(perception, predictions, rng),
        approval_score=settings.approval_score,
    )
    current = {blueprint.key: blueprint for blueprint in blueprints}
    verdicts: list[Verdict] = []
    for blueprint in blueprints:
        others = [other for key, other in current.items() if key != blueprint.key]
        turns = _turns(blueprint, studio, others, further_judges, min(settings.reflexion_turns, MOST_TURNS))
        current[blueprint.key] = turns[-1].blueprint
        verdicts += turns
    passed = approved(verdicts)
    wanted = settings.min_variations - len(passed)
    last_number = max((int(key[1:]) for key in current), default=0)
    varied = vary(passed, last_number, studio, lambda plan: _judged(plan, studio, further_judges, turn=0), wanted)
    return (*verdicts, *varied)


def approved(verdicts: Sequence[Verdict]) -> tuple[Blueprint, ...]:
    """Blueprints whose last turn was approved, best score first; of two that show the same, the better one."""
    last = {verdict.blueprint.key: verdict for verdict in verdicts}
    passed = [
        (verdict.score, verdict.blueprint)
        for verdict in last.values()
        if verdict.approved and verdict.score is not None
    ]
    best = sorted(passed, key=lambda pair: (-pair[0], pair[1].key))
    return distinct([blueprint for _, blueprint in best])


def variations(verdicts: Sequence[Verdict], perception: Perception, settings: Creative) -> tuple[Blueprint, ...]:
    """What is rendered: all that was approved, or the most different ``settings.max_variations`` of it, best first."""
    return most_different(approved(verdicts), perception, settings.max_variations)


def told(verdicts: Sequence[Verdict], settings: Creative) -> str:
    """How many passed, in one sentence; where they are fewer than wanted, why."""
    passed, gate = approved(verdicts), f"{settings.approval_score:g}"
    last = {verdict.blueprint.key: verdict for verdict in verdicts}
    drafts = [verdict for verdict in last.values() if verdict.blueprint.parent is None]
    if not passed:
        return f"none of {len(drafts)} drafts passed {gate}: {_nearest(drafts)}"
    varied = [blueprint for blueprint in passed if blueprint.parent]
    found = f"{len(passed) - len(varied)} of {len(drafts)} drafts passed {gate}"
    if varied:
        found += f", {len(varied)} variations of them too"
    if len(passed) < settings.min_variations:
        tried = len(last) - len(drafts) - len(varied)
        why = f"{tried} further variations were refused" if tried else "no other variation would pass"
        found += f"; {settings.min_variations} are wanted, {why}"
    return found


def _nearest(drafts: Sequence[Verdict]) -> str:
    """The best of what was refused, and where it lost most."""
    scored = [verdict for verdict in drafts if verdict.score is not None]
    if not scored:
        return "too few judges could score them" if drafts else "there was nothing to judge"
    best = max(scored, key=lambda verdict: verdict.score or 0.0)
    lines = [line for vote in best.votes for line in vote.lines if line.out_of]
    if not lines:
        return f"the best, {best.blueprint.key}, has {best.score:.1f}"
    worst = max(lines, key=lambda line: line.out_of - line.points)
    return f"the best, {best.blueprint.key}, has {best.score:.1f} and loses most by {worst.feature}: {worst.evidence}"


def _turns(
    blueprint: Blueprint, studio: Studio, others: Sequence[Blueprint], judges: Sequence[Judge], limit: int
) -> list[Verdict]:
    verdicts = [_judged(blueprint, studio, judges, turn=0)]
    for turn in range(1, limit + 1):
        change = _next(verdicts[-1], studio, others)
        if change is None:
            break
        verdicts[-1] = verdicts[-1].model_copy(update={"reflection": change.reflection})
        verdicts.append(_judged(change.blueprint, studio, judges, turn=turn))
    return verdicts


def _next(verdict: Verdict, studio: Studio, others: Sequence[Blueprint]) -> Rewrite | None:
    if verdict.approved or verdict.score is None:
        return None
    return rewrite(verdict.blueprint, studio, others)


def _judged(blueprint: Blueprint, studio: Studio, judges: Sequence[Judge], turn: int) -> Verdict:
    votes = (*studio.votes(blueprint), *(judge(blueprint) for judge in judges))
    return convene(blueprint, votes, studio.approval_score, turn)
