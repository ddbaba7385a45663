"""Scripts that write words without spaces: where a line may end in them, and where two spoken words touch.

East Asian lines end between any two characters that marks do not tie together. Thai, Lao, Khmer and Burmese end theirs
between words, which only a dictionary knows; by the letters alone it is known where no syllable ends. So they are broken
at their spaces, and inside a word only where it would not fit otherwise.
"""

from __future__ import annotations

from unicodedata import category, east_asian_width, name

from flywheel_assets.rendering.scripts import is_emoji, units

_SOUTH_EAST = ("THAI", "LAO", "KHMER", "MYANMAR")
_NEVER_FIRST = frozenset(
    "、。，．！？：；）」』】〕〉》”’…ー゛゜々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ!?,.:;)]}%％"
    "ะาำๅๆฯ"  # Thai vowels written after their consonant, repetition, abbreviation
    "ະາຳຽໆຯ"  # the same in Lao
    "ៗ។៕៖၊။"
)
_NEVER_LAST = frozenset("（「『【〔〈《“‘([{¥￥$＄€£" + "เแโใไເແໂໃໄ")  # vowels written before their consonant
_ENDS_SYLLABLE = frozenset("\u0e4c\u0ecc\u103a")  # on a consonant that is silent or that nothing follows
_GOES_ON = frozenset("\u0e31\u0e37\u0eb1\u1039\u17d2")  # vowels of closed syllables; signs that stack the next letter


def breaks_between(before: str, after: str) -> bool:
    """Whether a line may end between two units without a space: East Asian ones, but a foreign word in katakana stays whole."""
    if not (_wide(before) or _wide(after)) or is_emoji(before) or is_emoji(after):
        return False
    if _is_katakana(before) and _is_katakana(after):
        return False
    return not _tied(before, after)


def cuts_between(before: str, after: str) -> bool:
    """Whether a word of a South East Asian script may be cut between two units; seldom between syllables, never inside a letter."""
    both = _south_east(before) and _south_east(after)
    return both and not _tied(before, after)


def gap(before: str, after: str) -> str:
    """What is written between two words: nothing where both are in scripts without spaces."""
    if not before or not after:
        return ""
    last, first = units(before)[-1], units(after)[0]
    return "" if all(_wide(unit) or _south_east(unit) for unit in (last, first)) else " "


def spoken_line(words: tuple[str, ...]) -> str:
    """Words one after the other, as they are written."""
    spaced = [word + gap(word, after) for word, after in zip(words, (*words[1:], ""), strict=True)]
    return "".join(spaced)


def length(text: str) -> int:
    """Units a reader sees; East Asian ones count double, as wide as they are."""
    return sum(2 if _wide(unit) else 1 for unit in units(text))


def _tied(before: str, after: str) -> bool:
    ends = after[0] in _NEVER_FIRST or not _ENDS_SYLLABLE.isdisjoint(after)
    return ends or before[0] in _NEVER_LAST or not _GOES_ON.isdisjoint(before)


def _wide(unit: str) -> bool:
    """East Asian and written without spaces; Korean has them."""
    return east_asian_width(unit[0]) in {"W", "F"} and not is_emoji(unit) and not name(unit[0], "").startswith("HANGUL")


def _south_east(unit: str) -> bool:
    return category(unit[0])[0] in "LMP" and name(unit[0], "").startswith(_SOUTH_EAST)


def _is_katakana(unit: str) -> bool:
    return name(unit[0], "").startswith("KATAKANA")
