"""The same history from our own tables: hours of `ad_insights`, and deals with the stages we saw them enter."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, Select, select

from flywheel_assets.budget.backtest.history import NEVER, Deals, Delivery, History, HistoryRefused
from flywheel_assets.budget.backtest.insights import Report, delivery_of
from flywheel_assets.core.account import Account
from flywheel_assets.core.hours import HOUR
from flywheel_assets.core.money import minor_digits
from flywheel_assets.store.tables import ad_insights, attributions, deal_stage_changes, deals


def stored_history(connection: Connection, account: Account) -> History:
    """What the platform and the CRM told about an account. A deal belongs to the ad that attribution holds likeliest.

    Raises:
        HistoryRefused: there are no hours, or the account has no CRM.
    """
    if account.hubspot is None:
        raise HistoryRefused([f"account {account.account_id} has no CRM: without deals there is no revenue to test on"])
    delivery = _delivery(connection, account)
    known = account.hubspot.stages
    passed = sorted(
        (name for name in known if known[name].outcome != "lost"), key=lambda name: known[name].win_probability
    )
    stages = tuple(sorted(passed, key=lambda name: known[name].outcome == "won"))
    rows = connection.execute(_deals_query(account.account_id)).all()
    mine = [
        row for row in rows if row.ad_id in delivery.ads and row.created_at >= delivery.begin and row.stage in known
    ]
    noticed = [f"{len(rows) - len(mine)} of {len(rows)} deals have no ad or no stage of this history: left out"]
    found = _deals(connection, mine, delivery, stages, account)
    moments = [float(delivery.start[-1]) + 1, *found.created, *found.entered[np.isfinite(found.entered)]]
    told = tuple(noticed) if len(mine) < len(rows) else ()
    return History(delivery, found, stages, float(max(moments)), ("leads of an hour are known when it closes",), told)


def _delivery(connection: Connection, account: Account) -> Delivery:
    table, scale = ad_insights.c, 10 ** minor_digits(account.currency)
    query = select(table.ad_id, table.hour, table.impressions, table.clicks, table.spend, table.leads, table.currency)
    rows = connection.execute(query.where(table.account_id == account.account_id)).all()
    if not rows:
        raise HistoryRefused(
            [f"account {account.account_id} has no insights yet; let the hourly job run, or read files"]
        )
    other = sorted({row.currency for row in rows} - {account.currency})
    if other:
        raise HistoryRefused([f"account {account.account_id} is in {account.currency}, some hours are in {other[0]}"])
    reports = [
        Report(
            row.ad_id,
            row.ad_id,
            row.hour.astimezone(UTC),
            (row.impressions, row.clicks, row.spend / scale, row.leads),
            0,
        )
        for row in rows
    ]
    return delivery_of(reports, 1, account.currency)


def _deals_query(account_id: str) -> Select[Any]:
    best = (
        select(attributions.c.deal_id, attributions.c.ad_id)
        .distinct(attributions.c.deal_id)
        .order_by(attributions.c.deal_id, attributions.c.weight.desc(), attributions.c.candidate)
        .subquery()
    )
    columns = (deals.c.deal_id, deals.c.created_at, deals.c.amount, deals.c.currency, deals.c.stage, best.c.ad_id)
    joined = deals.join(best, best.c.deal_id == deals.c.deal_id)
    return select(*columns).select_from(joined).where(deals.c.account_id == account_id).order_by(deals.c.created_at)


def _deals(
    connection: Connection,
    rows: list[Row[Any]],
    delivery: Delivery,
    stages: tuple[str, ...],
    account: Account,
) -> Deals:
    changes: dict[int, dict[str, datetime]] = defaultdict(dict)
    table = deal_stage_changes.c
    query = select(table.deal_id, table.stage, table.occurred_at).order_by(table.occurred_at)
    for deal, stage, when in connection.execute(query.where(table.deal_id.in_([row.deal_id for row in rows]))):
        changes[deal].setdefault(stage, when)
    scale = 10 ** minor_digits(account.currency)

    def hour(when: datetime | None) -> float:
        return NEVER if when is None else (when - delivery.begin) / HOUR

    entered = np.full((len(rows), len(stages)), NEVER)
    lost = np.full(len(rows), NEVER)
    for place, row in enumerate(rows):
        seen = changes[row.deal_id]
        created = hour(row.created_at)
        entered[place] = [max(hour(seen.get(name)), created) for name in stages]
        entered[place, 0] = created
        lost[place] = NEVER if row.stage in stages else max(hour(seen.get(row.stage)), created)
    created_at = np.array([hour(row.created_at) for row in rows])
    amounts = [
        row.amount / scale if row.amount is not None and row.currency == account.currency else np.nan for row in rows
    ]
    columns = {ad: index for index, ad in enumerate(delivery.ads)}
    ads = np.array([columns[str(row.ad_id)] for row in rows], dtype=np.intp)
    return Deals(tuple(str(row.deal_id) for row in rows), ads, created_at, created_at, entered, lost, np.array(amounts))
