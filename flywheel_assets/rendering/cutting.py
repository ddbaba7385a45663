"""The segments of a plan: shots cut into what is encoded on its own, each with its effects and its text."""

from __future__ import annotations

from dataclasses import dataclass

from flywheel_assets.rendering import timeline
from flywheel_assets.rendering.effects import Effect
from flywheel_assets.rendering.modules.base import PlanContext, RenderModule
from flywheel_assets.rendering.modules.cta_end_card import CtaEndCard
from flywheel_assets.rendering.timeline import Piece, Shot
from flywheel_assets.rendering.types import Clip, Overlay, Segment


@dataclass(frozen=True)
class Cutting:
    """One variation, its modules in order and all of its text."""

    context: PlanContext
    modules: tuple[RenderModule, ...]
    overlays: tuple[Overlay, ...]

    def segments(self) -> tuple[Segment, ...]:
        """Shots cut where the hook ends, so that all but the opening is shared between variations, then the card."""
        pieces = timeline.pieces(self.context.shots, self.context.hook_end)
        scenes = tuple(self._scene(piece) for piece in pieces)
        return (*scenes, self._end_card()) if self.context.card_frames else scenes

    def _scene(self, piece: Piece) -> Segment:
        return Segment(
            kind="scene" if len(piece.shots) == 1 else "transition",
            clips=tuple(self._clip(shot, piece) for shot in piece.shots),
            mix=piece.shots[0].mix if len(piece.shots) > 1 else None,
            frames=piece.end - piece.start,
            effects=self._on_output(piece.start, piece.end),
            overlays=timeline.overlays_within(self.overlays, piece.start, piece.end),
        )

    def _clip(self, shot: Shot, piece: Piece) -> Clip:
        start, end = shot.source(piece.start, piece.end, self.context.canvas)
        effects = [effect for found in self.modules for effect in found.on_shot(shot, self.context)]
        return Clip(
            scene_index=shot.scene.index,
            source_start=start,
            source_end=end,
            frames=piece.end - piece.start,
            effects=_within(effects, piece.start - shot.start, piece.end - shot.start),
        )

    def _end_card(self) -> Segment:
        start, end = self.context.card_start, self.context.card_end
        card = CtaEndCard()
        scene = card.scene(self.context.perception)
        middle = round((scene.start + scene.end) / 2, 6)
        still = Clip(
            scene_index=scene.index,
            source_start=middle,
            source_end=round(scene.end, 6),
            frames=end - start,
            held=True,
            effects=(card.backdrop(),),
        )
        return Segment(
            kind="end_card",
            clips=(still,),
            frames=end - start,
            effects=self._on_output(start, end),
            overlays=timeline.overlays_within(self.overlays, start, end),
        )

    def _on_output(self, start: int, end: int) -> tuple[Effect, ...]:
        return _within([effect for found in self.modules for effect in found.on_output(self.context)], start, end)


def _within(effects: list[Effect], start: int, end: int) -> tuple[Effect, ...]:
    return tuple(part for effect in effects if (part := effect.within(start, end)) is not None)
