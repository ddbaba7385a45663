"""What modules do to pictures, as values of the edit plan. Each module draws its own effects.

Frames count from the start of the clip or segment that carries the effect; boxes are output pixels; shares are of the
source picture.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

Box = tuple[float, float, float, float]


class _Effect(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    module: ClassVar[str]

    def within(self, start: int, end: int) -> Self | None:
        """The effect in frames [start, end), counted from `start`; None where it does nothing there."""
        del start, end
        return self


class _Timed(_Effect):
    """An effect of frames [start_frame, end_frame) and no others."""

    start_frame: int = Field(ge=0)
    end_frame: int = Field(gt=0)

    def within(self, start: int, end: int) -> Self | None:
        first, last = max(self.start_frame, start), min(self.end_frame, end)
        if last <= first:
            return None
        return self.model_copy(update={"start_frame": first - start, "end_frame": last - start})


class Material(BaseModel):
    """A file from outside, by content: a logo, a look, a track. Where it lies is not part of a plan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Picture(Material):
    """A still picture, and its size in pixels."""

    width: int = Field(ge=1)
    height: int = Field(ge=1)


class Steady(_Effect):
    """Camera shake taken out of the source pictures, which are enlarged a little to hide their edges."""

    module: ClassVar[str] = "stabilize"
    kind: Literal["steady"] = "steady"
    smoothing: int = Field(ge=1, description="Pictures on either side that the camera path is smoothed over.")
    zoom: float = Field(ge=0, description="Per cent.")
    edges: tuple[int, ...] = Field((), description="Frames at which the source jumps: where spans begin, and the end.")
    lead: int = Field(default=0, ge=0, description="Frames before the clip that are looked at as well.")
    rest: int = Field(default=0, ge=0, description="Likewise after it.")

    def within(self, start: int, end: int) -> Self:
        """A part that is steadied as it would be in the whole, so that two parts of one span join without a step."""
        lead = min((start - edge for edge in self.edges if edge <= start), default=0)
        rest = min((edge - end for edge in self.edges if edge >= end), default=0)
        handles = {"lead": min(lead, self.smoothing), "rest": min(rest, self.smoothing)}
        return self.model_copy(update={"edges": (), **handles})


class Fit(_Effect):
    """All of the source picture in a box, over a blurred copy of itself."""

    module: ClassVar[str] = "smart_reframe"
    kind: Literal["fit"] = "fit"
    box: Box

    def source_box(self, width: int, height: int) -> Box:
        """Where the whole source picture lies on an output of that size."""
        del width, height
        return self.box

    def source_at(self, frame: int, width: int, height: int) -> Box:
        """As `source_box`: it stays where it is."""
        del frame
        return self.source_box(width, height)

    def source_boxes(self, width: int, height: int) -> tuple[Box, ...]:
        """As `source_box`: it stays where it is."""
        return (self.source_box(width, height),)


Path = tuple[tuple[int, float], ...]


class Crop(_Effect):
    """A window of the source that fills the frame; its edges run straight from point to point."""

    module: ClassVar[str] = "smart_reframe"
    kind: Literal["crop"] = "crop"
    top: float = Field(ge=0, lt=1, description="Shares, as all that follows.")
    width: float = Field(gt=0, le=1)
    height: float = Field(gt=0, le=1)
    path: Path = Field(min_length=1, description="(frame, left edge), frames increasing.")
    tops: Path = Field((), description="(frame, top edge) where the window moves up and down; else it is at `top`.")
    reach: Box | None = Field(None, description="What a moving window shows in its whole shot; the same in each part.")

    def left(self, frame: int) -> float:
        """Left edge at a frame; still before the first point and after the last."""
        return _along(self.path, frame)

    def upper(self, frame: int) -> float:
        """Top edge likewise."""
        return _along(self.tops, frame) if self.tops else self.top

    def within(self, start: int, end: int) -> Self:
        """The part of the path in those frames."""
        tops = _part(self.tops, start, end) if self.tops else ()
        return self.model_copy(update={"path": _part(self.path, start, end), "tops": tops})

    def source_box(self, width: int, height: int) -> Box:
        """Where the whole source picture lies on an output of that size while the window is at its first point."""
        return self.source_at(self.path[0][0], width, height)

    def source_boxes(self, width: int, height: int) -> tuple[Box, ...]:
        """As `source_box`, at each point of the path; between them it moves straight."""
        frames = sorted({frame for frame, _ in (*self.path, *self.tops)})
        return tuple(self.source_at(frame, width, height) for frame in frames)

    def source_at(self, frame: int, width: int, height: int) -> Box:
        """Where it lies at a frame."""
        wide, high = width / self.width, height / self.height
        left, top = -self.left(frame) * wide, -self.upper(frame) * high
        return left, top, left + wide, top + high


