"""What a person may ask of the look and sound of an advert, and the files it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from flywheel_assets.core.account import LoopName
from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering.effects import Material, Picture
from flywheel_assets.rendering.tracks import BeatGrid


class Style(BaseModel):
    """Part of the plan's input: equal styles, blueprints and perceptions give equal plans."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    without: frozenset[str] = Field(frozenset(), description="Modules that are left out, by name.")
    logo: Picture | None = Field(None, description="A PNG with transparency.")
    look: Material | None = Field(None, description="A .cube table of colours.")
    music: Material | LoopName | None = Field(
        None, description="A track to play under the speech; off unless asked for."
    )
    grid: BeatGrid | None = Field(
        None, description="Of a track of one's own, where its beat is steady; `music.read_track`."
    )
    progress_bar: bool = Field(default=False, description="Makes every segment a variation's own: nothing is shared.")


@dataclass(frozen=True)
class Kit:
    """A style and where its files lie, by their hashes."""

    style: Style = field(default_factory=Style)
    files: Mapping[str, Path] = field(default_factory=dict)

    def file(self, material: Material) -> Path:
        """Where a material lies.

        Raises:
            RenderFailed: nowhere.
        """
        path = self.files.get(material.sha256)
        if path is None or not path.is_file():
            raise RenderFailed(
                f"{material.name}: missing_material: no file with content {material.sha256[:12]} is at hand; "
                "give the file again or leave it out"
            )
        return path
