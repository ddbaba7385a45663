"""Which ad a deal came from, as far as the evidence goes.

First what the landing page's form carried over, which is certain; then, where the owner consented,
a posterior over the clicks of the last two weeks from fingerprint, IP network and elapsed time,
with "none of our clicks" as a candidate of its own. Everything is as of the deal's creation:
deciding again later gives the same result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from math import log
from typing import Any, Literal

Method = Literal["url", "fingerprint", "ip", "unattributed"]

LOOK_BACK = timedelta(days=14)

# CRMs tell times in whole milliseconds, so a click in the deal's own millisecond was before it.
CRM_GRAIN = timedelta(milliseconds=1)

# Share of deals of the same person whose click shows the same value: devices change a fingerprint
# in a quarter of cases, an address in four of ten. With the half-life and the share of deals that
# follow no click, the setting that named the right ad three times in four on simulated truth.
_AGREE = {"fingerprint": 0.75, "ip": 0.60}
_HALF_LIFE_HOURS = 72.0
_ORGANIC_SHARE = 0.15

# Added to the counts a value's frequency and the click rate are estimated from, so that one click
# alone proves neither that its address is rare nor that clicks are.
_PSEUDO_VALUE, _PSEUDO_CLICKS = 0.2, 20


@dataclass(frozen=True)
class Click:
    """A recorded click; hashes are None where there was no consent or no value."""

    click_id: str
    ad_id: str
    clicked_at: datetime
    fbclid: str | None = None
    fingerprint_hmac: str | None = None
    ip_hmac: str | None = None


@dataclass(frozen=True)
class Lead:
    """What a deal knows of where it came from."""

    deal_id: int
    created_at: datetime
    ad_id: str | None = None
    click_id: str | None = None
    fbclid: str | None = None
    fingerprint_hmac: str | None = None
    ip_hmac: str | None = None


@dataclass(frozen=True)
class Credit:
    """One candidate's part in a deal; the weights of a deal's credits sum to 1."""

    ad_id: str | None
    click_id: str | None
    method: Method
    weight: float
    reason: str
    layers: dict[str, Any] = field(default_factory=dict)


def attribute(lead: Lead, clicks: Sequence[Click], own_ads: Collection[str], *, identity: bool) -> tuple[Credit, ...]:
    """The credits of one deal, best first.

    ``clicks`` may hold any clicks of the account; those after the deal was created weigh nothing.
    ``own_ads`` are the platform's ids of the account's ads. ``identity`` is the owner's consent to
    match by fingerprint and address.
    """
    before = sorted(
        (click for click in clicks if click.clicked_at < lead.created_at + CRM_GRAIN),
        key=lambda click: (click.clicked_at, click.click_id),
    )
    certain = _by_url(lead, before, own_ads)
    if certain is not None:
        return (certain,)
    if not identity:
        return (_nobody("no click id, ad id or fbclid came with the deal, and matching by identity is off"),)
    if lead.fingerprint_hmac is None and lead.ip_hmac is None:
        return (_nobody("no click id, ad id or fbclid came with the deal, and nothing to match a visitor by"),)
    opens = lead.created_at - LOOK_BACK
    return _by_identity(lead, [click for click in before if click.clicked_at >= opens and click.ad_id in own_ads])


def _nobody(reason: str, weight: float = 1.0, layers: dict[str, Any] | None = None) -> Credit:
    return Credit(None, None, "unattributed", weight, reason, layers or {})


def _by_url(lead: Lead, clicks: Sequence[Click], own_ads: Collection[str]) -> Credit | None:
    """Layer 0: click id, else ad id, else fbclid (case-sensitive, the latest click that had it). None: no such evidence."""
    by_id = [click for click in clicks if lead.click_id is not None and click.click_id == lead.click_id]
    by_fbclid = [click for click in clicks if lead.fbclid is not None and click.fbclid == lead.fbclid]
    if by_id:
        return _certain(by_id[-1].ad_id, by_id[-1], "click id", own_ads)
    if lead.ad_id is not None:
        return _certain(lead.ad_id, None, "ad id", own_ads)
    if by_fbclid:
        return _certain(by_fbclid[-1].ad_id, by_fbclid[-1], "fbclid", own_ads)
    return None


def _certain(ad_id: str, click: Click | None, evidence: str, own_ads: Collection[str]) -> Credit:
    layers = {"url": {"match": evidence, "ad_id": ad_id}}
    if ad_id not in own_ads:
        return _nobody(
            f"the {evidence} that came with the deal names {ad_id}, which is not an ad of ours", layers=layers
        )
    click_id = click.click_id if click else None
    return Credit(ad_id, click_id, "url", 1.0, f"the deal came with the {evidence} of this ad", layers)


def _by_identity(lead: Lead, clicks: Sequence[Click]) -> tuple[Credit, ...]:
    """Posterior by Bayes: each click's lag density times the likelihood ratios of its layers, against none of them.

    A click that agrees in no layer keeps its part of the probability but is not named: with only
    its time to speak for it that part goes to the unattributed row.
    """
    seen = {layer: Counter(_value(click, layer) for click in clicks) for layer in _AGREE}
    scored = [_score(lead, click, seen) for click in clicks]
    # Deals that follow no click, per hour, for the same conversion rate as the clicks have.
    odds = _ORGANIC_SHARE / (1 - _ORGANIC_SHARE)
    nobody = odds * (len(clicks) + _PSEUDO_CLICKS) / (LOOK_BACK / timedelta(hours=1))
    total = nobody + sum(one.density for one in scored)
    matched = sorted((one for one in scored if one.agrees), key=lambda one: one.click.ad_id)
    named = [_credit(list(group), total) for _, group in groupby(matched, key=lambda one: one.click.ad_id)]
    rest = 1 - sum(credit.weight for credit in named)
    if rest > 0:
        layers = {"none": nobody / total, "clicks": len(clicks), "agreeing": len(matched)}
        reason = f"probability that the deal follows none of the {len(matched)} agreeing of {len(clicks)} clicks"
        named.append(_nobody(reason, rest, layers))
    return tuple(sorted(named, key=lambda credit: (-credit.weight, credit.ad_id or "")))


@dataclass(frozen=True)
class _Scored:
    """A click with its unnormalised posterior density per hour and what each layer said."""

    click: Click
    density: float
    agrees: tuple[Method, ...]
    layers: dict[str, Any]


def _score(lead: Lead, click: Click, seen: Mapping[str, Counter[str | None]]) -> _Scored:
    hours = (lead.created_at - click.clicked_at) / timedelta(hours=1)
    density = log(2) / _HALF_LIFE_HOURS * 2 ** (-hours / _HALF_LIFE_HOURS)
    layers: dict[str, Any] = {"time": {"hours": round(hours, 2), "density": density}}
    agrees = list[Method]()
    for layer in ("fingerprint", "ip"):
        wanted, found = _value(lead, layer), _value(click, layer)
        if wanted is None or found is None:
            layers[layer] = {"match": "unknown"}
            continue
        ratio = _ratio(seen[layer], wanted, found, _AGREE[layer])
        density *= ratio
        layers[layer] = {"match": "agrees" if wanted == found else "differs", "ratio": ratio}
        if wanted == found:
            agrees.append(layer)
    return _Scored(click, density, tuple(agrees), layers)


def _ratio(seen: Counter[str | None], wanted: str, found: str, agree: float) -> float:
    """Likelihood ratio of one layer: how much rarer this outcome is among strangers.

    The value's frequency is counted among the *other* clicks, so that an address which three
    hundred people share proves next to nothing.
    """
    others = seen.total() - seen[None] - 1
    same = seen[wanted] - (wanted == found)
    chance = (same + _PSEUDO_VALUE) / (others + 1)
    return agree / chance if wanted == found else (1 - agree) / (1 - chance)


def _value(source: Click | Lead, layer: str) -> str | None:
    return source.fingerprint_hmac if layer == "fingerprint" else source.ip_hmac


def _credit(group: Sequence[_Scored], total: float) -> Credit:
    """The part of one ad: all its agreeing clicks together, shown by the likeliest."""
    best = max(group, key=lambda one: (one.density, one.click.click_id))
    reason = f"{' and '.join(best.agrees)} agree with a click {best.layers['time']['hours']:.1f} h before the deal"
    weight = sum(one.density for one in group) / total
    layers = best.layers | {"clicks": len(group)}
    return Credit(best.click.ad_id, best.click.click_id, best.agrees[0], weight, reason, layers)
