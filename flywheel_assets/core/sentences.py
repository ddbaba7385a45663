"""Where a sentence ends, by the marks of the scripts that have their own."""

from __future__ import annotations

from unicodedata import category

QUESTIONS = "?؟？⁇⁉՞፧"
# Latin, Arabic and Urdu, Devanagari, East Asian, Armenian, Ethiopic, Khmer, Burmese, Tibetan. Greek asks with `;`.
ENDS = frozenset(".!…‽‼⁈۔।॥。！．｡։՜።។៕။།" + QUESTIONS)
# After these a reader pauses, but the sentence goes on.
PAUSES = frozenset(";:؛：；፤፥")
_AFTER = ("Pe", "Pf", "Pi")  # closing brackets and quotation marks; which of them closes depends on the language


def closing_mark(text: str) -> str:
    """The mark a text ends with, a question mark before others; quotation marks and brackets may follow it."""
    bare = _bare(text)
    marks = bare[len(bare.rstrip("".join(ENDS))) :]
    return next((mark for mark in marks if mark in QUESTIONS), marks[-1:])


def pauses_after(text: str) -> bool:
    """Whether a reader takes breath after a text."""
    return bool(closing_mark(text)) or _bare(text)[-1:] in PAUSES


def _bare(text: str) -> str:
    """Without what may stand behind a closing mark."""
    end = len(text)
    while end and (text[end - 1] in "\"' " or category(text[end - 1]) in _AFTER):
        end -= 1
    return text[:end]
