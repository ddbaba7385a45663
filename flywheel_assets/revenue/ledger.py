"""Synthetic revenue: what a deal is worth today, as increments that add up whatever order events came in.

A stage is worth the share of deals in it that are won in the end, times the amount. The ledger is
the account of one deal's way through the stages; its sum is the value of the latest known stage.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from fractions import Fraction

from sqlalchemy import Connection, Engine, select

from flywheel_assets.core.account import Account, Stage
from flywheel_assets.revenue.problems import Problem, lock_account, replace
from flywheel_assets.store.tables import deal_stage_changes, deals, synthetic_revenue

# The rules that are judged anew whenever a deal's ledger is.
LEDGER_RULES = ("unknown_stage", "no_amount", "other_currency")


@dataclass(frozen=True)
class StageChange:
    """A deal came into ``stage``."""

    occurred_at: datetime
    stage: str


@dataclass(frozen=True)
class DealValue:
    """What the CRM says a deal is worth if it is won; minor units, None when nobody entered it."""

    deal_id: int
    amount: int | None
    currency: str


@dataclass(frozen=True)
class Entry:
    """One step of a deal's value, minor units.

    Attributes:
        pipeline: value of the stage.
        cash_increment: the amount when the deal is won, its negative when a won deal reopens.
    """

    position: int
    occurred_at: datetime
    stage: str
    pipeline: int
    pipeline_increment: int
    cash_increment: int


@dataclass(frozen=True)
class LedgerUpdate:
    """What the ledgers of an account say now; amounts in minor units of its currency.

    Attributes:
        deals: deals known.
        valued: those that have a ledger.
        changed: deals whose ledger is another than before.
        pipeline: value of the latest stage of all deals; won ones count in full.
        cash: amounts of the won ones.
    """

    deals: int
    valued: int
    changed: tuple[int, ...]
    pipeline: int
    cash: int
    currency: str
    problems: tuple[Problem, ...]


def ledger(changes: Iterable[StageChange], deal: DealValue, stages: Mapping[str, Stage]) -> tuple[Entry, ...]:
    """The increments of one deal, by occurred time.

    The same changes in any order and number give the same entries. A stage that ``stages`` does
    not list moves nothing: the value stays that of the last known one, because it is neither zero
    nor guessed. Without an amount there is no entry. When the amount changes all entries do: the
    deal was always worth that, we only did not know.
    """
    if deal.amount is None:
        return ()
    entries: list[Entry] = []
    pipeline = cash = 0
    for change in _steps(changes, stages):
        stage = stages[change.stage]
        value = round(deal.amount * Fraction(str(stage.win_probability)))
        paid = deal.amount if stage.outcome == "won" else 0
        entries.append(
            Entry(len(entries), change.occurred_at, change.stage, value, value - pipeline, paid - cash),
        )
        pipeline, cash = value, paid
    return tuple(entries)


def _steps(changes: Iterable[StageChange], stages: Mapping[str, Stage]) -> list[StageChange]:
    """Known stages by time; a stage that is reported again while the deal is in it is no step.

    Changes of the same millisecond have no order of their own; the one nearer to being won counts
    as the later, whatever arrived first.
    """
    known = {change for change in changes if change.stage in stages}
    ordered = sorted(known, key=lambda change: (change.occurred_at, stages[change.stage].win_probability, change.stage))
    return [change for index, change in enumerate(ordered) if index == 0 or ordered[index - 1].stage != change.stage]


def deal_problems(changes: Iterable[StageChange], deal: DealValue, account: Account) -> tuple[Problem, ...]:
    """What keeps this deal's value from being known, in full or in part."""
    stages = account.hubspot.stages if account.hubspot else {}
    subject = f"deal:{deal.deal_id}"
    problems = []
    if unknown := sorted({change.stage for change in changes} - set(stages)):
        problems.append(
            Problem(
                subject,
                "unknown_stage",
                f"stage {', '.join(unknown)} is not in the account's stage map, so its value is not known; "
                "add it under hubspot.stages",
            )
        )
    if deal.currency != account.currency:
        problems.append(
            Problem(
                subject,
                "other_currency",
                f"the deal is in {deal.currency}, the account in {account.currency}; it is not counted",
            )
        )
    elif deal.amount is None:
        problems.append(
            Problem(
                subject, "no_amount", "the deal has no usable amount, so its value is not known; enter it in HubSpot"
            )
        )
    return tuple(problems)


