"""Reflect, plan, rewrite: the weakest line of a judgement names its remedy, and the remedy changes that alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from flywheel_assets.creative.council.performance import FEATURE as PREDICTED_CTR
from flywheel_assets.creative.council.studio import Studio, share, weighted_mean
from flywheel_assets.creative.director.actions import LONGEST_ACTION
from flywheel_assets.creative.director.draft import with_hook
from flywheel_assets.creative.types import Blueprint, RubricLine, Vote

Candidates = Iterator[tuple[Blueprint, str]]


@dataclass(frozen=True)
class Rewrite:
    """The next turn's draft, and in one sentence what changes and why."""

    blueprint: Blueprint
    reflection: str


def rewrite(blueprint: Blueprint, studio: Studio, others: Sequence[Blueprint]) -> Rewrite | None:
    """The draft with its weakest mendable line raised (of equals the one worth most), or None when no remedy raises both line and score.

    ``others`` are the current versions of the other drafts; their hooks are taken.
    """
    lines = _lines(studio.votes(blueprint))
    for line in sorted(lines.values(), key=lambda line: (share(line), -line.out_of)):
        if line.out_of == 0 or line.points >= line.out_of or line.feature not in REMEDIES:
            continue
        if found := _raised(line, blueprint, studio, others):
            return found
    return None


def _lines(votes: Iterable[Vote]) -> dict[str, RubricLine]:
    return {line.feature: line for vote in votes for line in vote.lines}


def _raised(line: RubricLine, blueprint: Blueprint, studio: Studio, others: Sequence[Blueprint]) -> Rewrite | None:
    before = studio.standing(blueprint)
    better: dict[Blueprint, str] = {}
    for candidate, action in REMEDIES[line.feature](blueprint, studio, others):
        votes = studio.votes(candidate)
        if weighted_mean(votes) > before and share(_lines(votes)[line.feature]) > share(line):
            better[candidate] = action
    best = studio.best(better, others)
    if best is None:
        return None
    scored = f"{line.feature} has {line.points:.1f} of {line.out_of:.1f} points ({line.evidence})"
    return Rewrite(best, f"{scored}: {better[best]}.")


def _other_hooks(blueprint: Blueprint, studio: Studio, others: Sequence[Blueprint]) -> Candidates:
    taken = {other.hook.text for other in others} | {blueprint.hook.text}
    for hook in studio.hooks:
        if hook.text not in taken:
            yield with_hook(blueprint, hook, studio.brief), f"open with the line {hook.text!r}"


def _other_orders(blueprint: Blueprint, studio: Studio, _others: Sequence[Blueprint]) -> Candidates:
    for order in studio.orders:
        if order != blueprint.scene_order:
            said = ", ".join(map(str, order))
            yield blueprint.model_copy(update={"scene_order": order}), f"play scenes {said} in this order"


def _brand(blueprint: Blueprint, studio: Studio, _others: Sequence[Blueprint]) -> Candidates:
    brand = studio.brief.brand
    yield blueprint.model_copy(update={"brand": brand}), f"show the brand {brand!r} from the start"


def _brand_or_order(blueprint: Blueprint, studio: Studio, others: Sequence[Blueprint]) -> Candidates:
    if blueprint.brand != studio.brief.brand:
        yield from _brand(blueprint, studio, others)
    else:
        yield from _other_orders(blueprint, studio, others)
        yield from _other_hooks(blueprint, studio, others)


def _action(blueprint: Blueprint, studio: Studio, _others: Sequence[Blueprint]) -> Candidates:
    for action in (studio.brief.call_to_action, f"Try {studio.brief.brand}"):
        if len(action) <= LONGEST_ACTION:
            yield blueprint.model_copy(update={"call_to_action": action}), f"ask {action!r}, a verb first"


def _offer(blueprint: Blueprint, studio: Studio, _others: Sequence[Blueprint]) -> Candidates:
    offer, proof = studio.brief.offer, studio.brief.proof
    if offer:
        yield blueprint.model_copy(update={"offer": offer, "proof": None}), f"state the offer {offer!r}"
    if proof:
        yield blueprint.model_copy(update={"offer": None, "proof": proof}), f"state the proof {proof!r}"


REMEDIES: dict[str, Callable[[Blueprint, Studio, Sequence[Blueprint]], Candidates]] = {
    "hook readable in time": _other_hooks,
    "cuts in the first 5 s": _other_orders,
    "motion of the opening": _other_orders,
    "person or product within 2 s": _other_orders,
    "quality of the hook": _other_hooks,
    "brand by 5 s": _brand_or_order,
    "caption coverage": _other_orders,
    "reading and speaking speed": _other_orders,
    "one message": _other_hooks,
    "length of shots": _other_orders,
    "call to action": _action,
    "offer or proof": _offer,
    PREDICTED_CTR: _other_orders,
}
