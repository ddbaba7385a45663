"""The reflexion loop: judge, and while refused rewrite the weakest line, at most three times; then vary what passed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from flywheel_assets.creative.council.gate import convene
from flywheel_assets.creative.council.remedies import Rewrite, rewrite
from flywheel_assets.creative.council.studio import Studio, orders_at_hand
from flywheel_assets.creative.director.draft import with_hook
from flywheel_assets.creative.protocols import Judge
from flywheel_assets.creative.types import Blueprint, Brief, Hook, Perception, ScenePrediction, Verdict
from flywheel_assets.settings import Creative

MOST_TURNS = 3  # the brief's limit; a setting may only lower it
_TRIES_PER_VARIATION = 4  # judged candidates per variation wanted; language models are paid per judgement
_LAST_KEY = 99


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
    wanted = settings.min_variations - len(approved(verdicts, settings))
    return (*verdicts, *_variations(verdicts, studio, list(current.values()), further_judges, wanted))


def approved(verdicts: Sequence[Verdict], settings: Creative | None = None) -> tuple[Blueprint, ...]:
    """Blueprints whose last turn was approved, best score first, at most ``settings.max_variations``."""
    last = {verdict.blueprint.key: verdict for verdict in verdicts}
    passed = [
        (verdict.score, verdict.blueprint)
        for verdict in last.values()
        if verdict.approved and verdict.score is not None
    ]
    best = sorted(passed, key=lambda pair: (-pair[0], pair[1].key))
    return tuple(blueprint for _, blueprint in best[: (settings or Creative()).max_variations])


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


def _variations(
    verdicts: Sequence[Verdict], studio: Studio, current: list[Blueprint], judges: Sequence[Judge], wanted: int
) -> Iterator[Verdict]:
    """Judged variations of approved drafts until ``wanted`` pass or the tries are used up."""
    parents = approved(verdicts)
    if wanted <= 0 or not parents:
        return
    number = max(int(blueprint.key[1:]) for blueprint in current)
    tries = min(wanted * _TRIES_PER_VARIATION, _LAST_KEY - number)
    for position, hook in enumerate(_free_hooks(studio, parents[0], current)[:tries]):
        parent = parents[position % len(parents)]
        varied = _varied(parent, hook, f"v{number + position + 1:02d}", studio, current)
        verdict = _judged(varied, studio, judges, turn=0)
        current.append(varied)
        yield verdict
        wanted -= verdict.approved
        if not wanted:
            return


def _free_hooks(studio: Studio, parent: Blueprint, current: Sequence[Blueprint]) -> list[Hook]:
    """Unused hooks, unused families first, then by what the parent would score with them."""
    texts = {blueprint.hook.text for blueprint in current}
    families = {blueprint.hook.family for blueprint in current}
    worth: list[tuple[bool, float, int, Hook]] = []
    for hook in studio.hooks:
        if hook.text not in texts:
            standing = studio.standing(with_hook(parent, hook, studio.brief))
            is_weak = standing <= studio.approval_score
            worth.append((is_weak, -standing, hook.index, hook))
    ranked = sorted(worth, key=lambda row: (row[0], row[3].family in families, row[1], row[2]))
    return [row[3] for row in ranked]


def _varied(parent: Blueprint, hook: Hook, key: str, studio: Studio, current: Sequence[Blueprint]) -> Blueprint:
    """The parent with another hook and, among orders that keep it above the gate, the one least used."""
    base = with_hook(parent, hook, studio.brief, key=key, parent=parent.key)
    found = studio.best((base.model_copy(update={"scene_order": order}) for order in studio.orders), current)
    return found or base
