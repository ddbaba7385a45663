"""What a person has to look at. One open alert an account and rule: what goes on is not told again every minute."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.settings import Notices
from flywheel_assets.store.tables import accounts, alerts

_DOUBLINGS = 20  # of the wait; by then it is the longest one, and more would overflow


@dataclass(frozen=True)
class Notice:
    """An alert that a person is to be told of; ``tries`` counts this one."""

    id: int
    account_id: str
    rule: str
    reason: str
    stopped: bool
    tries: int


def raise_alert(connection: Connection, account_id: str, rule: str, reason: str, *, stopped: bool) -> bool:
    """Open an alert unless one of the same rule is open; whether it is new.

    Args:
        connection: the transaction of whatever gave rise to it.
        account_id: whose it is.
        rule: short stable name, e.g. ``auth``, ``overspend``.
        reason: entity, numbers and what to do, in a sentence.
        stopped: whether the account's calls or its spend were stopped because of it.
    """
    row = {"account_id": account_id, "rule": rule, "reason": reason, "stopped": stopped}
    statement = insert(alerts).values(row)
    known = statement.on_conflict_do_update(
        index_elements=["account_id", "rule"],
        index_where=alerts.c.closed_at.is_(None),
        # That something was stopped is news: it is told again.
        set_={
            "stopped": alerts.c.stopped | statement.excluded.stopped,
            "noticed_real": None,
            "notice_tries": 0,
            "notice_retry_real": None,
        },
        where=statement.excluded.stopped & ~alerts.c.stopped,
    )
    return connection.execute(known).rowcount > 0


def close_alerts(connection: Connection, account_id: str) -> int:
    """A person has dealt with what stopped the account; how many alerts that ends."""
    closed = alerts.update().where(alerts.c.account_id == account_id, alerts.c.stopped, alerts.c.closed_at.is_(None))
    return connection.execute(closed.values(closed_at=func.flywheel_now())).rowcount


def open_alerts(connection: Connection) -> list[dict[str, object]]:
    """Every open alert, oldest first."""
    query = select(alerts).where(alerts.c.closed_at.is_(None)).order_by(alerts.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def take_notice(connection: Connection, rules: Notices) -> Notice | None:
    """The oldest open alert that nobody was told of and that is due, with its next try noted; None when there is none.

    The try is noted before it is made: whoever takes it may die, and nobody else takes it meanwhile.
    """
    table = alerts.c
    due = (
        select(table.id)
        .join(accounts, accounts.c.account_id == table.account_id)
        .where(
            accounts.c.world == func.current_setting("flywheel.world"),
            table.closed_at.is_(None),
            table.noticed_real.is_(None),
            func.coalesce(table.notice_retry_real, text("'-infinity'")) <= func.clock_timestamp(),
        )
        .order_by(table.id)
        .limit(1)
        .with_for_update(of=alerts, skip_locked=True)
    )
    doubled = func.power(2, func.least(table.notice_tries, _DOUBLINGS))
    wait = func.least(rules.first_wait_seconds * doubled, rules.longest_wait_seconds)
    taken = (
        alerts.update()
        .where(table.id == due.scalar_subquery())
        .values(
            notice_tries=table.notice_tries + 1,
            notice_retry_real=func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, wait),
        )
        .returning(table.id, table.account_id, table.rule, table.reason, table.stopped, table.notice_tries)
    )
    row = connection.execute(taken).one_or_none()
    return None if row is None else Notice(*row)


def noticed(connection: Connection, notice: Notice) -> None:
    """It was told, as it was when it was taken: what was stopped since is told apart."""
    table = alerts.c
    same = (table.id == notice.id) & (table.stopped == notice.stopped)
    connection.execute(alerts.update().where(same).values(noticed_real=func.clock_timestamp()))
