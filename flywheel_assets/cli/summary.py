"""What a demo achieved, read back from the outside: the database, the files, the sandbox's journal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from flywheel_assets.cli.days_summary import DaysSummary
from flywheel_assets.core.errors import IntakeRejected
from flywheel_assets.execution import audit
from flywheel_assets.settings import Settings
from flywheel_assets.store import tables
from flywheel_assets.store.store import Store

_REJECTED = ("rejected", "expired", "cancelled")


@dataclass(frozen=True)
class Summary:
    """One creative request from upload to audit.

    Attributes:
        audit_gaps: effects that only our history or only the platform's journal has.
        audit_overtaken: effects nobody answered that something later has replaced; no gaps.
    """

    creative_id: str
    scenes: int
    hooks: int
    drafts: int
    approved: int
    renders: list[dict[str, Any]]
    changes: dict[str, int]
    audit_gaps: int
    audit_overtaken: int


def as_dict(summary: Summary, later: DaysSummary | None, seconds_by_stage: dict[str, float]) -> dict[str, Any]:
    """The demo's machine-readable result."""
    days = {} if later is None else {"days": later.days, "learning": later.learning}
    return {**vars(summary), **days, "seconds_by_stage": seconds_by_stage}


def read_summary(store: Store, upload_name: str, journal: list[dict[str, Any]]) -> Summary:
    """Read everything about the newest upload of that name.

    Raises:
        IntakeRejected: the upload was.
    """
    with store.engine.connect() as connection:
        creative_id = _creative_of(connection, upload_name)
        found = audit.compare(connection, journal)
        return Summary(
            creative_id=creative_id,
            scenes=_count(connection, tables.scenes, creative_id),
            hooks=_count(connection, tables.hooks, creative_id),
            drafts=_count(connection, tables.creative_drafts, creative_id),
            approved=_approved(connection, creative_id),
            renders=_renders(connection, creative_id),
            changes=_changes(connection, creative_id),
            audit_gaps=found.gaps,
            audit_overtaken=found.overtaken.total(),
        )


def creative_of(store: Store, upload_name: str) -> str:
    """The creative of the newest upload of that name.

    Raises:
        IntakeRejected: the upload was.
    """
    with store.engine.connect() as connection:
        return _creative_of(connection, upload_name)


def _creative_of(connection: Connection, upload_name: str) -> str:
    uploads = tables.uploads
    newest = select(uploads).where(uploads.c.name == upload_name).order_by(uploads.c.id.desc()).limit(1)
    row = connection.execute(newest).one()
    if row.creative_id is None:
        raise IntakeRejected(upload_name, row.rule, row.reason, row.remedy)
    return str(row.creative_id)


def _count(connection: Connection, table: Any, creative_id: str) -> int:
    query = select(func.count()).select_from(table).where(table.c.creative_id == creative_id)
    return int(connection.execute(query).scalar_one())


def _approved(connection: Connection, creative_id: str) -> int:
    verdicts = tables.council_verdicts.c
    query = select(func.count(verdicts.key.distinct())).where(verdicts.creative_id == creative_id, verdicts.approved)
    return int(connection.execute(query).scalar_one())


def _renders(connection: Connection, creative_id: str) -> list[dict[str, Any]]:
    rendered, verdicts = tables.renders.c, tables.council_verdicts.c
    hook = verdicts.verdict[("blueprint", "hook", "text")].astext
    query = (
        select(rendered.key, rendered.details, rendered.width, rendered.height, rendered.seconds, hook.label("hook"))
        .join_from(
            tables.renders,
            tables.council_verdicts,
            (verdicts.creative_id == rendered.creative_id) & (verdicts.key == rendered.key),
        )
        .where(rendered.creative_id == creative_id, rendered.passed, verdicts.approved)
        .order_by(rendered.key)
    )
    return [
        {
            "path": row.details["path"],
            "width": row.width,
            "height": row.height,
            "seconds": round(row.seconds, 2),
            "hook": row.hook,
        }
        for row in connection.execute(query)
    ]


def _changes(connection: Connection, creative_id: str) -> dict[str, int]:
    """Deferred counts changes that had to wait for a limit or a video at least once, whatever became of them."""
    queue = tables.pending_ad_changes.c
    ours = queue.campaign_ref == f"{creative_id}/campaign"
    by_status = select(queue.status, func.count().label("number")).where(ours).group_by(queue.status)
    counts = {row.status: row.number for row in connection.execute(by_status)}
    waited = select(func.count()).select_from(tables.pending_ad_changes).where(ours, queue.deferrals > 0)
    return {
        "applied": counts.get("applied", 0),
        "deferred": int(connection.execute(waited).scalar_one()),
        "superseded": counts.get("superseded", 0),
        "rejected": sum(counts.get(status, 0) for status in _REJECTED),
        "dead": counts.get("dead", 0),
    }


def show(summary: Summary, later: DaysSummary | None, settings: Settings) -> str:
    """The summary for a person."""
    one = summary
    renders = [f"           {r['seconds']:5.1f} s  {r['width']}x{r['height']}  {r['hook']}" for r in one.renders]
    lines = [
        "",
        f"creative   {one.creative_id}: {one.scenes} scenes, {one.hooks} hooks, {one.drafts} drafts, {one.approved} approved",
        f"renders    {len(one.renders)} videos in {_near(settings.root / 'renders')}",
        *renders,
        "changes    " + ", ".join(f"{count} {outcome}" for outcome, count in one.changes.items()),
        *([] if later is None else later.lines()),
        f"audit      {one.audit_gaps} gaps between our history and the sandbox's own journal{_overtaken(one)}",
        "",
        "next       flywheel up             the platform with Dagster's UI",
        "           flywheel changes list   every change, and why",
    ]
    return "\n".join(lines)


def _overtaken(one: Summary) -> str:
    if not one.audit_overtaken:
        return ""
    return (
        f"; {one.audit_overtaken} calls took effect unanswered and were overtaken, which our history says they may have"
    )


def _near(path: Path) -> Path:
    """As seen from here, where that is shorter."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
