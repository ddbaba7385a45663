"""The speaker's own sentences. They are data from outside: quoted, never obeyed, cut or mended.

Only their closing mark is nobody's word: the recogniser guesses it, and takes many a question for a statement.
"""

from __future__ import annotations

from flywheel_assets.core.sentences import QUESTIONS, closing_mark
from flywheel_assets.creative.director.language import asks, tidy, words
from flywheel_assets.creative.director.quality import hook_quality
from flywheel_assets.creative.sentences import sentences, sureness
from flywheel_assets.creative.types import Brief, Perception, Word

_SURE = 0.6  # mean word probability below which a sentence may be misheard and is not quoted
_WORDS = range(3, 11)
_LONGEST = 70  # characters; two lines of a hook title


def spoken_words(perception: Perception) -> tuple[Word, ...] | None:
    """All words in order; None when speech was not looked at in any scene."""
    heard = [scene.words for scene in perception.features if scene.words is not None]
    return tuple(sorted((word for part in heard for word in part), key=lambda word: word.start)) if heard else None


def strongest_quote(brief: Brief, perception: Perception) -> str | None:
    """The best short sentence to quote, with its closing mark; None when nothing was heard well enough."""
    best: tuple[float, float, str] | None = None
    for group in sentences(spoken_words(perception) or ()):
        sure, text = sureness(group), _quotable(group)
        if text is None or sure < _SURE:
            continue
        candidate = (hook_quality(text, brief).score, sure, text)
        best = max(best, candidate) if best else candidate
    return best[2] if best else None


def _quotable(group: list[Word]) -> str | None:
    raw = " ".join(word.text.strip() for word in group).strip()
    text = tidy(raw)
    if len(words(text)) not in _WORDS or len(text) > _LONGEST or "://" in text or "@" in text:
        return None
    return text[:1].upper() + text[1:] + _mark(raw)


def _mark(raw: str) -> str:
    """The mark that was heard, in whatever script; a question in form has a question mark."""
    heard = closing_mark(raw) or "."
    return "?" if heard not in QUESTIONS and asks(raw) else heard
