"""What all assets share: the partitions, owners, and how results are shown."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from flywheel_assets.core.hours import HOUR, floor_hour
from flywheel_assets.core.ids import campaign_of
from flywheel_assets.core.money import minor_digits
from flywheel_assets.execution.queue import is_asked_for
from flywheel_assets.settings import FIRST_HOUR
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.store import Store

CREATIVES = dg.DynamicPartitionsDefinition(name="creatives")
HOURS = dg.HourlyPartitionsDefinition(start_date=FIRST_HOUR)

# A backfill of many hours is one run. Beta in Dagster, whose version is pinned exactly; so it is not told at every start.
warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)
ONE_RUN = dg.BackfillPolicy.single_run()
OWNERS = ["team:growth"]

# Tags of the assets that may lead to a call that moves money, so that they can be found and are not run by mistake.
QUEUES = {"money": "queues_changes"}
SENDS = {"money": "sends_changes"}
STOPS = {"money": "stops_spend"}

# The metadata entry that the terminal shows beside the stage's name.
SUMMARY = "summary"


def table(rows: Iterable[Mapping[str, Any]]) -> dg.MetadataValue:
    """Rows as a table in the UI; numbers stay numbers, everything else becomes text."""
    records = [dg.TableRecord({key: _cell(value) for key, value in row.items()}) for row in rows]
    return dg.MetadataValue.table(records) if records else dg.MetadataValue.text("none")


def _cell(value: Any) -> str | int | float | bool:
    if isinstance(value, float):
        return round(value, 4 if abs(value) < 10 else 2)  # noqa: PLR2004 - a rate is small, an amount is not
    return value if isinstance(value, str | int | float | bool) else ("" if value is None else str(value))


def units(minor: int | None, currency: str) -> float | None:
    """An amount in dollars rather than cents, as a number, so that the UI can plot it; our books keep whole cents."""
    return None if minor is None else minor / 10 ** minor_digits(currency)


def check(name: str, *, passed: bool, found: str, blocking: bool = True) -> dg.AssetCheckResult:
    """A check's result with what was found, in words."""
    severity = dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(check_name=name, passed=passed, severity=severity, metadata={"found": found})


def hours_of(context: dg.AssetExecutionContext) -> list[datetime]:
    """The hours of a run, oldest first: one when the schedule asked, many in a backfill."""
    return sorted(datetime.strptime(key, HOURS.fmt).replace(tzinfo=UTC) for key in context.partition_keys)


def key_of(hour: datetime) -> str:
    """The partition key of an hour."""
    return hour.strftime(HOURS.fmt)


def last_closed_hour(store: Store) -> datetime:
    """The newest hour that is over in business time."""
    with store.engine.connect() as connection:
        return floor_hour(business_now(connection)) - HOUR


def log_progress(context: dg.AssetExecutionContext) -> Callable[[str, int, int], None]:
    """A progress callback that logs each stage in about ten steps, not once a frame."""
    told: dict[str, int] = {}

    def progress(stage: str, done: int, total: int) -> None:
        tenth = 10 if done >= total else done * 10 // total
        if told.get(stage) != tenth:
            told[stage] = tenth
            context.log.info("%s: %d of %d", stage, done, total)

    return progress


def standing(store: Store, creative_id: str, checks: Iterable[str] = ()) -> dg.MaterializeResult[Any] | None:
    """The result of a stage whose outcome runs at the platform by now, None while nothing was asked for.

    Made again, the drafts and renders under an ad's name would not be the ones that run, and what is
    learned from the ad would be learned about something else. A new generation is a new creative.
    """
    with store.engine.connect() as connection:
        if not is_asked_for(connection, campaign_of(creative_id)):
            return None
    held = [check(name, passed=True, found="as it was when its ads were asked for") for name in checks]
    return materialized(store, "stands: its ads were asked for", {"stands": True}, held)


def materialized(
    store: Store,
    summary: str,
    metadata: Mapping[str, Any],
    checks: Sequence[dg.AssetCheckResult] = (),
) -> dg.MaterializeResult[Any]:
    """A result with its one-line summary and the world it belongs to."""
    shown = {SUMMARY: summary, **metadata, "world": store.settings.world}
    return dg.MaterializeResult(metadata=shown, check_results=list(checks))
