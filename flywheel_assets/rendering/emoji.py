"""Emoji: libass draws no colour, so each is a small picture laid over the room that its line leaves for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering import lines, measure
from flywheel_assets.rendering.ass import POP_SECONDS, line_centres
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.fontfile import Face
from flywheel_assets.rendering.types import Overlay


@dataclass(frozen=True)
class Sticker:
    """One emoji on the picture, a square of `side` pixels with its corner at (left, top), in frames [start, end)."""

    sequence: str
    left: int
    top: int
    side: int
    start_frame: int
    end_frame: int


def stickers(overlay: Overlay, canvas: Canvas, spacing: float) -> tuple[Sticker, ...]:
    """Where the emoji of an overlay go; `spacing` is the one its lines are drawn with, in em.

    They come once the overlay has popped in: until then the room for them moves.
    """
    found = zip(overlay.lines, line_centres(overlay, spacing), strict=True)
    return tuple(sticker for line, middle in found for sticker in _of_line(line, middle, overlay, canvas))


def graph(found: Sequence[Sticker], source: str, target: str, first_input: int) -> str:
    """Filter text that lays pictures over `[source]`, the n-th from input `first_input` + n; none for no stickers.

    Each input is one picture of `png`; the last of it is repeated while the film runs.
    """
    steps = []
    for place, sticker in enumerate(found):
        before = f"[{source}]" if place == 0 else f"[{target}{place}]"
        after = f"[{target}]" if place == len(found) - 1 else f"[{target}{place + 1}]"
        shown = f"between(n,{sticker.start_frame},{sticker.end_frame - 1})"
        steps.append(
            f"{before}[{first_input + place}:v]overlay=x={sticker.left}:y={sticker.top}:enable='{shown}'"
            f":eof_action=repeat:format=auto{after}"
        )
    return ";".join(steps)


def png(sticker: Sticker, canvas: Canvas) -> bytes:
    """The picture of an emoji, transparent around it.

    Raises:
        RenderFailed: there is no font with pictures.
    """
    face = canvas.typefaces.emoji
    if face is None:
        raise RenderFailed(
            f"emoji {sticker.sequence!r}: no_emoji_font: no folder holds a font with colour pictures; "
            "run `flywheel fetch-fonts emoji`"
        )
    return _drawn(sticker.sequence, face, sticker.side)


def _of_line(line: str, middle: float, overlay: Overlay, canvas: Canvas) -> Iterator[Sticker]:
    pieces = lines.Setting.of(overlay.text, overlay.font, canvas.typefaces).pieces(line)
    left = overlay.centre[0] - sum(piece.width for piece in pieces) * overlay.em / 2
    side = round(overlay.em * lines.PICTURE)
    start = overlay.start_frame + canvas.frames(POP_SECONDS) * overlay.entering
    for piece in pieces:
        if piece.run.face is None and start < overlay.end_frame:
            centre = left + (piece.left + piece.width / 2) * overlay.em
            yield Sticker(
                piece.run.text, round(centre - side / 2), round(middle - side / 2), side, start, overlay.end_frame
            )


@lru_cache(maxsize=256)
def _drawn(sequence: str, face: Face, side: int) -> bytes:
    from PIL import Image, ImageDraw

    font = measure.load(face, face.strike)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(sequence))
    drawn = Image.new("RGBA", (right - left, bottom - top))
    ImageDraw.Draw(drawn).text((-left, -top), sequence, font=font, embedded_color=True)
    share = min(side / drawn.width, side / drawn.height)
    size = max(round(drawn.width * share), 1), max(round(drawn.height * share), 1)
    square = Image.new("RGBA", (side, side))
    square.paste(drawn.resize(size, Image.Resampling.LANCZOS), ((side - size[0]) // 2, (side - size[1]) // 2))
    written = BytesIO()
    square.save(written, "PNG")
    return written.getvalue()
