"""``flywheel backtest``: from files and from our own tables, what a person and a program get to read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from flywheel_assets.budget.backtest.history import HistoryRefused
from flywheel_assets.budget.backtest.run import backtest
from flywheel_assets.budget.backtest.stored import stored_history
from flywheel_assets.cli import main
from flywheel_assets.core.account import Account, HubSpot, Stage
from flywheel_assets.sandbox.market.export import export_deals, export_insights
from flywheel_assets.sandbox.market.play import Game, play
from flywheel_assets.sandbox.market.scenarios import STAGES
from flywheel_assets.sandbox.market.world import World
from flywheel_assets.settings import Settings
from flywheel_assets.store import tables
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.store import Store

BEGIN = datetime(2026, 1, 5)  # noqa: DTZ001 - exports name no zone
IN_ORDER = tuple(part for stage in STAGES for part in ("--stage", stage))


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    folder: Path = tmp_path_factory.mktemp("exports")
    insights, deals = folder / "insights.csv", folder / "deals.csv"

    def export(world: World) -> None:
        export_insights(world, insights, BEGIN)
        export_deals(world, deals, BEGIN)

    play(Game("service", "thompson_roas", 3, 16), export)
    return ("--insights", str(insights), "--deals", str(deals))


def flywheel(*arguments: str, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(main, ["backtest", *arguments])


def test_a_table_tells_every_policy_with_its_interval_and_what_was_assumed(exports: tuple[str, ...]) -> None:
    result = flywheel(*exports, *IN_ORDER, "--policy", "uniform", "--policy", "blended")
    assert (result.exit_code, result.stderr) == (0, "")
    first, headings, *lines = result.stdout.splitlines()
    assert first.startswith("28 ads, 16 days from 2026-01-05 00:00 UTC")
    assert headings.split()[:2] == ["policy", "revenue"]
    assert [line.split()[0] for line in lines[:3]] == ["actual", "uniform", "blended"]
    assert all(" to " in line or "cannot tell: " in line for line in lines[:3])
    assert any(line.startswith("assumed: an ad's daily budget is what it spent") for line in lines)
    assert any(line.startswith("noticed: ") and "name no ad" in line for line in lines)


def test_a_program_gets_the_same_twice_and_a_person_a_picture(exports: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "new" / "picture.png"
    asked = (*exports, *IN_ORDER, "--policy", "uniform", "--json")
    result = flywheel(*asked, "--png", str(file))
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told == json.loads(flywheel(*asked).stdout)
    assert [one["policy"] for one in told["policies"]] == ["actual", "uniform"]
    for one in told["policies"]:
        assert (one["estimate"] is None) != (one["cannot_tell"] is None)
    assert str(file) in result.stderr
    with Image.open(file) as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 10


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "give --insights, --deals and every --stage in order"),
        (("--stage", "new", "--stage", "sold"), 7, "none of new, sold"),
        ((*IN_ORDER, "--time-zone", "Mars/Olympus"), 3, "'Mars/Olympus' is not known"),
        ((*IN_ORDER, "--currency", "EUR"), 7, "amounts in EUR and USD"),
        ((*IN_ORDER, "--policy", "luck"), 2, "'luck' is not one of"),
    ],
)
def test_what_cannot_be_tested_is_refused_with_the_reason(
    exports: tuple[str, ...], arguments: tuple[str, ...], status: int, said: str
) -> None:
    result = flywheel(*exports, *arguments)
    assert (result.exit_code, said in result.stderr) == (status, True), result.output


# --- our own tables -------------------------------------------------------------------------------------


def fill(store: Store, account: Account, days: int = 20) -> None:
    """Two ads of varying spend; every eight hours a deal, won after two days; one is lost, one is nobody's."""
    begin = datetime(2026, 1, 5, tzinfo=UTC)
    with store.engine.begin() as connection:
        rows = [
            {
                "account_id": account.account_id,
                "ad_id": ad,
                "hour": begin + timedelta(hours=hour),
                "impressions": 300,
                "clicks": 6,
                "leads": 1,
                "spend": int(400 + 150 * np.sin(hour / 24 + place)),
                "currency": "USD",
            }
            for hour in range(24 * days)
            for place, ad in enumerate(("101", "102"))
        ]
        connection.execute(tables.ad_insights.insert(), rows)
        for number in range(3 * days - 9):
            made = begin + timedelta(hours=8 * number)
            lost = number == 5
            moves = [("new", made), ("gone" if lost else "sold", made + timedelta(hours=48))]
            put_deal(connection, account, number + 1, moves, None if number == 6 else ("101", "102")[number % 2])


