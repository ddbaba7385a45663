"""The director: blueprints that differ in hook family, opening scene and order, led by what has won before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.creative.director.actions import can_keep
from flywheel_assets.creative.director.claims import refuse_claims
from flywheel_assets.creative.director.language import Phrase, sentence_case, shared_meaning
from flywheel_assets.creative.director.orders import Order, opening_pool, orders
from flywheel_assets.creative.director.quality import hook_quality
from flywheel_assets.creative.director.slots import needs, slots_of
from flywheel_assets.creative.protocols import Winner
from flywheel_assets.creative.types import Blueprint, Brief, Hook, Perception, ScenePrediction

# Body copy, made of the brief's own words. The first 125 characters are what Meta shows before "See more".
_PROMISES = (
    "{brand}: {outcome}, without {pain_doing}.",
    "Done with {pain}? {brand} gets you {outcome}.",
    "{offer} with {brand}: {outcome}.",
    "{proof}. {brand}: {outcome}.",
    "{brand} is {product:a} for {audience} who would rather {outcome_do}.",
    "{brand}: {outcome}.",
)
_PRIMARY_TEXT = 125
_FAMILY_GAIN = 0.3  # a family that won at similarity 1 outranks any difference in hook quality seen so far
_WORDING_GAIN = 0.2
_JITTER = 0.05  # ties among equal hooks fall differently for each seed
_SCENES_WITH_A_CLOSE = 3
_MOST_DRAFTS = 60  # keys go to v99; the rest is room for variations


def draft(  # noqa: PLR0917 - the stage's inputs, in the order they come to be
    brief: Brief,
    perception: Perception,
    predictions: Sequence[ScenePrediction],
    hooks: Sequence[Hook],
    rng: np.random.Generator,
    count: int,
    winners: Sequence[Winner] = (),
) -> tuple[Blueprint, ...]:
    """``count`` blueprints v01 …; without predictions openings follow the story's own order.

    Raises:
        ConfigurationError: no scenes, fewer hooks than drafts, too many drafts, or a banned claim in the brief.
    """
    _check(brief, perception, hooks, count)
    chosen = _cast(hooks, brief, winners, rng)[:count]
    pool = opening_pool(ranked_openings(perception, predictions))
    menus = {opening: orders(opening, perception, rng) for opening in pool}
    taken: dict[Order, int] = {}
    drafts = []
    for position, hook in enumerate(chosen):
        order = _next_order(menus[pool[position % len(pool)]], taken)
        drafts.append(_blueprint(position, hook, order, brief, winners))
    return tuple(drafts)


def ranked_openings(perception: Perception, predictions: Sequence[ScenePrediction]) -> list[int]:
    """Scenes that may open, best predicted first, those without a prediction after them in story order.

    The story's last scene closes; it may open only a video of one or two scenes.
    """
    story = [scene.index for scene in sorted(perception.scenes, key=lambda scene: scene.start)]
    may_open = story[:-1] if len(story) >= _SCENES_WITH_A_CLOSE else story
    best = [p.index for p in sorted(predictions, key=lambda p: (-p.ctr, p.index)) if p.index in may_open]
    return [*best, *(index for index in may_open if index not in best)]


def promise_for(hook: Hook, brief: Brief) -> str:
    """The line of body copy that shares most with the hook, at most 125 characters, from the brief's words alone."""
    slots = {"brand": Phrase(brief.brand), "outcome": Phrase(brief.outcome), **slots_of(brief, None).usable}
    lines = [sentence_case(template.format_map(slots)) for template in _PROMISES if needs(template) <= slots.keys()]
    fitting = [line for line in lines if len(line) <= _PRIMARY_TEXT]
    return max(fitting, key=lambda line: shared_meaning(hook.text, line))


def with_hook(blueprint: Blueprint, hook: Hook, brief: Brief, **changes: str) -> Blueprint:
    """The same plan under another hook; what it learned from a winner stays only within the winner's family."""
    learned = blueprint.learned_from if hook.family == blueprint.hook.family else ()
    new = {"hook": hook, "promise": promise_for(hook, brief), "learned_from": learned, **changes}
    return blueprint.model_copy(update=new)


def _check(brief: Brief, perception: Perception, hooks: Sequence[Hook], count: int) -> None:
    refuse_claims(brief)
    video = f"video {perception.video_sha256[:12]}"
    if not perception.scenes:
        raise ConfigurationError(f"{video} has no scenes to draft from; run scene detection first")
    if count > len(hooks):
        raise ConfigurationError(f"{video}: {count} drafts need {count} hooks, {len(hooks)} are given; ask for fewer")
    if not 1 <= count <= _MOST_DRAFTS:
        raise ConfigurationError(f"{video}: {count} drafts asked for; ask for 1 to {_MOST_DRAFTS}")


def _cast(hooks: Sequence[Hook], brief: Brief, winners: Sequence[Winner], rng: np.random.Generator) -> list[Hook]:
    """Hooks best first, every family once before any family twice."""
    jitter = _JITTER * rng.random(len(hooks))
    worth = {
        hook.index: hook_quality(hook.text, brief).score + _gain(hook, winners) + float(noise)
        for hook, noise in zip(hooks, jitter, strict=True)
    }
    seen: dict[str, int] = {}
    rounds: list[tuple[int, Hook]] = []
    for hook in sorted(hooks, key=lambda hook: (-worth[hook.index], hook.index)):
        rounds.append((seen.get(hook.family, 0), hook))
        seen[hook.family] = seen.get(hook.family, 0) + 1
    return [hook for _, hook in sorted(rounds, key=lambda pair: pair[0])]


def _gain(hook: Hook, winners: Sequence[Winner]) -> float:
    """What past winners add to a hook: their family, and wording close to theirs."""
    return max(
        (
            max(0.0, winner.similarity)
            * (
                _FAMILY_GAIN * (winner.hook_family == hook.family)
                + _WORDING_GAIN * shared_meaning(winner.hook_text, hook.text)
            )
            for winner in winners
        ),
        default=0.0,
    )


def _next_order(menu: Sequence[Order], taken: dict[Order, int]) -> Order:
    """The best order not used yet; when all are, the one used least."""
    order = min(menu, key=lambda order: taken.get(order, 0))
    taken[order] = taken.get(order, 0) + 1
    return order


def _blueprint(position: int, hook: Hook, order: Order, brief: Brief, winners: Sequence[Winner]) -> Blueprint:
    leads_with_offer = brief.offer is not None and (position % 2 == 0 or brief.proof is None)
    return Blueprint(
        key=f"v{position + 1:02d}",
        hook=hook,
        scene_order=order,
        promise=promise_for(hook, brief),
        call_to_action=_action(hook, brief, winners),
        offer=brief.offer if leads_with_offer else None,
        proof=None if leads_with_offer else brief.proof,
        brand=brief.brand,
        learned_from=tuple(
            winner.ad_id for winner in winners if winner.hook_family == hook.family and winner.similarity > 0
        ),
    )


def _action(hook: Hook, brief: Brief, winners: Sequence[Winner]) -> str:
    """The brief's call to action; a draft in a winner's family takes the winner's, if this brief can keep it."""
    same = [
        w for w in winners if w.hook_family == hook.family and w.similarity > 0 and can_keep(w.call_to_action, brief)
    ]
    return max(same, key=lambda w: w.similarity).call_to_action if same else brief.call_to_action
