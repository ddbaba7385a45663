"""Adverts made for measuring what is read: lines of known words, sizes and times over moving pictures.

The pictures are the upper thirds of frames of the sample advert, under which no caption stands, panned slowly, so that
nothing is still. Nothing was tuned on any seed.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from flywheel_assets.creative.perception.video import picture, read_frames

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "samples" / "raw_ad.mp4"
FONTS = ROOT / "flywheel_assets" / "rendering" / "fonts"
WIDTH, HEIGHT, FPS = 1920, 1080, 30
SHOT = 75  # frames of one shot

_WORDS = [
    "fresh",
    "quick",
    "clean",
    "local",
    "honest",
    "simple",
    "roof",
    "garden",
    "kitchen",
    "window",
    "boiler",
    "heating",
    "dental",
    "studio",
    "repair",
    "visit",
    "quote",
    "offer",
    "price",
    "today",
    "tomorrow",
    "weekend",
    "family",
    "office",
    "service",
    "team",
    "expert",
    "trusted",
    "rated",
    "booked",
    "call",
    "order",
    "start",
    "save",
    "free",
    "first",
    "month",
    "week",
    "24/7",
    "$49",
    "20%",
    "1,200",
    "#1",
    "5-star",
    "same-day",
    "no-fee",
]
_QUIET = (20, 120, 240, 600, 640, 700)  # frames of the sample whose upper third bears no text


@dataclass(frozen=True)
class Line:
    """One line as it was drawn: seconds, pixels."""

    text: str
    start: float
    end: float
    size: int


def make(seed: int, target: Path, shots: int = 4) -> tuple[Line, ...]:
    """Write an advert of so many shots, two lines each, and return its lines."""
    rng = np.random.default_rng(seed)
    footage = _footage()
    lines: list[Line] = []
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24",
        "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "-", "-pix_fmt", "yuv420p", "-crf", "23", "-preset", "veryfast",
        str(target),
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE) as ffmpeg:  # noqa: S603 - fixed programs, no shell
        assert ffmpeg.stdin is not None
        for shot in range(shots):
            for frame in _shot(rng, footage[int(rng.integers(len(footage)))], shot * SHOT / FPS, lines):
                ffmpeg.stdin.write(frame.tobytes())
        ffmpeg.stdin.close()
    return tuple(lines)


def _footage() -> list[NDArray[np.uint8]]:
    kept = [picture(each.frame, WIDTH)[:330] for each in read_frames(SAMPLE) if each.index in _QUIET]
    return [cv2.resize(each, (2304, 1296), interpolation=cv2.INTER_CUBIC).astype(np.uint8) for each in kept]


def _shot(
    rng: np.random.Generator, ground: NDArray[np.uint8], begins: float, lines: list[Line]
) -> Iterator[NDArray[np.uint8]]:
    """The frames of one shot; each line fades in over four frames and stands until the cut."""
    layers = []
    for row in range(2):
        text = " ".join(rng.choice(_WORDS, size=int(rng.integers(2, 5)), replace=False)).capitalize()
        size, first = int(rng.choice((24, 28, 36, 48, 64, 80))), int(rng.integers(0, 30))
        where = (int(rng.integers(60, 500)), 200 + 440 * row + int(rng.integers(0, 200)))
        layers.append((_layer(text, size, where, plate=bool(rng.random() < 0.6)), first))
        lines.append(Line(text, begins + first / FPS, begins + SHOT / FPS, size))
    for frame in range(SHOT):
        shift = (round(frame * 1.5), round(frame))
        seen = ground[shift[1] : shift[1] + HEIGHT, shift[0] : shift[0] + WIDTH].astype(np.float32)
        for layer, first in layers:
            alpha = layer[..., 3:] / 255 * min(1.0, max(0.0, (frame - first + 1) / 4))
            seen = seen * (1 - alpha) + layer[..., :3] * alpha
        yield seen.round().clip(0, 255).astype(np.uint8)


def _layer(text: str, size: int, where: tuple[int, int], *, plate: bool) -> NDArray[np.float32]:
    """White letters with a dark outline, or on a dark plate."""
    font = ImageFont.truetype(str(FONTS / "Inter-Bold.otf"), size)
    layer = Image.new("RGBA", (WIDTH, HEIGHT), (20, 20, 20, 0))
    pen = ImageDraw.Draw(layer)
    if plate:
        box = pen.textbbox(where, text, font)
        pen.rectangle((box[0] - 14, box[1] - 10, box[2] + 14, box[3] + 10), fill=(20, 20, 20, 255))
    pen.text(where, text, font=font, fill="white", stroke_width=0 if plate else max(2, size // 12), stroke_fill="black")
    return np.asarray(layer, dtype=np.float32)
