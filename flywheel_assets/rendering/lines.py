"""Text laid out: pieces from left to right, each with one font and one direction, and how wide they are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from flywheel_assets.rendering import bidi, measure
from flywheel_assets.rendering.fontfile import Face, FontName
from flywheel_assets.rendering.typefaces import Run, Typefaces, bundled

PICTURE = 1.15  # side of an emoji in em: a little taller than a capital, as high as a line
PICTURE_ADVANCE = 1.25  # the room it takes in a line, em

# Scripts with marks above and below their letters are set smaller, so that they keep to their panel and to their line.
# Lines are 1.12 em apart at least; the highest mark of one seldom stands below the lowest of the other.
_PITCH = 1.3
_BELOW = 0.38


@dataclass(frozen=True)
class Piece:
    """Part of a line; `left` and `width` in em from the line's left edge."""

    run: Run
    left: float
    width: float


@dataclass(frozen=True)
class Setting:
    """How a whole text is set, the same for each of its lines.

    Attributes:
        text: all of it; decides which fonts are asked first, and the direction.
        share: size of other people's fonts beside ours, which is 1.
    """

    text: str
    font: FontName
    typefaces: Typefaces
    rtl: bool
    share: float

    @classmethod
    def of(cls, text: str, font: FontName, typefaces: Typefaces) -> Setting:
        """The setting of a text.

        Raises:
            RenderFailed: no font has a character.
        """
        return cls(text, font, typefaces, bidi.is_rtl(text), _share(typefaces.runs(text, font), bundled(font)))

    def runs(self, line: str) -> tuple[Run, ...]:
        """The runs of a line in reading order."""
        return self.typefaces.runs(line, self.font, within=self.text)

    def size(self, face: Face) -> float:
        """Size of a font in em of the text."""
        return 1.0 if face is bundled(self.font) else self.share

    def width(self, line: str) -> float:
        """Width of a line in em."""
        return sum(self._width(run) for run in self.runs(line))

    def pieces(self, line: str) -> tuple[Piece, ...]:
        """The line's pieces from left to right."""
        parts = self._parts(line)
        found: list[Piece] = []
        left = 0.0
        for place in bidi.order([depth for _, depth in parts]):
            run = parts[place][0]
            found.append(Piece(run, left, self._width(run)))
            left += found[-1].width
        return tuple(found)

    def drop(self, line: str) -> float:
        """How far below the wanted middle libass must centre a line so that its letters stand where ours would, em.

        It centres by the tallest and the deepest font of the line.
        """
        ours = bundled(self.font)
        faces = {run.face for run in self.runs(line) if run.face} or {ours}
        above = max(face.ascent * self.size(face) for face in faces)
        below = max(face.descent * self.size(face) for face in faces)
        return (ours.ascent - ours.descent) / 2 - (above - below) / 2

    def _parts(self, line: str) -> list[tuple[Run, int]]:
        """Runs divided where the direction changes, with their levels; an emoji is one neutral sign."""
        runs = self.runs(line)
        depths = iter(bidi.levels("".join(_shadow(run) for run in runs), rtl=self.rtl))
        found: list[tuple[Run, int]] = []
        for run in runs:
            if run.face is None:
                found.append((run, next(depths)))
                continue
            for depth, group in groupby([(c, next(depths)) for c in run.text], key=lambda pair: pair[1]):
                found.append((Run("".join(character for character, _ in group), run.face), depth))
        return found

    def _width(self, run: Run) -> float:
        if run.face is None:
            return PICTURE_ADVANCE
        return measure.advance(run.text, run.face) * self.size(run.face)


def _share(runs: tuple[Run, ...], ours: Face) -> float:
    """How much smaller other fonts must be for their letters to keep to the line."""
    inks = [measure.ink(run.text, run.face) for run in runs if run.face and run.face is not ours]
    if not inks:
        return 1.0
    above, below = (max(edges) for edges in zip(*inks, strict=True))
    return float(min(1.0, _PITCH / max(above + below, _PITCH), _BELOW / max(below, _BELOW)))


def _shadow(run: Run) -> str:
    """What the ordering sees of a run: the sign libass sets for a shape in place of a picture."""
    return run.text if run.face else "\ufffc"
