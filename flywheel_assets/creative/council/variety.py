"""How two plans differ to a viewer: hook, opening scene, order, length and call to action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flywheel_assets.creative.types import Blueprint, Perception

_NOTICED = 1.0  # seconds; less is no other length
_FAMILY = 0.5  # of a point: two hooks of one family say the same in other words
_TOLERANCE = 1e-6  # seconds; two frame-exact sums may differ by rounding


@dataclass(frozen=True)
class Look:
    """What a viewer sees of a plan; ``seconds`` are those of its scenes, the end card comes on top."""

    hook: str
    family: str
    order: tuple[int, ...]
    action: str
    seconds: float

    @classmethod
    def of(cls, blueprint: Blueprint, perception: Perception) -> Look:
        """The look of a blueprint."""
        order = blueprint.scene_order
        hook = blueprint.hook
        return cls(hook.text, hook.family, order, blueprint.call_to_action, seconds(order, perception))

    def differs_in(self, other: Look) -> tuple[str, ...]:
        """Names of what differs."""
        return tuple(name for name, differs in self._told(other).items() if differs)

    def difference(self, other: Look) -> float:
        """A point for each of them, and half of one for a hook of another family."""
        return sum(self._told(other).values()) + _FAMILY * (self.family != other.family)

    def _told(self, other: Look) -> dict[str, bool]:
        return {
            "hook": self.hook != other.hook,
            "opening": self.order[0] != other.order[0],
            "order": self.order != other.order,
            "length": abs(self.seconds - other.seconds) >= _NOTICED - _TOLERANCE,
            "call to action": self.action != other.action,
        }


def seconds(order: Sequence[int], perception: Perception) -> float:
    """How long these scenes play."""
    length = {scene.index: scene.shown_seconds for scene in perception.scenes}
    return sum(length[index] for index in order)


def same_plan(one: Blueprint, other: Blueprint) -> bool:
    """Whether both would become the same file; the body copy beside it is not in the picture."""
    return shown(one) == shown(other)


def shown(blueprint: Blueprint) -> tuple[object, ...]:
    """Everything of a blueprint that its file shows."""
    end_card = (blueprint.call_to_action, blueprint.offer, blueprint.proof, blueprint.brand)
    return (blueprint.hook.text, blueprint.scene_order, *end_card)


def distinct(blueprints: Sequence[Blueprint]) -> tuple[Blueprint, ...]:
    """The first of each plan."""
    first: dict[tuple[object, ...], Blueprint] = {}
    for blueprint in blueprints:
        first.setdefault(shown(blueprint), blueprint)
    return tuple(first.values())


def most_different(best_first: Sequence[Blueprint], perception: Perception, most: int) -> tuple[Blueprint, ...]:
    """At most ``most`` of them, best first: the best, and each further one as unlike those taken as there is."""
    left = [(blueprint, Look.of(blueprint, perception)) for blueprint in distinct(best_first)]
    if len(left) <= most:
        return tuple(blueprint for blueprint, _ in left)
    taken = [left.pop(0)] if most > 0 else []
    while len(taken) < most:
        looks = [look for _, look in taken]
        furthest = max(left, key=lambda pair: apart(pair[1], looks))  # of equals the better one
        left.remove(furthest)
        taken.append(furthest)
    chosen = {blueprint.key for blueprint, _ in taken}
    return tuple(blueprint for blueprint in best_first if blueprint.key in chosen)


def apart(look: Look, others: Sequence[Look]) -> tuple[float, float]:
    """How far a look is from the nearest of the others, and from all of them."""
    distances = [look.difference(other) for other in others]
    return min(distances, default=0.0), sum(distances)


def in_words(best_first: Sequence[Blueprint], perception: Perception) -> list[dict[str, str | float]]:
    """A row a variation: what it shows, and in what it differs from the plan it was varied from, else from the best draft."""
    by_key = {blueprint.key: blueprint for blueprint in best_first}
    best = next((blueprint for blueprint in best_first if blueprint.parent is None), None)
    rows: list[dict[str, str | float]] = []
    for blueprint in best_first:
        look = Look.of(blueprint, perception)
        known = by_key.get(blueprint.parent or "", best or blueprint)
        differs = ", ".join(look.differs_in(Look.of(known, perception)))
        rows.append(
            {
                "variation": blueprint.key,
                "parent": blueprint.parent or "",
                "differs": f"from {known.key} in {differs}" if differs else "",
                "hook": look.hook,
                "opening": look.order[0],
                "order": " ".join(map(str, look.order)),
                "call to action": look.action,
                "seconds": round(look.seconds, 1),
            }
        )
    return rows
