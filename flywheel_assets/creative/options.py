"""What a request may ask of its variations beyond video and brief."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from flywheel_assets.settings import Creative

Ratio = Literal["9:16", "4:5", "1:1", "16:9"]
FEWEST, MOST = 5, 10  # variations (A8)


class Options(BaseModel):
    """How many variations, in which shapes, with which captions; what is not asked for is as the settings say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    variations: int | None = Field(None, ge=FEWEST, le=MOST, strict=True)
    ratios: tuple[Ratio, ...] = Field(
        ("9:16",), min_length=1, description="Width to height. The first is published, the others are files beside it."
    )

    captions: Literal["karaoke", "none"] = Field(
        "karaoke",
        description="Of what is said: the word that is spoken is lit, or nothing is shown; either encodes anew.",
    )

    @field_validator("ratios")
    @classmethod
    def _once_each(cls, ratios: tuple[Ratio, ...]) -> tuple[Ratio, ...]:
        if len(set(ratios)) < len(ratios):
            raise ValueError("name each ratio once")
        return ratios

    def wanted(self, settings: Creative) -> Creative:
        """The settings with the number that is asked for."""
        if self.variations is None:
            return settings
        return settings.model_copy(update={"min_variations": self.variations, "max_variations": self.variations})
