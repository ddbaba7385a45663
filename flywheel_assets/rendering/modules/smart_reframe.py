"""Fits a source of any shape into the frame: a window that follows the subject, else the whole of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from flywheel_assets.rendering.canvas import Canvas, centred
from flywheel_assets.rendering.effects import Box, Crop, Effect, Fit, Framing, Path
from flywheel_assets.rendering.modules import following
from flywheel_assets.rendering.modules.base import PlanContext, RenderModule
from flywheel_assets.rendering.timeline import Shot

BLUR = 26.0  # design pixels, standard deviation on the quarter-size copy


@dataclass(frozen=True)
class Defaults:
    """Shapes are width by height."""

    fill_tolerance: float = 0.01  # Meta's tolerance for 9:16; within it the picture fills the frame
    banner_shape: float = 1.2  # wider sources leave room for a title above and captions below
    banner_height: float = 612.0  # a 16:9 picture at full width is 608 high
    title_share: float = 0.66  # of the free height, what goes above the picture
    fill_light: float = 0.55  # of its luma, what the blurred copy keeps


class SmartReframe(RenderModule):
    """A window on the subject where it is known and fits; else all of the picture over a blurred copy of itself."""

    name = "smart_reframe"
    version = "2"
    promise = (
        "The output has exactly the asked size and square pixels; where a source of another shape is cropped, its "
        "subject stays in the picture and its text whole, and the window moves calmly and never across a cut."
    )
    defaults = Defaults()

    def framings(self, context: PlanContext) -> dict[int, Framing]:
        """How each played scene fits the frame."""
        return {shot.scene.index: self._framing(shot, context) for shot in context.shots}

    def notes(self, context: PlanContext) -> dict[str, str]:
        """Why each scene was cropped, or was not."""
        return {f"scene {shot.scene.index}": following.decided(shot, context).reason for shot in context.shots}

    def _framing(self, shot: Shot, context: PlanContext) -> Framing:
        perception, canvas = context.perception, context.canvas
        if context.survey is None:
            return self.place(perception.width, perception.height, canvas)
        found = following.decided(shot, context)
        if found.path is None:
            return self.whole(perception.width, perception.height, canvas)
        shape, wanted = perception.width / perception.height, canvas.width / canvas.height
        if found.path.width == found.path.height == 1:
            return _middle(shape / wanted)
        return following.window(found.path, shot, canvas.fps)

    def place(self, width: int, height: int, canvas: Canvas) -> Framing:
        """Where a source of `width` x `height` display pixels of which nothing else is known goes; a tall one fills."""
        shape, wanted = width / height, canvas.width / canvas.height
        if abs(shape / wanted - 1) <= self.defaults.fill_tolerance or shape < wanted:
            return _middle(shape / wanted)
        return self.whole(width, height, canvas)

    def whole(self, width: int, height: int, canvas: Canvas) -> Fit:
        """Where all of the picture goes; on an upright frame a wide one leaves room for text above and below."""
        shape = width / height
        _, top, _, bottom = canvas.safe
        banner = shape >= self.defaults.banner_shape
        high = min(canvas.width / shape, canvas.height)
        if banner and canvas.height > canvas.width:
            high = min(high, canvas.px(self.defaults.banner_height))
        wide = _even(min(high * shape, canvas.width))
        high = _even(high)
        share = self.defaults.title_share if banner else 0.5
        upper = _even(min(max(top + (bottom - top - high) * share, 0), canvas.height - high))
        left, _, right, _ = centred(canvas.width / 2, 0, wide, 0)
        return Fit(box=(left, upper, right, upper + high))

    def on_shot(self, shot: Shot, context: PlanContext) -> tuple[Effect, ...]:
        """The framing of its scene."""
        return (context.framings[shot.scene.index],)

    def filter(self, effect: Effect, canvas: Canvas, tag: str) -> str:
        """The picture at the size of the frame."""
        if isinstance(effect, Crop):
            return _window(effect, canvas)
        if not isinstance(effect, Fit):
            return super().filter(effect, canvas, tag)
        left, top, right, bottom = (round(edge) for edge in effect.box)
        return (
            f"split[wide{tag}][tall{tag}];[tall{tag}]{blurred(canvas, self.defaults.fill_light)}[fill{tag}];"
            f"[wide{tag}]scale={right - left}:{bottom - top}:flags=bicubic:out_range=tv,setsar=1[fitted{tag}];"
            f"[fill{tag}][fitted{tag}]overlay={left}:{top}"
        )


def blurred(canvas: Canvas, light: float) -> str:
    """Filter for a blurred, darkened copy that covers the frame; blurred at a quarter of the size, for speed."""
    wide, high = _even(canvas.width / 4), _even(canvas.height / 4)
    return (
        f"{cover(wide, high)},gblur=sigma={canvas.px(BLUR):.2f},"
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


def _middle(narrowness: float) -> Crop:
    """The middle of a source that is so many times as wide for its height as the frame; more or less than 1."""
    wide, high = min(1 / narrowness, 1.0), min(narrowness, 1.0)
    return Crop(top=(1 - high) / 2, width=wide, height=high, path=((0, (1 - wide) / 2),))


def _window(crop: Crop, canvas: Canvas) -> str:
    """The window of the source at the size of the frame.

    A moving one is cut out after scaling, of which only what the shot ever shows is scaled: before it, whole pixels
    of the source, which are larger, would be steps that an eye sees.
    """
    if crop.reach is None:
        window = f"w=2*trunc(iw*{crop.width:.6f}/2):h=2*trunc(ih*{crop.height:.6f}/2)"
        place = f"x='iw*({_along(crop.path)})':y='ih*({_along(_tops(crop))})'"
        return f"crop={window}:{place},{_scaled(canvas.width, canvas.height)}"
    left, top, right, bottom = crop.reach
    wide, high = (right - left) / crop.width * canvas.width, (bottom - top) / crop.height * canvas.height
    x, y = _shifted(crop.path, left, canvas.width / crop.width), _shifted(_tops(crop), top, canvas.height / crop.height)
    return (
        f"{_still(crop.reach)},{_scaled(max(_even(wide), canvas.width), max(_even(high), canvas.height))},"
        f"crop=w={canvas.width}:h={canvas.height}:x='{_along(x)}':y='{_along(y)}':exact=1"
    )


def _tops(crop: Crop) -> Path:
    return crop.tops or ((0, crop.top),)


def _shifted(path: Path, by: float, scale: float) -> Path:
    """The path in output pixels from an edge."""
    return tuple((frame, (edge - by) * scale) for frame, edge in path)


def _still(box: Box) -> str:
    """Filter that cuts out a box given in shares."""
    left, top, right, bottom = box
    wide, high = (
        f"2*min(ceil({side}*{share:.6f}/2),trunc({side}/2))"
        for side, share in (("iw", right - left), ("ih", bottom - top))
    )
    size = f"w='{wide}':h='{high}'"
    return f"crop={size}:x='iw*{left:.6f}':y='ih*{top:.6f}'"


def _scaled(width: int, height: int) -> str:
    return f"scale={width}:{height}:flags=bicubic:out_range=tv,setsar=1"


def _along(path: Path) -> str:
    """An edge as an expression of the frame number n."""
    text = f"{path[-1][1]:.6f}"
    for (frame, left), (to_frame, to_left) in reversed(list(pairwise(path))):
        slope = (to_left - left) / (to_frame - frame)
        text = f"if(lt(n,{to_frame}),{left:.6f}+{slope:.8f}*(n-{frame}),{text})"
    return text
