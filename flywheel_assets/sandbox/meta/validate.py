"""Parameter names, types and enums, read from the installed SDK at run time.

The SDK only warns about a wrong parameter and Meta ignores many; the twin refuses, so that a
budget sent to an ad or a misspelt field shows up here and not in a campaign that spends money.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from flywheel_assets.sandbox.meta.errors import GraphError
from flywheel_assets.sandbox.meta.shapes import check_shape, enum_values, one_of, sdk_class

# Edge or kind -> the SDK's class and method whose checker describes the parameters.
_METHODS = {
    "create campaign": ("adaccount.AdAccount", "create_campaign"),
    "create adset": ("adaccount.AdAccount", "create_ad_set"),
    "create ad": ("adaccount.AdAccount", "create_ad"),
    "create adcreative": ("adaccount.AdAccount", "create_ad_creative"),
    "create advideo": ("adaccount.AdAccount", "create_ad_video"),
    "create adimage": ("adaccount.AdAccount", "create_ad_image"),
    "update campaign": ("campaign.Campaign", "api_update"),
    "update adset": ("adset.AdSet", "api_update"),
    "update ad": ("ad.Ad", "api_update"),
    "update adcreative": ("adcreative.AdCreative", "api_update"),
    "read insights": ("adaccount.AdAccount", "get_insights"),
    "order insights": ("adaccount.AdAccount", "get_insights_async"),
    "read activities": ("adaccount.AdAccount", "get_activities"),
}
_CLASSES = {
    "account": "adaccount.AdAccount",
    "campaign": "campaign.Campaign",
    "adset": "adset.AdSet",
    "ad": "ad.Ad",
    "adcreative": "adcreative.AdCreative",
    "advideo": "advideo.AdVideo",
    "adimage": "adimage.AdImage",
    "activity": "adactivity.AdActivity",
    "insights": "adsinsights.AdsInsights",
    "report": "adreportrun.AdReportRun",
}


@dataclass(frozen=True)
class Schema:
    """Parameters of one call: name to SDK type, and the values of its enums."""

    types: Mapping[str, str]
    enums: Mapping[str, frozenset[str]]


@cache
def schema(call: str) -> Schema:
    """The parameters of e.g. ``create adset``."""
    from facebook_business.api import FacebookAdsApi
    from facebook_business.session import FacebookSession

    place, method = _METHODS[call]
    node = sdk_class(place)("0", api=FacebookAdsApi(FacebookSession()))
    checker = getattr(node, method)(params={}, pending=True)._param_checker  # noqa: SLF001 - the SDK offers its types nowhere else
    enums = {name: enum_values(values) for name, values in checker._enum_data.items()}  # noqa: SLF001 - as above
    return Schema(dict(checker._type_check_info), enums)  # noqa: SLF001 - as above


@cache
def field_types(kind: str) -> dict[str, str]:
    """Readable fields of a kind of object and their SDK types."""
    return dict(sdk_class(_CLASSES[kind])._field_types)  # noqa: SLF001 - the SDK offers its types nowhere else


@cache
def buttons() -> frozenset[str]:
    """Call-to-action types."""
    return enum_values(vars(sdk_class("adcreative.AdCreative").CallToActionType).values())


def decode(call: str, raw: Mapping[str, str]) -> dict[str, Any]:
    """Typed parameters of ``call`` from the form's strings.

    Raises:
        GraphError: a name that the call does not have, or a value that is not of its type.
    """
    known = schema(call)
    for name in raw:
        if name not in known.types:
            raise GraphError(f"Param {name} is not a parameter of {call}")
    return {name: _value(name, text, known.types[name], known.enums) for name, text in raw.items()}


def _value(name: str, text: str, kind: str, enums: Mapping[str, frozenset[str]]) -> Any:
    if kind in enums:
        return one_of(name, text, enums[kind])
    if reader := _READERS.get(kind):
        try:
            return reader(text)
        except ValueError:
            raise GraphError(f"Param {name} must be of type {kind}, got {text!r}") from None
    return _structure(name, text, kind, enums)


def _structure(name: str, text: str, kind: str, enums: Mapping[str, frozenset[str]]) -> Any:
    """Lists, maps and SDK objects travel as JSON."""
    try:
        value = json.loads(text)
    except ValueError:
        raise GraphError(f"Param {name} must be JSON of type {kind}, got {text!r}") from None
    check_shape(name, value, kind, enums)
    return value


def _unsigned(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)


def _boolean(text: str) -> bool:
    return (
        {"true": True, "false": False, "1": True, "0": False}[text]
        if text in {"true", "false", "1", "0"}
        else _no(text)
    )


def _no(text: str) -> bool:
    raise ValueError(text)


def _moment(text: str) -> str:
    """ISO 8601 or epoch seconds, kept as written."""
    if not text.isdigit():
        datetime.fromisoformat(text)
    return text


_READERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "file": str,
    "unsigned int": _unsigned,
    "int": int,
    "float": float,
    "bool": _boolean,
    "datetime": _moment,
}


def api_version() -> str:
    """The Graph version of the installed SDK, e.g. ``v26.0``."""
    from facebook_business.apiconfig import ads_api_config

    return str(ads_api_config["API_VERSION"])
