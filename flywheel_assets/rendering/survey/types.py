"""What the survey hands to planning. Times are seconds of the source, boxes shares of the upright picture.

None means that it was not measured, never that nothing was there.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from flywheel_assets.creative.types import Box, Engine

SubjectKind = Literal["face", "person", "object", "motion", "contrast"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sighting(_Value):
    """Where a subject was at a time. Several at one time are several subjects."""

    time: float
    box: Box
    track: int = Field(0, ge=0, description="Sightings of one track follow one another closely enough to be one thing.")


class Still(_Value):
    """A picture that could become the cover."""

    time: float
    sharpness: float = Field(ge=0, description="Variance of the Laplacian at 640 px, squared grey levels.")
    brightness: float = Field(ge=0, le=1, description="Mean luma.")
    face: float | None = Field(description="Share of the picture under faces; None when nobody looked for any.")
    motion: float | None = Field(description="Larger mean difference to the looks before and after, 0 to 1.")
    fading: bool = Field(description="Part of a dissolve or fade with which the scene begins or ends.")
    edge: float = Field(description="Seconds to the nearer end of the scene.")


class SceneSurvey(_Value):
    """One scene of the source as rendering sees it."""

    index: int
    start: float
    end: float
    subject: tuple[Sighting, ...] = Field(description="In order of time; empty when nothing stands out.")
    subject_kind: SubjectKind | None = Field(
        description="What the sightings are of, the surest kind there is: a face down to mere contrast; None without any."
    )
    shake: float | None = Field(
        description="Length of the unsteady part of the camera's steps in a fifteenth of a second, root mean square, px "
        "of a picture 1080 wide; None where the picture holds nothing to measure it by."
    )
    luma: tuple[float, float, float] = Field(description="1st, 50th and 99th percentile, 0 to 1.")
    clipped: float = Field(description="Share of the picture at the darkest or brightest levels, 0 to 1.")
    saturation: float = Field(description="Mean HSV saturation, 0 to 1.")
    stills: tuple[Still, ...] = Field(min_length=1)


class Survey(_Value):
    """The asked scenes of one video, by index."""

    video_sha256: str
    version: str
    fps: float = Field(gt=0, description="Of the source.")
    faces: Engine = Field(description="What looked for faces, or why nothing did.")
    scenes: tuple[SceneSurvey, ...]

    def scene(self, index: int) -> SceneSurvey | None:
        """What was measured of a scene; None when it was not asked for."""
        return next((found for found in self.scenes if found.index == index), None)


class Key(_Value):
    """Where the crop window's upper left corner is at a time."""

    time: float
    left: float
    top: float


class CropPath(_Value):
    """A window of constant size that moves straight between its keys and rests before the first and after the last."""

    width: float = Field(gt=0, le=1)
    height: float = Field(gt=0, le=1)
    keys: tuple[Key, ...] = Field(min_length=1)

    @property
    def still(self) -> bool:
        """Whether the window never moves."""
        return len({(key.left, key.top) for key in self.keys}) == 1

    def at(self, time: float) -> Box:
        """The window at a time."""
        after = bisect_right([key.time for key in self.keys], time)
        one, two = self.keys[max(after - 1, 0)], self.keys[min(after, len(self.keys) - 1)]
        share = 0.0 if two.time <= one.time else min(max((time - one.time) / (two.time - one.time), 0.0), 1.0)
        left, top = one.left + share * (two.left - one.left), one.top + share * (two.top - one.top)
        return left, top, left + self.width, top + self.height


class Framing(_Value):
    """How a scene fits the output: along a path, or, without one, whole over a blurred copy of itself."""

    path: CropPath | None
    reason: str = Field(description="Why it is so, in a sentence a person can read.")


class Cover(_Value):
    """The picture to show before anybody presses play."""

    scene: int
    time: float
    reason: str
