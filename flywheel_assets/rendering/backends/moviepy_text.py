"""The text of a plan on MoviePy's pictures: same lines, same places, same times, standing still from the first frame.

Drawn with Pillow and handed over as pictures: MoviePy's own text clips measure each text by its ink, so that
words of one line would stand on different base lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flywheel_assets.rendering.breaks import gap, spoken_line
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.fonts import FILES, FOLDER, text_width
from flywheel_assets.rendering.modules.auto_captions import AutoCaptions
from flywheel_assets.rendering.modules.cta_end_card import CtaEndCard
from flywheel_assets.rendering.modules.hook_title import HookTitle
from flywheel_assets.rendering.palette import ACCENT, INK, PAPER, Colour
from flywheel_assets.rendering.types import Overlay

if TYPE_CHECKING:
    from moviepy import VideoClip
    from PIL.Image import Image

_SMOOTH = 4  # corners are drawn so many times as large
_BASE = 0.3635  # em from the middle of a line to its base line: half of 0.969 ascent less 0.242 descent

# A stretch of text in one colour.
Run = tuple[str, Colour]


def written(overlay: Overlay, canvas: Canvas) -> list[VideoClip]:
    """What an overlay puts on the picture."""
    if overlay.role == "caption":
        return _lit_words(overlay, canvas)
    sheet = _sheet(canvas)
    spacing = CtaEndCard().defaults.spacing
    ink = PAPER
    if overlay.role in {"hook", "cta"}:
        use = HookTitle().defaults if overlay.role == "hook" else CtaEndCard().defaults
        _panel(sheet, overlay, PAPER if overlay.role == "hook" else ACCENT, canvas.px(use.radius))
        ink, spacing = INK, use.spacing
    first = overlay.centre[1] - (len(overlay.lines) - 1) * overlay.em * spacing / 2
    for row, line in enumerate(overlay.lines):
        _line(sheet, overlay, [(line, ink)], first + row * overlay.em * spacing)
    return [_shown(sheet, (overlay.start_frame, overlay.end_frame), canvas)]


def _lit_words(overlay: Overlay, canvas: Canvas) -> list[VideoClip]:
    """The line once per lit word, one after the other."""
    outline = round(canvas.px(AutoCaptions().defaults.outline))
    parts: list[VideoClip] = []
    for lit in range(len(overlay.words)):
        start = overlay.start_frame if not parts else overlay.words[lit].start_frame
        end = overlay.words[lit + 1].start_frame if lit + 1 < len(overlay.words) else overlay.end_frame
        if end > start:
            sheet = _sheet(canvas)
            runs = [(word.text, ACCENT if place == lit else PAPER) for place, word in enumerate(overlay.words)]
            _line(sheet, overlay, runs, overlay.centre[1], outline=outline)
            parts.append(_shown(sheet, (start, end), canvas))
    return parts


def _sheet(canvas: Canvas) -> Image:
    from PIL import Image as Pillow

    return Pillow.new("RGBA", (canvas.width, canvas.height))


def _line(sheet: Image, overlay: Overlay, runs: list[Run], middle: float, *, outline: int = 0) -> None:
    """Runs as they are written one after the other, centred as a whole in the overlay's box."""
    from PIL import ImageDraw, ImageFont

    font = ImageFont.truetype(str(FOLDER / FILES[overlay.font]), overlay.em)
    draw = ImageDraw.Draw(sheet)
    texts = tuple(text for text, _ in runs)
    left = overlay.centre[0] - text_width(spoken_line(texts), overlay.font, overlay.em) / 2
    for (text, colour), after in zip(runs, (*texts[1:], ""), strict=True):
        at = (left, middle + _BASE * overlay.em)
        draw.text(at, text, _rgb(colour), font, anchor="ls", stroke_width=outline, stroke_fill=_rgb(INK))
        left += text_width(text + gap(text, after), overlay.font, overlay.em)


def _panel(sheet: Image, overlay: Overlay, fill: Colour, radius: float) -> None:
    from PIL import Image as Pillow
    from PIL import ImageDraw

    left, top, right, bottom = (round(edge) for edge in overlay.box)
    large = Pillow.new("L", ((right - left) * _SMOOTH, (bottom - top) * _SMOOTH))
    ImageDraw.Draw(large).rounded_rectangle((0, 0, large.width - 1, large.height - 1), radius * _SMOOTH, fill=255)
    sheet.paste(_rgb(fill), (left, top), large.resize((right - left, bottom - top)))


def _shown(sheet: Image, span: tuple[int, int], canvas: Canvas) -> VideoClip:
    """In frames [start, end): from half a frame before the first, so that rounding loses none and adds none."""
    import numpy as np
    from moviepy import ImageClip

    start, end = span
    left, top, right, bottom = sheet.getbbox() or (0, 0, 1, 1)
    clip = ImageClip(np.asarray(sheet.crop((left, top, right, bottom))), transparent=True).with_position((left, top))
    return clip.with_start((start - 0.5) / canvas.fps).with_duration((end - start) / canvas.fps)


def _rgb(colour: Colour) -> tuple[int, int, int]:
    return colour.red, colour.green, colour.blue
