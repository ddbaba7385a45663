"""Everything that is known of a source video, in one value, and the key under which it may be reused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from flywheel_assets.creative.perception import scenes as cutting
from flywheel_assets.creative.perception.engines import identities
from flywheel_assets.creative.perception.features import features
from flywheel_assets.creative.perception.probe import probe
from flywheel_assets.creative.types import Perception, Scene
from flywheel_assets.settings import Media

# Raise it when a change of this package's own code changes results.
_CODE = 1


def perceive(
    path: Path,
    *,
    video_sha256: str,
    media: Media,
    weights_dir: Path,
    language: str,
    scenes: Sequence[Scene] | None = None,
    progress: cutting.Progress | None = None,
) -> Perception:
    """Probe, cut and measure a local video; ``scenes`` found before are not looked for again.

    Raises:
        IntakeRejected: the file cannot become an advert.
    """
    first = probe(path, media)
    found = tuple(scenes) if scenes is not None else cutting.detect_scenes(path, media, progress)
    measured = features(path, found, weights_dir=weights_dir, language=language, progress=progress)
    return Perception(
        video_sha256=video_sha256,
        fps=first.fps,
        frame_count=found[-1].end_frame,
        width=first.width,
        height=first.height,
        has_audio=first.has_audio,
        scenes=found,
        features=measured.features,
        engines={"scenes": cutting.engine(), **measured.engines},
    )


def settings_digest(media: Media, language: str, weights_dir: Path) -> str:
    """Hexadecimal digest of all that a perception depends on besides the video: equal digests, equal results.

    It covers the engines with their versions and weights, the decoder, the one setting that moves
    cuts and the language. The intake limits are left out: they refuse a video or leave it as it is.
    Where weights lie is left out too, so that an installation that moves keeps what it has seen.
    """
    known = identities(weights_dir, language)
    engines = {name: each.model_dump_json().replace(str(weights_dir), "") for name, each in known.items()}
    parts = {
        "code": _CODE,
        "decoder": version("av"),
        "scenes": cutting.engine().model_dump(),
        "min_scene_seconds": media.min_scene_seconds,
        "language": language,
        "engines": engines,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
