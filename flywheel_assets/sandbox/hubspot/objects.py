"""The CRM's answers: objects, batch read, search and pipelines, in the shapes of HubSpot's v3 API."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flywheel_assets.sandbox.hubspot.journey import STAGES
from flywheel_assets.sandbox.hubspot.state import Kind, Record, SandboxHubSpot

_ALWAYS = ("createdate", "hs_lastmodifieddate", "hs_object_id")
_DEFAULT = {"deals": ("amount", "closedate", "dealname", "dealstage", "pipeline"), "contacts": ("email",)}
_BATCH, _HISTORY_BATCH = 100, 50
_LARGEST_PAGE, _DEFAULT_PAGE, _DEEPEST = 200, 10, 10_000


class CrmError(Exception):
    """One refusal of the CRM."""

    def __init__(self, status: int, category: str, message: str) -> None:
        super().__init__(message)
        self.status, self.category = status, category

    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        return {
            "status": "error",
            "message": str(self),
            "correlationId": str(uuid.uuid4()),
            "category": self.category,
        }


def bad(message: str) -> CrmError:
    """The request cannot be understood."""
    return CrmError(400, "VALIDATION_ERROR", message)


def find(state: SandboxHubSpot, kind: Kind, text: str) -> Record:
    """The object with this id, or 404."""
    found = state.get(int(text)) if text.isascii() and text.isdigit() and len(text) < 19 else None  # noqa: PLR2004 - SQLite integers
    if found is None or found.kind != kind:
        raise CrmError(404, "OBJECT_NOT_FOUND", "resource not found")
    return found


def shown(
    state: SandboxHubSpot, record: Record, properties: Sequence[str] = (), histories: Sequence[str] = ()
) -> dict[str, Any]:
    """One object with the properties asked for; one that has no value is null."""
    values = {
        **record.properties,
        "createdate": moment(record.created),
        "hs_lastmodifieddate": moment(record.updated),
        "hs_object_id": str(record.id),
    }
    names = dict.fromkeys((*_ALWAYS, *(properties or _DEFAULT[record.kind])))
    answer: dict[str, Any] = {
        "id": str(record.id),
        "properties": {name: values.get(name) for name in names},
        "createdAt": moment(record.created),
        "updatedAt": moment(record.updated),
        "archived": False,
    }
    if histories:
        answer["propertiesWithHistory"] = {name: _history(state, record, name) for name in histories}
    return answer


def batch_read(state: SandboxHubSpot, kind: Kind, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Up to 100 objects, 50 with history; 207 where some are missing."""
    ids = [str(item.get("id")) for item in _list(body, "inputs")]
    properties, histories = _list(body, "properties"), _list(body, "propertiesWithHistory")
    most = _HISTORY_BATCH if histories else _BATCH
    if not 0 < len(ids) <= most:
        raise bad(f"inputs must hold 1 to {most} ids, got {len(ids)}")
    results, missing = [], []
    for text in dict.fromkeys(ids):
        try:
            results.append(shown(state, find(state, kind, text), properties, histories))
        except CrmError:
            missing.append(text)
    now = moment(state.now())
    answer: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if not missing:
        return 200, answer
    error = {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": f"Could not get some {kind}, they may be deleted or not exist",
        "context": {"ids": missing},
        "errors": [],
        "links": {},
    }
    return 207, {**answer, "numErrors": 1, "errors": [error]}


def search(state: SandboxHubSpot, kind: Kind, body: Mapping[str, Any]) -> dict[str, Any]:
    """Objects by time of creation or change, or by id; groups are alternatives, filters of a group all hold."""
    limit, after = _page(body)
    groups = [_list(group, "filters") for group in _list(body, "filterGroups")]
    records = state.records(kind)
    found = [one for one in records if not groups or any(all(_holds(one, f) for f in group) for group in groups)]
    for sort in reversed(_list(body, "sorts")):
        name, falling = _sort(sort)
        found.sort(key=lambda one: _number(one, name), reverse=falling)
    page = found[after : after + limit]
    answer: dict[str, Any] = {
        "total": len(found),
        "results": [shown(state, one, _list(body, "properties")) for one in page],
    }
    if after + limit < len(found):
        answer["paging"] = {"next": {"after": str(after + limit), "link": f"?after={after + limit}"}}
    return answer


def pipelines() -> dict[str, Any]:
    """The one pipeline of deals."""
    times = {"createdAt": moment(0), "updatedAt": moment(0), "archived": False}
    stages = [
        {
            "id": name,
            "label": label,
            "displayOrder": order,
            "metadata": {"isClosed": str(name.startswith("closed")).lower(), "probability": probability},
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
            **times,
        }
        for order, (name, label, probability) in enumerate(STAGES)
    ]
    pipeline = {"id": "default", "label": "Sales Pipeline", "displayOrder": 0, "stages": stages, **times}
    return {"results": [pipeline]}


def moment(epoch: float) -> str:
    """Business time as HubSpot writes it, with milliseconds."""
    exact = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=round(epoch * 1000))
    return exact.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _history(state: SandboxHubSpot, record: Record, name: str) -> list[dict[str, Any]]:
    return [
        {"value": value, "timestamp": moment(at), "sourceType": "CRM_UI", "sourceId": "userId:1"}
        for value, at in state.history(record.id, name)
    ]


def _page(body: Mapping[str, Any]) -> tuple[int, int]:
    limit, after = body.get("limit", _DEFAULT_PAGE), str(body.get("after") or "0")
    if not isinstance(limit, int) or not 0 < limit <= _LARGEST_PAGE:
        raise bad(f"limit must be between 1 and {_LARGEST_PAGE}, got {limit!r}")
    if not after.isdigit() or int(after) + limit > _DEEPEST:
        raise bad(f"after must be a number and stay within {_DEEPEST} results, got {after!r}")
    return limit, int(after)


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    value = body.get(name) or []
    if not isinstance(value, list):
        raise bad(f"{name} must be a list")
    return value


def _sort(sort: Any) -> tuple[str, bool]:
    if isinstance(sort, str):
        return sort.removeprefix("-"), sort.startswith("-")
    return str(sort.get("propertyName")), sort.get("direction") == "DESCENDING"


def _holds(record: Record, rule: Mapping[str, Any]) -> bool:
    actual, operator = _number(record, str(rule.get("propertyName"))), rule.get("operator")
    wanted = _operand(rule.get("value"))
    if operator == "BETWEEN":
        return wanted <= actual <= _operand(rule.get("highValue"))
    outcomes = {
        "EQ": actual == wanted,
        "GT": actual > wanted,
        "GTE": actual >= wanted,
        "LT": actual < wanted,
        "LTE": actual <= wanted,
    }
    if operator not in outcomes:
        raise bad(f"the sandbox does not carry out the operator {operator}")
    return outcomes[operator]


def _number(record: Record, name: str) -> int:
    """Times compare as whole milliseconds."""
    numbers = {
        "createdate": round(record.created * 1000),
        "hs_lastmodifieddate": round(record.updated * 1000),
        "hs_object_id": record.id,
    }
    if name not in numbers:
        raise bad(f"the sandbox searches by {', '.join(numbers)} only, not by {name}")
    return numbers[name]


def _operand(value: Any) -> int:
    """Epoch milliseconds or ISO 8601."""
    text = str(value)
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        raise bad(f"{text!r} is neither epoch milliseconds nor an ISO 8601 time") from None
