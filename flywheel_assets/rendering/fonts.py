"""Fitting a text: which characters can be drawn, how wide a line is, where its lines break best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations, pairwise

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering import breaks, scripts
from flywheel_assets.rendering.fontfile import FontName
from flywheel_assets.rendering.lines import Setting
from flywheel_assets.rendering.scripts import clean
from flywheel_assets.rendering.typefaces import FILES, FOLDER, LINE_HEIGHT, Typefaces

__all__ = ["FILES", "FOLDER", "LINE_HEIGHT", "Fitted", "clean", "fit", "require_glyphs", "text_width"]

_OURS = Typefaces()


@dataclass(frozen=True)
class Fitted:
    """A text broken into lines at a size; width and height in pixels."""

    lines: tuple[str, ...]
    em: float
    width: float
    height: float


def require_glyphs(text: str, font: FontName, subject: str, typefaces: Typefaces = _OURS) -> None:
    """Check that every character can be drawn.

    Raises:
        RenderFailed: one cannot; names it and says what to fetch.
    """
    typefaces.runs(text, font, subject)


def text_width(text: str, font: FontName, em: float, typefaces: Typefaces = _OURS) -> float:
    """Width in pixels of one line."""
    return Setting.of(text, font, typefaces).width(text) * em


def fit(
    text: str,
    font: FontName,
    *,
    em: float,
    width: float,
    max_lines: int,
    spacing: float = 1.14,
    typefaces: Typefaces = _OURS,
) -> Fitted:
    """Break a text into at most `max_lines` balanced lines, shrinking it until it fits `width`.

    Fewest lines first at full size; `spacing` is the distance of baselines in em.

    Raises:
        RenderFailed: the text is empty, or no font has a character.
    """
    setting, whole, cut = Setting.of(text, font, typefaces), _atoms(text), _atoms(text, cut=True)
    if not whole:
        raise RenderFailed("a text to draw is empty: give the blueprint a text or leave the field unset")
    fitted = _fitted(whole, setting, em=em, width=width, max_lines=max_lines, spacing=spacing)
    if fitted.em < em and len(cut) > len(whole):
        return _fitted(cut, setting, em=em, width=width, max_lines=max_lines, spacing=spacing)
    return fitted


def _fitted(
    atoms: Sequence[str], setting: Setting, *, em: float, width: float, max_lines: int, spacing: float
) -> Fitted:
    most = min(max_lines, len(atoms))
    for count in range(1, most + 1):
        lines = _balanced(atoms, count, setting)
        widest = max(setting.width(line) * em for line in lines)
        if widest <= width:
            break
    size = min(em, em * width / widest)
    return Fitted(lines, size, widest * size / em, size * (spacing * (count - 1) + 1.0))


def _atoms(text: str, *, cut: bool = False) -> list[str]:
    """What stays together on a line: words with the space after them, East Asian characters one by one; `cut` cuts words."""
    atoms: list[str] = []
    for word in text.split():
        units = scripts.units(word)
        start = ""
        for before, after in pairwise(units):
            start += before
            if breaks.breaks_between(before, after) or (cut and breaks.cuts_between(before, after)):
                atoms.append(start)
                start = ""
        atoms.append(start + units[-1] + " ")
    return atoms


def _balanced(atoms: Sequence[str], count: int, setting: Setting) -> tuple[str, ...]:
    """The split into `count` lines whose widest line is narrowest."""
    ends = [0.0, *accumulate(setting.width(atom) for atom in atoms)]
    space = setting.width(" ")

    def widest(cuts: tuple[int, ...]) -> float:
        edges = pairwise((0, *cuts, len(atoms)))
        return max(ends[b] - ends[a] - space * atoms[b - 1].endswith(" ") for a, b in edges)

    best = min(combinations(range(1, len(atoms)), count - 1), key=widest)
    return tuple("".join(atoms[a:b]).rstrip() for a, b in pairwise((0, *best, len(atoms))))
