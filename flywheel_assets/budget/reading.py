"""From a valid request to its arrays, and the refusals that only whole columns show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.columns import Columns, Deals, Hours, Index, Vector
from flywheel_assets.budget.request import AdInput, BudgetRequest, Deal, Hourly, RequestRefused

# Where only totals are known they are spread evenly over the ad's life, at most four weeks, in days.
_DAYS = 28
# A report names the hour it covers by its start or its end; both are the present.
_CLOCK_SLACK = 1.0


def columns_of(request: BudgetRequest) -> Columns:
    """The arrays of a valid request.

    Raises:
        RequestRefused: numbers inside a column are impossible, or lie in the future.
    """
    order = sorted(range(len(request.ad_states)), key=lambda index: request.ad_states[index].ad_id)
    ads = [request.ad_states[index] for index in order]
    now = _now(request, ads)
    stages = request.stages or ()
    return Columns(
        ids=tuple(ad.ad_id for ad in ads),
        order=np.array(order, dtype=np.intp),
        impressions=_field(ads, lambda ad: ad.impressions),
        clicks=_field(ads, lambda ad: ad.clicks),
        spend=_field(ads, lambda ad: ad.spend),
        age=_field(ads, lambda ad: ad.age_hours),
        current=_field(ads, lambda ad: ad.current_budget),
        leads=_field(ads, lambda ad: ad.leads),
        pipeline=_field(ads, lambda ad: ad.pipeline_value),
        cash=_field(ads, lambda ad: ad.cash_revenue),
        dna=_dna(ads),
        measured=np.array([_has_hours(ad) for ad in ads]),
        hours=_hours(ads, now),
        deals=_deals(ads, stages, now),
        total=request.total_budget,
        fatigue_k=request.fatigue_k,
        chances=None if request.stage_win_probability is None else np.array(request.stage_win_probability),
        transitions=max(len(stages) - 1, 0),
    )


def _field(ads: Sequence[AdInput], read: Callable[[AdInput], float | None]) -> Vector:
    return np.array([np.nan if (value := read(ad)) is None else value for ad in ads])


def _has_hours(ad: AdInput) -> bool:
    return ad.hourly is not None and len(ad.hourly.hour) > 0


def _now(request: BudgetRequest, ads: Sequence[AdInput]) -> float:
    """The latest moment the request knows of, where it does not say."""
    if request.now_hour is not None:
        return request.now_hour
    last = [float(ad.hourly.hour.max()) + 1 for ad in ads if ad.hourly is not None and len(ad.hourly.hour)]
    last += [max(deal.stage_entered_hour, deal.click_hour) for ad in ads for deal in ad.deals or ()]
    return max(last, default=0.0)


def _dna(ads: Sequence[AdInput]) -> Vector | None:
    length = next((len(ad.dna) for ad in ads if ad.dna is not None), 0)
    if length == 0:
        return None
    missing = np.full(length, np.nan)
    matrix = np.stack([missing if ad.dna is None else ad.dna for ad in ads])
    bad = [ad.ad_id for ad, row in zip(ads, matrix, strict=True) if ad.dna is not None and not np.isfinite(row).all()]
    if bad:
        raise RequestRefused([f"ad {ad_id}: dna holds NaN or infinity" for ad_id in bad])
    return matrix


# --- hours ------------------------------------------------------------------------------------------


def _hours(ads: Sequence[AdInput], now: float) -> Hours:
    tables = [_table(ad, now) for ad in ads]
    ad = np.repeat(np.arange(len(ads)), [len(table[0]) for table in tables])
    # Column by column: a table of all of them would be copied as a whole, which at 10,000 ads is a third of a gigabyte.
    hour, impressions, clicks, spend, leads, budget = (np.concatenate(column) for column in zip(*tables, strict=True))
    _check_hours(ads, ad, hour, (impressions, clicks, spend, leads), budget=budget, now=now)
    age = np.maximum(now - hour - 0.5, 0.0)
    return Hours(ad, hour, age, impressions, clicks, spend, leads, budget)


def _table(ad: AdInput, now: float) -> tuple[Vector, ...]:
    """Columns hour, impressions, clicks, spend, leads, budget."""
    if ad.hourly is None or len(ad.hourly.hour) == 0:
        return tuple(_spread(ad, now))
    return _given(ad.hourly)


def _given(hourly: Hourly) -> tuple[Vector, ...]:
    size = len(hourly.hour)
    leads = np.zeros(size) if hourly.leads is None else hourly.leads
    budget = np.full(size, np.nan) if hourly.budget is None else hourly.budget
    return hourly.hour, hourly.impressions, hourly.clicks, hourly.spend, leads, budget


def _spread(ad: AdInput, now: float) -> Vector:
    if ad.impressions == 0:
        return np.zeros((6, 0))
    span = max(min(ad.age_hours, 24.0 * _DAYS), 1.0)
    days = int(np.ceil(span / 24))
    middle = now - (np.arange(days)[::-1] + 0.5) * span / days - 0.5
    leads = len(ad.deals or ()) if ad.leads is None else ad.leads
    totals = np.array([ad.impressions, ad.clicks, ad.spend, leads]) / days
    return np.vstack([middle, np.repeat(totals[:, None], days, axis=1), np.full(days, np.nan)])


def _check_hours(
    ads: Sequence[AdInput], ad: Index, hour: Vector, counts: Sequence[Vector], *, budget: Vector, now: float
) -> None:
    # Comparisons with NaN are false, so that what is not a number passes none of them; a budget may be unknown.
    wrong = ~np.isfinite(hour) | (budget < 0) | np.isinf(budget)
    for values in counts:
        wrong |= ~((values >= 0) & (values < np.inf))
    _refuse(ads, ad, wrong, "hourly holds NaN, infinity or a negative number")
    _refuse(ads, ad, hour >= now + _CLOCK_SLACK, f"hourly reaches beyond now_hour {now:g}")
    falls = np.zeros(len(hour), dtype=bool)
    falls[1:] = (hour[1:] <= hour[:-1]) & (ad[1:] == ad[:-1])
    _refuse(ads, ad, falls, "hourly.hour must rise from entry to entry, each hour once")


def _refuse(ads: Sequence[AdInput], ad: Index, wrong: npt.NDArray[np.bool_], what: str) -> None:
    if wrong.any():
        raise RequestRefused([f"ad {ads[index].ad_id}: {what}" for index in np.unique(ad[wrong])])


# --- deals ------------------------------------------------------------------------------------------


def _deals(ads: Sequence[AdInput], stages: Sequence[str], now: float) -> Deals:
    number: dict[int | str, int] = {name: index for index, name in enumerate(stages)}
    number |= {index: index for index in range(len(stages))}
    deals = [deal for ad in ads for deal in ad.deals or ()]
    who = np.repeat(np.arange(len(ads)), [len(ad.deals or ()) for ad in ads])
    click = np.array([deal.click_hour for deal in deals], dtype=float)
    entered = np.array([deal.stage_entered_hour for deal in deals], dtype=float)
    stage = np.array([number.get(deal.stage, -1) for deal in deals], dtype=np.intp)
    amount = np.array([np.nan if deal.amount is None else deal.amount for deal in deals], dtype=float)
    _refuse(ads, who, stage < 0, f"a deal is in a stage that `stages` does not have ({', '.join(stages)})")
    _refuse(ads, who, entered < click, "a deal entered its stage before its click")
    future = np.maximum(entered, click) >= now + _CLOCK_SLACK
    _refuse(ads, who, future, f"a deal lies in the future of now_hour {now:g}")
    _one_deal_once(deals)
    lost = np.array([deal.lost for deal in deals], dtype=bool)
    return Deals(who, np.maximum(now - click, 0.0), stage, np.maximum(now - entered, 0.0), lost, amount)


def _one_deal_once(deals: Sequence[Deal]) -> None:
    ids = [deal.deal_id for deal in deals]
    if len(set(ids)) < len(ids):
        twice = {str(deal_id) for deal_id, count in Counter(ids).items() if count > 1}
        raise RequestRefused(
            [f"deal {deal_id} is listed more than once; give it to one ad" for deal_id in sorted(twice)]
        )
