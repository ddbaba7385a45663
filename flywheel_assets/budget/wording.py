"""Recommendations as a marketer reads them: what moves, how sure it is, what it may bring, what stopped it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.gating import Decision
from flywheel_assets.budget.response import Recommendation
from flywheel_assets.settings import Budget, Safety

Vector = npt.NDArray[np.float64]
Stakes = list[float | None]

_RULES, _SAFETY = Budget(), Safety()
_DIGITS = 6
_NEARLY = 0.99
_STILL = {
    "confidence": f"no move is {_RULES.confidence:.0%} sure to be right yet",
    "min_change": "every ad has its share already",
    "velocity": "budgets are as far as they may go at once",
    "total": "nobody may take what another would give",
}


def lines(decision: Decision) -> list[Recommendation]:
    """One recommendation an ad, in the order of the columns."""
    columns, proposal, gated = decision.columns, decision.proposal, decision.gated
    budgets, known = decision.budgets, columns.current > 0
    change = np.divide((budgets - columns.current) * 100, columns.current, out=np.zeros(columns.size), where=known)
    gain, loss = _stakes(decision)
    table: dict[str, list[float | str | None]] = {
        **{name: np.round(values, _DIGITS).tolist() for name, values in proposal.metrics.items()},
        "target": np.round(proposal.target, _DIGITS).tolist(),
        "age_hours": columns.age.tolist(),
        "expected_gain": [*gain],
        "expected_loss": [*loss],
        "binding": [*_binding(decision)],
    }
    sure, had = gated.confidence.tolist(), columns.current.tolist()
    rows = zip(
        columns.ids, had, budgets.tolist(), change.tolist(), sure, zip(*table.values(), strict=True), strict=True
    )
    found = []
    for (ad_id, current, budget, moved, certain, values), killed in zip(rows, proposal.kill.tolist(), strict=True):
        line = Recommendation.model_construct(
            ad_id=ad_id,
            current_budget=None if np.isnan(current) else current,
            recommended_budget=budget,
            change_percentage=round(moved, 4),
            confidence=round(certain, 4),
            reason="",
            metrics=dict(zip(table, values, strict=True)),
        )
        found.append(line.model_copy(update={"reason": explain(line, killed=killed)}))
    return [_noted(line, lacking) for line, lacking in zip(found, columns.unclicked.tolist(), strict=True)]


def _noted(line: Recommendation, lacking: float) -> Recommendation:
    if lacking == 0:
        return line
    note = f" {lacking:,.0f} leads or deals are without a click: as many clicks are assumed; check the click report."
    return line.model_copy(update={"reason": line.reason + note})


def explain(line: Recommendation, *, killed: bool) -> str:
    """Why this ad gets what it gets, in a sentence or two."""
    tail = " It is tiring: its click rate falls, so ask for a new creative." if line.metrics.get("refresh") else ""
    if line.current_budget is None:
        return f"Starts with {line.recommended_budget:,.2f} a day, its share by what is known so far.{tail}"
    if line.recommended_budget == line.current_budget:
        return f"Unchanged: {_still(line)}.{tail}"
    return f"{_moved(line, killed=killed)}{_outcome(line)}.{tail}"


def summary(decision: Decision) -> str:
    """The decision in one sentence; also why nothing changed."""
    budgets, columns, placed = decision.budgets, decision.columns, decision.placed
    move = budgets - np.nan_to_num(columns.current)
    up, down = int((move > 0).sum()), int((move < 0).sum())
    text = f"{up} up, {down} down, {columns.size - up - down} unchanged; {budgets.sum():,.2f} a day placed"
    if placed.beyond:
        way = "cannot be placed" if placed.beyond > 0 else "more than the total stays"
        limit = f"no budget may move by more than {_SAFETY.velocity_percent} % at once"
        return f"{text}; {abs(placed.beyond) / decision.minor:,.2f} {way}, because {limit}: ask again after six hours."
    if up == down == 0:
        rules = _binding(decision)
        why = max(sorted({rule or "total" for rule in rules}), key=rules.count)
        return f"{text}; nothing changed: {_STILL.get(why, why)}."
    return f"{text}."


def _moved(line: Recommendation, *, killed: bool) -> str:
    up = line.recommended_budget > (line.current_budget or 0.0)
    wanted = float(line.metrics["target"] or 0.0) > (line.current_budget or 0.0)
    text = f"{'Raised' if up else 'Lowered'} {abs(line.change_percentage):.1f} %: "
    if killed and not up:
        text += "it very probably earns less than it costs and is being wound down"
    elif line.confidence < _RULES.confidence or wanted != up:
        text += "the total as a whole asks for it"
    else:
        text += f"{line.confidence:.0%} sure that it deserves {'more' if up else 'less'}"
    if line.metrics["binding"] == "velocity":
        text += f"; it would go further, but {_SAFETY.velocity_percent} % in six hours is the limit"
    return text


def _outcome(line: Recommendation) -> str:
    gain, loss = line.metrics["expected_gain"], line.metrics["expected_loss"]
    if gain is None or loss is None:
        return ""
    return f". It may bring {gain:,.2f} a day and may cost {loss:,.2f}, against the same money elsewhere"


def _still(line: Recommendation) -> str:
    match line.metrics["binding"]:
        case "paused":
            return "its budget is 0, so it is paused; start it before it can get money"
        case "confidence":
            return (
                f"only {line.confidence:.0%} sure that it deserves something else; {_RULES.confidence:.0%} are needed"
            )
        case "min_change":
            return f"it already has its share, to within {_RULES.min_change_percent:g} %"
        case "velocity":
            return f"it has moved as far as {_SAFETY.velocity_percent} % in six hours allow"
        case _:
            return "no other ad may take what it would give, or give what it would take"


def _stakes(decision: Decision) -> tuple[Stakes, Stakes]:
    """Revenue a day that the move may bring, and may cost, against the same money spread over the account's next units."""
    worth, columns, budgets = decision.proposal.worth, decision.columns, decision.budgets
    if worth is None:
        nothing: Stakes = [None] * columns.size
        return nothing, nothing
    before, after = np.nan_to_num(columns.current), worth(budgets)
    # What the account's last hundredth earns, in each draw: the price of money elsewhere.
    last = (after - worth(budgets * _NEARLY)).sum(axis=1, keepdims=True)
    price = last / max(float(budgets.sum()) * (1 - _NEARLY), 1.0 / decision.minor)
    change = after - worth(before) - price * (budgets - before)
    gain, loss = np.maximum(change, 0).mean(axis=0), np.maximum(-change, 0).mean(axis=0)
    return np.round(gain, 2).tolist(), np.round(loss, 2).tolist()


def _binding(decision: Decision) -> list[str | None]:
    """The rule that kept each budget from the policy's target; None where it got there."""
    columns, amounts, limits = decision.columns, decision.placed.amounts, decision.limits
    target = np.where(decision.proposal.kill, 0.0, decision.proposal.target) * decision.minor
    stopped = ((target > amounts) & (amounts == limits.high)) | ((target < amounts) & (amounts == limits.low))
    known, current = ~np.isnan(columns.current), np.nan_to_num(columns.current)
    rule = np.where(np.abs(target - amounts) < 1, "", "total")
    rule = np.where(stopped & known, "velocity", rule)
    rule = np.where(decision.gated.held & (amounts == limits.rest), decision.gated.rule, rule)
    rule = np.where(known & (current == 0), "paused", rule)
    return [str(one) or None for one in rule]
