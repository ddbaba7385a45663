"""When a person has to be told."""

import dagster as dg

from flywheel_assets.execution.alerts import open_alerts
from flywheel_assets.monitoring.notices import post_notices
from flywheel_assets.store.store import Store


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Posts every newly opened alert to FLYWHEEL_NOTICE_URL. It starts no run: the executor waits for nobody.",
)
def alerts(context: dg.SensorEvaluationContext, store: dg.ResourceParam[Store]) -> dg.SkipReason:
    """One round. Without an address each alert is told of here, once: the cursor is the newest one told."""
    if store.settings.notice_url is None:
        with store.engine.connect() as connection:
            rows = [row for row in open_alerts(connection) if int(str(row["id"])) > _newest_told(context.cursor)]
        if not rows:
            return dg.SkipReason("no new alert")
        context.update_cursor(str(rows[-1]["id"]))
        told = "; ".join(f"{row['account_id']}, {row['rule']}: {row['reason']}" for row in rows)
        said = f"{len(rows)} new alerts stay rows, as FLYWHEEL_NOTICE_URL is not set: {told}"
        context.log.warning(said)
        return dg.SkipReason(said)
    posted = post_notices(store.engine, store.settings)
    if posted.problem is not None:
        context.log.warning(posted.problem)
        return dg.SkipReason(f"{posted.told} alerts posted, then {posted.problem}; tried again later")
    return dg.SkipReason(f"{posted.told} alerts posted" if posted.told else "no new alert")


def _newest_told(cursor: str | None) -> int:
    """A cursor that nobody can read tells everything again."""
    return int(cursor) if cursor is not None and cursor.isascii() and cursor.isdigit() else 0
