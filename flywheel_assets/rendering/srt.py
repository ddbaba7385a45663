"""The captions as a SubRip file, for platforms that take one beside the burnt-in text."""

from __future__ import annotations

from flywheel_assets.rendering.types import EditPlan, Overlay


def captions(plan: EditPlan) -> str | None:
    """The file's text; None when the plan has no captions."""
    cards = _cards(plan)
    blocks = (
        f"{number}\n{_clock(card.start_frame, plan.fps)} --> {_clock(card.end_frame, plan.fps)}\n{card.text}\n"
        for number, card in enumerate(cards, start=1)
    )
    return "\n".join(blocks) if cards else None


def _cards(plan: EditPlan) -> list[Overlay]:
    """The caption cards, those cut by a segment whole again."""
    found: list[Overlay] = []
    for overlay in plan.overlays:
        if overlay.role != "caption":
            continue
        if not overlay.entering and found and found[-1].end_frame == overlay.start_frame:
            found[-1] = found[-1].model_copy(update={"end_frame": overlay.end_frame})
        else:
            found.append(overlay)
    return found


def _clock(frame: int, fps: int) -> str:
    seconds, thousandths = divmod(round(frame * 1000 / fps), 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d},{thousandths:03d}"
