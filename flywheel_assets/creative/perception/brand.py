"""Where a brand's name is read or heard in a video."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from pydantic import BaseModel, ConfigDict, Field

from flywheel_assets.creative.perception.texts import plain
from flywheel_assets.creative.types import Perception, ScreenText, Word

_ALIKE = 0.85  # share of letters in common; one letter of seven may be misread or misheard
_WHOLE_WORD = 4  # letters up to which a name must stand alone: "Ace" is not in "place"
_MOST_WORDS = 4  # spoken words that one name may be heard as


class BrandPresence(BaseModel):
    """When a name stands on the screen and when it is said. None means that nobody looked, or listened."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    read: tuple[tuple[float, float], ...] | None = Field(description="Spans, seconds, apart from one another.")
    heard: tuple[float, ...] | None = Field(description="Starts, seconds.")
    first: float | None = Field(description="Seconds of the first, read or heard; None when it is neither.")
    share: float | None = Field(description="Share of the video in which it can be read, 0 to 1.")


def brand_presence(perception: Perception, name: str) -> BrandPresence:
    """Where ``name`` is read or heard; letters and digits count, their case and the blanks between them do not."""
    end = perception.scenes[-1].end
    texts = [one.texts for one in perception.features]
    words = [one.words for one in perception.features]
    read = None if None in texts else _spans([t for each in texts for t in each or () if is_named(t.text, name)])
    heard = None if None in words else _said([w for each in words for w in each or ()], plain(name))
    starts = [start for start, _ in read or ()] + list(heard or ())
    covered = None if read is None else sum(stop - start for start, stop in read)
    return BrandPresence(
        name=name,
        read=read,
        heard=heard,
        first=min(starts, default=None),
        share=None if covered is None else round(covered / max(end, 0.001), 4),
    )


def is_named(text: str, name: str) -> bool:
    """Whether a line of text holds the name, give or take a misread letter."""
    wanted = plain(name)
    if not wanted:
        return False
    if len(wanted) <= _WHOLE_WORD:
        return wanted in {plain(word) for word in text.split()}
    letters = plain(text)
    windows = range(max(1, len(letters) - len(wanted) + 1))
    return any(_ratio(letters[at : at + len(wanted)], wanted) >= _ALIKE for at in windows)


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _spans(texts: Sequence[ScreenText]) -> tuple[tuple[float, float], ...]:
    joined: list[tuple[float, float]] = []
    for start, end in sorted((each.start, each.end) for each in texts):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def _said(words: Sequence[Word], wanted: str) -> tuple[float, ...]:
    """Starts of the runs of words that sound out the name, none within another."""
    found: list[float] = []
    at = 0
    while wanted and at < len(words):
        runs = (at + length for length in range(1, min(_MOST_WORDS, len(words) - at) + 1))
        run = max(runs, key=lambda stop: _ratio("".join(plain(word.text) for word in words[at:stop]), wanted))
        if _ratio("".join(plain(word.text) for word in words[at:run]), wanted) >= _ALIKE:
            found.append(words[at].start)
            at = run
        else:
            at += 1
    return tuple(found)
