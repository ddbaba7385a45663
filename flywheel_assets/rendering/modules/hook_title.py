"""The opening line on the screen, from the first frame."""

from __future__ import annotations

from dataclasses import dataclass

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering import ass
from flywheel_assets.rendering.canvas import Canvas, centred, clearest
from flywheel_assets.rendering.effects import Box
from flywheel_assets.rendering.fonts import clean, fit, require_glyphs
from flywheel_assets.rendering.modules.base import PlanContext, RenderModule
from flywheel_assets.rendering.palette import INK, PAPER
from flywheel_assets.rendering.types import FontName, Overlay


@dataclass(frozen=True)
class Defaults:
    """Lengths in design pixels."""

    font: FontName = "Inter Black"
    em: float = 78.0
    smallest_em: float = 32.0
    max_lines: int = 2
    spacing: float = 1.14
    pad_x: float = 38.0
    pad_y: float = 22.0
    radius: float = 26.0


class HookTitle(RenderModule):
    """Dark letters on a white panel, so that the contrast does not depend on the picture."""

    name = "hook_title"
    version = "1"
    promise = "The hook can be read at half a second, lies inside the safe box and is gone after its time."
    defaults = Defaults()

    def overlays(self, context: PlanContext) -> tuple[Overlay, ...]:
        """One title from frame 0 to the hook's end.

        Raises:
            RenderFailed: a character cannot be drawn, or two lines cannot hold the text at a readable size.
        """
        use, canvas = self.defaults, context.canvas
        subject = f"blueprint {context.blueprint.key} hook"
        text = clean(context.blueprint.hook.text)
        require_glyphs(text, use.font, subject, canvas.typefaces)
        room = canvas.safe[2] - canvas.safe[0] - 2 * canvas.px(use.pad_x)
        fitted = fit(
            text, use.font, em=canvas.px(use.em), width=room, max_lines=use.max_lines, spacing=use.spacing,
            typefaces=canvas.typefaces,
        )  # fmt: skip
        if fitted.em < canvas.px(use.smallest_em):
            raise RenderFailed(
                f"{subject}: too_long: {len(text)} characters need letters of {fitted.em:.0f} px in {use.max_lines} "
                f"lines, the smallest readable are {canvas.px(use.smallest_em):.0f} px; shorten it"
            )
        size = fitted.width + 2 * canvas.px(use.pad_x), fitted.height + 2 * canvas.px(use.pad_y)
        box = _place(size, context)
        return (
            Overlay(
                module=self.name, role="hook", lines=fitted.lines, font=use.font, em=fitted.em, box=box,
                start_frame=0, end_frame=context.hook_end,
            ),
        )  # fmt: skip

    def room(self, context: PlanContext) -> Box:
        """Where the tallest title would go if nothing were in its way."""
        use, canvas = self.defaults, context.canvas
        high = canvas.px(use.em * (use.spacing * (use.max_lines - 1) + 1) + 2 * use.pad_y)
        return _options((canvas.safe[2] - canvas.safe[0], high), context)[0]

    def draw(self, overlay: Overlay, canvas: Canvas) -> tuple[ass.Event, ...]:
        """Panel and lines, which pop in together."""
        return ass.panel(
            overlay, canvas, fill=PAPER, ink=INK, radius=self.defaults.radius, spacing=self.defaults.spacing
        )


def _place(size: tuple[float, float], context: PlanContext) -> Box:
    """Above the picture where there is room, else where it hides least of the text of the scenes it is shown over."""
    shown = [shot.scene.index for shot in context.shots if shot.start < context.hook_end]
    return clearest(_options(size, context), tuple(box for index in shown for box in context.source_text(index)))


def _options(size: tuple[float, float], context: PlanContext) -> tuple[Box, ...]:
    _, top, _, bottom = context.text_box
    above = (top + context.picture(context.shots[0].scene.index)[1]) / 2
    middles = (max(above, top + size[1] / 2), (top + bottom) / 2, bottom - size[1] / 2)
    return tuple(centred(context.canvas.width / 2, middle, *size) for middle in middles)
