"""How far a creative is: what its rows say, for whoever asked for it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Table, select

from flywheel_assets.core.ids import campaign_of
from flywheel_assets.creative.council.reflexion import told
from flywheel_assets.creative.options import Options
from flywheel_assets.creative.repository import load_verdicts
from flywheel_assets.execution.queue import is_asked_for
from flywheel_assets.settings import Creative
from flywheel_assets.store import tables

# Each stage leaves rows; the last one that did is where the creative is.
_STAGES: tuple[tuple[str, Table], ...] = (
    ("seen", tables.scene_features),
    ("ranked", tables.scene_ctr_predictions),
    ("drafted", tables.creative_drafts),
    ("judged", tables.council_verdicts),
    ("rendered", tables.renders),
    ("planned", tables.publish_plans),
)


def state_of(connection: Connection, creative_id: str, settings: Creative) -> dict[str, Any] | None:
    """The creative in words and figures; None where there is none."""
    known = tables.creatives.c
    query = select(known.options, known.asked_run, known.failure).where(known.creative_id == creative_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    options = Options.model_validate(row.options or {})
    stage = _stage(connection, creative_id)
    return {
        "creative_id": creative_id,
        "stage": stage,
        "under_way": row.asked_run is not None,
        "failure": row.failure,
        "options": options.model_dump(mode="json"),
        "found": _found(connection, creative_id, options.wanted(settings)),
        "videos": [_video(each) for each in _renders(connection, creative_id)],
    }


def _stage(connection: Connection, creative_id: str) -> str:
    if is_asked_for(connection, campaign_of(creative_id)):
        return "launched"
    reached = "taken in"
    for name, table in _STAGES:
        if connection.execute(select(1).select_from(table).where(table.c.creative_id == creative_id).limit(1)).first():
            reached = name
    return reached


def _found(connection: Connection, creative_id: str, wanted: Creative) -> str | None:
    """What the council says of the drafts; None before it has."""
    verdicts = load_verdicts(connection, creative_id)
    return told(verdicts, wanted) if verdicts else None


def _renders(connection: Connection, creative_id: str) -> list[Row[Any]]:
    table = tables.renders.c
    query = select(tables.renders).where(table.creative_id == creative_id)
    return list(connection.execute(query.order_by(table.leads.desc(), table.ratio, table.key)))


def _video(row: Row[Any]) -> dict[str, Any]:
    faults = [
        f"{line['feature']}: {line['value']}, wanted {line['wanted']}" for line in row.quality if not line["passed"]
    ]
    return {
        "variation": row.key,
        "ratio": row.ratio,
        "passed": row.passed,
        "faults": faults,
        "seconds": round(row.seconds, 2),
        "size": f"{row.width}x{row.height}",
        "uri": row.uri,
        "cover_uri": row.cover_uri,
        "plan_hash": row.plan_hash,
    }
