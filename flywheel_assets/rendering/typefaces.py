"""Which font draws which part of a text: ours first, then those a person names or fetches, emoji as pictures.

Bundled: Inter 4.0 by The Inter Project Authors, SIL Open Font License 1.1 (fonts/LICENSE-Inter.txt), for Latin, Greek
and Cyrillic. libass takes no font by itself: every run of a text names the font that has its glyphs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering import measure, scripts
from flywheel_assets.rendering.fontfile import SUFFIXES, Face, FontName, read

FOLDER = Path(__file__).parent / "fonts"
FILES: dict[FontName, str] = {"Inter Black": "Inter-Black.otf", "Inter Bold": "Inter-Bold.otf"}

# libass sizes a font by ascent + descent; Inter's are 0.969 and 0.242 em, and its capitals sit in the
# middle of that line, so a text centred by its line box looks centred.
LINE_HEIGHT = 1.211
_NAMED = re.compile(r"\\fn([^\\}]+)")
# Families that share Chinese characters and draw them differently.
_HAN_HOUSES = {"japanese": " JP ", "korean": " KR ", "chinese-simplified": " SC "}


@dataclass(frozen=True)
class Run:
    """Neighbouring characters that one font draws; without a face it is one emoji, drawn as a picture."""

    text: str
    face: Face | None


@dataclass(frozen=True)
class Typefaces:
    """The fonts beside the bundled ones, in the order in which they are asked."""

    folders: tuple[Path, ...] = ()
    faces: tuple[Face, ...] = ()

    @classmethod
    def of(cls, folders: Iterable[Path]) -> Typefaces:
        """All fonts that lie in the folders, but none by a name of ours; a folder that does not exist holds none.

        Raises:
            RenderFailed: a font file cannot be read or has a name that cannot be asked for.
        """
        places = tuple(dict.fromkeys(folder.expanduser().absolute() for folder in folders))
        found: dict[str, Face] = {}
        for face in (face for folder in places for face in _within(folder)):
            found.setdefault(face.name, face)
        return cls(places, tuple(face for face in found.values() if face.name not in FILES))

    def runs(self, text: str, font: FontName, subject: str = "text", *, within: str = "") -> tuple[Run, ...]:
        """The text in runs, in reading order; white space stays with what is before it.

        Where it is only a part of a text, `within` is the whole, so that all of that is in the same fonts.

        Raises:
            RenderFailed: no font has a character; names it, and what to fetch.
        """
        order = self._ranked(within or text, bundled(font))
        found: list[Run] = []
        for unit in scripts.units(text):
            run = self._drawn(unit, order, found[-1].face if found else None)
            if run is None:
                raise RenderFailed(self._missing(unit, text, font, subject))
            if found and run.face is not None and found[-1].face is run.face:
                found[-1] = Run(found[-1].text + run.text, run.face)
            else:
                found.append(run)
        return tuple(found)

    @property
    def emoji(self) -> Face | None:
        """The first font with colour pictures."""
        return next((face for face in self.faces if face.strike), None)

    def files(self, script: str) -> tuple[Path, ...]:
        """The files of the fonts that a libass script names, ours included."""
        named = {name.strip() for name in _NAMED.findall(script)}
        ours = tuple(FOLDER / file for file in FILES.values())
        return ours + tuple(dict.fromkeys(face.path for face in self.faces if face.name in named))

    def marks(self, script: str) -> dict[str, str]:
        """Digests of the fonts that a script names, so that what is drawn has one identity."""
        named = {name.strip() for name in _NAMED.findall(script)}
        return {face.name: face.digest for face in (*map(bundled, FILES), *self.faces) if face.name in named}

    def digests(self, texts: Iterable[tuple[str, FontName]]) -> dict[str, str]:
        """Fonts that texts are drawn with, that of their emoji too, by name, with the digests of their files.

        Raises:
            RenderFailed: no font has a character.
        """
        faces = {run.face or self.emoji for text, font in texts for run in self.runs(text, font)}
        return {face.name: face.digest for face in sorted(filter(None, faces), key=lambda face: face.name)}

    def _ranked(self, text: str, ours: Face) -> tuple[Face, ...]:
        """Ours, then whoever draws most of what ours lacks: one font for a sentence, not one a letter."""
        lacking = {character for character in text if ord(character) not in ours.characters}
        house = _HAN_HOUSES.get(scripts.han_reader(text), "")
        others = [face for face in self.faces if not face.strike]

        def rank(face: Face) -> tuple[bool, int, int]:
            drawn = sum(ord(character) in face.characters for character in lacking)
            return house not in f"{face.name} ", -drawn, abs(face.weight - ours.weight)

        return (ours, *sorted(others, key=rank))

    def _drawn(self, unit: str, order: tuple[Face, ...], last: Face | None) -> Run | None:
        if scripts.wants_picture(unit):
            drawn = self._pictured(unit)
            return drawn if drawn or scripts.EMOJI_STYLE in unit else self._written(unit, order)
        if unit.isspace() and last is not None and _has(last, unit):
            return Run(unit, last)
        return self._written(unit, order) or self._pictured(unit)

    def _written(self, unit: str, order: tuple[Face, ...]) -> Run | None:
        face = next((face for face in order if _has(face, unit)), None)
        return Run(unit, face) if face else None

    def _pictured(self, unit: str) -> Run | None:
        emoji = self.emoji
        known = emoji is not None and scripts.is_emoji(unit) and _has(emoji, unit)
        return Run(unit, None) if emoji and known and measure.is_one_picture(unit, emoji) else None

    def _missing(self, unit: str, text: str, font: FontName, subject: str) -> str:
        lacked = next((c for c in unit if not scripts.is_silent(c) and not self._anywhere(c, font)), unit[0])
        looked = ", ".join([font, *map(str, self.folders)])
        found = "has a picture" if scripts.wants_picture(unit) else "is"
        return (
            f"{subject}: missing_glyph: {unit!r} ({scripts.label(lacked)}) {found} in no font of {looked}; "
            f"{scripts.remedy(unit, pictures=self.emoji is not None)} or write {text!r} without it"
        )

    def _anywhere(self, character: str, font: FontName) -> bool:
        return any(ord(character) in face.characters for face in (bundled(font), *self.faces))


def bundled(font: FontName) -> Face:
    """One of our own fonts."""
    return next(iter(_read(FOLDER / FILES[font])))


def line_height(face: Face) -> float:
    """What libass divides a font's size by to get its em; ours is rounded, as it is in every cached segment."""
    return LINE_HEIGHT if face.name in FILES else face.ascent + face.descent


def _has(face: Face, unit: str) -> bool:
    return all(ord(character) in face.characters or scripts.is_silent(character) for character in unit)


def _within(folder: Path) -> Iterator[Face]:
    """The folder's fonts by file name, so that the order is the same everywhere."""
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
                yield from _read(path)


def _read(path: Path) -> tuple[Face, ...]:
    stat = path.stat()
    return _cached(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=512)
def _cached(path: Path, changed: int, size: int) -> tuple[Face, ...]:
    del changed, size  # part of the key only: a file that was replaced is read again
    return read(path)
