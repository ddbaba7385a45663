"""How good a hook is before anyone has seen it: five measures of its words.

The measures and their direction come from published headline experiments (negative words gain clicks,
concreteness helps up to a middle, questions and numbers draw the eye); they are correlations and serve as a
prior until delivered rates overrule them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

from flywheel_assets.creative.director.language import terms, words
from flywheel_assets.creative.director.vocabulary import ADDRESS, NEGATIVE, POSITIVE
from flywheel_assets.creative.types import Brief

_CLICHES = re.compile(
    r"game.?changer|check (?:this|it) out|you won't believe|look no further|one.stop shop|next level|cutting.edge"
    r"|revolutioni[sz]|think outside|best.kept secret|unlock your|something for everyone|click here|amazing",
    re.IGNORECASE,
)
_READABLE = range(3, 9)  # words a viewer reads within the first second or two
_MOST_WORDS = 12
_MIDDLE = (0.35, 0.75)  # share of words that carry meaning: vague below, overloaded above
_WEIGHTS = {"length": 0.15, "specific": 0.25, "concrete": 0.15, "valence": 0.2, "pull": 0.15, "fresh": 0.1}


@dataclass(frozen=True)
class HookQuality:
    """``score`` 0 to 1; ``parts`` each 0 to 1 by name."""

    score: float
    parts: dict[str, float]

    @property
    def weakest(self) -> str | None:
        """The part that costs most; None when nothing is lost."""
        worst = min(self.parts, key=lambda name: (self.parts[name] - 1) * _WEIGHTS[name])
        return worst if self.parts[worst] < 1 else None


def readable_share(text: str) -> float:
    """1 for 3 to 8 words, falling to 0 at 2 and at 12."""
    count = len(words(text))
    if count in _READABLE:
        return 1.0
    return max(0.0, (_MOST_WORDS - count) / (_MOST_WORDS - _READABLE[-1])) if count > _READABLE[-1] else 0.0


def hook_quality(text: str, brief: Brief) -> HookQuality:
    """Measures of one hook against the brief it sells."""
    said, meaning = words(text), terms(text)
    is_specific = any(term in _terms_of(brief) for term in meaning)
    dense = len(meaning) / len(said) if said else 0.0
    parts = {
        "length": readable_share(text),
        "specific": float(is_specific),
        "concrete": _middle(dense) if is_specific else 0.0,
        "valence": _valence(set(said)),
        "pull": float("?" in text or any(char.isdigit() for char in text) or not ADDRESS.isdisjoint(said)),
        "fresh": 0.0 if _CLICHES.search(text) or not said else 1.0,
    }
    return HookQuality(math.fsum(_WEIGHTS[name] * part for name, part in parts.items()), parts)


@lru_cache(maxsize=16)
def _terms_of(brief: Brief) -> frozenset[str]:
    said = (
        brief.product, brief.audience, brief.pain, brief.pain_doing, brief.outcome, brief.outcome_do,
        brief.offer, brief.proof, brief.objection,
    )  # fmt: skip
    return frozenset(terms(" ".join(filter(None, said))))


def _middle(dense: float) -> float:
    low, high = _MIDDLE
    if dense < low:
        return dense / low
    return 1.0 if dense <= high else max(0.0, 1 - (dense - high) / (1 - high) / 2)


def _valence(said: set[str]) -> float:
    if said & NEGATIVE:
        return 1.0
    return 0.3 if said & POSITIVE else 0.5
