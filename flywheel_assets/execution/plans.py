"""Publish plans as rows."""

from __future__ import annotations

from sqlalchemy import Connection, select

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.execution.structure import PublishPlan
from flywheel_assets.store.rows import replace_rows
from flywheel_assets.store.tables import publish_plans


def save_plan(connection: Connection, plan: PublishPlan, digest: str) -> None:
    """Replace the plan of a creative; ``digest`` is that of its changes, which a person approves."""
    row = {"digest": digest, "plan": plan.model_dump(mode="json")}
    replace_rows(connection, publish_plans, plan.creative_id, [row])


def load_plan(connection: Connection, creative_id: str) -> PublishPlan:
    """The plan of a creative.

    Raises:
        ConfigurationError: there is none yet.
    """
    query = select(publish_plans.c.plan).where(publish_plans.c.creative_id == creative_id)
    plan = connection.execute(query).scalar_one_or_none()
    if plan is None:
        raise ConfigurationError(f"creative {creative_id} has no publish plan; materialise publish_plan first")
    return PublishPlan.model_validate(plan)
