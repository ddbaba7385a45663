"""Colour tables as .cube files: read strictly, written plainly, so that what ffmpeg reads is what was checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flywheel_assets.core.errors import ConfigurationError

_SIZES = range(2, 66)  # what grading programs write; 65 is their largest
_CHANNELS = 3
_MOST_BYTES = 16 << 20  # a table of 65 takes 7 MB
_COLOURS = 16.0  # of a value; an order more than any table for a display holds


@dataclass(frozen=True)
class Cube:
    """A table of `size` x `size` x `size` colours, red fastest, for inputs from `low` to `high`."""

    size: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    rows: tuple[tuple[float, ...], ...]

    def text(self) -> str:
        """As a file; equal tables give equal files."""
        head = f"LUT_3D_SIZE {self.size}\nDOMAIN_MIN {_plain(self.low)}\nDOMAIN_MAX {_plain(self.high)}\n"
        return head + "".join(f"{_plain(row)}\n" for row in self.rows)


def read_cube(data: bytes, name: str) -> Cube:
    """A table from the bytes of a .cube file.

    Raises:
        ConfigurationError: it is not one, or damaged; names the line.
    """
    if len(data) > _MOST_BYTES:
        raise ConfigurationError(f"{name}: too_large: {len(data)} bytes, {_MOST_BYTES} are the most; export it smaller")
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name}: not_a_cube: it is not text; export the look as a 3D .cube table") from None
    heads: dict[str, tuple[str, list[str]]] = {}
    rows: list[tuple[float, ...]] = []
    for number, line in enumerate(lines, start=1):
        words, where = line.split("#", maxsplit=1)[0].split(), f"{name}: line {number}"
        if words and words[0][0].isalpha() and words[0].isupper():
            heads[words[0]] = where, words[1:]
        elif words:
            rows.append(_numbers(words, where))
    return _table(name, heads, rows)


def _table(name: str, heads: Mapping[str, tuple[str, list[str]]], rows: list[tuple[float, ...]]) -> Cube:
    if "LUT_3D_SIZE" not in heads:
        raise ConfigurationError(f"{name}: not_a_cube: it has no LUT_3D_SIZE; export the look as a 3D .cube table")
    where, words = heads["LUT_3D_SIZE"]
    size = _size(words, where)
    if len(rows) != size**3:
        raise ConfigurationError(
            f"{name}: damaged_cube: LUT_3D_SIZE {size} needs {size**3} lines of colours, it has {len(rows)}; "
            "export the look again as a 3D .cube table"
        )
    low, high = (_domain(heads, key, usual) for key, usual in (("DOMAIN_MIN", 0.0), ("DOMAIN_MAX", 1.0)))
    if not all(a < b for a, b in zip(low, high, strict=True)):
        raise ConfigurationError(
            f"{name}: damaged_cube: DOMAIN_MIN {_plain(low)} is not below DOMAIN_MAX {_plain(high)}; export it again"
        )
    return Cube(size, low, high, tuple(rows))


def _domain(heads: Mapping[str, tuple[str, list[str]]], key: str, usual: float) -> tuple[float, ...]:
    if key not in heads:
        return (usual,) * _CHANNELS
    where, words = heads[key]
    return _numbers(words, where)


def _size(words: Sequence[str], where: str) -> int:
    if len(words) == 1 and words[0].isascii() and words[0].isdigit() and int(words[0]) in _SIZES:
        return int(words[0])
    raise ConfigurationError(
        f"{where}: damaged_cube: LUT_3D_SIZE {' '.join(words)[:20]!r}, wanted {_SIZES[0]} to {_SIZES[-1]}; export it again"
    )


def _numbers(words: Sequence[str], where: str) -> tuple[float, ...]:
    try:
        found = tuple(float(word) for word in words)
    except ValueError:
        found = ()
    if len(found) != _CHANNELS or not all(math.isfinite(one) and abs(one) <= _COLOURS for one in found):
        raise ConfigurationError(
            f"{where}: damaged_cube: {' '.join(words)[:40]!r} are not three numbers; export the look again"
        )
    return found


def _plain(values: Sequence[float]) -> str:
    return " ".join(f"{value:.6f}" for value in values)
