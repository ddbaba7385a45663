"""What a claim costs when the queue is full of changes that cannot go yet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Literal

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from executor_parts import ours
from executor_parts.server import Server
from flywheel_assets.execution.enqueue import enqueue
from flywheel_assets.execution.statements import sql
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.database import connect

Blocked = Literal["future", "frozen", "waiting"]
_ALL: tuple[Blocked, ...] = ("future", "frozen", "waiting")
SCENES: dict[str, tuple[Blocked, ...]] = {
    "due tomorrow": ("future",),
    "due, account frozen": ("frozen",),
    "due, waits for another object": ("waiting",),
    "a third of each": _ALL,
}

_FROZEN = ours.ACCOUNT.model_copy(update={"account_id": "act_1000000009", "name": "Stopped"})
_PATIENCE = 60.0  # seconds for one scene; a claim that takes seconds needs no hundred repetitions

# Whatever cannot go stands before what can: a claim has to get past all of it.
_OPEN_ROWS = """
insert into pending_ad_changes (
  world, account_id, campaign_ref, object_ref, change_type, spec, depends_on, currency, reasoning, requested_by,
  idempotency_key, status, jitter_seconds, not_before, finished_at
)
select
  'live', case kind when 'frozen' then :frozen else :account end, 'back/campaign',
  'back/' || number || '/adset', 'set_status', '{"kind": "set_status", "status": "PAUSED"}',
  case kind when 'waiting' then array['back/' || number || '/adset', 'back/missing/adset']
    else array['back/' || number || '/adset'] end,
  'USD', 'because the benchmark asks for it', 'benchmark', 'back:' || number, case when :open then 'pending' else 'applied' end, 0,
  flywheel_now() + case kind when 'future' then interval '1 day' else interval '-1 hour' end,
  case when not :open then flywheel_now() end
from (
  select number, (cast(:kinds as text[]))[1 + number % cardinality(cast(:kinds as text[]))] as kind
  from generate_series(1, :rows) as number
) as back
"""
_OBJECTS = """
insert into ad_objects (ref, world, account_id, kind, campaign_ref, tag, remote_id, status, currency)
select 'back/' || number || '/adset', 'live', :account, 'adset', 'back/campaign', 'back-' || number,
  'remote-' || number, 'ACTIVE', 'USD'
from generate_series(1, :rows) as number
"""


def crowded(server: Server, due: int, rows: int, kinds: tuple[Blocked, ...], *, are_open: bool) -> URL:
    """A database with ``due`` changes that may be claimed and ``rows`` that may not: open ones, or the same long finished."""
    url = ours.migrated(server)
    engine = connect(url, "live")
    with engine.begin() as connection:
        adsets = [f"c/v{number}/adset" for number in range(due)]
        ours.plan_objects(connection, "c/campaign", adsets)
        enqueue(connection, [ours.pause("c/campaign", ref) for ref in adsets], ours.SAFETY)
        _crowd(connection, rows, kinds, are_open=are_open)
    engine.dispose()
    server.settle(url)
    return url


def _crowd(connection: Connection, rows: int, kinds: tuple[Blocked, ...], *, are_open: bool) -> None:
    save_account(connection, _FROZEN, "live")
    frozen = {"account_id": _FROZEN.account_id, "reason": "the benchmark says so"}
    connection.execute(sql("freeze_account"), frozen)
    ours.plan_objects(connection, "back/campaign", ())
    ours.plan_objects(connection, "back/missing", ("back/missing/adset",), remote_id=None)
    account = {"account": ours.ACCOUNT.account_id, "rows": rows}
    connection.execute(text(_OBJECTS), account)
    connection.execute(text("analyze ad_objects"))  # else whatever looks at them row by row reads them all each time
    connection.execute(
        text(_OPEN_ROWS), {**account, "frozen": _FROZEN.account_id, "kinds": list(kinds), "open": are_open}
    )


def compare(server: Server, claims: int, rows: int, kinds: tuple[Blocked, ...]) -> tuple[float, float, float]:
    """Milliseconds of a claim where ``rows`` others are finished, where they are open, and the ratio.

    Medians; the ratio is the median of ratios of neighbouring claims.
    """
    pairs = []
    with ExitStack() as stack:
        quiet, crowd = (
            stack.enter_context(_claiming(server, claims, rows, kinds, are_open=are_open)) for are_open in (False, True)
        )
        begun = time.perf_counter()
        for number, pair in enumerate(zip(quiet, crowd, strict=True)):
            if number:  # the first one opens tables and plans statements
                pairs.append(pair)
            if len(pairs) >= 3 and time.perf_counter() - begun > _PATIENCE:
                break
    return (
        1e3 * median(finished for finished, _ in pairs),
        1e3 * median(still_open for _, still_open in pairs),
        median(still_open / finished for finished, still_open in pairs),
    )


@contextmanager
def _claiming(
    server: Server, claims: int, rows: int, kinds: tuple[Blocked, ...], *, are_open: bool
) -> Iterator[Iterator[float]]:
    url = crowded(server, claims, rows, kinds, are_open=are_open)
    engine = connect(url, "live")
    try:
        with engine.connect() as connection:
            yield _claims(connection, claims)
    finally:
        engine.dispose()
        server.drop(url)


def _claims(connection: Connection, claims: int) -> Iterator[float]:
    """Seconds of each claim, its commit not counted."""
    for _ in range(claims):
        begun = time.perf_counter()
        row = connection.execute(sql("claim"), {"worker": "bench", "lease_seconds": 90.0}).one()
        taken = time.perf_counter() - begun
        connection.commit()
        assert row.campaign_ref == "c/campaign", row
        yield taken
