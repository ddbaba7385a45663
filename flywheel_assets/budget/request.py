"""What a budget decision is asked with and answered with: typed, complete, and strict about every name.

Amounts are in major units of the account's currency, as people write them; budgets are per day.
All hours lie on one axis, whose zero means nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from flywheel_assets.core.account import PolicyName
from flywheel_assets.core.errors import FlywheelError
from flywheel_assets.core.money import MINOR_DIGITS, minor_digits

Vector = npt.NDArray[np.float64]

# A funnel needs a first stage and a last one.
_FEWEST_STAGES = 2
_SHOWN_PROBLEMS = 5
# Beliefs about more would not fit into a small machine's memory; nor would a complaint about every one of a million keys.
_MOST_KEYS = 50
_MOST = {"ad_states": 10_000, "stages": 100, "stage_win_probability": 100}


class RequestRefused(FlywheelError, ValueError):
    """The request cannot be answered honestly; nothing was decided.

    Attributes:
        problems: every reason found, each naming the place in the request.
    """

    def __init__(self, problems: list[str]) -> None:
        shown = "; ".join(problems[:_SHOWN_PROBLEMS])
        more = len(problems) - _SHOWN_PROBLEMS
        super().__init__(shown + (f"; and {more} more" if more > 0 else ""))
        self.problems = problems


def _column(values: Any) -> Vector:
    """One array a column: checking a thousand ads' hours one number at a time would take longer than deciding."""
    try:
        column = np.asarray(values)
    except ValueError:
        raise ValueError("a column is a plain list of numbers") from None
    if column.size == 0:
        return np.zeros(0)
    if column.ndim != 1 or column.dtype.kind not in "iuf":
        raise ValueError("a column is a plain list of numbers, without text, null or true and false")
    return column.astype(np.float64, copy=False)


