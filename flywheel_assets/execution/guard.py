"""The spend guard's judgement, pure: what an account spent and got, held against its plan and its own past.

It shares nothing with the decisions it watches over: no state, allocation or queue is read. What the
platform may do by its own rules is no finding: 75 % over a daily budget on one day, seven budgets in
a week. Its week is Sunday to Saturday; here it is any seven days, so that a Saturday's excess is not
forgiven on Sunday. An account that was under-served in one week and over-served in the next can
therefore be told of although both weeks were within the rule; the cap above the plan makes that rare.

More spend never makes a finding that stops disappear, and the judgement is the same in any currency.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from flywheel_assets.execution.picture import Counts, Picture
from flywheel_assets.settings import Guard

Rule = Literal["spend_pace", "overspend", "cpa", "tracking", "blind", "not_shown", "account"]
# What stops spend whatever the account file says: in an account that is not the one of the file every amount is wrong.
_ALWAYS_STOPS: frozenset[Rule] = frozenset({"account"})
# What says that an account does not keep to its plan.
OFF_PLAN: frozenset[Rule] = frozenset({"spend_pace", "overspend"})

WEEK_DAYS = 7
_NAMED = 5  # objects in a sentence


@dataclass(frozen=True)
class Finding:
    """Something a person should know.

    Attributes:
        rule: short stable name; there is one finding a rule at most.
        numbers: what was compared; amounts are minor units.
        sentence: for the marketer, with what to do.
        stops: whether spend is to be stopped because of it.
    """

    rule: Rule
    numbers: dict[str, float]
    sentence: str
    stops: bool


def judge(picture: Picture, rules: Guard) -> tuple[Finding, ...]:
    """What is wrong with the account, worst first."""
    checks = (_account, _overspend_day, _overspend_week, _cpa, _no_leads, _no_clicks, _blind, _not_shown, _pace)
    found: dict[Rule, Finding] = {}
    for check in checks:
        for finding in check(picture, rules):
            found.setdefault(finding.rule, finding)
    return tuple(found.values())


def chance_of_so_few(leads: int, expected: float) -> float:
    """Poisson probability of at most ``leads`` where ``expected`` are usual."""
    from scipy.special import pdtr

    return float(pdtr(leads, expected))


def exceeds(spend: int, base: int, times: float) -> bool:
    """Whether ``spend`` is more than ``times`` the base; of nothing, everything is more.

    A quotient of integers is rounded once, so that the answer is the same in cents and in euros.
    """
    return spend > 0 if base <= 0 else spend / base > times


def _account(picture: Picture, rules: Guard) -> Iterator[Finding]:
    del rules  # one fault is enough
    if picture.faults:
        yield _finding(
            picture, "account", {"faults": len(picture.faults)}, f"{picture.account_id}: {'; '.join(picture.faults)}."
        )


def _overspend_day(picture: Picture, rules: Guard) -> Iterator[Finding]:
    for day in picture.days:
        base = max(day.budgets, picture.cap)
        if not exceeds(day.counted, base, rules.overspend):
            continue
        limit = base * rules.overspend
        sentence = (
            f"{picture.account_id} spent {picture.money(day.counted)} on {day.on}, above {picture.money(limit)}: budgets "
            f"in force never summed to more than {picture.money(base)}, and Meta may go {rules.overspend - 1:.0%} over "
            "them on one day. Look at the account at Meta for ads and budgets that are not ours."
        )
        yield _finding(picture, "overspend", {"spend": day.counted, "base": base, "limit": limit}, sentence)


def _overspend_week(picture: Picture, rules: Guard) -> Iterator[Finding]:
    base = WEEK_DAYS * picture.cap
    if not exceeds(picture.week, base, rules.week_tolerance):
        return
    limit = base * rules.week_tolerance
    sentence = (
        f"{picture.account_id} spent {picture.money(picture.week)} in seven days, above {picture.money(limit)}: seven times "
        f"the daily cap of {picture.money(picture.cap)}. If the plan or cap was just lowered, that is why: the days before "
        "count against the new one, until the account is resumed. Else look for budgets at Meta that are not ours."
    )
    yield _finding(picture, "overspend", {"spend": picture.week, "base": base, "limit": limit}, sentence)


def _pace(picture: Picture, rules: Guard) -> Iterator[Finding]:
    for day in picture.days:
        if not exceeds(day.spend, picture.plan, rules.pace):
            continue
        limit = picture.plan * rules.pace
        sentence = (
            f"{picture.account_id} spent {picture.money(day.spend)} on {day.on}, above {rules.pace:g} times its plan of "
            f"{picture.money(picture.plan)} a day. Meta may balance that out within the week; nothing was stopped. "
            "If it goes on, lower the plan."
        )
        yield _finding(picture, "spend_pace", {"spend": day.spend, "base": picture.plan, "limit": limit}, sentence)


def _cpa(picture: Picture, rules: Guard) -> Iterator[Finding]:
    recent, expected = picture.recent, _promised(picture.past, picture.recent)
    if expected < rules.expected_leads or recent.leads * rules.cpa_factor > expected:
        return
    chance = chance_of_so_few(recent.leads, expected)
    if chance > rules.cpa_probability:
        return
    usual = picture.money(picture.past.spend / picture.past.leads)
    cost = f"a lead cost {picture.money(recent.spend / recent.leads)}" if recent.leads else "there was no lead"
    sentence = (
        f"{picture.account_id} got {recent.leads} leads for {picture.money(recent.spend)} in the last 24 hours, where its own "
        f"past promised {expected:.0f}: {cost}, usual is {usual} (chance {chance:.2g}). Look at the landing page, the "
        "form and the offer; leads that Meta reports late may still come in."
    )
    numbers = {"spend": recent.spend, "leads": recent.leads, "expected": expected, "chance": chance}
    yield _finding(picture, "cpa", numbers, sentence)


def _no_leads(picture: Picture, rules: Guard) -> Iterator[Finding]:
    seen, expected = picture.tracked, _promised(picture.past, picture.tracked)
    if seen.leads or not seen.clicks or expected < rules.expected_leads:
        return
    sentence = (
        f"{picture.account_id} paid {picture.money(seen.spend)} for {seen.clicks} clicks in the last 24 hours and not one "
        f"lead was reported, where its own past promised {expected:.0f}. Test the form and the pixel's events."
    )
    numbers = {"spend": seen.spend, "clicks": seen.clicks, "leads": 0, "expected": expected}
    yield _finding(picture, "tracking", numbers, sentence)


def _no_clicks(picture: Picture, rules: Guard) -> Iterator[Finding]:
    way = picture.redirect
    if way is None or way.arrived or way.billed < rules.silent_clicks:
        return
    sentence = (
        f"Meta counted {way.billed} clicks on ads of {picture.account_id} in the last 24 hours and none arrived at our "
        "redirect. Open an ad's link: is the gateway running, and does FLYWHEEL_PUBLIC_URL lead to it?"
    )
    yield _finding(picture, "tracking", {"clicks": way.billed, "arrived": 0}, sentence)


def _blind(picture: Picture, rules: Guard) -> Iterator[Finding]:
    if not picture.active_ads or picture.blind_hours <= rules.blind_hours:
        return
    sentence = (
        f"{picture.account_id} has {picture.active_ads} active ads, and nothing was reported of them for "
        f"{picture.blind_hours:.0f} hours, more than {rules.blind_hours:g}: nobody sees what they spend. Look at the runs "
        "of `ad_insights`, at Meta's status page and at the token."
    )
    yield _finding(picture, "blind", {"ads": picture.active_ads, "hours": picture.blind_hours}, sentence)


def _not_shown(picture: Picture, rules: Guard) -> Iterator[Finding]:
    del rules  # one is enough
    refs, budget = picture.unseen.refs, picture.unseen.daily_budget
    if not refs:
        return
    named = ", ".join(refs[:_NAMED]) + (" and others" if len(refs) > _NAMED else "")
    sentence = (
        f"Meta does not show {len(refs)} objects of {picture.account_id} any more: {named}. They were deleted, or our token "
        f"may not see them; whether they spend their up to {picture.money(budget)} a day is unknown, and that budget is "
        "counted as in use. Look for them in the Ads Manager: give the token access again, or pause or delete the ad set "
        "or campaign above them."
    )
    yield _finding(picture, "not_shown", {"objects": len(refs), "budget": budget}, sentence)


def _promised(past: Counts, now: Counts) -> float:
    """Leads that the spend of ``now`` bought at the past's price."""
    return past.leads * now.spend / past.spend if past.spend > 0 else 0.0


def _finding(picture: Picture, rule: Rule, numbers: dict[str, float], sentence: str) -> Finding:
    stops = rule in picture.stops_on or rule in _ALWAYS_STOPS
    stopped = f" Spend is stopped; once it is dealt with: flywheel resume {picture.account_id}" if stops else ""
    return Finding(rule, numbers, sentence + stopped, stops)
