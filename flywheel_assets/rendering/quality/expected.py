"""What the plan asks of the file, put as questions to pictures and sounds: nothing here is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from flywheel_assets.rendering.effects import Box, Steady
from flywheel_assets.rendering.types import EditPlan, Role, Segment

_HOOK_SECONDS = 0.5  # the hook is readable by then
_LAST_SECONDS = 0.5  # before the end: what the card shows is judged in the last second
_POP_SECONDS = 0.17  # a text grows to its size in less
_CARDS = 3  # captions that are read


@dataclass(frozen=True)
class Asked:
    """A text the plan shows in output frames [start, end), whole again where a cut went through it.

    Attributes:
        frame: output frame in which it is looked for.
        outside: output frame shortly before or after it that shows the same scene without it; None if there is none.
    """

    role: Role
    lines: tuple[str, ...]
    box: Box
    start: int
    end: int
    frame: int = 0
    outside: int | None = None

    @property
    def text(self) -> str:
        """The lines as one string."""
        return " ".join(self.lines)


def asked(plan: EditPlan) -> tuple[Asked, ...]:
    """The texts to look for, each with the frame to look in: all but the captions, of which a sample."""
    whole = texts(plan)
    fixed = [_placed(found, plan) for found in whole if found.role != "caption"]
    frames = {found.frame for found in fixed}
    cards = [found for found in whole if found.role == "caption"]
    return tuple(_placed(found, plan, frames) for found in (*fixed, *_sample(cards, frames, plan)))


def texts(plan: EditPlan) -> tuple[Asked, ...]:
    """All texts of the plan."""
    found: list[Asked] = []
    for one in plan.overlays:
        new = Asked(one.role, one.lines, one.box, one.start_frame, one.end_frame)
        same = next((i for i, old in enumerate(found) if _continues(old, new) and not one.entering), None)
        if same is None:
            found.append(new)
        else:
            found[same] = replace(found[same], end=new.end)
    return tuple(found)


def boxes_at(plan: EditPlan) -> tuple[tuple[int, int, Box], ...]:
    """Where and when the picture is covered by text: start, end, box."""
    return tuple((found.start_frame, found.end_frame, found.box) for found in plan.overlays)


def pieces(plan: EditPlan, start: int, end: int) -> Iterator[tuple[Segment, int, int]]:
    """The parts of output frames [start, end) by segment: the segment and its own frames [from, to)."""
    offset = 0
    for segment in plan.segments:
        low, high = max(start, offset), min(end, offset + segment.frames)
        if low < high:
            yield segment, low - offset, high - offset
        offset += segment.frames


def may_stand(segment: Segment) -> bool:
    """Whether the plan holds a picture, or takes the camera's movement out of it."""
    return all(clip.held or any(isinstance(each, Steady) for each in clip.effects) for clip in segment.clips)


def _continues(old: Asked, new: Asked) -> bool:
    return (old.role, old.lines, old.box, old.end) == (new.role, new.lines, new.box, new.start)


def _placed(found: Asked, plan: EditPlan, frames: frozenset[int] | set[int] = frozenset()) -> Asked:
    """With its frames: one already looked at if it is shown there, else where its role is judged."""
    settled = _settled(found, plan)
    shared = [frame for frame in frames if settled <= frame < found.end] if found.role == "caption" else []
    if shared:
        frame = min(shared)
    elif found.role == "hook":
        frame = min(found.start + round(_HOOK_SECONDS * plan.fps), found.end - 1)
    elif found.role == "caption":
        frame = (settled + found.end) // 2
    else:
        frame = max(found.end - 1 - round(_LAST_SECONDS * plan.fps), settled)
    placed = replace(found, frame=frame)
    return replace(placed, outside=_outside(placed, plan))


def _outside(found: Asked, plan: EditPlan) -> int | None:
    """A frame next to the text's time in which the same scene is shown."""
    scenes = [segment.scene_index for segment in plan.segments for _ in range(segment.frames)]
    scene = scenes[found.frame]
    near = (frame for frame in (found.end, found.start - 1) if 0 <= frame < len(scenes))
    return None if scene is None else next((frame for frame in near if scenes[frame] == scene), None)


def _settled(found: Asked, plan: EditPlan) -> int:
    """First frame in which the text has its full size, or its last frame."""
    return min(found.start + round(_POP_SECONDS * plan.fps), found.end - 1)


def _sample(cards: list[Asked], frames: set[int], plan: EditPlan) -> list[Asked]:
    """Cards shown in frames that are looked at anyway, then others spread evenly over the film."""
    chosen = [card for card in cards if any(_settled(card, plan) <= frame < card.end for frame in frames)][:_CARDS]
    rest = [card for card in cards if card not in chosen]
    missing = min(_CARDS - len(chosen), len(rest))
    return [*chosen, *(rest[(2 * place + 1) * len(rest) // (2 * missing)] for place in range(missing))]
