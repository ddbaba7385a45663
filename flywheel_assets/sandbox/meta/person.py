"""A person who edits in Ads Manager: the same rules, another actor in journal and activities."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from flywheel_assets.sandbox.meta.activities import PERSON
from flywheel_assets.sandbox.meta.errors import GraphError
from flywheel_assets.sandbox.meta.graph import Answer
from flywheel_assets.sandbox.meta.reads import node_or_missing
from flywheel_assets.sandbox.meta.state import Entry, SandboxMeta
from flywheel_assets.sandbox.meta.writes import update


class Edit(BaseModel):
    """Fields of one object and their new values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    fields: dict[str, Any] = Field(min_length=1)


def edit(state: SandboxMeta, order: Edit) -> Answer:
    """Change an object as a person would: no token, no score, and past an account's restriction.

    A budget moved this way is one of the four that Meta allows in an hour.
    """
    raw = {name: value if isinstance(value, str) else json.dumps(value) for name, value in order.fields.items()}
    with state.transaction():
        trace, account = f"sandbox-{state.next_call()}", None
        try:
            node = node_or_missing(state, order.id)
            account = node.account
            body, applied, status = *update(state, node, raw, PERSON), 200
        except GraphError as error:
            body, applied, status = error.body(trace), False, error.status
        state.write(Entry(account, "PERSON", order.id, raw, status, body, applied, None, 0, PERSON.kind))
    return Answer(status, body)
