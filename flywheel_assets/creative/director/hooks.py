"""Hooks without a language model: formulas filled from the brief, checked, deduplicated and ordered by seed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.sentences import closing_mark
from flywheel_assets.creative.director.claims import claims_in, refuse_claims
from flywheel_assets.creative.director.hook_table import FAMILIES
from flywheel_assets.creative.director.language import sentence_case, similarities, words
from flywheel_assets.creative.director.slots import Slots, needs, slots_of
from flywheel_assets.creative.director.transcript import strongest_quote
from flywheel_assets.creative.types import Brief, Hook, Perception

TOO_SIMILAR = 0.82  # cosine of word and trigram counts; at or above it two hooks read as one
PER_FAMILY = 4
_WORDS = range(3, 13)
_LONGEST = 90  # characters; three lines of a hook title at most
_SENTENCES = 2


@dataclass(frozen=True)
class _Line:
    family: str
    text: str


def hooks(brief: Brief, perception: Perception, rng: np.random.Generator, minimum: int = 50) -> tuple[Hook, ...]:
    """All distinct hooks of a brief, families taking turns, at most four of one family.

    Raises:
        ConfigurationError: the brief makes a banned claim, is not in English, or gives fewer than
            ``minimum`` hooks; the message names the slots that are missing or unusable.
    """
    refuse_language(brief)
    refuse_claims(brief)
    slots = slots_of(brief, strongest_quote(brief, perception))
    kept = _distinct(_in_turns(_candidates(slots, brief.brand), rng))
    if len(kept) < minimum:
        raise ConfigurationError(_too_few(brief, slots, len(kept), minimum))
    return tuple(Hook(index=index, family=line.family, text=line.text) for index, line in enumerate(kept))


def refuse_language(brief: Brief) -> None:
    """The formulas are English; in another language they would be nonsense with a brand in it.

    Raises:
        ConfigurationError: the brief is in another language.
    """
    if brief.language != "en":
        raise ConfigurationError(
            f"brief of {brief.brand!r} is in {brief.language!r}; hook formulas exist for 'en' only: write the brief in English"
        )


def flaws(text: str, brand: str = "") -> tuple[str, ...]:
    """What keeps a line from being shown as a hook; empty when nothing does."""
    said = words(text)
    first = next((char for char in text if char.isalnum()), "")
    found = {
        f"{len(said)} words": len(said) not in _WORDS,
        f"{len(text)} characters": len(text) > _LONGEST,
        "small first letter": not (first.isupper() or first.isdigit()),
        "no closing mark": not closing_mark(text),
        "doubled word": any(one == other for one, other in pairwise(said)),
        "unfilled slot": "{" in text or "}" in text,
        f"more than {_SENTENCES} sentences": sum(text.count(f"{mark} ") for mark in ".?!") >= _SENTENCES,
    }
    return (*(name for name, is_so in found.items() if is_so), *claims_in(text, brand))


def _candidates(slots: Slots, brand: str) -> dict[str, list[_Line]]:
    lines: dict[str, list[_Line]] = {}
    for family, templates in FAMILIES.items():
        for template in templates:
            if not needs(template) <= slots.usable.keys():
                continue
            text = _joined(template, slots)
            if not flaws(text, brand):
                lines.setdefault(family, []).append(_Line(family, text))
    return lines


def _joined(template: str, slots: Slots) -> str:
    return sentence_case(template.format_map(slots.usable))


def _in_turns(lines: dict[str, list[_Line]], rng: np.random.Generator) -> list[_Line]:
    """Shuffled families take turns, so that the first hooks of the list are of different families."""
    families = [lines[name] for name in sorted(lines)]
    shuffled = [[family[i] for i in rng.permutation(len(family))] for family in families]
    order = [shuffled[i] for i in rng.permutation(len(shuffled))]
    return [family[turn] for turn in range(PER_FAMILY) for family in order if turn < len(family)]


def _distinct(lines: list[_Line]) -> list[_Line]:
    if not lines:
        return []
    alike = similarities([line.text for line in lines]) >= TOO_SIMILAR
    kept: list[int] = []
    for i in range(len(lines)):
        if not alike[i, kept].any():
            kept.append(i)
    return [lines[i] for i in kept]


def _too_few(brief: Brief, slots: Slots, found: int, minimum: int) -> str:
    reasons = "; ".join(f"{name} {reason}" for name, reason in sorted(slots.missing.items()))
    lengths = ", ".join(f"{name} {len(words(phrase.text))}" for name, phrase in sorted(slots.usable.items()))
    return (
        f"brief of {brief.brand!r} gives {found} hooks, {minimum} are needed. Slots that cannot be used: {reasons or 'none'}."
        f" Words per usable slot: {lengths or 'none'}. Fill or shorten these slots; two to five words each work best"
    )
