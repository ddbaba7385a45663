"""The brand's mark all the way through, and how far the advert has come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering.canvas import Canvas, centred, clearest, overlap
from flywheel_assets.rendering.effects import Box, Effect, Logo, Material, Picture, ProgressBar
from flywheel_assets.rendering.modules.auto_captions import AutoCaptions
from flywheel_assets.rendering.modules.base import PlanContext, RenderModule
from flywheel_assets.rendering.modules.hook_title import HookTitle
from flywheel_assets.rendering.palette import ACCENT
from flywheel_assets.rendering.placements import inside
from flywheel_assets.rendering.types import Segment

Size = tuple[float, float]


@dataclass(frozen=True)
class Defaults:
    """Lengths in design pixels."""

    width: float = 86.4  # 8 % of the frame
    widest: float = 216.0  # of a word mark, which at 8 % could not be read
    low: float = 40.0  # what is lower than this at 8 % is made larger, up to the widest
    high: float = 112.0
    opacity: float = 0.85  # over scenes; on the end card nothing shines through
    air: float = 24.0  # to the edge of the picture and to text
    card_scale: float = 2.0  # on the end card, where there is room above the text
    bar: float = 10.0
    rail: float = 0.45  # darkness of what the bar has still to fill


class BrandOverlay(RenderModule):
    """A logo in a corner of the picture, or of the safe box; a bar along the bottom of the safe box."""

    name = "brand_overlay"
    version = "2"
    promise = "The logo is seen from the first frame on and hides neither text nor faces; nothing leaves the safe box."
    defaults = Defaults()

    def lacks(self, context: PlanContext) -> str | None:
        """That nothing is asked for."""
        return None if context.style.logo or context.style.progress_bar else "no logo is given"

    def on_output(self, context: PlanContext) -> tuple[Effect, ...]:
        """The logo in one place over all scenes and in another on the end card, and the bar."""
        found: list[Effect] = []
        if context.style.logo:
            found += self._logos(context.style.logo, context)
        if context.style.progress_bar:
            left, _, right, bottom = context.canvas.safe
            box = _whole((left, bottom - context.canvas.px(self.defaults.bar), right, bottom))
            colour = f"#{ACCENT.red:02x}{ACCENT.green:02x}{ACCENT.blue:02x}"
            found.append(ProgressBar(box=box, colour=colour, start_frame=0, total_frames=context.card_end))
        return tuple(found)

    def filter(self, effect: Effect, canvas: Canvas, tag: str) -> str:
        """The logo, or a bar pushed into a strip cut out of the picture, which hides what is left of it.

        Each is a stream of one picture, which the overlay repeats. An endless one beside a source that ends early
        would keep the program running for ever, or make up for the pictures that are missing.
        """
        if isinstance(effect, Logo):
            return _logo_filter(effect, tag)
        if isinstance(effect, ProgressBar):
            return _bar_filter(effect, tag, self.defaults.rail)
        return super().filter(effect, canvas, tag)

    def material(self, effect: Effect) -> Material | None:
        """The logo's picture."""
        return effect.image if isinstance(effect, Logo) else None

    def _logos(self, image: Picture, context: PlanContext) -> list[Effect]:
        size = self._size(image, context.canvas)
        over_scenes = clearest(self._corners(size, context), self._in_scenes(context))
        places = [(0, context.card_start, over_scenes, self.defaults.opacity)]
        on_card = self._on_card(size, context) if context.card_frames else None
        if on_card:
            places.append((context.card_start, context.card_end, on_card, 1.0))
        return [
            Logo(image=image, box=_whole(box), opacity=opacity, start_frame=start, end_frame=end)
            for start, end, box, opacity in places
        ]

    def _size(self, image: Picture, canvas: Canvas) -> Size:
        """As wide as is usual; a word mark wider, so that it can be read, and a tall mark narrower."""
        use, shape = self.defaults, image.width / image.height
        wide = min(max(use.width, use.low * shape), use.widest)
        high = min(wide / shape, use.high)
        return canvas.px(high * shape), canvas.px(high)

    def _corners(self, size: Size, context: PlanContext) -> tuple[Box, ...]:
        """Corners of what of the picture is left between title and captions, then of the safe box, right before left.

        Both follow from the scenes' shapes alone, not from what a variation says, so that variations share segments.
        """
        air = context.canvas.px(self.defaults.air)
        left, top, right, bottom = context.text_box
        for shot in context.shots:
            picture = context.picture(shot.scene.index)
            left, top = max(left, picture[0]), max(top, picture[1])
            right, bottom = min(right, picture[2]), min(bottom, picture[3])
        title = HookTitle().room(context)
        top = max(top, title[3]) if overlap(title, (left, top, right, bottom)) else top
        for shot in context.shots:
            card = AutoCaptions().room(shot, context)
            bottom = min(bottom, card[1]) if overlap(card, (left, top, right, bottom)) else bottom
        inner = left + air, top + air, right - air, bottom - air
        fits = inner[2] - inner[0] >= size[0] and inner[3] - inner[1] >= size[1]
        return (*(_in_corners(inner, size) if fits else ()), *_in_corners(context.text_box, size))

    def _in_scenes(self, context: PlanContext) -> tuple[Box, ...]:
        """What must not be hidden before the end card: our text, the source's, and faces."""
        found = [one.box for one in context.overlays if one.start_frame < context.card_start]
        for index in sorted({shot.scene.index for shot in context.shots}):
            features = context.features(index)
            found += context.source_text(index)
            found += [context.placed(face.box, index) for face in (features.faces if features else None) or ()]
        return tuple(found)

    def _on_card(self, size: Size, context: PlanContext) -> Box | None:
        """Large above the text, else small in a corner; None where there is no room for it."""
        texts = tuple(one.box for one in context.overlays if one.start_frame >= context.card_start)
        left, top, right, bottom = context.text_box
        air = context.canvas.px(self.defaults.air)
        ceiling = min((box[1] for box in texts), default=bottom) - 2 * air
        scale = min(self.defaults.card_scale, (ceiling - top) / size[1], (right - left) / size[0])
        if scale >= 1:
            wide, high = size[0] * scale, size[1] * scale
            return centred((left + right) / 2, ceiling - high / 2, wide, high)
        corner = clearest(_in_corners(context.text_box, size), texts)
        return None if any(overlap(corner, text) for text in texts) else corner


