"""Reading and writing the rows of one creative request, as typed values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.creative.types import (
    Blueprint,
    Brief,
    Hook,
    Perception,
    Scene,
    ScenePrediction,
    Verdict,
)
from flywheel_assets.store import tables
from flywheel_assets.store.rows import replace_rows


@dataclass(frozen=True)
class CreativeRequest:
    """One creative and the video it is made of."""

    creative_id: str
    account_id: str
    brief: Brief
    video_sha256: str
    video_uri: str
    video_name: str
    probe: dict[str, Any]


def load_request(connection: Connection, creative_id: str) -> CreativeRequest:
    """The request of a partition.

    Raises:
        ConfigurationError: there is none, so the partition was not made by an upload.
    """
    joined = tables.creatives.join(tables.videos, tables.creatives.c.video_sha256 == tables.videos.c.sha256)
    query = select(tables.creatives, tables.videos.c.uri, tables.videos.c.name, tables.videos.c.probe).select_from(
        joined
    )
    row = connection.execute(query.where(tables.creatives.c.creative_id == creative_id)).one_or_none()
    if row is None:
        raise ConfigurationError(f"creative {creative_id} is not known; drop its video into the drop folder")
    return CreativeRequest(
        creative_id=creative_id,
        account_id=row.account_id,
        brief=Brief.model_validate(row.brief),
        video_sha256=row.video_sha256,
        video_uri=row.uri,
        video_name=row.name,
        probe=row.probe,
    )


def cached_perception(connection: Connection, video_sha256: str, settings_digest: str) -> Perception | None:
    """What was seen of these bytes with these engines and settings, if they were looked at before."""
    known = tables.perceptions.c
    query = select(known.result).where(known.video_sha256 == video_sha256, known.settings_digest == settings_digest)
    result = connection.execute(query).scalar_one_or_none()
    return None if result is None else Perception.model_validate(result)


def keep_perception(connection: Connection, perception: Perception, settings_digest: str) -> None:
    """Keep what was seen, for every creative of the same video."""
    row = {
        "video_sha256": perception.video_sha256,
        "settings_digest": settings_digest,
        "result": perception.model_dump(mode="json"),
    }
    connection.execute(insert(tables.perceptions).values(row).on_conflict_do_nothing())


def save_perception(connection: Connection, creative_id: str, perception: Perception, settings_digest: str) -> None:
    """Keep what was seen, and note that this creative uses it."""
    keep_perception(connection, perception, settings_digest)
    used = tables.creatives.update().where(tables.creatives.c.creative_id == creative_id)
    connection.execute(used.values(perception_digest=settings_digest))
    features = [{"scene": one.index, "features": one.model_dump(mode="json")} for one in perception.features]
    replace_rows(connection, tables.scene_features, creative_id, features)


def load_perception(connection: Connection, creative_id: str) -> Perception:
    """What was seen of the creative's video.

    Raises:
        ConfigurationError: nobody has looked yet, or an older version did that saw other things.
    """
    request, seen = tables.creatives.c, tables.perceptions.c
    query = select(seen.result).where(
        request.creative_id == creative_id,
        request.video_sha256 == seen.video_sha256,
        request.perception_digest == seen.settings_digest,
    )
    result = connection.execute(query).scalar_one_or_none()
    if result is None:
        raise ConfigurationError(f"creative {creative_id} was not looked at yet; materialise scene_features first")
    try:
        return Perception.model_validate(result)
    except ValidationError:
        message = f"creative {creative_id} was looked at by another version; materialise scene_features again"
        raise ConfigurationError(message) from None


def save_scenes(connection: Connection, creative_id: str, scenes: Sequence[Scene]) -> None:
    """Replace the scenes of a creative."""
    rows = [
        {
            "scene": scene.index,
            "start_frame": scene.start_frame,
            "end_frame": scene.end_frame,
            "start_seconds": scene.start,
            "end_seconds": scene.end,
            "fade_in_frames": scene.fade_in_frames,
            "fade_out_frames": scene.fade_out_frames,
            "clean_start_seconds": scene.clean_start,
            "clean_end_seconds": scene.clean_end,
        }
        for scene in scenes
    ]
    replace_rows(connection, tables.scenes, creative_id, rows)


def load_scenes(connection: Connection, creative_id: str) -> tuple[Scene, ...]:
    """The scenes of a creative, in order."""
    table = tables.scenes.c
    rows = connection.execute(select(tables.scenes).where(table.creative_id == creative_id).order_by(table.scene))
    return tuple(
        Scene(
            index=row.scene,
            start_frame=row.start_frame,
            end_frame=row.end_frame,
            start=row.start_seconds,
            end=row.end_seconds,
            fade_in_frames=row.fade_in_frames,
            fade_out_frames=row.fade_out_frames,
            clean_start=row.clean_start_seconds,
            clean_end=row.clean_end_seconds,
        )
        for row in rows
    )


def save_predictions(connection: Connection, creative_id: str, predictions: Sequence[ScenePrediction]) -> None:
    """Replace the predictions of a creative's scenes."""
    rows = [{"scene": one.index, **one.model_dump(mode="json", exclude={"index"})} for one in predictions]
    replace_rows(connection, tables.scene_ctr_predictions, creative_id, rows)