def _plain_number(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError(f"{value!r} is not a number")  # noqa: TRY004 - pydantic collects ValueErrors
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not an amount; leave out what is not known")
    return value


Column = Annotated[Vector, BeforeValidator(_column)]
Amount = Annotated[float, BeforeValidator(_plain_number), Field(ge=0, allow_inf_nan=False)]
Hour = Annotated[float, Field(allow_inf_nan=False)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _few_keys(cls, data: Any) -> Any:
        if isinstance(data, dict) and len(data) > _MOST_KEYS:
            raise ValueError(f"{len(data):,} keys, of which most are unknown; send only those that are documented")
        return data


class Hourly(_Value):
    """What the platform reported, one entry an hour; columns of one length, hours rising."""

    hour: Column
    impressions: Column
    clicks: Column
    spend: Column
    leads: Column | None = None
    budget: Column | None = Field(None, description="The daily budget in force in that hour.")

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        lengths = {name: len(column) for name, column in self if column is not None}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ValueError(f"columns have different lengths ({shown}); give every hour one entry in each")
        return self


class Deal(_Value):
    """One deal that came from a click on the ad, as the CRM shows it now."""

    deal_id: str | int
    click_hour: Hour
    stage: int | str = Field(description="Index into `stages`, or the name.")
    stage_entered_hour: Hour
    lost: bool = False
    amount: Amount | None = None


class AdInput(_Value):
    """One ad; the first five fields are required."""

    ad_id: str = Field(min_length=1)
    impressions: Amount
    clicks: Amount
    spend: Amount
    age_hours: Amount
    pipeline_value: Amount | None = Field(None, description="Value of its deals, weighted by their stages, so far.")
    cash_revenue: Amount | None = Field(None, description="Value of its won deals so far.")
    leads: Amount | None = None
    current_budget: Amount | None = None
    currency: str | None = None
    dna: Column | None = Field(None, description="The creative's vector.")
    hourly: Hourly | None = None
    deals: tuple[Deal, ...] | None = Field(None, fail_fast=True)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.clicks > self.impressions:
            raise ValueError(
                f"{self.clicks:g} clicks of {self.impressions:g} impressions cannot be; "
                "read both for the same ad and the same time"
            )
        if self.spend > 0 and self.impressions == 0:
            raise ValueError(
                f"{self.spend:g} spent without an impression: the report is not complete; read it again or leave the ad out"
            )
        return self


class BudgetRequest(_Value):
    """Everything one decision may use."""

    total_budget: Amount
    ad_states: tuple[AdInput, ...]
    now_hour: Hour | None = None
    stages: tuple[str, ...] | None = Field(None, description="In order; the first is a new lead, the last is won.")
    stage_win_probability: tuple[Annotated[float, Field(ge=0, le=1)], ...] | None = None
    policy: PolicyName | None = None
    seed: int = Field(0, ge=0)
    currency: str | None = None
    fatigue_k: Amount | None = Field(None, description="Decay per impression; estimated where not given.")

    @model_validator(mode="before")
    @classmethod
    def _few_entries(cls, data: Any) -> Any:
        for name, most in _MOST.items() if isinstance(data, dict) else ():
            if isinstance(given := data.get(name), list | tuple) and len(given) > most:
                raise ValueError(f"{name} has {len(given):,} entries, at most {most:,} are taken; ask about fewer")
        return data

    @model_validator(mode="after")
    def _whole(self) -> Self:
        # An unknown currency has no minor unit, in which the plan is counted.
        if problems := [*_of_stages(self), *_of_ads(self)] or _of_the_plan(self):
            raise ValueError("; ".join(problems[:_SHOWN_PROBLEMS]))
        return self

    @property
    def minor(self) -> int:
        """Minor units in one major unit; a hundred when no currency is named."""
        named = self.currency or next((ad.currency for ad in self.ad_states if ad.currency), None)
        return int(10 ** minor_digits(named or "USD"))


def parse(request: BudgetRequest | Mapping[str, Any]) -> BudgetRequest:
    """The typed request.

    Raises:
        RequestRefused: with every problem found, by its place.
    """
    if isinstance(request, BudgetRequest):
        return request
    try:
        return BudgetRequest.model_validate(request)
    except ValidationError as error:
        raise RequestRefused([_told(problem, request) for problem in error.errors(include_url=False)]) from None


def _told(problem: Any, request: Any) -> str:
    place = ".".join(str(part) for part in problem["loc"])
    name = _ad_name(problem["loc"], request)
    if problem["type"] == "extra_forbidden":
        return f"unknown key {place!r}{name}; remove it or check its spelling"
    if problem["type"] == "missing":
        return f"{place}{name}: required and not there"
    return f"{place}{name}: ".lstrip(": ") + str(problem["msg"]).removeprefix("Value error, ")


def _ad_name(place: tuple[Any, ...], request: Any) -> str:
    try:
        return f" (ad {request['ad_states'][place[1]]['ad_id']})" if place[0] == "ad_states" else ""
    except (LookupError, TypeError):
        return ""


# --- what no single field shows ---------------------------------------------------------------------


def _of_the_plan(request: BudgetRequest) -> list[str]:
    budgets = [ad.current_budget for ad in request.ad_states]
    if not request.ad_states:
        return ["ad_states is empty: there is no ad to give a budget to"]
    if request.total_budget * request.minor < 1:
        return [f"total_budget is {request.total_budget:g}: there is nothing to share; to stop spending, pause the ads"]
    if all(budget == 0 for budget in budgets):
        paused = f"all {len(budgets)} ads have a current budget of 0: they are paused, and 20 % of nothing is nothing"
        return [f"{paused}; leave current_budget out for ads that are to start"]
    return []


def _of_stages(request: BudgetRequest) -> list[str]:
    stages, chances = request.stages, request.stage_win_probability
    if stages is None:
        problems = ["stage_win_probability needs `stages`"] if chances is not None else []
        owner = next((ad.ad_id for ad in request.ad_states if ad.deals), None)
        return problems + ([f"ad {owner} has deals, but `stages` does not say what their stages are"] if owner else [])
    if len(stages) < _FEWEST_STAGES or len(set(stages)) != len(stages):
        return [f"stages needs a first and a last one, each named once; got {list(stages)}"]
    if chances is not None and len(chances) != len(stages):
        return [f"stage_win_probability has {len(chances)} entries for {len(stages)} stages"]
    return []


def _of_ads(request: BudgetRequest) -> list[str]:
    ads = request.ad_states
    twice = [ad_id for ad_id, count in Counter(ad.ad_id for ad in ads).items() if count > 1]
    problems = [f"ad {ad_id} is in ad_states more than once; join its rows" for ad_id in twice]
    named = {ad.currency for ad in ads if ad.currency} | ({request.currency} if request.currency else set())
    problems += [
        f"currency {name!r} is not supported; known are {', '.join(sorted(MINOR_DIGITS))}"
        for name in sorted(named - MINOR_DIGITS.keys())
    ]
    if len(named) > 1:
        problems.append(
            f"amounts in {', '.join(sorted(named))}: one decision has one currency; convert them or ask twice"
        )
    lengths = {len(ad.dna) for ad in ads if ad.dna is not None}
    if len(lengths) > 1:
        problems.append(f"dna has lengths {sorted(lengths)}; give all vectors of one request one length")
    return problems
