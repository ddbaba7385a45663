"""``flywheel backtest``: what other policies would have earned with an account's own history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from sqlalchemy import select

from flywheel_assets.budget.backtest.estimate import Range
from flywheel_assets.budget.backtest.history import History
from flywheel_assets.budget.backtest.replay import POLICIES
from flywheel_assets.budget.backtest.run import Backtest, Verdict, read_history
from flywheel_assets.budget.backtest.run import backtest as tested
from flywheel_assets.cli.answers import json_option, show_json
from flywheel_assets.cli.environment import read_settings
from flywheel_assets.cli.progress import progress_bar
from flywheel_assets.cli.tables import show_table
from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.money import Money, minor_digits

_HEADINGS = ("policy", "revenue", "95 %", "against actual", "95 %", "deals it rests on", "verdict")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--insights", type=_FILE, help="Ads Manager's export: CSV by ad and day, or by ad, day and hour.")
@click.option("--deals", type=_FILE, help="HubSpot's export of deals: CSV.")
@click.option("--stage", "stages", multiple=True, help="Deal stages in order, one each; the last one is won.")
@click.option("--account", help="Read our own tables for this account, instead of files.")
@click.option("--time-zone", default="UTC", show_default=True, help="Of the ad account; of dates without an offset.")
@click.option("--currency", help="Where the insights do not say it, as in 'Amount spent (USD)'.")
@click.option("--policy", "policies", type=click.Choice(POLICIES), multiple=True, help="May be repeated. Default: all.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Equal seeds, equal results.")
@click.option("--png", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Draw into this file.")
@json_option("one object")
def backtest(
    *,
    insights: Path | None,
    deals: Path | None,
    stages: Sequence[str],
    account: str | None,
    time_zone: str,
    currency: str | None,
    policies: Sequence[str],
    seed: int,
    png: Path | None,
    as_json: bool,
) -> None:
    """Replay a history: at every moment ask each policy with what was known then, and estimate what it would have earned.

    Estimates come with their 95 % interval. Where the history cannot tell, the reason stands instead of a number.
    docs/backtest.md says which columns are read and how the estimate is made.
    """
    if account is not None:
        history = _stored(account)
    elif insights is None or deals is None or not stages:
        raise click.UsageError("give --insights, --deals and every --stage in order; or --account for our own tables")
    else:
        history = read_history(insights, deals, zone=_zone(time_zone), stages=stages, currency=currency)
    with progress_bar("replaying") as step:
        answer = tested(history, policies or POLICIES, seed, step)
    if as_json:
        show_json(_as_dict(answer, seed))
    else:
        _show(answer)
    if png is not None:
        from flywheel_assets.cli.backtest_picture import draw

        png.parent.mkdir(parents=True, exist_ok=True)
        draw(answer).save(png, format="PNG")
        click.echo(f"picture in {png}", err=True)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigurationError(f"time zone {name!r} is not known; use a name such as Europe/Berlin") from None


def _stored(account_id: str) -> History:
    from flywheel_assets.budget.backtest.stored import stored_history
    from flywheel_assets.store.store import Store
    from flywheel_assets.store.tables import accounts

    with Store.open(read_settings()).engine.connect() as connection:
        query = select(accounts.c.config).where(accounts.c.account_id == account_id)
        config = connection.execute(query).scalar_one_or_none()
        if config is None:
            raise ConfigurationError(
                f"account {account_id} is not known here; start flywheel up, which registers accounts"
            )
        return stored_history(connection, Account.model_validate(config))


def _show(answer: Backtest) -> None:
    delivery, deals = answer.history.delivery, answer.history.deals
    days = (float(delivery.start[-1]) + delivery.hours) / 24
    click.echo(
        f"{len(delivery.ads)} ads, {days:.0f} days from {delivery.begin:%Y-%m-%d %H:%M} UTC, "
        f"{delivery.spend.sum():,.0f} {delivery.currency} spent, {len(deals.ids)} deals, {answer.won} won"
    )
    show_table(_HEADINGS, [_row(one) for one in answer.verdicts], right=_HEADINGS[1:-1])
    for what, told in (("assumed", answer.history.assumed), ("noticed", answer.history.noticed)):
        for sentence in told:
            click.echo(f"{what}: {sentence}")


def _row(one: Verdict) -> list[object]:
    if one.estimate is None:
        return [one.policy, "", "", "", "", "", f"cannot tell: {one.cannot_tell}"]
    revenue, gain = one.estimate.revenue, one.estimate.gain
    against = ["", ""] if gain is None else [f"{gain.mean:+.1f} %", f"{gain.low:+.1f} to {gain.high:+.1f}"]
    cells = [f"{revenue.mean:,.0f}", f"{revenue.low:,.0f} to {revenue.high:,.0f}", *against]
    return [one.policy, *cells, f"{one.estimate.deals:.0f}", _said(gain)]


def _said(gain: Range | None) -> str:
    if gain is None:
        return "what was done"
    if gain.low > 0:
        return "earns more"
    return "earns less" if gain.high < 0 else "no difference shown"


def _as_dict(answer: Backtest, seed: int) -> dict[str, Any]:
    history = answer.history
    return {
        "seed": seed,
        "ads": len(history.delivery.ads),
        "currency": history.delivery.currency,
        "begin": history.delivery.begin,
        "spend": _money(float(history.delivery.spend.sum()), history),
        "deals": len(history.deals.ids),
        "won": answer.won,
        "policies": [_policy_as_dict(one, history) for one in answer.verdicts],
        "assumed": history.assumed,
        "noticed": history.noticed,
    }


def _policy_as_dict(one: Verdict, history: History) -> dict[str, Any]:
    told = asdict(one)
    if told["estimate"] is not None:
        told["estimate"]["revenue"] = {
            name: _money(value, history) for name, value in told["estimate"]["revenue"].items()
        }
    return told


def _money(major: float, history: History) -> Money:
    """The nearest amount; an estimate is no exact sum."""
    currency = history.delivery.currency
    return Money(round(major * 10 ** minor_digits(currency)), currency)
