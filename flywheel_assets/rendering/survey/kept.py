"""Surveys kept on disk, scene by scene: a further variation looks only at scenes that no earlier one played."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from pydantic import ValidationError

from flywheel_assets.core.ids import digest
from flywheel_assets.creative.types import Engine, Perception, Scene
from flywheel_assets.rendering import whole_files
from flywheel_assets.rendering.survey.measure import VERSION, asked, face_eye, look
from flywheel_assets.rendering.survey.settings import DEFAULTS, Measuring
from flywheel_assets.rendering.survey.types import SceneSurvey, Survey

_NAME = 24  # hexadecimal digits of a file's name


def remembered(
    source: Path,
    perception: Perception,
    scenes: Iterable[int],
    weights_dir: Path,
    *,
    cache: Path,
    settings: Measuring = DEFAULTS,
) -> Survey:
    """As `measure.survey`; what was measured before is read from ``cache``, what is damaged there is measured again.

    Raises:
        RenderFailed: as `measure.survey`.
        IntakeRejected: as `measure.survey`.
        StorageFull: the disk has no room for what was measured.
    """
    whole_files.sweep(cache)
    wanted = asked(perception, scenes)
    eye = face_eye(weights_dir)
    places = {scene.index: cache / _name(perception, scene, eye[1], settings) for scene in wanted}
    known = {scene.index: one for scene in wanted if (one := _read(places[scene.index], scene))}
    fresh = look(source, perception, [scene for scene in wanted if scene.index not in known], eye, settings)
    for one in fresh.scenes:
        _write(places[one.index], one)
    found = known | {one.index: one for one in fresh.scenes}
    return fresh.model_copy(update={"scenes": tuple(found[index] for index in sorted(found))})


def _name(perception: Perception, scene: Scene, engine: Engine, settings: Measuring) -> str:
    """A hash of all that decides what is measured: the video, the span, what was seen in it, engines and settings."""
    seen = next((one for one in perception.features if one.index == scene.index), None)
    parts = {
        "video": perception.video_sha256,
        "version": VERSION,
        "decoder": [version("av"), version("opencv-python-headless")],
        "scene": scene.model_dump(mode="json"),
        "seen": None if seen is None else seen.model_dump(mode="json", include={"objects", "faces"}),
        "engine": engine.model_dump(mode="json", exclude={"unavailable"}) | {"missing": bool(engine.unavailable)},
        "settings": asdict(settings),
    }
    return f"{digest(parts)[:_NAME]}.json"


def _read(place: Path, scene: Scene) -> SceneSurvey | None:
    """What was kept; None when nothing was or it is damaged."""
    try:
        found = SceneSurvey.model_validate_json(place.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return found if found.index == scene.index else None


def _write(place: Path, found: SceneSurvey) -> None:
    text = found.model_dump_json()
    whole_files.write(place, lambda part: part.write_text(text, encoding="utf-8"))
