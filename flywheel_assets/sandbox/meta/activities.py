"""The account's log of activities: who created or changed what, as `/activities` shows it.

Names of events are Meta's, which still says campaign group in some of them. The shape of
``extra_data`` is not documented anywhere public: old and new value as JSON is all that is promised.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flywheel_assets.sandbox.meta.errors import GraphError, unsupported
from flywheel_assets.sandbox.meta.reads import after_cursor, cursor, page_limit
from flywheel_assets.sandbox.meta.state import Node, SandboxMeta
from flywheel_assets.sandbox.meta.validate import decode, field_types

_WEEK = 7 * 86400.0  # Meta shows a week unless it is asked for another span
_PAGING = frozenset({"fields", "summary", "limit", "after"})
_KNOWN = frozenset({"since", "until", "oid", "extra_oids", "category"})
_DEFAULT_FIELDS = ("event_type", "event_time", "object_id", "object_type", "actor_id", "application_id", "extra_data")


@dataclass(frozen=True)
class Actor:
    """Who acts, and through which application; ``kind`` is what the journal calls them."""

    kind: str
    id: str
    name: str
    application_id: str
    application: str


APP = Actor("app", "100000000000001", "System user of the sandbox", "700000000000001", "The app that holds the token")
PERSON = Actor("person", "100000000000002", "A person of the sandbox", "700000000000002", "Ads Manager")

# Object kind -> field -> event and category. What is not named here is an `unknown` event, as at Meta.
_EVENTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "campaign": {
        "daily_budget": ("update_campaign_budget", "BUDGET"),
        "lifetime_budget": ("update_campaign_budget", "BUDGET"),
        "status": ("update_campaign_run_status", "STATUS"),
        "name": ("update_campaign_name", "CAMPAIGN"),
        "spend_cap": ("update_campaign_group_spend_cap", "BUDGET"),
    },
    "adset": {
        "daily_budget": ("update_ad_set_budget", "BUDGET"),
        "lifetime_budget": ("update_ad_set_budget", "BUDGET"),
        "status": ("update_ad_set_run_status", "STATUS"),
        "name": ("update_ad_set_name", "AD_SET"),
        "targeting": ("update_ad_set_target_spec", "TARGETING"),
        "bid_amount": ("update_ad_set_bidding", "BID"),
        "bid_strategy": ("update_ad_set_bid_strategy", "BID"),
        "optimization_goal": ("update_ad_set_optimization_goal", "AD_SET"),
        "end_time": ("update_ad_set_duration", "DATE"),
    },
    "ad": {
        "status": ("update_ad_run_status", "STATUS"),
        "name": ("update_ad_friendly_name", "AD"),
        "creative": ("update_ad_creative", "AD"),
    },
}
_CREATIONS = {
    "campaign": ("create_campaign_group", "CAMPAIGN"),
    "adset": ("create_ad_set", "AD_SET"),
    "ad": ("create_ad", "AD"),
}
_OBJECT_TYPES = {"campaign": "CAMPAIGN", "adset": "AD_SET", "ad": "AD"}
_MONEY = frozenset({"daily_budget", "lifetime_budget", "spend_cap", "bid_amount"})


def event_types() -> frozenset[str]:
    """Every event the twin can write."""
    changes = (event for kind in _EVENTS.values() for event, _ in kind.values())
    return frozenset({"unknown", *changes, *(event for event, _ in _CREATIONS.values())})


def log_creation(state: SandboxMeta, node: Node) -> None:
    """Note a new object; creatives and media have no such event."""
    if node.kind in _CREATIONS:
        _log(state, node, APP, _CREATIONS[node.kind], {"old_value": None, "new_value": node.data, "type": "creation"})


def log_change(state: SandboxMeta, old: Node, new: Node, actor: Actor) -> None:
    """Note each field that has another value than before."""
    for field in new.data:
        before, after = old.data.get(field), new.data[field]
        if new.kind in _EVENTS and before != after:
            event = _EVENTS[new.kind].get(field, ("unknown", _OBJECT_TYPES[new.kind]))
            extra: dict[str, Any] = {"old_value": before, "new_value": after, "type": field}
            if field in _MONEY:
                extra["currency"] = state.accounts[new.account]
            _log(state, new, actor, event, extra)


def read_activities(state: SandboxMeta, account: str, params: Mapping[str, str]) -> dict[str, Any]:
    """One page of the log, newest first."""
    asked = decode("read activities", {name: text for name, text in params.items() if name not in _PAGING})
    if other := sorted(set(asked) - _KNOWN):
        raise unsupported(f"activities with {', '.join(other)}")
    fields, limit, after = _fields(params), page_limit(params), after_cursor(params)
    found = [(key, row) for key, row in _rows(state, account, asked) if after is None or key < after]
    page = found[:limit]
    answer: dict[str, Any] = {"data": [{name: row[name] for name in fields if name in row} for _, row in page]}
    if page:
        cursors = {"before": cursor(page[0][0]), "after": cursor(page[-1][0])}
        answer["paging"] = {"cursors": cursors}
        if len(found) > limit:
            answer["paging"]["next"] = f"?after={cursors['after']}&limit={limit}"
    return answer


def _rows(state: SandboxMeta, account: str, asked: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    until = _epoch(asked["until"]) if "until" in asked else state.now()
    since = _epoch(asked["since"]) if "since" in asked else until - _WEEK
    if until < since:
        raise GraphError(f"until must not come before since, got {asked.get('since')} to {asked.get('until')}")
    wanted = {*asked.get("extra_oids", ()), *([asked["oid"]] if "oid" in asked else ())}
    rows = state.execute(
        "SELECT id, object, category, shown FROM activities WHERE account = ? AND at BETWEEN ? AND ? ORDER BY id DESC",
        account,
        since,
        until,
    )
    for key, number, category, shown in rows:
        if asked.get("category", category) == category and (not wanted or str(number) in wanted):
            yield key, json.loads(shown)


def _log(state: SandboxMeta, node: Node, actor: Actor, event: tuple[str, str], extra: Mapping[str, Any]) -> None:
    now = state.now()
    shown = {
        "actor_id": actor.id,
        "actor_name": actor.name,
        "application_id": actor.application_id,
        "application_name": actor.application,
        "event_time": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000"),
        "event_type": event[0],
        "object_id": str(node.id),
        "object_name": str(node.data.get("name", "")),
        "object_type": _OBJECT_TYPES[node.kind],
        "extra_data": json.dumps(dict(extra)),
    }
    row = (node.account, now, node.id, event[1], json.dumps(shown))
    state.execute("INSERT INTO activities VALUES (NULL, ?, ?, ?, ?, ?)", *row)


def _fields(params: Mapping[str, str]) -> list[str]:
    asked = [name.strip() for name in params.get("fields", "").split(",") if name.strip()]
    if unknown := [name for name in asked if name not in field_types("activity")]:
        raise GraphError(f"Tried accessing nonexisting field ({unknown[0]}) on node type (activity)")
    return asked or list(_DEFAULT_FIELDS)


def _epoch(text: str) -> float:
    """Epoch seconds or ISO 8601; without an offset it is UTC."""
    if text.isdigit():
        return float(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
