"""The last two seconds: who it is, what is offered, what to do."""

from __future__ import annotations

from dataclasses import dataclass

from flywheel_assets.creative.types import Perception, Scene
from flywheel_assets.rendering import ass
from flywheel_assets.rendering.canvas import Canvas, centred
from flywheel_assets.rendering.effects import Backdrop, Effect
from flywheel_assets.rendering.fonts import clean, fit, require_glyphs
from flywheel_assets.rendering.modules.base import PlanContext, RenderModule
from flywheel_assets.rendering.modules.smart_reframe import blurred
from flywheel_assets.rendering.palette import ACCENT, INK, PAPER
from flywheel_assets.rendering.types import FontName, Overlay, Role


@dataclass(frozen=True)
class Line:
    """How one kind of text is set; lengths in design pixels."""

    font: FontName
    em: float
    max_lines: int
    gap_above: float


@dataclass(frozen=True)
class Defaults:
    """Lengths in design pixels."""

    seconds: float = 2.2
    light: float = 0.38  # white letters keep a contrast above 4.5 on the brightest picture darkened to this
    spacing: float = 1.12
    pad_x: float = 58.0
    pad_y: float = 34.0
    radius: float = 40.0
    brand: Line = Line("Inter Bold", 58, 1, 0)
    brand_alone: Line = Line("Inter Black", 116, 2, 0)
    headline: Line = Line("Inter Black", 96, 3, 56)
    cta: Line = Line("Inter Black", 64, 2, 76)
    proof: Line = Line("Inter Bold", 44, 2, 60)


class CtaEndCard(RenderModule):
    """Centred text over a darkened, blurred still; the call to action on a bright button."""

    name = "cta_end_card"
    version = "1"
    promise = "The last second shows the call to action, the brand and the offer, inside the safe box."
    defaults = Defaults()

    def frames(self, canvas: Canvas) -> int:
        """Length of the card."""
        return canvas.frames(self.defaults.seconds)

    def overlays(self, context: PlanContext) -> tuple[Overlay, ...]:
        """A stack of texts, centred as a whole in the safe box.

        Raises:
            RenderFailed: a character cannot be drawn.
        """
        rows = self._rows(context)
        tops: list[float] = []
        below = 0.0
        for row in rows:
            tops.append(below + row.gap)
            below = tops[-1] + row.height
        _, top, _, bottom = context.text_box
        start = (top + bottom - below) / 2
        return tuple(row.overlay(start + offset, context) for row, offset in zip(rows, tops, strict=True))

    def scene(self, perception: Perception) -> Scene:
        """Whose middle picture lies behind the card: the most colourful, whichever scenes play, so that variations share it."""
        colour = {found.index: found.saturation for found in perception.features}
        return max(perception.scenes, key=lambda scene: colour.get(scene.index, 0.0))

    def draw(self, overlay: Overlay, canvas: Canvas) -> tuple[ass.Event, ...]:
        """The button for the call to action, plain white lines for the rest."""
        use = self.defaults
        if overlay.role == "cta":
            return ass.panel(overlay, canvas, fill=ACCENT, ink=INK, radius=use.radius, spacing=use.spacing)
        return ass.text_lines(overlay, canvas, ink=PAPER, spacing=use.spacing)

    def backdrop(self) -> Backdrop:
        """What lies behind the text."""
        return Backdrop(light=self.defaults.light)

    def filter(self, effect: Effect, canvas: Canvas, tag: str) -> str:
        """The blurred picture."""
        if not isinstance(effect, Backdrop):
            return super().filter(effect, canvas, tag)
        return blurred(canvas, effect.light)

    def _rows(self, context: PlanContext) -> tuple[_Row, ...]:
        """Brand, headline, button, proof; the offer is the headline, the proof stands in where there is none."""
        use, blueprint = self.defaults, context.blueprint
        headline = blueprint.offer or blueprint.proof
        proof = blueprint.proof if blueprint.offer else None
        wanted: tuple[tuple[Role, Line, str | None], ...] = (
            ("brand", use.brand if headline else use.brand_alone, blueprint.brand),
            ("headline", use.headline, headline),
            ("cta", use.cta, blueprint.call_to_action),
            ("proof", use.proof, proof),
        )
        return tuple(self._row(role, line, text, context) for role, line, text in wanted if text)

    def _row(self, role: Role, line: Line, text: str, context: PlanContext) -> _Row:
        use, canvas = self.defaults, context.canvas
        words = clean(text)
        words = words[:1].upper() + words[1:] if role != "brand" else words
        subject = f"blueprint {context.blueprint.key} {role} of the end card"
        require_glyphs(words, line.font, subject, canvas.typefaces)
        pad_x, pad_y = (canvas.px(use.pad_x), canvas.px(use.pad_y)) if role == "cta" else (0.0, 0.0)
        room = canvas.safe[2] - canvas.safe[0] - 2 * pad_x
        fitted = fit(
            words, line.font, em=canvas.px(line.em), width=room, max_lines=line.max_lines, spacing=use.spacing,
            typefaces=canvas.typefaces,
        )  # fmt: skip
        return _Row(
            role, line.font, fitted.lines, fitted.em, fitted.width + 2 * pad_x, fitted.height + 2 * pad_y,
            canvas.px(line.gap_above),
        )  # fmt: skip


@dataclass(frozen=True)
class _Row:
    role: Role
    font: FontName
    lines: tuple[str, ...]
    em: float
    width: float
    height: float
    gap: float

    def overlay(self, top: float, context: PlanContext) -> Overlay:
        return Overlay(
            module=CtaEndCard.name, role=self.role, lines=self.lines, font=self.font, em=self.em,
            box=centred(context.canvas.width / 2, top + self.height / 2, self.width, self.height),
            start_frame=context.card_start, end_frame=context.card_end,
        )  # fmt: skip
