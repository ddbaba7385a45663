"""Of text alone: what belongs together, what is an emoji, which script it is, and where to get a font for it."""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category, name

ZWNJ, ZWJ = "\u200c", "\u200d"
TEXT_STYLE, EMOJI_STYLE = "\ufe0e", "\ufe0f"
_FLAG = "\U0001f3f4"  # the only picture that tags make another one of
_TAGS = "\U000e0020-\U000e007f"
_SYMBOLS = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001faff"
)
_PICTURES = 0x1F000  # from here on a character is a picture first and a letter only where no picture is to be had
_SKIN = "\U0001f3fb-\U0001f3ff"
_PICTURE = f"[{_SYMBOLS}]\ufe0f?[{_SKIN}]?(?:[{_TAGS}]+)?"
_EMOJI = re.compile(f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_PICTURE}(?:{ZWJ}{_PICTURE})*")
_CLUSTER_PARTS = ("Mn", "Mc", "Me")
# Unicode names a character after its script; these are the words for what can be fetched.
_FETCHABLE = {
    "ARABIC": "arabic", "HEBREW": "hebrew", "DEVANAGARI": "devanagari", "THAI": "thai", "HIRAGANA": "japanese",
    "KATAKANA": "japanese", "HANGUL": "korean", "CJK": "chinese-simplified", "IDEOGRAPHIC": "chinese-simplified",
    "BOPOMOFO": "chinese-simplified",
}  # fmt: skip


@lru_cache(maxsize=1024)
def units(text: str) -> tuple[str, ...]:
    """What one font must draw in one piece: a letter with its marks and joiners, or a whole emoji."""
    found: list[str] = []
    place = 0
    while place < len(text):
        emoji = _EMOJI.match(text, place)
        end = emoji.end() if emoji else place + 1
        while end < len(text) and _continues(text[end]):
            end += 1
        found.append(text[place:end])
        place = end
    return tuple(found)


def is_emoji(unit: str) -> bool:
    """Whether a unit may be shown as a picture; a mark of style belongs to it."""
    return _EMOJI.fullmatch(unit.rstrip(EMOJI_STYLE)) is not None or _EMOJI.fullmatch(unit) is not None


def wants_picture(unit: str) -> bool:
    """Whether a unit is a picture first: it says so, or its character is made to be one."""
    if not is_emoji(unit) or TEXT_STYLE in unit:
        return False
    return EMOJI_STYLE in unit or ZWJ in unit or ord(unit[0]) >= _PICTURES


def is_silent(character: str) -> bool:
    """Whether a character shapes its neighbours and needs no glyph of its own."""
    return character in {ZWNJ, ZWJ, TEXT_STYLE, EMOJI_STYLE} or _is_tag(character)


def clean(text: str) -> str:
    """The text with each run of white space as one space, without controls and invisible marks.

    Direction overrides go; joiners stay where they join: in Persian and Indic words and in emoji. Marks of style stay.
    """
    visible = "".join(" " if category(c) == "Cc" else c for c in text if category(c) != "Cf" or is_silent(c))
    return " ".join(filter(None, (_joined(word) for word in visible.split())))


def without_emoji(text: str) -> str:
    """The text that can be read aloud; what a reader of pictures can be asked for."""
    return clean("".join(unit if not is_emoji(unit) else " " for unit in units(text)))


def script(character: str) -> str | None:
    """What `flywheel fetch-fonts` calls the script of a character; None where it has none to fetch."""
    if is_emoji(character):
        return "emoji"
    words = name(character, "").split()
    return next((_FETCHABLE[word] for word in words if word in _FETCHABLE), None)


def han_reader(text: str) -> str:
    """Whose shapes Chinese characters take in this text; empty where there are none."""
    found = {script(character) for character in text}
    readers = ("japanese", "korean", "chinese-simplified")
    return next((reader for reader in readers if reader in found), "")


def remedy(unit: str, *, pictures: bool) -> str:
    """What a person can do to have a unit drawn, with or without emoji at hand; ends before an alternative."""
    wanted = next((found for found in map(script, unit) if found and not (pictures and found == "emoji")), None)
    fetch = f"run `flywheel fetch-fonts {wanted}`," if wanted else "put a font that has it in a folder"
    return f"{fetch} name its folder in FLYWHEEL_RENDERING__FONT_FOLDERS"


def label(character: str) -> str:
    """The character's code and name."""
    return f"U+{ord(character):04X} {name(character, 'unnamed character')}"


def _continues(character: str) -> bool:
    return category(character) in _CLUSTER_PARTS or is_silent(character)


def _joined(word: str) -> str:
    """A word without joiners, marks of style and tags that have nothing to work on."""
    kept = ""
    for character in word:
        if not is_silent(character) or _works_on(kept[-1:], character):
            kept += character
    return kept.rstrip(ZWNJ + ZWJ)


def _works_on(before: str, character: str) -> bool:
    if character in {ZWNJ, ZWJ}:
        return before not in {"", ZWNJ, ZWJ}
    if character in {TEXT_STYLE, EMOJI_STYLE}:
        return before != "" and not is_silent(before)
    return before == _FLAG or _is_tag(before)


def _is_tag(character: str) -> bool:
    return "\U000e0020" <= character <= "\U000e007f"
