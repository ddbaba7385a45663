"""What stands in the way of a deal's value: one visible row a subject and rule, gone when it is mended."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.store.tables import accounts, revenue_problems


@dataclass(frozen=True)
class Problem:
    """One obstacle.

    Attributes:
        subject: ``deal:<id>``, ``portal:<id>``, ``event:<digest>``, ``subscription:<type>`` or ``account:<id>``.
        rule: short stable name, e.g. ``no_amount``.
        reason: what was found and what to do about it.
    """

    subject: str
    rule: str
    reason: str


def lock_account(connection: Connection, account_id: str) -> None:
    """Let one transaction at a time derive an account's revenue; queueing changes for it goes on beside."""
    row = select(accounts.c.account_id).where(accounts.c.account_id == account_id)
    connection.execute(row.with_for_update(key_share=True)).one()


def record(connection: Connection, problems: Iterable[Problem], account_id: str | None) -> None:
    """Write problems; one that is known keeps the time it was first seen and takes the new reason."""
    for problem in problems:
        values = {"subject": problem.subject, "rule": problem.rule, "reason": problem.reason, "account_id": account_id}
        statement = insert(revenue_problems).values(values)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["subject", "rule"], set_={"reason": problem.reason})
        )


def replace(
    connection: Connection,
    subjects: Collection[str],
    rules: Collection[str],
    problems: Iterable[Problem],
    account_id: str,
) -> None:
    """Make ``problems`` the only ones of those subjects under those rules; what is not named any more is mended."""
    found = list(problems)
    still = {(problem.subject, problem.rule) for problem in found}
    table = revenue_problems.c
    known = connection.execute(
        revenue_problems.select().where(table.subject.in_(subjects), table.rule.in_(rules))
    ).all()
    for row in known:
        if (row.subject, row.rule) not in still:
            connection.execute(revenue_problems.delete().where(table.subject == row.subject, table.rule == row.rule))
    record(connection, found, account_id)
