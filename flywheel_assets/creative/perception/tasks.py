"""What a child process is asked to do with a video, in JSON; `guarded` asks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flywheel_assets.creative.apart.child import Progress
from flywheel_assets.creative.apart.limits import seal
from flywheel_assets.settings import Media, Perceiving


def look(asked: Mapping[str, Any], _: Progress) -> dict[str, Any]:
    """`probe.probe`. Once the file is open, nothing else can be."""
    from av.subtitles import codeccontext, stream, subtitle  # noqa: F401 - what a file with subtitles would load later

    from flywheel_assets.creative.perception.container import Original
    from flywheel_assets.creative.perception.probe import examine

    path, media = Path(asked["path"]), Media.model_validate(asked["media"])
    with Original(path) as handle:
        seal()
        return examine(handle, path, media).model_dump(mode="json")


def perceive(asked: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """`perceive.perceive`."""
    from flywheel_assets.creative.perception.perceive import perceive as look_and_listen

    found = look_and_listen(
        Path(asked["path"]),
        video_sha256=asked["video_sha256"],
        media=Media.model_validate(asked["media"]),
        weights_dir=Path(asked["weights_dir"]),
        language=asked["language"],
        wanted=Perceiving.model_validate(asked["wanted"]),
        progress=progress,
    )
    return found.model_dump(mode="json")


def sheet(asked: Mapping[str, Any], _: Progress) -> str:
    """`sheet.contact_sheet`, in base 64."""
    from base64 import b64encode

    from flywheel_assets.creative.perception.sheet import contact_sheet
    from flywheel_assets.creative.types import Scene, SceneFeatures

    scenes = [Scene.model_validate(one) for one in asked["scenes"]]
    features = [SceneFeatures.model_validate(one) for one in asked["features"]]
    picture = contact_sheet(Path(asked["path"]), scenes, features, longest=asked["longest"], most=asked["most"])
    return b64encode(picture).decode()
