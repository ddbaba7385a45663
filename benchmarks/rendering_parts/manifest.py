"""Ten variations of the sample, fixed: five scenes each, three hooks in threes and one alone, two end cards."""

from __future__ import annotations

from flywheel_assets.creative.types import Blueprint, Hook

HOOKS = (
    "Coffee machine broken again?",
    "Stop waiting for a repair",
    "Fresh coffee every morning",
    "Meetings start with good coffee",
)
SWAPPED = (
    "Tired of cold coffee?", "Your office deserves better", "One call, fresh coffee", "No more broken machines",
    "Repaired within a day", "Monday without coffee?", "Keep your crew awake", "Better coffee, less work",
    "Who fixes your machine?", "Coffee that simply works",
)  # fmt: skip
OFFERS = ("first month free", None)

# Hook, scenes in order, end card.
_PLAYED = (
    (0, (0, 3, 5, 6, 7), 0), (0, (0, 1, 3, 5, 7), 0), (0, (0, 3, 4, 5, 7), 1),
    (1, (1, 3, 5, 6, 7), 0), (1, (1, 2, 3, 5, 7), 0), (1, (1, 3, 4, 5, 7), 1),
    (2, (2, 3, 5, 6, 7), 0), (2, (2, 1, 3, 5, 7), 0), (2, (2, 3, 4, 5, 7), 1),
    (3, (0, 2, 3, 5, 7), 0),
)  # fmt: skip


def blueprints(hooks: tuple[str, ...] | None = None) -> list[Blueprint]:
    """The ten, each with its own hook if ten are given."""
    return [
        Blueprint(
            key=f"v{number:02d}", hook=Hook(index=hook, family="benchmark", text=hooks[number - 1] if hooks else HOOKS[hook]),
            scene_order=order, promise="Fresh coffee in your office.", call_to_action="Book your free tasting",
            offer=OFFERS[card], proof="Trusted by more than 1,000 offices", brand="Bright Cup",
        )
        for number, (hook, order, card) in enumerate(_PLAYED, start=1)
    ]  # fmt: skip