def load_predictions(connection: Connection, creative_id: str) -> tuple[ScenePrediction, ...]:
    """The predictions of a creative's scenes, best first."""
    table = tables.scene_ctr_predictions.c
    rows = connection.execute(
        select(table.scene.label("index"), table.rank, table.ctr, table.strength, table.model, table.reasons)
        .where(table.creative_id == creative_id)
        .order_by(table.rank)
    )
    return tuple(ScenePrediction.model_validate(dict(row)) for row in rows.mappings())


def save_drafts(connection: Connection, creative_id: str, hooks: Sequence[Hook], drafts: Sequence[Blueprint]) -> None:
    """Replace the hooks and drafts of a creative."""
    replace_rows(
        connection,
        tables.hooks,
        creative_id,
        [{"hook": hook.index, "family": hook.family, "text": hook.text} for hook in hooks],
    )
    rows = [{"key": draft.key, "blueprint": draft.model_dump(mode="json")} for draft in drafts]
    replace_rows(connection, tables.creative_drafts, creative_id, rows)


def load_hooks(connection: Connection, creative_id: str) -> tuple[Hook, ...]:
    """The hooks of a creative, in the director's order."""
    table = tables.hooks.c
    query = select(table.hook.label("index"), table.family, table.text).where(table.creative_id == creative_id)
    return tuple(Hook.model_validate(dict(row)) for row in connection.execute(query.order_by(table.hook)).mappings())


def load_drafts(connection: Connection, creative_id: str) -> tuple[Blueprint, ...]:
    """The drafts of a creative, by key."""
    table = tables.creative_drafts.c
    query = select(table.blueprint).where(table.creative_id == creative_id).order_by(table.key)
    return tuple(Blueprint.model_validate(blueprint) for blueprint in connection.execute(query).scalars())


def ancestors_hooks(connection: Connection, creative_id: str) -> frozenset[str]:
    """Lines that the creatives before this one opened with: a refresh must not publish a tired ad again."""
    texts: set[str] = set()
    parent = _parent(connection, creative_id)
    while parent is not None:
        texts |= {verdict.blueprint.hook.text for verdict in load_verdicts(connection, parent) if verdict.approved}
        parent = _parent(connection, parent)
    return frozenset(texts)


def _parent(connection: Connection, creative_id: str) -> str | None:
    table = tables.creatives.c
    query = select(table.parent_id).where(table.creative_id == creative_id)
    parent: str | None = connection.execute(query).scalar_one()
    return parent


def save_verdicts(connection: Connection, creative_id: str, verdicts: Sequence[Verdict]) -> None:
    """Replace the verdicts of a creative: every draft at every turn."""
    rows = [
        {
            "key": verdict.blueprint.key,
            "turn": verdict.turn,
            "score": verdict.score,
            "approved": verdict.approved,
            "verdict": verdict.model_dump(mode="json"),
        }
        for verdict in verdicts
    ]
    replace_rows(connection, tables.council_verdicts, creative_id, rows)


def load_verdicts(connection: Connection, creative_id: str) -> tuple[Verdict, ...]:
    """The verdicts of a creative, by draft and turn."""
    table = tables.council_verdicts.c
    query = select(table.verdict).where(table.creative_id == creative_id).order_by(table.key, table.turn)
    return tuple(Verdict.model_validate(verdict) for verdict in connection.execute(query).scalars())
