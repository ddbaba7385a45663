"""What the sampler and the learning loops are told: each ledger step times each ad's part in the deal.

``ml_feedback`` states, it does not log: a deal's rows always are its ledger as it stands, split by
its attribution as it stands. When either changes, the deal's rows are put right in place, so that
their sum is right at any time; readers add up what they find and never keep a running total.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, Engine, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.core.account import Account
from flywheel_assets.revenue.problems import lock_account
from flywheel_assets.store.tables import attributions, deals, ml_feedback, synthetic_revenue

_KEY = ("ad_id", "deal_id", "position")


@dataclass(frozen=True)
class Step:
    """One ledger entry as far as feedback needs it; minor units."""

    position: int
    occurred_at: datetime
    stage: str
    pipeline_increment: int
    cash_increment: int


@dataclass(frozen=True)
class Fed:
    """What the feedback of an account says now; amounts in minor units of its currency.

    Attributes:
        count: rows, one an ad, deal and ledger step.
        written: rows that are new or were put right in this run.
        withdrawn: rows that no longer hold and were removed.
        pipeline, cash: attributed to ads; what came from none of them is not in here.
    """

    count: int
    written: int
    withdrawn: int
    pipeline: int
    cash: int
    currency: str


def split(total: int, weights: Sequence[float]) -> list[int]:
    """``total`` in integer parts proportional to ``weights``, which sum to 1; the parts sum to ``total``.

    Largest remainder; of equal remainders the earlier part gets the unit.
    """
    exact = [Fraction(weight) for weight in weights]
    shares = [total * weight / sum(exact) for weight in exact]
    parts = [share.numerator // share.denominator for share in shares]
    by_remainder = sorted(range(len(parts)), key=lambda index: (parts[index] - shares[index], index))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def split_increments(increments: Sequence[int], weights: Sequence[float]) -> list[list[int]]:
    """Each increment in parts that sum to it, one list an increment.

    Running totals are split, not increments: an ad's parts then add up to its part of the deal's
    value, without a cent gained or lost on the way, and to nothing when the deal is lost.
    """
    before, total = [0] * len(weights), 0
    parts = []
    for increment in increments:
        total += increment
        now = split(total, weights)
        parts.append([new - old for new, old in zip(now, before, strict=True)])
        before = now
    return parts


def write_feedback(engine: Engine, account: Account) -> Fed:
    """Make the account's feedback equal to its ledgers times its attributions; one transaction."""
    with engine.begin() as connection:
        lock_account(connection, account.account_id)
        wanted = _wanted(connection, account)
        known = _known(connection, account.account_id)
        written = [row for key, row in wanted.items() if known.get(key) != row]
        withdrawn = sorted(set(known) - set(wanted))
        if withdrawn:
            key = tuple_(*(ml_feedback.c[name] for name in _KEY))
            connection.execute(ml_feedback.delete().where(key.in_(withdrawn)))
        if written:
            statement = insert(ml_feedback)
            mended = {name: statement.excluded[name] for name in written[0]}
            connection.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=mended), written)
    return Fed(
        count=len(wanted),
        written=len(written),
        withdrawn=len(withdrawn),
        pipeline=sum(row["pipeline_increment"] for row in wanted.values()),
        cash=sum(row["cash_increment"] for row in wanted.values()),
        currency=account.currency,
    )


def _wanted(connection: Connection, account: Account) -> dict[tuple[Any, ...], dict[str, Any]]:
    """All rows there should be, by key. A deal that is not attributed yet has none."""
    parts_of = _parts(connection, account.account_id)
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for deal_id, steps in _steps(connection, account.account_id).items():
        for row in _rows(steps, parts_of.get(deal_id, {})):
            full = {"account_id": account.account_id, "deal_id": deal_id, "currency": account.currency, **row}
            rows[tuple(full[name] for name in _KEY)] = full
    return rows


def _rows(steps: Sequence[Step], parts: dict[str | None, float]) -> list[dict[str, Any]]:
    if not parts:
        return []
    weights = list(parts.values())
    pipeline = split_increments([step.pipeline_increment for step in steps], weights)
    cash = split_increments([step.cash_increment for step in steps], weights)
    return [
        {
            "ad_id": ad_id,
            "position": step.position,
            "occurred_at": step.occurred_at,
            "stage": step.stage,
            "pipeline_increment": pipeline[index][column],
            "cash_increment": cash[index][column],
        }
        for index, step in enumerate(steps)
        for column, ad_id in enumerate(parts)
        if ad_id is not None
    ]


def _parts(connection: Connection, account_id: str) -> dict[int, dict[str | None, float]]:
    """Weight by ad of every deal, best candidate first; None is what came from no ad."""
    table = attributions.c
    query = select(table.deal_id, table.ad_id, table.weight).where(table.account_id == account_id)
    parts: dict[int, dict[str | None, float]] = defaultdict(dict)
    for deal_id, ad_id, weight in connection.execute(query.order_by(table.deal_id, table.candidate)):
        parts[deal_id][ad_id] = weight
    return parts


def _steps(connection: Connection, account_id: str) -> dict[int, list[Step]]:
    table = synthetic_revenue.c
    query = (
        select(table.deal_id, *(table[name] for name in Step.__annotations__))
        .join(deals, deals.c.deal_id == table.deal_id)
        .where(deals.c.account_id == account_id)
        .order_by(table.deal_id, table.position)
    )
    steps: dict[int, list[Step]] = defaultdict(list)
    for deal_id, *fields in connection.execute(query):
        steps[deal_id].append(Step(*fields))
    return steps


def _known(connection: Connection, account_id: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    table = ml_feedback.c
    columns = [column for column in table if column.name != "id"]
    rows = connection.execute(select(*columns).where(table.account_id == account_id)).mappings()
    return {tuple(row[name] for name in _KEY): dict(row) for row in rows}
