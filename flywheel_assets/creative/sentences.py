"""Spoken words as sentences, and which of them were heard well enough to be shown.

A recogniser is unsure of single words that are right: a first word, a name. Without them a sentence says something
else, perhaps the opposite. So a sentence is shown as it was heard or not at all; its sound is played either way.
"""

from __future__ import annotations

from collections.abc import Iterable

from flywheel_assets.core.sentences import closing_mark
from flywheel_assets.creative.types import Word

_PAUSE_SECONDS = 0.7  # longer silence between two words ends a sentence the recogniser did not close
_UNDERSTOOD = 0.5  # mean word probability; made-up words have 0.34 to 0.54, the sample advert's sentences 0.86 and more


def sentences(spoken: Iterable[Word]) -> list[list[Word]]:
    """Words, given in order, grouped by closing punctuation or a pause."""
    groups: list[list[Word]] = []
    is_open = False
    for word in spoken:
        if is_open and word.start - groups[-1][-1].end <= _PAUSE_SECONDS:
            groups[-1].append(word)
        else:
            groups.append([word])
        is_open = not closing_mark(word.text)
    return groups


def sureness(sentence: list[Word]) -> float:
    """Mean probability of its words."""
    return sum(word.probability for word in sentence) / len(sentence)


def understood(spoken: Iterable[Word]) -> tuple[Word, ...]:
    """The words of the sentences that were, in order."""
    ordered = sorted(spoken, key=lambda word: word.start)
    return tuple(word for group in sentences(ordered) if sureness(group) >= _UNDERSTOOD for word in group)
