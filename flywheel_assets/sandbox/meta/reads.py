"""Nodes and edges as Graph shows them: only the fields asked for, money as strings, absent values left out."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from flywheel_assets.sandbox.meta.errors import GraphError, missing, unsupported
from flywheel_assets.sandbox.meta.learning import learning_stage
from flywheel_assets.sandbox.meta.restrictions import account_status
from flywheel_assets.sandbox.meta.rules import effective_status, minimum_budget
from flywheel_assets.sandbox.meta.state import Node, SandboxMeta
from flywheel_assets.sandbox.meta.validate import field_types

# Which edges a kind of node has, and what lies on them.
_EDGES = {
    ("account", "campaigns"): "campaign",
    ("account", "adsets"): "adset",
    ("account", "ads"): "ad",
    ("account", "adcreatives"): "adcreative",
    ("account", "advideos"): "advideo",
    ("account", "adimages"): "adimage",
    ("campaign", "adsets"): "adset",
    ("campaign", "ads"): "ad",
    ("adset", "ads"): "ad",
}
_QUERY = frozenset({"fields", "filtering", "limit", "after", "summary", "effective_status"})
_BELOW = re.compile(r"(\w+)\{([\w,]+)\}")  # fields of a parent: campaign{id,daily_budget}
_DEFAULT_PAGE, _LARGEST_PAGE = 25, 5000
_HIDDEN = frozenset({"ARCHIVED", "DELETED"})


def read_account(state: SandboxMeta, account: str, params: Mapping[str, str]) -> dict[str, Any]:
    """The account node."""
    currency = state.accounts[account]
    values = {
        "id": account,
        "account_id": account.removeprefix("act_"),
        **account_status(state, account),
        "currency": currency,
        "min_daily_budget": minimum_budget(currency),
        "timezone_name": state.zone(account).key,
    }
    return _chosen("account", values, _fields("account", params))


def read_node(state: SandboxMeta, node: Node, params: Mapping[str, str]) -> dict[str, Any]:
    """One object with the fields asked for."""
    text = params.get("fields", "")
    shown = _chosen(node.kind, _values(state, node), _fields(node.kind, {"fields": _BELOW.sub(r"\1", text)}))
    for name, inner in _BELOW.findall(text):
        if above := next((item for item in _ancestors(state, node) if item.kind == name), None):
            shown[name] = _chosen(above.kind, _values(state, above), _fields(above.kind, {"fields": inner}))
    return shown


def minimum_budgets(state: SandboxMeta, account: str) -> dict[str, Any]:
    """Least daily budgets by way of billing; the twin knows impressions only."""
    currency = state.accounts[account]
    return {"data": [{"currency": currency, "min_daily_budget_imp": minimum_budget(currency)}]}


def read_edge(
    state: SandboxMeta, account: str, node: Node | None, edge: str, params: Mapping[str, str]
) -> dict[str, Any]:
    """One page of an edge, newest first; ``node`` is None for the account's own edges."""
    kind = _EDGES.get((node.kind if node else "account", edge))
    if kind is None:
        raise GraphError(f"Unknown path components: /{edge}", code=2500)
    _check_query(kind, params)
    fields, passes = _fields(kind, params), _filter(kind, params)
    rows = [(item.id, _values(state, item)) for item in state.nodes(account, kind) if _below(state, item, node)]
    found = [(key, values) for key, values in rows if passes(values)]
    after, limit = after_cursor(params), page_limit(params)
    rest = [pair for pair in found if after is None or pair[0] < after]
    page = rest[:limit]
    answer: dict[str, Any] = {"data": [_chosen(kind, values, fields) for _, values in page]}
    if page:
        cursors = {"before": cursor(page[0][0]), "after": cursor(page[-1][0])}
        answer["paging"] = {"cursors": cursors}
        if len(rest) > limit:
            answer["paging"]["next"] = f"?after={cursors['after']}&limit={limit}"
    if params.get("summary") == "true":
        answer["summary"] = {"total_count": len(found)}
    return answer


def _values(state: SandboxMeta, node: Node) -> dict[str, Any]:
    """Everything the twin knows about an object, by Graph's field names."""
    stored = {key: value for key, value in node.data.items() if key in field_types(node.kind)}
    common = {
        "id": str(node.id),
        "account_id": node.account.removeprefix("act_"),
        "created_time": _moment(node.created),
        "updated_time": _moment(node.updated),
    }
    return {**stored, **common, **_special(state, node)}