def put_deal(connection: Any, account: Account, deal: int, moves: list[tuple[str, datetime]], ad: str | None) -> None:
    own = {"deal_id": deal, "account_id": account.account_id}
    row = {**own, "portal_id": 1, "amount": 50_000, "currency": "USD", "stage": moves[-1][0], "created_at": moves[0][1]}
    connection.execute(tables.deals.insert().values(row))
    for number, (stage, when) in enumerate(moves):
        event = {"portal_id": 1, "subscription_id": 1, "event_id": 10 * deal + number, "object_id": deal}
        event |= {"subscription_type": "deal.propertyChange", "occurred_at": when, "payload": {}, "source": "webhook"}
        statement = tables.hubspot_events.insert().values(event).returning(tables.hubspot_events.c.id)
        inbox = connection.execute(statement).scalar_one()
        change = {"deal_id": deal, "occurred_at": when, "stage": stage, "inbox_id": inbox}
        connection.execute(tables.deal_stage_changes.insert().values(change))
    best = {**own, "candidate": 0, "ad_id": ad, "method": "url" if ad else "unattributed", "weight": 0.7, "layers": {}}
    other = {**best, "candidate": 1, "ad_id": None, "method": "unattributed", "weight": 0.3}
    for candidate in (best, other):
        connection.execute(tables.attributions.insert().values(**candidate, reason="made by hand"))


def crm(account: Account) -> Account:
    stages = {
        "gone": Stage(win_probability=0, outcome="lost"),
        "sold": Stage(win_probability=1, outcome="won"),
        "new": Stage(win_probability=0.4),
    }
    return account.model_copy(update={"hubspot": HubSpot(portal_id=1, stages=stages)})


def test_our_own_tables_hold_hours_and_the_stages_as_they_were(store: Store, account: Account) -> None:
    fill(store, account)
    with store.engine.connect() as connection:
        past = stored_history(connection, crm(account))
    assert (past.delivery.ads, past.delivery.hours, past.delivery.impressions.shape) == (("101", "102"), 1, (480, 2))
    assert past.delivery.spend[0].tolist() == [4.0, 5.26]
    assert past.stages == ("new", "sold")
    assert len(past.deals.ids) == 50
    assert past.noticed == ("1 of 51 deals have no ad or no stage of this history: left out",)
    assert past.deals.entered[0].tolist() == [0, 48]
    assert (past.deals.stage_at(47)[0], past.deals.stage_at(48)[0]) == (0, 1)
    assert past.deals.lost[5] == 88
    assert set(past.deals.amount) == {500.0}
    verdicts = backtest(past, ["uniform"]).verdicts
    assert [one.cannot_tell for one in verdicts] == [None, None]


def test_the_command_reads_them_by_account(store: Store, account: Account, settings: Settings) -> None:
    fill(store, account)
    with store.engine.begin() as connection:
        save_account(connection, crm(account), "sandbox")
    environment = {"FLYWHEEL_DATABASE_URL": str(settings.database_url), "FLYWHEEL_HOME": str(settings.home)}
    result = flywheel("--account", account.account_id, "--policy", "uniform", **environment)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("2 ads, 20 days from 2026-01-05 00:00 UTC")
    assert "50 deals, 49 won" in result.stdout.splitlines()[0]
    unknown = flywheel("--account", "act_9", **environment)
    assert (unknown.exit_code, "act_9 is not known here" in unknown.stderr) == (3, True)


def test_an_account_without_hours_or_without_a_crm_is_refused(store: Store, account: Account) -> None:
    with store.engine.connect() as connection:
        with pytest.raises(HistoryRefused, match="has no CRM"):
            stored_history(connection, account)
        with pytest.raises(HistoryRefused, match="has no insights yet"):
            stored_history(connection, crm(account))
