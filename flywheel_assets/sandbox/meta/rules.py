"""What Meta refuses, as pure functions of typed parameters and the objects they name.

Subcodes come from public integrations; where none is known the refusal carries code 100 alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flywheel_assets.core.money import minor_digits
from flywheel_assets.sandbox.meta.errors import GraphError
from flywheel_assets.sandbox.meta.validate import buttons

BUDGETS = ("daily_budget", "lifetime_budget")
_REQUIRED = {
    "campaign": ("name", "objective", "status", "special_ad_categories"),
    "adset": ("name", "campaign_id", "billing_event", "optimization_goal", "targeting", "status"),
    "ad": ("name", "adset_id", "creative", "status"),
    "adcreative": ("name", "object_story_spec"),
}
# Changes of these objects that would do something the twin does not model.
_NOT_CARRIED_OUT = frozenset(
    {"adset_budgets", "adset_bid_amounts", "adset_spec", "campaign_spec", "migrate_to_advantage_plus"}
)
_AGES = (13, 65)  # Meta: youngest, and 65 for everybody from there on
_NEXT_STATUS = {
    "ACTIVE": frozenset({"ACTIVE", "PAUSED", "ARCHIVED", "DELETED"}),
    "PAUSED": frozenset({"ACTIVE", "PAUSED", "ARCHIVED", "DELETED"}),
    "ARCHIVED": frozenset({"ARCHIVED", "DELETED"}),
    "DELETED": frozenset({"DELETED"}),
}


def minimum_budget(currency: str) -> int:
    """Lowest daily budget in minor units: 1.00 in major units, as for most goals billed by impressions."""
    return int(10 ** minor_digits(currency))


def check_create(kind: str, params: Mapping[str, Any]) -> None:
    """Rules that every new object of a kind obeys."""
    for name in _REQUIRED[kind]:
        if params.get(name) in (None, ""):
            raise GraphError(f"The parameter {name} is required to create a {kind}")
    _check_name(kind, params)
    _refuse_not_carried_out(params)
    _check_audience(params)
    if params.get("status", "PAUSED") not in {"ACTIVE", "PAUSED"}:
        raise GraphError(f"A new {kind} must be ACTIVE or PAUSED, got {params['status']}")


def check_new_campaign(params: Mapping[str, Any], minimum: int) -> None:
    """Objective, and who owns the budget."""
    _check_objective(params)
    _check_amounts(params, minimum)
    if not _budget(params) and "is_adset_budget_sharing_enabled" not in params:
        raise GraphError(
            "Must specify True or False in is_adset_budget_sharing_enabled field when the campaign has no budget",
            subcode=4834011,
        )


def check_new_adset(params: Mapping[str, Any], campaign: Mapping[str, Any], minimum: int) -> None:
    """The budget belongs to the campaign or to the ad set, never to both or neither."""
    _check_open("campaign", campaign)
    _check_one_owner(_budget(params), _budget(campaign))
    if not _budget(params) and not _budget(campaign):
        raise GraphError("The ad set needs daily_budget or lifetime_budget, because its campaign has no budget")
    if "lifetime_budget" in params and "end_time" not in params:
        raise GraphError("The parameter end_time is required with lifetime_budget")
    _check_amounts(params, minimum)


def check_creative(params: Mapping[str, Any]) -> dict[str, Any]:
    """The shape of a video creative; returns its video data."""
    story = params["object_story_spec"]
    if not re.fullmatch(r"\d+", str(story.get("page_id", ""))):
        raise GraphError("object_story_spec needs the page_id of a page")
    video = story.get("video_data")
    if not isinstance(video, dict) or not video.get("video_id"):
        raise GraphError("The sandbox takes creatives with object_story_spec.video_data.video_id only")
    if not video.get("image_hash") and not video.get("image_url"):
        raise GraphError("video_data needs image_hash or image_url: the thumbnail of the video", subcode=1443226)
    _check_button(video.get("call_to_action"))
    return dict(video)


def check_video_ready(video: Mapping[str, Any], now: float) -> None:
    """A creative or ad cannot use a video that is still being processed."""
    if "ready_at" not in video or now < video["ready_at"]:
        raise GraphError("Video not ready for use in an ad: it is still being processed", subcode=1885252)


def check_new_ad(adset: Mapping[str, Any]) -> None:
    """The ad set must still be open."""
    _check_open("adset", adset)


def check_update(kind: str, current: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    """Rules of every update: status transitions, deleted objects, changes the twin does not model."""
    _refuse_not_carried_out(params)
    _check_name(kind, params)
    _check_audience(params)
    status = current.get("status", "ACTIVE")
    wanted = params.get("status", status)
    if wanted not in _NEXT_STATUS[status]:
        raise GraphError(f"A {kind} cannot go from {status} to {wanted}")
    if status in {"ARCHIVED", "DELETED"} and set(params) - {"name", "status"}:
        raise GraphError(f"A {kind} that is {status} can only change its name or status")
    if kind == "campaign":
        _check_objective(params)


def check_budget_update(
    current: Mapping[str, Any], params: Mapping[str, Any], others: list[Mapping[str, Any]], minimum: int
) -> None:
    """A budget changes where it lives: ``others`` are the campaign of an ad set, or the ad sets of a campaign."""
    for other in others:
        _check_one_owner(_budget(params), _budget(other))
    changed = next(name for name in BUDGETS if name in params)
    if changed not in current:
        raise GraphError(f"{changed} cannot be set: the object has {', '.join(_budget(current)) or 'no budget'}")
    _check_amounts(params, minimum)


def effective_status(own: str, *above: str) -> str:
    """Status as delivered; ``above`` are the statuses of the ad set (of an ad) and the campaign, nearest first.

    What lies in something deleted or archived is so too; then an object's own pause comes before its parents'.
    """
    for gone in ("DELETED", "ARCHIVED"):
        if gone in (own, *above):
            return gone
    if own != "ACTIVE":
        return own
    names = ("ADSET_PAUSED", "CAMPAIGN_PAUSED")[-len(above) :] if above else ()
    return next((name for name, status in zip(names, above, strict=True) if status != "ACTIVE"), "ACTIVE")


def _budget(data: Mapping[str, Any]) -> list[str]:
    return [name for name in BUDGETS if name in data]


def _check_one_owner(mine: list[str], theirs: list[str]) -> None:
    if mine and theirs:
        raise GraphError("Budgets cannot be set at both campaign and ad set level; use one of them", subcode=1885621)


def _check_amounts(params: Mapping[str, Any], minimum: int) -> None:
    if len(_budget(params)) > 1:
        raise GraphError("daily_budget and lifetime_budget exclude each other")
    if _budget(params) and (amount := params[_budget(params)[0]]) < minimum:
        raise GraphError(f"The budget must be at least {minimum} minor units, got {amount}", subcode=1885272)


def _check_objective(params: Mapping[str, Any]) -> None:
    objective = params.get("objective")
    if objective is not None and not objective.startswith("OUTCOME_"):
        raise GraphError(f"Objective {objective} is retired for new campaigns; use one of OUTCOME_*")


def _check_name(kind: str, params: Mapping[str, Any]) -> None:
    if "name" in params and not params["name"].strip():
        raise GraphError(f"The name of a {kind} must not be empty")


def _check_audience(params: Mapping[str, Any]) -> None:
    """Somebody must be reached: a place or an audience, and ages that leave anybody."""
    if "targeting" not in params:
        return
    targeting = params["targeting"]
    places = targeting.get("geo_locations", {})
    if not any(places.get(name) for name in places if name != "location_types") and not targeting.get(
        "custom_audiences"
    ):
        raise GraphError("targeting needs a place in geo_locations, or custom_audiences")
    if bad := [code for code in places.get("countries", ()) if not re.fullmatch("[A-Z]{2}", code)]:
        raise GraphError(f"targeting.geo_locations.countries has {bad[0]!r}; a country reads as two capital letters")
    low, high = (int(targeting.get(name, age)) for name, age in (("age_min", _AGES[0]), ("age_max", _AGES[1])))
    if not _AGES[0] <= low <= high <= _AGES[1]:
        raise GraphError(f"targeting must keep {_AGES[0]} <= age_min <= age_max <= {_AGES[1]}, got {low} and {high}")


def _check_open(kind: str, data: Mapping[str, Any]) -> None:
    if data["status"] in {"ARCHIVED", "DELETED"}:
        raise GraphError(f"Nothing can be added to a {kind} that is {data['status']}")


def _check_button(button: Any) -> None:
    if button is None:
        return
    kind = button.get("type") if isinstance(button, dict) else button
    if kind not in buttons():
        raise GraphError(f"call_to_action.type {kind!r} is not a button type")
    link = (button.get("value") or {}).get("link", "")
    if link and urlsplit(link).scheme not in {"http", "https"}:
        raise GraphError(f"call_to_action link {link!r} is not a web address")


def _refuse_not_carried_out(params: Mapping[str, Any]) -> None:
    if found := sorted(_NOT_CARRIED_OUT & set(params)):
        raise GraphError(f"The sandbox does not carry out {', '.join(found)}; change each object by itself")
