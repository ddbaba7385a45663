"""Recommendations as a marketer reads them: what moves, how sure it is, what it may bring, what stopped it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.binding import binding
from flywheel_assets.budget.deciding import Decision
from flywheel_assets.budget.response import Recommendation

Vector = npt.NDArray[np.float64]
Stakes = list[float | None]

_DIGITS = 6
_NEARLY = 0.99


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
        "binding": [*binding(decision)],
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
        found.append(line.model_copy(update={"reason": explain(line, decision, killed=killed)}))
    return [_noted(line, lacking) for line, lacking in zip(found, columns.unclicked.tolist(), strict=True)]


def _noted(line: Recommendation, lacking: float) -> Recommendation:
    if lacking == 0:
        return line
    note = f" {lacking:,.0f} leads or deals are without a click: as many clicks are assumed; check the click report."
    return line.model_copy(update={"reason": line.reason + note})


def explain(line: Recommendation, decision: Decision, *, killed: bool) -> str:
    """Why this ad gets what it gets, in a sentence or two."""
    tail = " It is tiring: ask for a new creative." if line.metrics.get("refresh") else ""
    if line.current_budget is None:
        return f"Starts with {line.recommended_budget:,.2f} a day, its share by what is known so far.{tail}"
    if line.recommended_budget == line.current_budget:
        return f"Unchanged: {_still(line, decision)}.{tail}"
    return f"{_moved(line, decision, killed=killed)}{_outcome(line)}.{tail}"


def summary(decision: Decision) -> str:
    """The decision in one sentence; also why nothing changed."""
    budgets, columns, placed = decision.budgets, decision.columns, decision.placed
    move = budgets - np.nan_to_num(columns.current)
    up, down = int((move > 0).sum()), int((move < 0).sum())
    text = f"{up} up, {down} down, {columns.size - up - down} unchanged; {budgets.sum():,.2f} a day placed"
    if placed.beyond:
        return f"{text}; {beyond(decision)}."
    if up == down == 0:
        rules = binding(decision)
        why = max(sorted({rule or "total" for rule in rules}), key=rules.count)
        return f"{text}; nothing changed: {_nothing(why, decision)}."
    return f"{text}."


def beyond(decision: Decision) -> str:
    """What of the total could not be met, and why."""
    amount = decision.placed.beyond / decision.bounds.minor
    way = "cannot be placed" if amount > 0 else "more than the total stays"
    limit = f"no budget may move by more than {decision.percent:g} % at once"
    side = decision.bounds.above if amount > 0 else decision.bounds.below
    held = ["ads that are held"] if (decision.bounds.held != "").any() else []
    others = [f"{name}s" for name in ("floor", "ceiling") if name in side] + ["pools"] * bool(decision.bounds.pools)
    if more := [*others, *held]:
        limit = f"{', '.join(more)} and the velocity rule leave no room"
    return f"{abs(amount):,.2f} {way}, because {limit}: ask again after six hours"


def _moved(line: Recommendation, decision: Decision, *, killed: bool) -> str:
    up = line.recommended_budget > (line.current_budget or 0.0)
    wanted = float(line.metrics["target"] or 0.0) > (line.current_budget or 0.0)
    text = f"{'Raised' if up else 'Lowered'} {abs(line.change_percentage):.1f} %: "
    if killed and not up:
        text += "it very probably earns less than it costs and is being wound down"
    elif line.metrics["binding"] == "outside":
        text += "its budget was outside what is allowed now"
    elif wanted != up:
        text += (
            f"the total as a whole asks for it, although it deserves {'less' if up else 'more'} ({line.confidence:.0%})"
        )
    elif line.confidence < decision.rules.confidence:
        text += f"the total as a whole asks for it; by itself it would wait, {line.confidence:.0%} sure"
    else:
        text += f"{line.confidence:.0%} sure that it deserves {'more' if up else 'less'}"
    stops = {
        "velocity": f"{decision.percent:g} % in six hours is the limit",
        "floor": "that is its floor",
        "ceiling": "that is its ceiling",
        "pool": "its pool has no more room",
    }
    stop = stops.get(str(line.metrics["binding"]))
    text = f"{text}; it would go further, but {stop}" if stop else text
    return text if up or not _young(line, decision) else f"{text}; while it is young it keeps a share to be judged by"


def _young(line: Recommendation, decision: Decision) -> bool:
    return float(line.metrics["age_hours"] or 0.0) < decision.rules.ignorance_hours


def _outcome(line: Recommendation) -> str:
    gain, loss = line.metrics["expected_gain"], line.metrics["expected_loss"]
    if gain is None or loss is None:
        return ""
    return f". It may bring {gain:,.2f} a day and may cost {loss:,.2f}, against the same money elsewhere"


def _still(line: Recommendation, decision: Decision) -> str:
    rules, sure = decision.rules, line.confidence
    return {
        "paused": "its budget is 0, so it is paused; start it before it can get money",
        "opt_out": "a person took it out of the automatic decisions",
        "cooldown": f"its budget was changed less than {rules.cooldown_hours:g} h ago; its effect is waited for first",
        "confidence": f"only {sure:.0%} sure that it deserves something else; {rules.confidence:.0%} are needed",
        "min_change": f"it already has its share, to within {rules.min_change_percent:g} %",
        "velocity": f"it has moved as far as {decision.percent:g} % in six hours allow",
        "floor": "it is at its floor",
        "ceiling": "it is at its ceiling",
        "pool": "its pool has its part of the plan, and no other ad of the pool may give or take",
    }.get(str(line.metrics["binding"]), "no other ad may take what it would give, or give what it would take")


def _nothing(rule: str, decision: Decision) -> str:
    return {
        "confidence": f"no move is {decision.rules.confidence:.0%} sure to be right yet",
        "min_change": "every ad has its share already",
        "velocity": "budgets are as far as they may go at once",
        "total": "nobody may take what another would give",
        "cooldown": f"budgets were changed less than {decision.rules.cooldown_hours:g} h ago",
        "opt_out": "a person took the ads out of the automatic decisions",
        "ceiling": "budgets are at their ceilings",
        "floor": "budgets are at their floors",
        "pool": "pools have their parts of the plan",
    }.get(rule, rule)


def _stakes(decision: Decision) -> tuple[Stakes, Stakes]:
    """Revenue a day that the move may bring, and may cost, against the same money spread over the account's next units."""
    worth, columns, budgets = decision.proposal.worth, decision.columns, decision.budgets
    if worth is None:
        nothing: Stakes = [None] * columns.size
        return nothing, nothing
    before, after = np.nan_to_num(columns.current), worth(budgets)
    # What the account's last hundredth earns, in each draw: the price of money elsewhere.
    last = (after - worth(budgets * _NEARLY)).sum(axis=1, keepdims=True)
    price = last / max(float(budgets.sum()) * (1 - _NEARLY), 1.0 / decision.bounds.minor)
    change = after - worth(before) - price * (budgets - before)
    gain, loss = np.maximum(change, 0).mean(axis=0), np.maximum(-change, 0).mean(axis=0)
    return np.round(gain, 2).tolist(), np.round(loss, 2).tolist()
