"""What the simulated days brought: money, what was decided, what was learned, and what the next draft takes from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from flywheel_assets.cli.tables import counted
from flywheel_assets.cli.twin import Twin
from flywheel_assets.clients.embeddings import Embedder
from flywheel_assets.core.account import Account
from flywheel_assets.core.ids import rng
from flywheel_assets.core.money import Money
from flywheel_assets.creative import repository
from flywheel_assets.creative.director.draft import draft
from flywheel_assets.creative.types import Blueprint
from flywheel_assets.learning.registry import serving_name
from flywheel_assets.learning.winner_index import PostgresWinnerRetriever
from flywheel_assets.sandbox.market.comparison import simulate_budgets, simulate_equal
from flywheel_assets.sandbox.meta.delivery import delivered_budgets
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import (
    actuals,
    ad_change_history,
    ad_insights,
    creatives,
    deals,
    hooks,
    knowledge_nodes,
    ml_feedback,
    winners,
)


@dataclass(frozen=True)
class DaysSummary:
    """Totals of the account so far. ROAS is what the budgets earn in the market's own truth."""

    days: dict[str, Any]
    learning: dict[str, Any]
    outcomes: dict[str, int]
    next_drafts: tuple[str, ...]

    def lines(self) -> list[str]:
        """For a person."""
        money, learned = self.days, self.learning
        outcomes = ", ".join(f"{count} {name}" for name, count in self.outcomes.items()) or "none"
        drafts = self.next_drafts or ("no winner to learn from yet",)
        return [
            f"days       {money['hours']} hours: {money['spend']} spent, {money['leads']} leads, {money['deals']} deals",
            f"revenue    pipeline {_amount(money['pipeline'])}, cash {_amount(money['cash'])} attributed so far",
            f"ROAS       {_roas_told(money)}",
            f"budgets    {outcomes}",
            f"learning   {learned['actuals']} actuals, model {learned['champion']}, {counted(learned['winners'], 'winner')}, {learned['graph_nodes']} graph nodes",
            *(f"next draft {line}" if index == 0 else f"           {line}" for index, line in enumerate(drafts)),
        ]


def _amount(money: Money) -> str:
    """Without the currency, which stands in the line before."""
    return str(money).partition(" ")[0]


def _roas_told(money: dict[str, Any]) -> str:
    if money["roas"] is None:
        return "nothing was spent; is the account in observe or approve mode?"
    return f"{money['roas']:.2f} expected, {money['roas_equal_budgets']:.2f} with equal budgets in the same market"


def read_days(store: Store, account: Account, twin: Twin, embedder: Embedder) -> DaysSummary:
    """Read the totals back from the database and the twin."""
    with store.engine.connect() as connection:
        money = _money(connection, account)
        learning = {
            "actuals": _count(connection, actuals, account),
            "champion": serving_name(store.engine, account),
            "winners": _count(connection, winners, account),
            "graph_nodes": _count(connection, knowledge_nodes, account),
        }
        outcomes = _outcomes(connection)
        drafts = _next_drafts(connection, store, account, embedder)
    return DaysSummary({**money, **_roas(twin, account)}, learning, outcomes, drafts)


def _money(connection: Connection, account: Account) -> dict[str, Any]:
    delivered, fed = ad_insights.c, ml_feedback.c
    sums = select(
        func.coalesce(func.sum(delivered.spend), 0),
        func.coalesce(func.sum(delivered.leads), 0),
        func.count(delivered.hour.distinct()),
    ).where(delivered.account_id == account.account_id)
    spend, leads, hours = connection.execute(sums).one()
    revenue = select(
        func.coalesce(func.sum(fed.pipeline_increment), 0), func.coalesce(func.sum(fed.cash_increment), 0)
    ).where(fed.account_id == account.account_id)
    pipeline, cash = connection.execute(revenue).one()
    return {
        "hours": hours,
        "spend": Money(int(spend), account.currency),
        "leads": int(leads),
        "deals": _count(connection, deals, account),
        "pipeline": Money(int(pipeline), account.currency),
        "cash": Money(int(cash), account.currency),
    }


def _roas(twin: Twin, account: Account) -> dict[str, float | None]:
    path = delivered_budgets(twin.meta, account.account_id)
    market = (twin.meta.scenario, twin.meta.seed)
    ours, equal = simulate_budgets(path, *market), simulate_equal(path, *market)
    return {"roas": ours.roas, "roas_equal_budgets": equal.roas}


def _outcomes(connection: Connection) -> dict[str, int]:
    history = ad_change_history.c
    query = (
        select(history.status, func.count().label("number"))
        .where(history.change_type == "set_budget")
        .group_by(history.status)
        .order_by(history.status)
    )
    return {row.status: row.number for row in connection.execute(query)}


def _count(connection: Connection, table: Any, account: Account) -> int:
    query = select(func.count()).select_from(table).where(table.c.account_id == account.account_id)
    return int(connection.execute(query).scalar_one())


def _next_drafts(connection: Connection, store: Store, account: Account, embedder: Embedder) -> tuple[str, ...]:
    """What the director would draft from the same video now: the drafts that use a winner's pattern."""
    newest = select(creatives.c.creative_id).where(creatives.c.account_id == account.account_id)
    drafted = newest.where(select(hooks).where(hooks.c.creative_id == creatives.c.creative_id).exists())
    key = connection.execute(drafted.order_by(creatives.c.requested_at.desc()).limit(1)).scalar_one_or_none()
    if key is None:
        return ()
    brief = repository.load_request(connection, key).brief
    found = PostgresWinnerRetriever(store.engine, account.account_id, embedder).similar(
        brief, store.settings.learning.similar_winners
    )
    perception, lines = repository.load_perception(connection, key), repository.load_hooks(connection, key)
    predictions = repository.load_predictions(connection, key)
    draws = rng(store.settings.seed, "next draft", key)
    drafts = draft(brief, perception, predictions, lines, draws, store.settings.creative.drafts, found)
    return tuple(_told(one) for one in drafts if one.learned_from)


def _told(one: Blueprint) -> str:
    return f"{one.key} “{one.hook.text}” in the family of {', '.join(one.learned_from)}"
