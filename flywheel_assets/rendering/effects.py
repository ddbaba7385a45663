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


class Fit(_Effect):
    """All of the source picture in a box, over a blurred copy of itself."""

    module: ClassVar[str] = "smart_reframe"
    kind: Literal["fit"] = "fit"
    box: Box

    def source_box(self, width: int, height: int) -> Box:
        """Where the whole source picture lies on an output of that size."""
        del width, height
        return self.box


class Crop(_Effect):
    """A window of the source that fills the frame; its left edge runs straight from point to point."""

    module: ClassVar[str] = "smart_reframe"
    kind: Literal["crop"] = "crop"
    top: float = Field(ge=0, lt=1, description="Shares, as all that follows.")
    width: float = Field(gt=0, le=1)
    height: float = Field(gt=0, le=1)
    path: tuple[tuple[int, float], ...] = Field(min_length=1, description="(frame, left edge), frames increasing.")

    def left(self, frame: int) -> float:
        """Left edge at a frame; still before the first point and after the last."""
        (from_frame, from_left), *rest = self.path
        for to_frame, to_left in rest:
            if frame <= from_frame:
                break
            if frame < to_frame:
                return from_left + (to_left - from_left) * (frame - from_frame) / (to_frame - from_frame)
            from_frame, from_left = to_frame, to_left
        return from_left

    def within(self, start: int, end: int) -> Self:
        """The part of the path in those frames."""
        inner = [(frame - start, left) for frame, left in self.path if start < frame < end - 1]
        edges = {0: self.left(start), end - 1 - start: self.left(end - 1)}
        path = sorted({**edges, **dict(inner)}.items())
        still = len({left for _, left in path}) == 1
        return self.model_copy(update={"path": tuple(path[:1] if still else path)})

    def source_box(self, width: int, height: int) -> Box:
        """Where the whole source picture lies on an output of that size while the window is at its first point."""
        wide, high = width / self.width, height / self.height
        left, top = -self.path[0][1] * wide, -self.top * high
        return left, top, left + wide, top + high


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
