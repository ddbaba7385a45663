"""A perception as people and programs read it. What the video says is shown as data, next to where it was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from flywheel_assets.creative.perception.texts import whole
from flywheel_assets.creative.types import Perception, SceneFeatures, SeenObject

_MISSING = "not available"
_LOOK = {"brightness", "saturation", "motion", "sharpness", "colours", "text_density"}
_VIDEO = {"video_sha256", "fps", "frame_count", "width", "height", "has_audio"}


def as_dict(perception: Perception) -> dict[str, Any]:
    """Everything of one video; what was not available is None, never empty."""
    rows = perception.features
    texts, words, beats = _all(rows, "texts"), _all(rows, "words"), _all(rows, "beats")
    return {
        "video": perception.model_dump(include=_VIDEO),
        "scenes": [scene.model_dump(exclude={"index"}) for scene in perception.scenes],
        "texts": None if texts is None else [one.model_dump() for one in whole(texts)],
        "unread": _dumped(_all(rows, "unread")),
        "words": None if words is None else [_word(one.model_dump()) for one in words],
        "objects": None if (seen := _all(rows, "objects")) is None else counted(seen, perception),
        "faces": _dumped(_all(rows, "faces")),
        "look": [one.model_dump(include=_LOOK) for one in rows],
        "sound": {
            "loudness": perception.loudness,
            "tempo": perception.tempo,
            "beats": beats,
            "voice": [one.voice for one in rows],
            "loudness_by_scene": [one.loudness for one in rows],
        },
        "engines": engines(perception),
    }


def _all(rows: Sequence[SceneFeatures], name: str) -> list[Any] | None:
    """One modality of all scenes in order; None when it was not available."""
    parts = [getattr(row, name) for row in rows]
    return None if None in parts else [each for part in parts for each in part]


def _dumped(found: Sequence[Any] | None) -> list[dict[str, Any]] | None:
    return None if found is None else [each.model_dump() for each in found]


def _word(word: Mapping[str, Any]) -> dict[str, Any]:
    return {"word": word["text"], **{name: value for name, value in word.items() if name != "text"}}


def counted(seen: Sequence[SeenObject], perception: Perception) -> list[dict[str, Any]]:
    """Each kind of thing with the most of it that one frame shows and the scenes it is in, most frequent first."""
    in_frame = Counter((one.label, one.time) for one in seen)
    scenes: dict[str, set[int]] = {}
    for row in perception.features:
        for one in row.objects or ():
            scenes.setdefault(one.label, set()).add(row.index)
    most = {label: max(n for (other, _), n in in_frame.items() if other == label) for label in scenes}
    order = sorted(scenes, key=lambda label: (-len(scenes[label]), -most[label], label))
    return [{"label": label, "count": most[label], "scenes": sorted(scenes[label])} for label in order]


def engines(perception: Perception) -> dict[str, dict[str, Any]]:
    """Who looked and listened, by modality."""
    return {name: one.model_dump(exclude_none=True) for name, one in sorted(perception.engines.items())}


def scene_rows(perception: Perception) -> list[dict[str, Any]]:
    """One row a scene for a table."""
    return [_row(row) for row in perception.features]


def _row(row: SceneFeatures) -> dict[str, Any]:
    return {
        "scene": row.index,
        "text": _shown(row.texts, "text"),
        "speech": _shown(row.words, "text"),
        "objects": _shown(row.objects, "label"),
        "faces": _MISSING if row.faces is None else _most_at_once(row),
        "colours": " ".join(row.colours or ()),
        "brightness": round(row.brightness, 3),
        "motion": round(row.motion, 4),
        "loudness": _MISSING if row.loudness is None else round(row.loudness, 1),
    }


def _most_at_once(row: SceneFeatures) -> int:
    return max(Counter(face.time for face in row.faces or ()).values(), default=0)


def _shown(found: Sequence[Any] | None, name: str) -> str:
    if found is None:
        return _MISSING
    values = [str(getattr(each, name)) for each in found]
    return " ".join(dict.fromkeys(values) if name == "label" else values)


def summary(perception: Perception) -> str:
    """What was found, in half a line."""
    parts = []
    for modality, name in (("text", "texts"), ("speech", "words"), ("objects", "objects"), ("faces", "faces")):
        found = _all(perception.features, name)
        parts.append(f"{modality} {_MISSING}" if found is None else f"{len(found)} {name}")
    return ", ".join(parts)
