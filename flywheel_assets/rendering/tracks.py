"""Music as a plan names it: which track, how loud, and where its beats are."""

from __future__ import annotations

from bisect import bisect_left

from pydantic import BaseModel, ConfigDict, Field

from flywheel_assets.core.account import LoopName
from flywheel_assets.rendering.effects import Material


class BeatGrid(BaseModel):
    """The beats of a track that begins again when it ends."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: float = Field(gt=0, description="Length of the track.")
    beats: tuple[float, ...] = Field(min_length=1, description="Seconds from its start, increasing, all within it.")

    def nearest(self, time: float) -> float:
        """The beat nearest to a time of the endless repetition."""
        turn, place = divmod(time, self.seconds)
        around = (self.beats[-1] - self.seconds, *self.beats, self.beats[0] + self.seconds)
        after = min(bisect_left(around, place), len(around) - 1)
        return turn * self.seconds + min(around[max(after - 1, 0) : after + 1], key=lambda beat: abs(beat - place))


class Music(BaseModel):
    """A track from the first frame to the last, over and over where it is short."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    track: Material | LoopName
    under: float = Field(gt=0, description="Loudness units below the speech while somebody speaks.")
    fade_seconds: float = Field(gt=0, description="At the end of the output.")
