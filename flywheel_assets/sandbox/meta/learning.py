"""The learning phase of an ad set, by Meta's rule as far as it is public.

An ad set learns until about 50 of its conversions came in the 7 days after its last significant
edit; when they do not come, it stays limited. The clock starts with the first hour delivered after
the edit. What makes an edit significant is told by Meta in words only: here it is a new audience,
goal or bid, a new ad or creative, and a budget that moves by more than a fifth, its own or its
campaign's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flywheel_assets.sandbox.meta.state import Node, SandboxMeta

_WEEK = 7 * 86400.0
_ENOUGH = 50
_LARGE_MOVE = 0.2  # what practitioners report; Meta says "depending on the magnitude"
_BUDGETS = ("daily_budget", "lifetime_budget")
_SIGNIFICANT = {
    "adset": ("targeting", "optimization_goal", "bid_amount", "bid_strategy"),
    "ad": ("creative",),
    "campaign": (),
}


def note_edit(state: SandboxMeta, old: Node | None, new: Node) -> None:
    """Begin the learning anew of every ad set to which this edit, or (``old`` None) this new object, is significant."""
    if new.kind in _SIGNIFICANT and (old is None or _significant(old, new)):
        for adset in _concerned(state, new):
            state.execute("INSERT OR REPLACE INTO significant_edits VALUES (?, ?)", adset, state.now())


def learning_stage(state: SandboxMeta, adset: Node) -> dict[str, Any]:
    """The `learning_stage_info` of an active ad set."""
    edited = _last_edit(state, adset)
    mine = "FROM deliveries WHERE ad IN (SELECT id FROM objects WHERE parent = ?)"
    ((start,),) = state.execute(f"SELECT min(hour) {mine} AND hour >= ?", adset.id, edited)
    conversions, ends = 0, None if start is None else start + _WEEK
    if ends is not None:
        summed = f"SELECT sum(leads) {mine} AND hour >= ? AND hour < ?"
        ((conversions,),) = state.execute(summed, adset.id, start, ends)
    over = ends is not None and state.now() >= ends
    status = "SUCCESS" if conversions >= _ENOUGH else "FAIL" if over else "LEARNING"
    return {"status": status, "conversions": conversions, "last_sig_edit_ts": int(edited)}


def _last_edit(state: SandboxMeta, adset: Node) -> float:
    rows = state.execute("SELECT at FROM significant_edits WHERE adset = ?", adset.id)
    return float(rows[0][0]) if rows else adset.created


def _significant(old: Node, new: Node) -> bool:
    changed = any(old.data.get(name) != new.data.get(name) for name in _SIGNIFICANT[new.kind])
    return changed or any(_moved_far(old.data.get(name), new.data.get(name)) for name in _BUDGETS)


def _moved_far(before: int | None, after: int | None) -> bool:
    if not before or not after:
        return before != after
    return abs(after - before) > _LARGE_MOVE * before


def _concerned(state: SandboxMeta, node: Node) -> Iterator[int]:
    if node.kind == "adset":
        yield node.id
    elif node.kind == "ad" and node.parent is not None:
        yield node.parent
    else:
        for (adset,) in state.execute("SELECT id FROM objects WHERE parent = ? AND kind = 'adset'", node.id):
            yield int(adset)