def _along(path: Path, frame: int) -> float:
    (from_frame, from_edge), *rest = path
    for to_frame, to_edge in rest:
        if frame <= from_frame:
            break
        if frame < to_frame:
            return from_edge + (to_edge - from_edge) * (frame - from_frame) / (to_frame - from_frame)
        from_frame, from_edge = to_frame, to_edge
    return from_edge


def _part(path: Path, start: int, end: int) -> Path:
    inner = [(frame - start, edge) for frame, edge in path if start < frame < end - 1]
    edges = {0: _along(path, start), end - 1 - start: _along(path, end - 1)}
    part = sorted({**edges, **dict(inner)}.items())
    still = len({edge for _, edge in part}) == 1
    return tuple(part[:1] if still else part)


class Backdrop(_Effect):
    """The picture covers the frame, blurred and darkened, so that text on it can be read."""

    module: ClassVar[str] = "cta_end_card"
    kind: Literal["backdrop"] = "backdrop"
    light: float = Field(gt=0, le=1, description="Share of its luma that is kept.")


class Grade(_Effect):
    """Colour: the middle tones lifted and parted, black and white as they were; what is pale more colourful; then a look."""

    module: ClassVar[str] = "color_grading"
    kind: Literal["grade"] = "grade"
    brightness: float = Field(ge=-0.2, le=0.2, description="What the middle grey gains, as a share of the range.")
    contrast: float = Field(ge=0.5, le=1.5, description="How much farther apart the middle tones are.")
    saturation: float = Field(
        ge=0, le=2, description="Of what is nearly grey; the stronger a colour, the less it gains."
    )
    look: Material | None = Field(None, description="A .cube table.")


class PunchIn(_Timed):
    """The middle of a box enlarged in that box, at once and without a movement."""

    module: ClassVar[str] = "pattern_interrupt"
    kind: Literal["punch_in"] = "punch_in"
    box: Box
    scale: float = Field(gt=1, le=1.5)


class Logo(_Timed):
    """A picture with transparency."""

    module: ClassVar[str] = "brand_overlay"
    kind: Literal["logo"] = "logo"
    image: Picture
    box: Box
    opacity: float = Field(gt=0, le=1)


class ProgressBar(_Effect):
    """A bar that fills its box from left to right while the output plays."""

    module: ClassVar[str] = "brand_overlay"
    kind: Literal["progress_bar"] = "progress_bar"
    box: Box
    colour: str = Field(pattern=r"^#[0-9a-f]{6}$")
    start_frame: int = Field(ge=0, description="Of the output; the bar is full at its last frame.")
    total_frames: int = Field(ge=1)

    def within(self, start: int, end: int) -> Self:
        """The bar as far as it has grown by then."""
        del end
        return self.model_copy(update={"start_frame": self.start_frame + start})


Effect = Annotated[Steady | Fit | Crop | Backdrop | Grade | PunchIn | Logo | ProgressBar, Field(discriminator="kind")]
Framing = Fit | Crop
