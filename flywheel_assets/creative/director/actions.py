"""Calls to action a brief can keep: its own, a winner's, and a few other ways of saying the same."""

from __future__ import annotations

from flywheel_assets.creative.director.claims import claims_in
from flywheel_assets.creative.director.language import Phrase, terms, words
from flywheel_assets.creative.director.slots import is_verb_first, needs, slots_of
from flywheel_assets.creative.director.vocabulary import UNPROMISING
from flywheel_assets.creative.types import Brief

LONGEST_ACTION = 32  # characters, as in `Brief.call_to_action`

# A month, a price or a result would be a promise; a day to begin is none.
_SAME_ASKED_OTHERWISE = ("{action} today", "Try {brand}", "Choose {brand}", "Get {product:a}")


def can_keep(action: str, brief: Brief) -> bool:
    """Verb first, no banned claim, short enough, and nothing in it that the brief does not say."""
    said = " ".join(filter(None, (brief.call_to_action, brief.product, brief.outcome, brief.offer, brief.brand)))
    promised = set(terms(action)[1:]) - UNPROMISING - set(terms(said))
    return (
        len(action) <= LONGEST_ACTION and is_verb_first(action) and not claims_in(action, brief.brand) and not promised
    )


def actions(brief: Brief) -> tuple[str, ...]:
    """The brief's own call to action, then others it can keep."""
    own = brief.call_to_action
    slots = {**slots_of(brief, None).usable, "brand": Phrase(brief.brand)}
    if set(words(own)) & UNPROMISING:  # "Book now" says when already
        slots.pop("action", None)
    others = [text.format_map(slots) for text in _SAME_ASKED_OTHERWISE if needs(text) <= slots.keys()]
    return (own, *(other for other in others if can_keep(other, brief) and other != own))