def require_safe(key: str, segments: Iterable[Segment], canvas: Canvas) -> None:
    """Check that text, logo and bar lie in the box that a platform leaves clear.

    Raises:
        RenderFailed: one does not; names it.
    """
    for segment in segments:
        drawn = [(effect.kind, effect.box) for effect in segment.effects if isinstance(effect, Logo | ProgressBar)]
        for name, box in (*drawn, *((one.role, one.box) for one in segment.overlays)):
            if not inside(box, canvas.safe):
                raise RenderFailed(
                    f"blueprint {key}: outside_safe_zone: its {name} at {_told(box)} leaves the box that "
                    f"{canvas.placement.name} keeps clear, {_told(canvas.safe)}; shorten the text or leave it out"
                )


def _in_corners(box: Box, size: Size) -> tuple[Box, ...]:
    left, top, right, bottom = box
    wide, high = size
    columns, rows = (right - wide, left), (top, bottom - high)
    return tuple((x, y, x + wide, y + high) for y in rows for x in columns)


def _whole(box: Box) -> Box:
    """In even pixels, which is where chroma can be placed, and never larger."""
    left, top = (2.0 * -(-edge // 2) for edge in box[:2])
    return left, top, left + max(2 * ((box[2] - left) // 2), 2), top + max(2 * ((box[3] - top) // 2), 2)


def _told(box: Box) -> str:
    return ", ".join(f"{edge:.0f}" for edge in box)


def _logo_filter(logo: Logo, tag: str) -> str:
    left, top, right, bottom = (round(edge) for edge in logo.box)
    scaled = f"scale={right - left}:{bottom - top}:flags=area,format=rgba,colorchannelmixer=aa={logo.opacity:.3f}"
    shown = f"between(n,{logo.start_frame},{logo.end_frame - 1})"
    return (
        f"null[under{tag}];[image]{scaled},format=yuva420p[mark{tag}];"
        f"[under{tag}][mark{tag}]overlay={left}:{top}:eof_action=repeat:enable='{shown}'"
    )


def _bar_filter(bar: ProgressBar, tag: str, rail: float) -> str:
    left, top, right, bottom = (round(edge) for edge in bar.box)
    wide, high = right - left, bottom - top
    # To an overlay's place the first picture is number 1, though it is number 0 to its `enable`.
    grown = f"{wide}*(n+{bar.start_frame})/{bar.total_frames}-{wide}"
    return (
        f"split[under{tag}][strip{tag}];"
        f"[strip{tag}]crop={wide}:{high}:{left}:{top},drawbox=c=black@{rail}:t=fill[rail{tag}];"
        f"color=c=0x{bar.colour[1:]}:s={wide}x{high},trim=end_frame=1,format=yuv420p[bar{tag}];"
        f"[rail{tag}][bar{tag}]overlay=x='{grown}':eof_action=repeat[filled{tag}];"
        f"[under{tag}][filled{tag}]overlay={left}:{top}"
    )
