"""The spend guard at work: look, judge, tell, and stop what has to be stopped, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from sqlalchemy import Connection, Engine, func, select

from flywheel_assets.clients.meta_money import AccountInfo
from flywheel_assets.core.account import Account
from flywheel_assets.execution.alerts import raise_alert
from flywheel_assets.execution.guard import Finding, Rule, judge
from flywheel_assets.execution.picture import Picture
from flywheel_assets.execution.spending import read_picture
from flywheel_assets.execution.stops import stop_spend
from flywheel_assets.settings import Settings
from flywheel_assets.store.tables import accounts, alerts

REQUESTED_BY = "spend_guard"


@dataclass(frozen=True)
class Watched:
    """What one look brought.

    Attributes:
        told: rules that were not known to be broken before.
        stopped: campaigns whose pause was queued by this look; None where nothing was stopped.
    """

    picture: Picture
    findings: tuple[Finding, ...]
    told: tuple[Rule, ...]
    stopped: int | None


def watch(engine: Engine, account: Account, settings: Settings, info: AccountInfo | None) -> Watched:
    """Judge the account as of now. A stop that is under way, and an alert that is open, are not repeated.

    Args:
        engine: our database.
        account: as its file says.
        settings: limits and tolerances.
        info: as the platform has it; None where it could not be asked.
    """
    with engine.begin() as connection:
        picture = read_picture(connection, account, settings, info)
        findings = judge(picture, settings.guard)
        told = tuple(one.rule for one in findings if _tell(connection, account.account_id, one))
        _end_passed(connection, account.account_id, {one.rule for one in findings})
        stopped = _stop(connection, picture, [one for one in findings if one.stops], told, settings)
    return Watched(picture, findings, told, stopped)


def _tell(connection: Connection, account_id: str, finding: Finding) -> bool:
    return raise_alert(connection, account_id, finding.rule, finding.sentence, stopped=finding.stops)


def _stop(
    connection: Connection, picture: Picture, findings: list[Finding], told: tuple[Rule, ...], settings: Settings
) -> int | None:
    """Pause everything once; again only if ads are active although the stop stands: somebody switched them on."""
    news = [one for one in findings if one.rule in told]
    if not findings or (not news and not picture.active_ads):
        return None
    reason = (news or findings)[0].sentence
    return stop_spend(connection, picture.account_id, reason, REQUESTED_BY, settings.safety).added


def _end_passed(connection: Connection, account_id: str, still: set[Rule]) -> None:
    """An alert of ours that stopped nothing ends with what it tells of, so that the next time is told again.

    One that stopped the account ends with a person's `flywheel resume`.
    """
    table = alerts.c
    passed = [rule for rule in get_args(Rule) if rule not in still]
    connection.execute(
        alerts.update()
        .where(table.account_id == account_id, table.rule.in_(passed), ~table.stopped, table.closed_at.is_(None))
        .values(closed_at=func.flywheel_now())
    )


def frozen_because(connection: Connection, account_id: str) -> str | None:
    """Why nothing should be asked for of the account now; None when it is not frozen."""
    table = accounts.c
    query = select(table.frozen_reason).where(table.account_id == account_id, table.frozen)
    return connection.execute(query).scalar_one_or_none()
