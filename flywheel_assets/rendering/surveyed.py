"""What rendering has to know of a video in this installation: looked at once, kept with the other caches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flywheel_assets.creative.types import Blueprint, Perception
from flywheel_assets.rendering.survey.kept import remembered
from flywheel_assets.rendering.survey.types import Survey
from flywheel_assets.store.store import Store


def surveyed(store: Store, source: Path, blueprints: Sequence[Blueprint], perception: Perception) -> Survey | None:
    """The scenes that any of the blueprints plays; None without blueprints.

    Raises:
        RenderFailed: a blueprint plays a scene that the video has not, or that the file shows no picture of.
        IntakeRejected: the file cannot be decoded.
    """
    played = {index for blueprint in blueprints for index in blueprint.scene_order}
    if not played:
        return None
    settings = store.settings
    return remembered(source, perception, played, settings.weights_path, cache=settings.root / "cache" / "surveys")