def update_ledger(engine: Engine, account: Account, now: datetime) -> LedgerUpdate:
    """Bring the ledgers of all deals of the account up to what happened until ``now``; one transaction."""
    with engine.begin() as connection:
        lock_account(connection, account.account_id)
        values = _deal_values(connection, account.account_id)
        changes = _changes(connection, account.account_id, now)
        written = _written(connection, account.account_id)
        wanted = {deal.deal_id: _entries(changes[deal.deal_id], deal, account) for deal in values}
        changed = tuple(deal_id for deal_id, entries in wanted.items() if entries != tuple(written[deal_id]))
        for deal_id in changed:
            _rewrite(connection, deal_id, wanted[deal_id], account.currency)
        problems = [problem for deal in values for problem in deal_problems(changes[deal.deal_id], deal, account)]
        subjects = [f"deal:{deal.deal_id}" for deal in values]
        replace(connection, subjects, LEDGER_RULES, problems, account.account_id)
    return LedgerUpdate(
        deals=len(values),
        valued=sum(bool(entries) for entries in wanted.values()),
        changed=changed,
        pipeline=sum(entries[-1].pipeline for entries in wanted.values() if entries),
        cash=sum(entry.cash_increment for entries in wanted.values() for entry in entries),
        currency=account.currency,
        problems=tuple(problems),
    )


def _entries(changes: Iterable[StageChange], deal: DealValue, account: Account) -> tuple[Entry, ...]:
    if account.hubspot is None or deal.currency != account.currency:
        return ()
    return ledger(changes, deal, account.hubspot.stages)


def _deal_values(connection: Connection, account_id: str) -> list[DealValue]:
    table = deals.c
    query = select(table.deal_id, table.amount, table.currency).where(table.account_id == account_id)
    return [DealValue(*row) for row in connection.execute(query.order_by(table.deal_id))]


def _changes(connection: Connection, account_id: str, now: datetime) -> defaultdict[int, list[StageChange]]:
    table = deal_stage_changes.c
    query = (
        select(table.deal_id, table.occurred_at, table.stage)
        .join(deals, deals.c.deal_id == table.deal_id)
        .where(deals.c.account_id == account_id, table.occurred_at <= now)
    )
    found = defaultdict[int, list[StageChange]](list)
    for deal_id, occurred_at, stage in connection.execute(query):
        found[deal_id].append(StageChange(occurred_at, stage))
    return found


def _written(connection: Connection, account_id: str) -> defaultdict[int, list[Entry]]:
    table = synthetic_revenue.c
    columns = [getattr(table, name) for name in Entry.__annotations__]
    query = (
        select(table.deal_id, *columns)
        .join(deals, deals.c.deal_id == table.deal_id)
        .where(deals.c.account_id == account_id)
        .order_by(table.deal_id, table.position)
    )
    found = defaultdict[int, list[Entry]](list)
    for deal_id, *fields in connection.execute(query):
        found[deal_id].append(Entry(*fields))
    return found


def _rewrite(connection: Connection, deal_id: int, entries: Sequence[Entry], currency: str) -> None:
    connection.execute(synthetic_revenue.delete().where(synthetic_revenue.c.deal_id == deal_id))
    rows = [{"deal_id": deal_id, "currency": currency, **asdict(entry)} for entry in entries]
    if rows:
        connection.execute(synthetic_revenue.insert(), rows)
