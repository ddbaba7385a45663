"""The order in which mixed text appears: the Unicode bidirectional algorithm for one line, without its invisible marks.

libass orders the letters by itself; this says where it puts them, so that a picture can be laid into the line. Rules
are named as in UAX #9. Direction marks never reach a line (`scripts.clean`); bracket pairs (N0) follow their content
through N1 and N2 only.
"""

from __future__ import annotations

from itertools import groupby
from unicodedata import bidirectional

_STRONG = {"L", "R", "AL"}
_NUMBERS = {"EN", "AN"}


def is_rtl(text: str) -> bool:
    """Whether a text is set from right to left: at least half of its words are.

    The first letter, which the standard goes by, is often a brand's in advertising.
    """
    first = [next((kind for kind in map(bidirectional, word) if kind in _STRONG), None) for word in text.split()]
    words = [kind for kind in first if kind]
    return bool(words) and 2 * sum(kind != "L" for kind in words) >= len(words)


def levels(text: str, *, rtl: bool) -> tuple[int, ...]:
    """The embedding level of each character; odd ones run from right to left."""
    base = int(rtl)
    side = "R" if rtl else "L"
    kinds = _weak([_kind(character) for character in text], side)
    _neutral(kinds, side)
    found = [_level(kind, base) for kind in kinds]
    for place in range(len(text) - 1, -1, -1):  # L1: white space at the end stays at the end
        if not text[place].isspace():
            break
        found[place] = base
    return tuple(found)


def order(depths: list[int]) -> list[int]:
    """Places of pieces with these levels from left to right (L2)."""
    places = list(range(len(depths)))
    for depth in range(max(depths, default=0), 0, -1):
        places = _reversed_from(places, depths, depth)
    return places


def _reversed_from(places: list[int], depths: list[int], depth: int) -> list[int]:
    found: list[int] = []
    for deep, group in groupby(places, key=lambda place: depths[place] >= depth):
        run = list(group)
        found += reversed(run) if deep else run
    return found


def _kind(character: str) -> str:
    """Unicode's class; unassigned characters and marks of direction are neutral here."""
    return {"": "ON", "BN": "ON", "B": "ON", "S": "WS"}.get(bidirectional(character), bidirectional(character)) or "ON"


def _level(kind: str, base: int) -> int:
    """I1 and I2."""
    if base % 2 == 0:
        return base + {"R": 1, "AN": 2, "EN": 2}.get(kind, 0)
    return base + (kind != "R")


def _weak(kinds: list[str], side: str) -> list[str]:
    """W1 to W7."""
    found = _numbers(_marks(kinds, side), side)
    found = [_separator(found, place) for place in range(len(found))]
    found = _terminators(found)
    found = ["ON" if kind in {"ES", "ET", "CS"} else kind for kind in found]
    return _latin_numbers(found, side)


def _marks(kinds: list[str], side: str) -> list[str]:
    """W1: a mark is what it stands on."""
    found: list[str] = []
    for kind in kinds:
        found.append((found[-1] if found else side) if kind == "NSM" else kind)
    return found


def _numbers(kinds: list[str], side: str) -> list[str]:
    """W2 and W3: European digits after Arabic letters are Arabic numbers; those letters are right-to-left ones."""
    last, found = side, list[str]()
    for kind in kinds:
        last = kind if kind in _STRONG else last
        found.append("AN" if kind == "EN" and last == "AL" else kind)
    return ["R" if kind == "AL" else kind for kind in found]


def _separator(kinds: list[str], place: int) -> str:
    """W4: one separator between two numbers of a kind is part of the number."""
    if 0 < place < len(kinds) - 1 and kinds[place - 1] == kinds[place + 1]:
        around = kinds[place - 1]
        if (kinds[place] == "CS" and around in _NUMBERS) or (kinds[place] == "ES" and around == "EN"):
            return around
    return kinds[place]


def _terminators(kinds: list[str]) -> list[str]:
    """W5: currency and percent signs beside European digits belong to them."""
    found: list[str] = []
    runs = [(kind, len(list(group))) for kind, group in groupby(kinds)]
    for place, (kind, length) in enumerate(runs):
        beside = {runs[near][0] for near in (place - 1, place + 1) if 0 <= near < len(runs)}
        found += ["EN" if kind == "ET" and "EN" in beside else kind] * length
    return found


def _latin_numbers(kinds: list[str], side: str) -> list[str]:
    """W7: digits after Latin letters are left-to-right."""
    last, found = side, list[str]()
    for kind in kinds:
        last = kind if kind in _STRONG else last
        found.append("L" if kind == "EN" and last == "L" else kind)
    return found


def _neutral(kinds: list[str], side: str) -> None:
    """N1 and N2: what has no direction takes that of both neighbours where they agree, else that of the text."""
    place = 0
    while place < len(kinds):
        end = place
        while end < len(kinds) and kinds[end] in {"ON", "WS"}:
            end += 1
        if end > place:
            before = _side(kinds[place - 1]) if place else side
            after = _side(kinds[end]) if end < len(kinds) else side
            kinds[place:end] = [before if before == after else side] * (end - place)
        place = end + 1


def _side(kind: str) -> str:
    return "L" if kind == "L" else "R"
