"""The budget increase of an experiment's winner: asked for once, through the queue, and followed to its end.

What becomes of it is read from the queue alone. It is in force only when it was applied; until then it
is under way, and whatever else ended it took it back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, select

from flywheel_assets.core.account import Account, names_of
from flywheel_assets.core.changes import AdChange, SetBudget
from flywheel_assets.core.errors import ChangeRefused
from flywheel_assets.core.money import Money
from flywheel_assets.execution.enqueue import enqueue
from flywheel_assets.execution.operators import OPEN
from flywheel_assets.learning.published import PublishedAd
from flywheel_assets.settings import Settings
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.tables import ad_objects, pending_ad_changes

# Never sent, and not meant to be the last word: asked for again if the leader is still a clear winner.
_AGAIN = ("observed", "expired")


@dataclass(frozen=True)
class Increase:
    """A change in the queue, as it stands.

    Attributes:
        status: of the change.
        reasoning: why it was asked for.
        why: the executor's word on its status, where there is one.
    """

    status: str
    reasoning: str
    why: str | None

    @property
    def stands(self) -> bool:
        """Whether it is in force or may still come into force."""
        return self.status == "applied" or self.status in OPEN

    @property
    def may_be_asked_again(self) -> bool:
        """Whether it ended before anything was sent."""
        return self.status in _AGAIN

    def told(self) -> str:
        """What was asked for and what became of it."""
        if self.stands:
            return f"{self.reasoning}, {self.status}"
        because = f" ({self.why})" if self.why else ""
        return f"not promoted, its increase was {self.status}{because}: {self.reasoning}"


def find_increase(connection: Connection, creative_id: str) -> Increase | None:
    """The increase that was asked for an experiment's winner; None if none was."""
    queue = pending_ad_changes.c
    query = select(queue.status, queue.reasoning, queue.wait_reason).where(queue.idempotency_key == _key(creative_id))
    row = connection.execute(query).one_or_none()
    return None if row is None else Increase(*row)


def ask_increase(
    connection: Connection, creative_id: str, ad: PublishedAd, why: str, *, account: Account, settings: Settings
) -> bool:
    """Queue it: a fifth more, up to the account's ceiling; whether it was not asked for before.

    Raises:
        ChangeRefused: the budget is not known or may not be raised now; the reason says why.
    """
    if named := account.opted_out(names_of(ad.ad_id, f"{creative_id}/{ad.key}/ad")):
        raise ChangeRefused(ad.budget_ref, "opt_out", f"the account file's opt_outs name {named}")
    current = _running_budget(connection, ad.budget_ref)
    raised = current * (100 + settings.safety.velocity_percent) // 100
    target = min(raised, account.money(account.ad_set_ceiling).minor)
    if target <= current:
        raise ChangeRefused(ad.budget_ref, "at_ceiling", f"its budget of {current} is the most an ad set may have")
    was, wanted = Money(current, account.currency), Money(target, account.currency)
    change = AdChange(
        account_id=account.account_id,
        campaign_ref=ad.campaign_ref,
        object_ref=ad.budget_ref,
        spec=SetBudget(daily_budget=target),
        idempotency_key=_key(creative_id),
        reasoning=f"{why}: {was} to {wanted} a day",
        requested_by="experiments",
        currency=account.currency,
        expires_at=business_now(connection) + timedelta(hours=settings.safety.velocity_window_hours),
    )
    return enqueue(connection, [change], settings.safety).added > 0


def _key(creative_id: str) -> str:
    return f"{creative_id}:experiment:promotion"


def _running_budget(connection: Connection, ref: str) -> int:
    """The owner's daily budget, minor units.

    Raises:
        ChangeRefused: not known, the owner is paused, or another change of it is open.
    """
    table = ad_objects.c
    row = connection.execute(select(table.daily_budget, table.status).where(table.ref == ref)).one_or_none()
    if row is None or row.daily_budget is None:
        raise ChangeRefused(ref, "budget_unknown", "its budget was never read; materialise ads first")
    if row.status == "PAUSED":
        raise ChangeRefused(ref, "paused", "a paused ad set spends nothing; activate it first")
    queue = pending_ad_changes.c
    open_ones = select(queue.id).where(
        queue.object_ref == ref, queue.change_type == "set_budget", queue.status.in_(OPEN)
    )
    # It would take that one's place, and that one may be a cut the plan counts on.
    if connection.execute(open_ones.limit(1)).first() is not None:
        raise ChangeRefused(
            ref, "budget_under_way", "the hour's own decision about it has not gone out yet; next cycle"
        )
    return int(row.daily_budget)
