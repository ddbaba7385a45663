"""Perceptions of files outside the platform, kept by content, engines and settings.

Inside it they are rows (`creative.repository`), because stages on other machines read them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from pydantic import ValidationError

from flywheel_assets.clients.weights import sha256_of
from flywheel_assets.creative.perception.guarded import perceive
from flywheel_assets.creative.perception.perceive import settings_digest
from flywheel_assets.creative.perception.scenes import Progress
from flywheel_assets.creative.types import Perception
from flywheel_assets.settings import Settings


def remembered(video: Path, settings: Settings, language: str, progress: Progress | None = None) -> Perception:
    """What there is to see in a video; looked at once.

    Raises:
        IntakeRejected: the file cannot become an advert.
    """
    sha256 = sha256_of(video)
    digest = settings_digest(settings.media, language, settings.weights_path, settings.perception)
    kept = settings.root / "cache" / "perceptions" / f"{sha256}-{digest[:16]}.json"
    if (known := _read(kept)) is not None:
        return known
    found = perceive(
        video,
        video_sha256=sha256,
        media=settings.media,
        weights_dir=settings.weights_path,
        language=language,
        wanted=settings.perception,
        progress=progress,
    )
    _write(kept, found)
    return found


def _read(kept: Path) -> Perception | None:
    """What was kept; None when nothing was, or it is damaged: it can always be looked at again."""
    try:
        return Perception.model_validate_json(kept.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _write(kept: Path, found: Perception) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=kept.parent, prefix=".", delete=False) as handle:
        handle.write(found.model_dump_json().encode())
    Path(handle.name).replace(kept)
