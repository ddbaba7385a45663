"""The colours of our text, and the contrast rule they satisfy."""

from __future__ import annotations

from dataclasses import dataclass

MIN_CONTRAST = 4.5  # WCAG 2.2, level AA, normal text
_LINEAR_BELOW = 0.04045  # where the sRGB curve changes from a line to a power


@dataclass(frozen=True)
class Colour:
    """An sRGB colour, 0 to 255 a channel."""

    red: int
    green: int
    blue: int

    @property
    def ass(self) -> str:
        """As an override tag wants it: blue first."""
        return f"&H{self.blue:02X}{self.green:02X}{self.red:02X}&"

    @property
    def luminance(self) -> float:
        """Relative luminance, 0 to 1, by the WCAG formula."""
        return 0.2126 * _linear(self.red) + 0.7152 * _linear(self.green) + 0.0722 * _linear(self.blue)


INK = Colour(16, 19, 26)
PAPER = Colour(255, 255, 255)
ACCENT = Colour(255, 214, 10)


def contrast(one: Colour, other: Colour) -> float:
    """WCAG contrast ratio, 1 to 21."""
    light, dark = sorted((one.luminance, other.luminance), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _linear(channel: int) -> float:
    share = channel / 255
    return share / 12.92 if share <= _LINEAR_BELOW else float(((share + 0.055) / 1.055) ** 2.4)