def _special(state: SandboxMeta, node: Node) -> dict[str, Any]:
    if node.kind == "advideo":
        ready = "ready_at" in node.data and state.now() >= node.data["ready_at"]
        return {"status": {"video_status": "ready" if ready else "processing"}}
    if node.kind == "adimage":
        return {"id": f"{node.account.removeprefix('act_')}:{node.data['hash']}"}
    if node.kind == "adcreative":
        return {}
    above = _ancestors(state, node)
    parents = {item.kind: {"id": str(item.id)} for item in above}
    status = effective_status(node.data["status"], *(item.data["status"] for item in above))
    ids = {f"{kind}_id": parent["id"] for kind, parent in parents.items()}
    if node.kind == "ad":
        parents["creative"] = {"id": str(node.data["creative"]["creative_id"])}
    learning = {}
    if node.kind == "adset" and status == "ACTIVE":  # Meta shows it of no other
        learning["learning_stage_info"] = learning_stage(state, node)
    return {"effective_status": status, "configured_status": node.data["status"], **parents, **ids, **learning}


def _ancestors(state: SandboxMeta, node: Node) -> list[Node]:
    found: list[Node] = []
    parent = state.get(node.parent)
    while parent is not None:
        found.append(parent)
        parent = state.get(parent.parent)
    return found


def _below(state: SandboxMeta, item: Node, node: Node | None) -> bool:
    if item.kind == "advideo" and "ready_at" not in item.data:
        return False  # an unfinished upload is not in the library
    return node is None or any(above.id == node.id for above in _ancestors(state, item))


def _filter(kind: str, params: Mapping[str, str]) -> Callable[[Mapping[str, Any]], bool]:
    """The test that a row must pass; broken filters are refused even where there are no rows."""
    texts = [text.casefold() for text in _contained(kind, params)]
    wanted = _json("effective_status", params["effective_status"]) if "effective_status" in params else None

    def passes(values: Mapping[str, Any]) -> bool:
        status = values.get("effective_status", "ACTIVE")
        shown = status not in _HIDDEN if wanted is None else status in wanted
        name = str(values.get("title" if kind == "advideo" else "name", "")).casefold()
        return shown and all(text in name for text in texts)

    return passes


def _contained(kind: str, params: Mapping[str, str]) -> list[str]:
    """Texts that the name must contain."""
    field = "title" if kind == "advideo" else "name"
    texts = [params[field]] if field in params else []
    for rule in _json("filtering", params.get("filtering", "[]")):
        if not isinstance(rule, dict) or rule.get("field") != field or rule.get("operator") != "CONTAIN":
            raise unsupported(f"filtering {json.dumps(rule)}; it knows CONTAIN on {field}")
        texts.append(str(rule.get("value")))
    return texts


def _check_query(kind: str, params: Mapping[str, str]) -> None:
    own = {"adimage": {"name"}, "advideo": {"title"}}.get(kind, set())
    if unknown := sorted(set(params) - _QUERY - own):
        raise unsupported(f"the query parameter {', '.join(unknown)} on this edge")


def _fields(kind: str, params: Mapping[str, str]) -> list[str]:
    asked = [name.strip() for name in params.get("fields", "").split(",") if name.strip()]
    known = field_types(kind)
    for name in asked:
        if name not in known:
            raise GraphError(f"Tried accessing nonexisting field ({name}) on node type ({kind})")
    return ["id", *asked, *(["hash"] if kind == "adimage" else [])]


def _chosen(kind: str, values: Mapping[str, Any], fields: list[str]) -> dict[str, Any]:
    """Amounts and ids are strings on the wire wherever the SDK's field type says so."""
    types = field_types(kind)
    return {
        name: str(values[name]) if types[name] == "string" and isinstance(values[name], int) else values[name]
        for name in fields
        if name in values
    }


def page_limit(params: Mapping[str, str]) -> int:
    """Rows of a page."""
    text = params.get("limit", str(_DEFAULT_PAGE))
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) <= _LARGEST_PAGE:
        raise GraphError(f"Param limit must be between 1 and {_LARGEST_PAGE}, got {text!r}")
    return int(text)


def cursor(key: int) -> str:
    """A key as a cursor."""
    return base64.urlsafe_b64encode(str(key).encode()).decode()


def after_cursor(params: Mapping[str, str]) -> int | None:
    """The key after which a page begins; None for the first."""
    if "after" not in params:
        return None
    try:
        return int(base64.urlsafe_b64decode(params["after"]))
    except (ValueError, binascii.Error):
        raise GraphError(f"Invalid cursor {params['after']!r}") from None


def _json(name: str, text: str) -> list[Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, list):
        raise GraphError(f"Param {name} must be a JSON list, got {text!r}")
    return value


def _moment(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def node_or_missing(state: SandboxMeta, text: str) -> Node:
    """The object with this id, or Graph's refusal, which a deleted ad meets as well."""
    found = state.get(int(text)) if text.isascii() and text.isdigit() and len(text) < 19 else None  # noqa: PLR2004 - SQLite integers
    if found is None or (found.kind == "ad" and found.data["status"] == "DELETED"):
        raise missing(text)
    return found
