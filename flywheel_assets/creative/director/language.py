"""English small enough to be right: articles, agreement, capitals, similarity of short lines."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.core.sentences import ENDS
from flywheel_assets.creative.director.vocabulary import (
    AFTER_HEAD,
    ANY_SUBJECT,
    ASKED_ABOUT,
    DETERMINERS,
    MASS_NOUNS,
    PLURAL_WITHOUT_S,
    QUESTION_WORDS,
    SINGULAR_IN_S,
    STOP_WORDS,
)

_WORD = re.compile(r"[^\W_]+(?:['’\-.,/][^\W_]+)*%?")
_SPOKEN_VOWEL = re.compile(
    r"^(?:(?!uni[^nm]|us[eu]|eu|one\b|once\b)[aeiou]|hour|honest|heir|honou?r|8|11\b|18\b)", re.IGNORECASE
)
_OUTER = "".join(ENDS) + ' ,;:-–—"“”'
_LETTER_NAMES_WITH_VOWEL = frozenset("AEFHILMNORSX")


def tidy(text: str) -> str:
    """Text from outside as one line: composed, no control or format characters, no outer punctuation."""
    shown = "".join(
        " " if unicodedata.category(char) in {"Zs", "Zl", "Zp", "Cc"} else char
        for char in unicodedata.normalize("NFC", text)
        if unicodedata.category(char) not in {"Cf", "Cs", "Co", "Cn"}
    )
    return " ".join(shown.split()).strip(_OUTER)


def words(text: str) -> list[str]:
    """The words of a line, lower case, without punctuation."""
    return _WORD.findall(text.lower())


def terms(text: str) -> list[str]:
    """The words that carry meaning."""
    return [word for word in words(text) if word not in STOP_WORDS]


def asks(text: str) -> bool:
    """Whether an English sentence is a question by its order of words: verb, then whom it is about."""
    said = words(text.replace("’", "'"))
    if said[:1] and said[0] in QUESTION_WORDS:
        return said[1:2] != [] and said[1] in ASKED_ABOUT and not ANY_SUBJECT.isdisjoint(said[2:3])
    return said[:1] != [] and not ASKED_ABOUT.get(said[0], frozenset()).isdisjoint(said[1:2])


def lower_first(text: str) -> str:
    """``text`` with a small first letter, unless its first word is a name or an abbreviation in form (SEO, iPad, I)."""
    first = text.split(" ", 1)[0]
    is_plain = first[1:] == first[1:].lower() and (len(first) > 1 or first == "A")
    return text[:1].lower() + text[1:] if is_plain else text


def sentence_case(text: str) -> str:
    """Capital first letter of the line and of every sentence in it."""
    return re.sub(r"(^[^\w]*|[.?!] )(\w)", lambda match: match[1] + match[2].upper(), text)


@dataclass(frozen=True)
class Phrase:
    """A slot of a brief that bends to its place in a sentence.

    Format specs: none, the phrase itself; ``a``, with an article where English wants one; ``s``, the
    ending of a verb it governs; ``is``, that form of to be.
    """

    text: str

    def __format__(self, spec: str) -> str:
        match spec:
            case "":
                return self.text
            case "a":
                return self._with_article()
            case "s":
                return "" if self.is_plural else "s"
            case "is":
                return "are" if self.is_plural else "is"
        raise ValueError(f"phrase format {spec!r} is unknown; use a, s or is")

    @property
    def head(self) -> str:
        """The last noun before whatever qualifies it, lower case; empty when there is none."""
        found = ""
        for word in words(self.text)[1 if self._starts_with(DETERMINERS) else 0 :]:
            if word in AFTER_HEAD and found:
                break
            found = word
        return found

    @property
    def is_plural(self) -> bool:
        """Whether a verb agrees with it in the plural."""
        if self._starts_with({"a", "an", "every", "each", "this", "that"}):
            return False
        return " and " in self.text or _plural_noun(self.head)

    def _starts_with(self, choice: frozenset[str] | set[str]) -> bool:
        return self.text.split(" ", 1)[0].lower() in choice

    def _with_article(self) -> str:
        head = self.head
        if self._starts_with(DETERMINERS) or _plural_noun(head) or head in MASS_NOUNS or head.endswith("ing"):
            return self.text
        return f"{article(self.text)} {self.text}"


def article(text: str) -> str:
    """``a`` or ``an``, by how the first word sounds."""
    first = text.split(" ", 1)[0]
    if first.isupper() and len(first) > 1:
        return "an" if first[0] in _LETTER_NAMES_WITH_VOWEL else "a"
    return "an" if _SPOKEN_VOWEL.match(first) else "a"


def _plural_noun(noun: str) -> bool:
    if noun in PLURAL_WITHOUT_S:
        return True
    return noun.endswith("s") and not noun.endswith(("ss", "us", "is")) and noun not in SINGULAR_IN_S


def _features(text: str, *, meaning_only: bool) -> Counter[str]:
    chosen = terms(text) if meaning_only else words(text)
    joined = f" {' '.join(chosen)} "
    return Counter(chosen) + Counter(joined[i : i + 3] for i in range(len(joined) - 2))


def similarities(lines: Sequence[str]) -> NDArray[np.float64]:
    """Pairwise cosine of word and character-trigram counts, shape (n, n); 0 where a line has no words."""
    counts = [_features(line, meaning_only=False) for line in lines]
    column = {feature: i for i, feature in enumerate(sorted(set().union(*counts)))}
    matrix = np.zeros((len(lines), len(column)))
    for row, count in enumerate(counts):
        for feature, times in count.items():
            matrix[row, column[feature]] = times
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit = np.divide(matrix, norms, out=np.zeros_like(matrix), where=norms > 0)
    product: NDArray[np.float64] = unit @ unit.T
    return product


def shared_meaning(one: str, other: str) -> float:
    """Cosine of two lines over words that carry meaning and their trigrams, 0 to 1."""
    left, right = _features(one, meaning_only=True), _features(other, meaning_only=True)
    product = sum(times * right[feature] for feature, times in left.items())
    norm = float(np.sqrt(sum(n * n for n in left.values()) * sum(n * n for n in right.values())))
    return min(1.0, product / norm) if norm else 0.0
