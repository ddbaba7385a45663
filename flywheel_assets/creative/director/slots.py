"""From a brief to typed slots: what can be said, and why something cannot."""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter

from flywheel_assets.creative.director.language import Phrase, lower_first, tidy, words
from flywheel_assets.creative.director.vocabulary import ACTION_VERBS, NEVER_NAMES
from flywheel_assets.creative.types import Brief

# A hook holds at most 12 words; a slot that leaves no room for a formula around it cannot be used.
LONGEST_SLOT_WORDS = 9
_NOUN_SLOTS = ("product", "audience", "pain", "outcome", "objection")


@dataclass(frozen=True)
class Slots:
    """Usable slots by name, and the reason for each that is not."""

    usable: dict[str, Phrase]
    missing: dict[str, str]


def is_verb_first(action: str) -> bool:
    """Whether a call to action opens with a verb."""
    said = words(action)
    return bool(said) and said[0] in ACTION_VERBS


def needs(template: str) -> set[str]:
    """The slots a template names."""
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def slots_of(brief: Brief, quote: str | None) -> Slots:
    """Clean, typed slots of ``brief``; ``quote`` is the sentence taken from the speech, if there is one."""
    raw: dict[str, str | None] = {
        **brief.model_dump(exclude={"landing_url", "language", "call_to_action"}),
        "action": brief.call_to_action,
        "quote": quote,
    }
    usable: dict[str, Phrase] = {}
    missing: dict[str, str] = {}
    written_in_capitals = all(text[:1].isupper() for text in (brief.pain_doing, brief.outcome_do))
    for name, value in raw.items():
        text = value or "" if name == "quote" else tidy(value or "")  # a quote keeps its closing mark
        if reason := _why_not(name, text):
            missing[name] = reason
        else:
            usable[name] = Phrase(_fitted(name, text, written_in_capitals=written_in_capitals))
    return Slots(usable, missing)


def _why_not(name: str, text: str) -> str | None:
    said = words(text)
    several = name not in {"quote", "proof"} and any(mark in f"{text} " for mark in (". ", "! ", "? "))
    faults = {
        "not given": not said or not any(char.isalpha() for char in text),
        "holds characters that do not belong in a sentence": any(char in text for char in "{}<>\\|"),
        "is more than one phrase": several,
        f"has {len(said)} words, at most {LONGEST_SLOT_WORDS} fit": len(said) > LONGEST_SLOT_WORDS,
        "is not a gerund such as 'waiting for a repair'": name == "pain_doing" and not _is_gerund(said),
        "does not open with a verb such as 'Book'": name == "action" and not is_verb_first(text),
    }
    return next((fault for fault, is_so in faults.items() if is_so), None)


def _is_gerund(said: list[str]) -> bool:
    return any(word.endswith("ing") for word in said[:3])


def _fitted(name: str, text: str, *, written_in_capitals: bool) -> str:
    """``text`` as it stands inside a sentence; names keep their capital."""
    if name == "outcome_do":
        return lower_first(text).removeprefix("to ")
    first = text.split(" ", 1)[0].lower()
    is_plain_noun = name in _NOUN_SLOTS and (written_in_capitals or first in NEVER_NAMES)
    is_verb_or_time = name == "pain_doing" or (name == "time_frame" and first in NEVER_NAMES)
    return lower_first(text) if is_plain_noun or is_verb_or_time else text
