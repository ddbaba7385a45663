"""The knowledge graph (E3): which elements ads are made of, and how those with an element did beside those without.

A node is an element, e.g. the hook family *question*; an edge joins two elements that were in the
same ad. Both carry counts, and lifts only where both sides of a comparison exist. Lifts are
correlations: elements come in company, which is what the edges are for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.core.account import Account
from flywheel_assets.learning.dna import DnaRecord
from flywheel_assets.learning.published import Delivered, delivered
from flywheel_assets.learning.report import Problem, StepReport, in_words
from flywheel_assets.learning.winners import load_winners
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.tables import creative_dna, knowledge_edges, knowledge_nodes

STEP = "E3 knowledge graph"
RELATION = "seen_with"
Element = tuple[str, str]  # kind, value


@dataclass(frozen=True)
class Specimen:
    """One reported ad: its elements, what it delivered, whether it won."""

    ad_id: str
    elements: frozenset[Element]
    delivered: Delivered
    won: bool


@dataclass(frozen=True)
class GraphUpdated:
    """Sizes of the graph, and what was added or changed in it."""

    nodes: int
    edges: int
    new_nodes: int
    new_edges: int
    updated: int
    ads: int
    strongest: tuple[str, ...]
    problems: tuple[Problem, ...]

    def report(self) -> StepReport:
        """The step in words."""
        changed = {"new_nodes": self.new_nodes, "new_edges": self.new_edges, "updated": self.updated}
        status = "insufficient" if not self.ads else "done" if any(changed.values()) else "nothing"
        told = f"{self.nodes} elements and {self.edges} pairs of {self.ads} ads"
        best = f"; more often in winners: {', '.join(self.strongest)}" if self.strongest else "; no winner yet"
        reason = told + best + in_words(self.problems)
        return StepReport(step=STEP, status=status, changed=dict(changed), reason=reason)


def elements_of(dna: DnaRecord) -> frozenset[Element]:
    """The elements of one ad; what was not looked at is not among them."""
    found = [("hook_family", dna.hook_family), ("call_to_action", dna.call_to_action)]
    found += [(kind, value) for kind, value in (("offer", dna.offer), ("proof", dna.proof)) if value]
    found += [("opening_object", label) for label in dna.opening_objects or ()]
    found += [("look", look) for look in dna.looks]
    return frozenset(found)


def evidence(specimens: Sequence[Specimen], having: frozenset[Element]) -> dict[str, Any]:
    """How ads with all of ``having`` did beside the others. Lifts are relative, None where a side is missing.

    ``winner_lift`` compares shares of winners with one imagined ad on each side that won half, so that
    one winner of one ad is no certainty.
    """
    inside = [one for one in specimens if having <= one.elements]
    outside = [one for one in specimens if not having <= one.elements]
    return {
        "ads": len(inside),
        "winners": sum(one.won for one in inside),
        "impressions": sum(one.delivered.impressions for one in inside),
        "clicks": sum(one.delivered.clicks for one in inside),
        "leads": sum(one.delivered.leads for one in inside),
        "ctr_lift": _lift(_rate(inside, "clicks"), _rate(outside, "clicks")),
        "lead_lift": _lift(_rate(inside, "leads"), _rate(outside, "leads")),
        "winner_lift": _lift(_share(inside), _share(outside)) if inside and outside else None,
    }


def _rate(ads: Sequence[Specimen], outcome: str) -> float | None:
    shown = sum(one.delivered.impressions for one in ads)
    return sum(getattr(one.delivered, outcome) for one in ads) / shown if shown else None


def _share(ads: Sequence[Specimen]) -> float:
    return (sum(one.won for one in ads) + 0.5) / (len(ads) + 1)


def _lift(inside: float | None, outside: float | None) -> float | None:
    return inside / outside - 1 if inside is not None and outside else None


def update_knowledge(engine: Engine, account: Account, hour: datetime) -> GraphUpdated:
    """Recompute the account's graph from its reported ads; one transaction. Elements stay once seen."""
    with engine.begin() as connection:
        specimens, problems = _specimens(connection, account, hour)
        present: defaultdict[frozenset[Element], int] = defaultdict(int)
        for one in specimens:
            for size in (1, 2):
                for group in combinations(sorted(one.elements), size):
                    present[frozenset(group)] += 1
        nodes = {next(iter(group)): evidence(specimens, group) for group in present if len(group) == 1}
        edges = {tuple(sorted(group)): evidence(specimens, group) for group in present if len(group) > 1}
        ids, new_nodes, moved = _save_nodes(connection, account.account_id, nodes)
        new_edges, moved_edges = _save_edges(connection, ids, edges)
        sizes = _sizes(connection, account.account_id)
    lifts = {element: found["winner_lift"] or 0.0 for element, found in nodes.items()}
    best = sorted((element for element, lift in lifts.items() if lift > 0), key=lambda one: (-lifts[one], one))
    strongest = tuple(f"{kind} {value}" for kind, value in best[:3])
    return GraphUpdated(*sizes, new_nodes, new_edges, moved + moved_edges, len(specimens), strongest, problems)


