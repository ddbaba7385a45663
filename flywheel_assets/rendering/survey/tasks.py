"""What a child process is asked to do with a video, in JSON; `surveyed` asks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flywheel_assets.creative.apart.child import Progress
from flywheel_assets.creative.types import Perception
from flywheel_assets.rendering.survey.kept import remembered


def survey(asked: Mapping[str, Any], _: Progress) -> dict[str, Any]:
    """`kept.remembered`."""
    found = remembered(
        Path(asked["source"]),
        Perception.model_validate(asked["perception"]),
        asked["scenes"],
        Path(asked["weights_dir"]),
        cache=Path(asked["cache"]),
    )
    return found.model_dump(mode="json")
