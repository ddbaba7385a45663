"""Fits a source of any shape into the vertical frame without cutting off its own text."""

from __future__ import annotations

from dataclasses import dataclass

from flywheel_assets.rendering.canvas import Canvas, centred
from flywheel_assets.rendering.modules.base import RenderModule
from flywheel_assets.rendering.types import Picture, Segment


@dataclass(frozen=True)
class Defaults:
    """Shapes are width by height."""

    fill_tolerance: float = 0.01  # Meta's tolerance for 9:16; within it the picture fills the frame
    banner_shape: float = 1.2  # wider sources leave room for a title above and captions below
    banner_height: float = 612.0  # a 16:9 picture at full width is 608 high
    title_share: float = 0.66  # of the free height, what goes above the picture
    fill_light: float = 0.55  # of its luma, what the blurred copy keeps
    blur: float = 26.0  # standard deviation on the quarter-size copy


class SmartReframe(RenderModule):
    """All of the picture over a blurred copy of itself; a source that is vertical already fills the frame."""

    name = "smart_reframe"
    version = "1"
    promise = "The output has exactly the asked size and square pixels, and nothing of a wider source is cut off."
    defaults = Defaults()

    def place(self, width: int, height: int, canvas: Canvas) -> Picture:
        """Where a source of `width` x `height` display pixels goes."""
        shape, wanted = width / height, canvas.width / canvas.height
        if abs(shape / wanted - 1) <= self.defaults.fill_tolerance or shape < wanted:
            return Picture(mode="fill", box=(0, 0, canvas.width, canvas.height))
        _, top, _, bottom = canvas.safe
        banner = shape >= self.defaults.banner_shape
        high = canvas.width / shape
        if banner:
            high = min(high, canvas.px(self.defaults.banner_height))
        wide = _even(min(high * shape, canvas.width))
        high = _even(high)
        share = self.defaults.title_share if banner else 0.5
        upper = _even(min(max(top + (bottom - top - high) * share, 0), canvas.height - high))
        left, _, right, _ = centred(canvas.width / 2, 0, wide, 0)
        return Picture(mode="fit", box=(left, upper, right, upper + high))

    def picture_filter(self, segment: Segment, canvas: Canvas) -> str | None:
        """The reframed scene; the end card has its own picture."""
        if segment.kind != "scene":
            return None
        if segment.picture.mode == "fill":
            return f"[in]{cover(canvas.width, canvas.height)},setsar=1[base]"
        left, top, right, bottom = (round(edge) for edge in segment.picture.box)
        return (
            f"[in]split[wide][tall];[tall]{self.backdrop(canvas, self.defaults.fill_light)}[fill];"
            f"[wide]scale={right - left}:{bottom - top}:flags=bicubic:out_range=tv,setsar=1[fitted];"
            f"[fill][fitted]overlay={left}:{top}[base]"
        )

    def backdrop(self, canvas: Canvas, light: float) -> str:
        """Filter for a blurred, darkened copy that covers the frame; blurred at a quarter of the size, for speed."""
        wide, high = _even(canvas.width / 4), _even(canvas.height / 4)
        return (
            f"{cover(wide, high)},gblur=sigma={canvas.px(self.defaults.blur):.2f},"
            f"format=yuv420p,lutyuv=y='16+(val-16)*{light}',"
            f"scale={canvas.width}:{canvas.height}:flags=bicubic,setsar=1"
        )


def cover(width: int, height: int) -> str:
    """Filter that scales to cover a size and cuts off what is over."""
    return (
        f"scale={width}:{height}:force_original_aspect_ratio=increase:flags=bicubic:out_range=tv,crop={width}:{height}"
    )


def _even(length: float) -> int:
    """Nearest even number; chroma is stored at half size."""
    return 2 * round(length / 2)