def _specimens(connection: Connection, account: Account, hour: datetime) -> tuple[list[Specimen], tuple[Problem, ...]]:
    sums, problems = delivered(connection, account, hour)
    won = load_winners(connection, account.account_id)
    table = creative_dna.c
    query = select(table.ad_id, table.record).where(table.account_id == account.account_id).order_by(table.ad_id)
    return [
        Specimen(row.ad_id, elements_of(DnaRecord.model_validate(row.record)), sums[row.ad_id], row.ad_id in won)
        for row in connection.execute(query)
        if row.ad_id in sums
    ], problems


def _save_nodes(
    connection: Connection, account_id: str, nodes: dict[Element, dict[str, Any]]
) -> tuple[dict[Element, int], int, int]:
    """Ids of all nodes of the account, how many are new, how many changed."""
    table = knowledge_nodes.c
    query = select(table.id, table.kind, table.value, table.metrics).where(table.account_id == account_id)
    known = {(row.kind, row.value): (row.id, row.metrics) for row in connection.execute(query)}
    ids = {element: node_id for element, (node_id, _) in known.items()}
    new = moved = 0
    for (kind, value), metrics in sorted(nodes.items()):
        if (kind, value) not in known:
            row = {"account_id": account_id, "kind": kind, "value": value, "metrics": metrics}
            ids[kind, value] = connection.execute(insert(knowledge_nodes).values(row).returning(table.id)).scalar_one()
            new += 1
        elif known[kind, value][1] != metrics:
            changed = knowledge_nodes.update().where(table.id == ids[kind, value])
            connection.execute(changed.values(metrics=metrics, updated_at=business_now(connection)))
            moved += 1
    return ids, new, moved


def _save_edges(
    connection: Connection, ids: dict[Element, int], edges: dict[tuple[Element, ...], dict[str, Any]]
) -> tuple[int, int]:
    """How many edges are new, how many changed."""
    table = knowledge_edges.c
    query = select(table.source_id, table.target_id, table.evidence).where(table.source_id.in_(ids.values()))
    known = {(row.source_id, row.target_id): row.evidence for row in connection.execute(query)}
    new = moved = 0
    for (source, target), found in sorted(edges.items()):
        pair = (ids[source], ids[target])
        if known.get(pair) == found:
            continue
        new, moved = new + (pair not in known), moved + (pair in known)
        row = {"source_id": pair[0], "target_id": pair[1], "relation": RELATION, "evidence": found}
        keep = {"evidence": found, "updated_at": business_now(connection)}
        statement = insert(knowledge_edges).values(row)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["source_id", "target_id", "relation"], set_=keep)
        )
    return new, moved


def _sizes(connection: Connection, account_id: str) -> tuple[int, int]:
    nodes = select(func.count()).where(knowledge_nodes.c.account_id == account_id)
    joined = knowledge_edges.join(knowledge_nodes, knowledge_edges.c.source_id == knowledge_nodes.c.id)
    edges = select(func.count()).select_from(joined).where(knowledge_nodes.c.account_id == account_id)
    return int(connection.execute(nodes).scalar_one()), int(connection.execute(edges).scalar_one())
