"""User text in libass's language: text that can only ever be text, each run in a font that has its glyphs.

libass reads braces as commands and some letters after a backslash as breaks and spaces; everything a person or a
recogniser wrote passes through here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from unicodedata import category

from flywheel_assets.rendering.lines import PICTURE_ADVANCE, Setting
from flywheel_assets.rendering.scripts import clean
from flywheel_assets.rendering.typefaces import Run, line_height

Span = tuple[str, str]  # tags, and the text they hold for

_WORD_JOINER = "\u2060"  # takes no room; libass skips it
_RTL_MARK = "\u200f"  # likewise
_DIRECTION_OF_TEXT = "\\fe-1"  # libass sets a line from left to right unless told to look at its first letter
_HIDDEN, _SHOWN = "\\1a&HFF&\\3a&HFF&", "\\1a&H00&\\3a&H00&"


def escape(text: str) -> str:
    """User text that libass shows literally, on one line."""
    return _literal(clean(text))


def body(head: str, spans: Sequence[Span], em: float, setting: Setting) -> str:
    """A line of text at `em` pixels: tags for the whole, then its spans, which are clean text in reading order.

    An emoji is room of its width; a picture is laid there (`emoji.stickers`).
    """
    runs = setting.runs("".join(part for _, part in spans))
    shown = _font_tags(runs[0], em, setting)
    direction, mark = (_DIRECTION_OF_TEXT, _RTL_MARK) if setting.rtl else ("", "")
    written = [f"{{{head}{direction}{shown}}}{mark}"]
    for (_, tags), pieces in groupby(_cut(spans, runs), key=lambda found: found[0]):
        written.append(f"{{{tags}}}" if tags else "")
        for _, run in pieces:
            wanted = _font_tags(run, em, setting) or shown
            written.append("" if wanted == shown else f"{{{wanted}}}")
            written.append(_literal(run.text) if run.face else _room(em))
            shown = wanted
    return "".join(written)


def _font_tags(run: Run, em: float, setting: Setting) -> str:
    """Tags that select a run's font at its size; none for a picture."""
    if run.face is None:
        return ""
    return f"\\fn{run.face.name}\\fs{em * setting.size(run.face) * line_height(run.face):.2f}"


def _literal(text: str) -> str:
    """A joiner after each backslash keeps it from starting a command; libass itself knows escaped braces.

    What would end the line is a space, even though text that was cleaned and has glyphs holds none.
    """
    plain = "".join(" " if c.isspace() or category(c) == "Cc" else c for c in text)
    safe = plain.replace("\\", "\\" + _WORD_JOINER)
    return safe.replace("{", "\\{").replace("}", "\\}")


def _room(em: float) -> str:
    """A shape that nobody sees, as wide as an emoji."""
    width = em * PICTURE_ADVANCE
    return f"{{{_HIDDEN}\\p1}}m 0 0 l {width:.1f} 0 {width:.1f} 1 0 1{{\\p0{_SHOWN}}}"


def _cut(spans: Sequence[Span], runs: Sequence[Run]) -> Iterator[tuple[tuple[int, str], Run]]:
    """The runs, divided where a new span begins; an emoji is never divided."""
    owners = [(place, tags) for place, (tags, part) in enumerate(spans) for _ in part]
    start = 0
    for run in runs:
        end = start + len(run.text)
        if run.face is None:
            yield owners[start], run
        else:
            for owner, group in groupby(range(start, end), key=owners.__getitem__):
                yield owner, Run("".join(run.text[place - start] for place in group), run.face)
        start = end
