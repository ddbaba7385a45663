"""Creating and changing campaigns, ad sets, creatives and ads.

Every check comes before the first store: a refusal leaves nothing behind but its journal row and,
after the fifth budget change of an hour, the block.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flywheel_assets.sandbox.meta import rules
from flywheel_assets.sandbox.meta.activities import APP, Actor, log_change, log_creation
from flywheel_assets.sandbox.meta.errors import GraphError, missing
from flywheel_assets.sandbox.meta.learning import note_edit
from flywheel_assets.sandbox.meta.limits import count_budget_change
from flywheel_assets.sandbox.meta.reads import node_or_missing
from flywheel_assets.sandbox.meta.state import Node, SandboxMeta
from flywheel_assets.sandbox.meta.validate import decode

CREATES = {"campaigns": "campaign", "adsets": "adset", "adcreatives": "adcreative", "ads": "ad"}
_UPDATES = frozenset({"campaign", "adset", "ad", "adcreative"})
_NOT_STORED = frozenset({"execution_options", "account_id"})


def create(state: SandboxMeta, account: str, edge: str, raw: Mapping[str, str]) -> tuple[dict[str, Any], bool]:
    """Create an object; returns the answer and whether anything was stored."""
    kind = CREATES[edge]
    params = decode(f"create {kind}", raw)
    rules.check_create(kind, params)
    parent = _check_place(state, account, kind, params)
    if _validate_only(params):
        return {"success": True}, False
    data = {"status": "ACTIVE", **{name: value for name, value in params.items() if name not in _NOT_STORED}}
    made = state.add(kind, account, parent, data)
    log_creation(state, state.node(made))
    note_edit(state, None, state.node(made))
    return {"id": str(made)}, True


def update(state: SandboxMeta, node: Node, raw: Mapping[str, str], actor: Actor = APP) -> tuple[dict[str, Any], bool]:
    """Change an object; returns the answer and whether anything was stored."""
    if node.kind not in _UPDATES:
        raise GraphError(f"Unsupported post request on a {node.kind}")
    params = decode(f"update {node.kind}", raw)
    rules.check_update(node.kind, node.data, params)
    _check_creative_of(state, node.account, params)
    moves_budget = any(name in params for name in rules.BUDGETS)
    if moves_budget:
        minimum = rules.minimum_budget(state.accounts[node.account])
        rules.check_budget_update(node.data, params, _other_owners(state, node), minimum)
    if _validate_only(params):
        return {"success": True}, False
    if moves_budget:
        count_budget_change(state, node.id)
    state.put(node.id, {**node.data, **{name: value for name, value in params.items() if name not in _NOT_STORED}})
    log_change(state, node, state.node(node.id), actor)
    note_edit(state, node, state.node(node.id))
    return {"success": True}, True


def _check_place(state: SandboxMeta, account: str, kind: str, params: Mapping[str, Any]) -> int | None:
    """Rules that need other objects; returns the parent's id."""
    minimum = rules.minimum_budget(state.accounts[account])
    if kind == "campaign":
        rules.check_new_campaign(params, minimum)
        return None
    if kind == "adset":
        campaign = _own(state, account, "campaign", params["campaign_id"])
        rules.check_new_adset(params, campaign.data, minimum)
        return campaign.id
    if kind == "ad":
        adset = _own(state, account, "adset", params["adset_id"])
        rules.check_new_ad(adset.data)
        _check_creative_of(state, account, params)
        return adset.id
    _check_media(state, account, rules.check_creative(params))
    return None


def _check_media(state: SandboxMeta, account: str, video_data: Mapping[str, Any]) -> None:
    video = _own(state, account, "advideo", video_data["video_id"])
    rules.check_video_ready(video.data, state.now())
    wanted = video_data.get("image_hash")
    if wanted and all(image.data["hash"] != wanted for image in state.nodes(account, "adimage")):
        raise missing(str(wanted))


def _check_creative_of(state: SandboxMeta, account: str, params: Mapping[str, Any]) -> None:
    """An ad's creative must be the account's, and its video ready."""
    if "creative" not in params:
        return
    creative = _own(state, account, "adcreative", params["creative"].get("creative_id"))
    _check_media(state, account, creative.data["object_story_spec"]["video_data"])


def _own(state: SandboxMeta, account: str, kind: str, object_id: Any) -> Node:
    node = node_or_missing(state, str(object_id))
    if node.kind != kind or node.account != account:
        raise missing(str(object_id))
    return node


def _other_owners(state: SandboxMeta, node: Node) -> list[Mapping[str, Any]]:
    """The objects that must not own a budget when ``node`` does."""
    if node.kind == "adset":
        return [parent.data for parent in (state.get(node.parent),) if parent]
    return [adset.data for adset in state.nodes(node.account, "adset") if adset.parent == node.id]


def _validate_only(params: Mapping[str, Any]) -> bool:
    return "validate_only" in params.get("execution_options", [])
