"""The pictures of the sample advert: what one entry of the shot list looks like at one moment."""

from __future__ import annotations

from functools import cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydantic import BaseModel, ConfigDict

WIDTH, HEIGHT = 1280, 720
FONT = "/usr/share/fonts/opentype/inter/Inter-Bold.otf"
ESPRESSO, CREAM, AMBER, RUST = (33, 20, 14), (250, 242, 230), (247, 181, 56), (150, 60, 28)
# Ink and plate of each caption style.
STYLES = {
    "plain": (CREAM, ESPRESSO),
    "accent": (ESPRESSO, AMBER),
    "ticked": (CREAM, None),
    "brand": (RUST, None),
    "headline": (ESPRESSO, None),
}

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Window = tuple[float, float, float]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Caption(_Entry):
    """One line on screen, as the shot list describes it."""

    text: str
    left: int
    top: int
    size: int
    style: Literal["plain", "accent", "ticked", "brand", "headline"] = "plain"
    word: int = 0


class Shot(_Entry):
    """One scene, as the shot list describes it."""

    source: str
    says: str
    captions: tuple[Caption, ...]
    move: tuple[Window, Window]
    frames: tuple[int, int] = (0, 0)
    veil: Literal["dark", "card"] | None = None
    objects: tuple[str, ...] = ()
    dissolve_in: bool = False
    hold: int = 0


def film(footage: list[Pixels], shot: Shot, share: float) -> Floats:
    """The moving picture under the texts, without them."""
    low, rest = divmod(shot.frames[0] + (shot.frames[1] - shot.frames[0]) * share, 1)
    picture = footage[int(low)]
    if rest:
        picture = np.asarray(cv2.addWeighted(picture, 1 - rest, footage[int(low) + 1], rest, 0), np.uint8)
    x, y, width = (a + (b - a) * share for a, b in zip(*shot.move, strict=True))
    x, y = x + 0.002 * np.sin(share * 9), y + 0.002 * np.cos(share * 7)  # a held camera, not a slide
    rows, columns = picture.shape[:2]
    scale = width * columns / WIDTH
    shift = (x * columns - scale * (WIDTH - 1) / 2, y * rows - scale * (HEIGHT - 1) / 2)
    back = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    flags, mode = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, cv2.BORDER_REFLECT_101
    return np.asarray(cv2.warpAffine(picture, back, (WIDTH, HEIGHT), flags=flags, borderMode=mode), np.float32)


def finish(layer: Image.Image) -> Floats:
    """Floatss are drawn at twice the size, for smooth edges."""
    return np.asarray(layer.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS), np.float32)


@cache
def draw_veil(kind: Literal["dark", "card"]) -> Floats:
    """RGBA layer between picture and texts: a dark tint, or a card with a round window."""
    layer = Image.new("RGBA", (WIDTH * 2, HEIGHT * 2), (*ESPRESSO, 160) if kind == "dark" else (*CREAM, 255))
    if kind == "card":
        ImageDraw.Draw(layer).ellipse((1530, 250, 2470, 1190), fill=(*CREAM, 0))
    return finish(layer)


@cache
def draw_caption(caption: Caption) -> Floats:
    """RGBA layer of one text, on its plate or behind its tick."""
    ink, plate = STYLES[caption.style]
    x, middle, size = caption.left * 2, caption.top * 2 + caption.size * 1.5, caption.size * 2
    font = ImageFont.truetype(FONT, size)
    layer = Image.new("RGBA", (WIDTH * 2, HEIGHT * 2), (*(plate or ink), 0))
    pen = ImageDraw.Draw(layer)
    if plate:
        box = (x, middle - size * 0.75, x + pen.textlength(caption.text, font) + size, middle + size * 0.75)
        pen.rounded_rectangle(box, size * 0.22, fill=(*plate, 255))
        x += size // 2
    if caption.style == "ticked":
        pen.ellipse((x - 196, middle - 66, x - 64, middle + 66), fill=(*AMBER, 255))
        tick = [(x - 162, middle + 2), (x - 139, middle + 26), (x - 97, middle - 24)]
        pen.line(tick, fill=(*ESPRESSO, 255), width=15, joint="curve")
    pen.text((x, middle), caption.text, font=font, fill=(*ink, 255), anchor="lm")
    return finish(layer)


def cover(picture: Floats, layer: Floats, opacity: float = 1.0) -> Floats:
    """Lay an RGBA layer over a picture."""
    alpha = layer[..., 3:] * np.float32(opacity / 255)
    return picture * (1 - alpha) + layer[..., :3] * alpha
