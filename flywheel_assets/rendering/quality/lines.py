"""How a measured promise is written down."""

from __future__ import annotations

from flywheel_assets.rendering.effects import Box
from flywheel_assets.rendering.types import QualityLine


def line(feature: str, *, passed: bool, value: float | str | None, wanted: str) -> QualityLine:
    """One promise: what was found and what was wanted."""
    return QualityLine(feature=feature, passed=passed, value=value, wanted=wanted)


def not_applicable(feature: str, reason: str) -> QualityLine:
    """A promise that means nothing for this file, and why."""
    return line(feature, passed=True, value=None, wanted=f"not applicable: {reason}")


def worst(lines: list[QualityLine]) -> QualityLine:
    """The first that failed; the first of all where none did."""
    return next((found for found in lines if not found.passed), lines[0])


def show(box: Box) -> str:
    """Edges in whole pixels."""
    return ", ".join(f"{edge:.0f}" for edge in box)
