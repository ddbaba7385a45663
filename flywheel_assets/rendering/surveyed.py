"""What rendering has to know of a video in this installation: looked at once, kept with the other caches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flywheel_assets.creative.perception.guarded import decode_apart
from flywheel_assets.creative.types import Blueprint, Perception
from flywheel_assets.rendering import room
from flywheel_assets.rendering.survey.types import Survey
from flywheel_assets.store.store import Store

_TASK = "flywheel_assets.rendering.survey.tasks:survey"


def surveyed(store: Store, source: Path, blueprints: Sequence[Blueprint], perception: Perception) -> Survey | None:
    """The scenes that any of the blueprints plays; None without blueprints. A child process looks at them.

    Raises:
        RenderFailed: a blueprint plays a scene that the video has not, or that the file shows no picture of.
        IntakeRejected: the file cannot be decoded, or not within the limits of a look at a whole video.
        ChildBroke: somebody else ended the child, or its code is wrong.
        StorageFull: a disk has no room for it.
    """
    played = {index for blueprint in blueprints for index in blueprint.scene_order}
    if not played:
        return None
    settings = store.settings
    cache = settings.root / "cache" / "surveys"
    asked = {
        "source": str(source),
        "perception": perception.model_dump(mode="json"),
        "scenes": sorted(played),
        "weights_dir": str(settings.weights_path),
        "cache": str(cache),
    }
    with room.told("survey of the scenes", cache):
        return Survey.model_validate(decode_apart(_TASK, source, asked, settings.media))
