"""Varying what passed: another hook, opening, order, length or call to action, each plan judged like any draft.

Nothing unjudged is shown: lines come from the director's checked list or from another approved plan, calls to action
from what the brief says, and the varied plan as a whole has to pass the council before it is rendered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice

from flywheel_assets.creative.council.studio import Studio
from flywheel_assets.creative.council.variety import Look, apart, seconds, shown
from flywheel_assets.creative.director.actions import actions
from flywheel_assets.creative.director.draft import ranked_openings, with_hook
from flywheel_assets.creative.director.orders import Order, opening_pool
from flywheel_assets.creative.types import Blueprint, Hook, Verdict

SHORTEST, LONGEST = 6.0, 15.0  # seconds of scenes of a shortened plan; six is the shortest format that is sold
LAST_KEY = 99
_TRIES_PER_VARIATION = 4  # judged candidates per variation wanted; language models are paid per judgement
_FREE_HOOKS = 6  # unused lines tried per variation
_EQUALS = 48  # candidates of one distance that are measured, to take the best of them
_MEASURED = 400  # candidates measured per variation; a tenth of a second
_TOLERANCE = 1e-6  # seconds; two frame-exact sums may differ by rounding

_Choice = tuple[Hook, Order, str]
_Ranked = tuple[tuple[float, float], _Choice]


def vary(
    parents: Sequence[Blueprint],
    last_number: int,
    studio: Studio,
    judge: Callable[[Blueprint], Verdict],
    wanted: int,
) -> Iterator[Verdict]:
    """Verdicts on variations of the approved ``parents``, until ``wanted`` pass, or nothing is left to try.

    ``last_number`` is that of the last key in use. Parents take turns; each variation is the candidate that is least
    like everything before it among those that the measuring judges would pass.
    """
    if wanted <= 0 or not parents:
        return
    known, bench = list(parents), _Bench(parents, studio)
    for turn in range(min(wanted * _TRIES_PER_VARIATION, LAST_KEY - last_number)):
        at = turn % len(parents)
        asked = (*parents[at:], *parents[:at])
        found = next(filter(None, (bench.varied(parent, known) for parent in asked)), None)
        if found is None:
            return
        verdict = judge(found.model_copy(update={"key": f"v{last_number + turn + 1:02d}"}))
        known.append(verdict.blueprint)
        yield verdict
        wanted -= verdict.approved
        if not wanted:
            return


class _Bench:
    """What the parents can be made into; what does not depend on the other variations is worked out once."""

    def __init__(self, parents: Sequence[Blueprint], studio: Studio) -> None:
        self._parents, self._studio = tuple(parents), studio
        own = (parent.call_to_action for parent in parents)
        self._actions = tuple(dict.fromkeys((*actions(studio.brief), *own)))
        self._donors = {parent.hook.text: parent for parent in reversed(self._parents)}
        self._lines: dict[str, list[tuple[bool, float, int, Hook]]] = {}

    def varied(self, parent: Blueprint, known: Sequence[Blueprint]) -> Blueprint | None:
        """The candidate that is furthest from what is known and passes, of equals the best; None when none passes."""
        taken = {shown(blueprint) for blueprint in known}
        looks = [Look.of(blueprint, self._studio.perception) for blueprint in known]
        ranked = sorted(self._ranked(parent, known, looks), key=lambda pair: pair[0], reverse=True)
        # Where nothing distant passes, what is nearest to an approved plan does if anything does.
        return self._first(parent, ranked, taken) or self._first(parent, reversed(ranked), taken)

    def _first(self, parent: Blueprint, ranked: Iterable[_Ranked], taken: set[tuple[object, ...]]) -> Blueprint | None:
        """The best of the first distance at which any passes."""
        measured = 0
        for _, equals in groupby(ranked, key=lambda pair: pair[0]):
            made = self._made(parent, (choice for _, choice in islice(equals, _EQUALS)))
            standing = {one: self._studio.standing(one) for one in made if shown(one) not in taken}
            best = max(standing, key=standing.__getitem__, default=None)
            if best is not None and standing[best] > self._studio.approval_score:
                return best
            measured += len(standing)
            if measured >= _MEASURED:
                return None
        return None

    def _ranked(self, parent: Blueprint, known: Sequence[Blueprint], looks: Sequence[Look]) -> Iterator[_Ranked]:
        hooks = [*self._free(parent, known), *(other.hook for other in self._parents)]
        for order in _orders(parent, self._studio):
            lasting = seconds(order, self._studio.perception)
            for hook in hooks:
                for action in self._actions:
                    look = Look(hook.text, hook.family, order, action, lasting)
                    yield apart(look, looks), (hook, order, action)

    def _made(self, parent: Blueprint, choices: Iterable[_Choice]) -> Iterator[Blueprint]:
        """The parent with these changes; a line taken from another approved plan brings what that plan learned from."""
        spoken: dict[str, dict[str, object]] = {}
        for hook, order, action in choices:
            if hook.text not in spoken:
                one = with_hook(self._donors.get(hook.text, parent), hook, self._studio.brief)
                spoken[hook.text] = {"hook": one.hook, "promise": one.promise, "learned_from": one.learned_from}
            changed = {"scene_order": order, "call_to_action": action, "parent": parent.key}
            yield parent.model_copy(update=spoken[hook.text] | changed)

    def _free(self, parent: Blueprint, known: Sequence[Blueprint]) -> list[Hook]:
        """Unused lines: those that pass first, of these unused families first, then the best."""
        texts = {blueprint.hook.text for blueprint in known}
        families = {blueprint.hook.family for blueprint in known}
        if parent.key not in self._lines:
            self._lines[parent.key] = sorted(self._measured(parent), key=lambda row: row[:-1])
        left = [row for row in self._lines[parent.key] if row[-1].text not in texts]
        left.sort(key=lambda row: (row[0], row[-1].family in families))
        return [row[-1] for row in left[:_FREE_HOOKS]]

    def _measured(self, parent: Blueprint) -> Iterator[tuple[bool, float, int, Hook]]:
        for hook in self._studio.hooks:
            standing = self._studio.standing(with_hook(parent, hook, self._studio.brief))
            yield standing <= self._studio.approval_score, -standing, hook.index, hook


def _orders(parent: Blueprint, studio: Studio) -> list[Order]:
    """The parent's own order, those at hand that open well, and all of them shortened."""
    pool = opening_pool(ranked_openings(studio.perception, studio.predictions))
    whole = dict.fromkeys((parent.scene_order, *(order for order in studio.orders if order[0] in pool)))
    return list(dict.fromkeys((*whole, *(short for order in whole for short in shortened(order, studio)))))


def shortened(order: Order, studio: Studio) -> Iterator[Order]:
    """The order without its weakest scenes, one after the other, where 6 to 15 seconds are left.

    The opening and the last scene, where the ask is, stay. Weak is what is predicted to be clicked least; a scene
    without a prediction is weaker than any.
    """
    predicted = {prediction.index: prediction.ctr for prediction in studio.predictions}
    left = list(order)
    while len(left) > 2:  # noqa: PLR2004 - opening and close
        left.remove(min(left[1:-1], key=lambda index: (predicted.get(index, 0.0), -order.index(index))))
        length = seconds(left, studio.perception)
        if SHORTEST - _TOLERANCE <= length <= LONGEST + _TOLERANCE:
            yield tuple(left)
