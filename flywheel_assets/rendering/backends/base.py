"""What a backend gives for a segment."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from flywheel_assets.rendering.style import Kit
from flywheel_assets.rendering.types import Segment


class Recipe(Protocol):
    """How one segment is encoded."""

    @property
    def subject(self) -> str:
        """What is made, for people."""
        ...

    @property
    def frames(self) -> int:
        """How many pictures have to come out."""
        ...

    @property
    def key(self) -> str:
        """Hash of all that decides its pictures: the source, the span, the effects, the text, the encoder, the program."""
        ...

    def encode(self, source: Path, target: Path, kit: Kit, timeout: float) -> None:
        """Write the segment, video only.

        Raises:
            RenderFailed: it could not be made, or not in `timeout` seconds.
        """
        ...


def name_of(segment: Segment) -> str:
    """What a person calls a segment."""
    if segment.kind == "end_card":
        return "segment of end card"
    return f"segment of {' to '.join(f'scene {clip.scene_index}' for clip in segment.clips)}"
