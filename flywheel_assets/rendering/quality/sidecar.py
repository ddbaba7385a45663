"""The SubRip file beside the video: it parses, and its times and words are the plan's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from flywheel_assets.rendering.quality.expected import texts
from flywheel_assets.rendering.quality.lines import line, not_applicable
from flywheel_assets.rendering.types import EditPlan, QualityLine

_CLOCK = r"(\d{2}):([0-5]\d):([0-5]\d),(\d{3})"
_TIMES = re.compile(rf"{_CLOCK} --> {_CLOCK}")


@dataclass(frozen=True)
class Card:
    """A subtitle, seconds."""

    start: float
    end: float
    text: str


def parse(text: str) -> tuple[Card, ...]:
    """The cards of a SubRip file.

    Raises:
        ValueError: it is not one; names the block.
    """
    blocks = [block.splitlines() for block in re.split(r"\n{2,}", text.replace("\r\n", "\n").strip())]
    return tuple(_card(number, rows) for number, rows in enumerate(blocks, start=1))


def subtitles(path: Path | None, plan: EditPlan) -> QualityLine:
    """Each planned caption once, in order, within a frame."""
    cards = [found for found in texts(plan) if found.role == "caption"]
    if not cards and path is None:
        return not_applicable("subtitles", plan.unavailable.get("auto_captions", "nothing is said"))
    wanted = f"{len(cards)} cards with the plan's words, within one frame"
    if path is None or not path.is_file():
        return line("subtitles", passed=False, value="no file", wanted=wanted)
    try:
        found = parse(path.read_text(encoding="utf-8"))
    except ValueError as reason:  # UnicodeDecodeError is one
        return line("subtitles", passed=False, value=str(reason), wanted=wanted)
    fault = _fault(found, [Card(card.start / plan.fps, card.end / plan.fps, card.text) for card in cards], plan.fps)
    return line("subtitles", passed=fault is None, value=fault or f"{len(found)} cards", wanted=wanted)


def _card(number: int, rows: list[str]) -> Card:
    times = _TIMES.fullmatch(rows[1].strip()) if len(rows) > 2 else None  # noqa: PLR2004 - number, times, words
    if times is None or rows[0].strip().lstrip("\ufeff") != str(number):
        raise ValueError(f"block {number} is not a number, times and words: {' / '.join(rows)[:80]!r}")
    numbers = [int(part) for part in times.groups()]
    start, end = (h * 3600 + m * 60 + s + ms / 1000 for h, m, s, ms in (numbers[:4], numbers[4:]))
    return Card(start, end, " ".join(rows[2:]))


def _fault(found: tuple[Card, ...], asked: list[Card], fps: int) -> str | None:
    if len(found) != len(asked):
        return f"{len(found)} cards"
    for number, (one, other) in enumerate(zip(found, asked, strict=True), start=1):
        off = max(abs(one.start - other.start), abs(one.end - other.end))
        if off > 1 / fps:
            return f"card {number} is {off * 1000:.0f} ms off"
        if one.text.split() != other.text.split():
            return f"card {number} says {one.text!r}, the plan {other.text!r}"
    return None
