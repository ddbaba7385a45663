"""From one parsed request to one answer and its journal row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flywheel_assets.sandbox.meta import limits
from flywheel_assets.sandbox.meta.activities import APP, read_activities
from flywheel_assets.sandbox.meta.errors import GraphError, missing
from flywheel_assets.sandbox.meta.insights import read_insights
from flywheel_assets.sandbox.meta.reads import minimum_budgets, node_or_missing, read_account, read_edge, read_node
from flywheel_assets.sandbox.meta.reports import order_report, read_report, read_run
from flywheel_assets.sandbox.meta.restrictions import check_restriction
from flywheel_assets.sandbox.meta.state import Entry, Node, SandboxMeta
from flywheel_assets.sandbox.meta.uploads import post_image, post_video
from flywheel_assets.sandbox.meta.validate import api_version
from flywheel_assets.sandbox.meta.wire import Call
from flywheel_assets.sandbox.meta.writes import CREATES, create, update


@dataclass(frozen=True)
class Answer:
    """What goes back over the wire."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


def serve(state: SandboxMeta, call: Call, *, fault: str | None = None, refusal: GraphError | None = None) -> Answer:
    """Carry out ``call``, or refuse it with ``refusal``, and write the journal in the same transaction."""
    with state.transaction():
        trace, account = f"sandbox-{state.next_call()}", _account_of(state, call)
        try:
            if refusal is not None:
                raise refusal
            body, applied, status = *_answer(state, call, account, fault), 200
        except GraphError as error:
            body, applied, status, refusal = error.body(trace), False, error.status, error
        points = limits.cost(call.method, refusal)
        _note(state, call, account, Answer(status, body), applied=applied, fault=fault, cost=points)
        if account is None:
            return Answer(status, body)
        if points:
            limits.block_when_used_up(state, account)
        use_case = "ads_insights" if call.parts[1:] == ("insights",) else "ads_management"
        return Answer(status, body, limits.headers(state, account, use_case, refusal))


def note_unanswered(state: SandboxMeta, call: Call, fault: str, answer: Answer) -> None:
    """Journal a call that a fault kept from the twin; it costs nothing, because it never arrived."""
    with state.transaction():
        _note(state, call, _account_of(state, call), answer, applied=False, fault=fault, cost=0)


def _note(
    state: SandboxMeta, call: Call, account: str | None, answer: Answer, *, applied: bool, fault: str | None, cost: int
) -> None:
    params = call.journal_params()
    entry = Entry(account, call.method, call.path, params, answer.status, answer.body, applied, fault, cost)
    state.write(entry)


def _answer(state: SandboxMeta, call: Call, account: str | None, fault: str | None) -> tuple[dict[str, Any], bool]:
    _check_call(call)
    if call.parts == ("app",) and call.method == "GET":
        return {"id": APP.application_id, "name": APP.application}, False
    if account is None:
        raise missing(call.parts[0])
    check_restriction(state, account, call.method)
    limits.check_score(state, account)
    node = None if call.parts[0] == account else node_or_missing(state, call.parts[0])
    if call.method == "GET":
        return _get(state, call, account, node), False
    if call.method != "POST":
        raise GraphError(f"Unsupported {call.method.lower()} request")
    limits.check_pace(state, account)
    if call.parts[1:] == ("insights",):  # a report is nothing of the ads: for the journal nothing was applied
        return order_report(state, account, node, call.params, fault), False
    return _post(state, call, account, node)


def _get(state: SandboxMeta, call: Call, account: str, node: Node | None) -> dict[str, Any]:
    edge = call.parts[1] if len(call.parts) > 1 else None
    if node is not None and node.kind == "report" and edge in {None, "insights"}:
        return read_report(state, node, call.params) if edge else read_run(state, node, call.params)
    if edge == "insights":
        return read_insights(state, account, node, call.params)
    if edge == "activities" and node is None:
        return read_activities(state, account, call.params)
    if edge == "minimum_budgets" and node is None:
        return minimum_budgets(state, account)
    if edge is not None:
        return read_edge(state, account, node, edge, call.params)
    return read_node(state, node, call.params) if node else read_account(state, account, call.params)


def _post(state: SandboxMeta, call: Call, account: str, node: Node | None) -> tuple[dict[str, Any], bool]:
    edge = call.parts[1] if len(call.parts) > 1 else None
    if node is not None and edge is None:
        return update(state, node, call.params)
    if node is None and edge in CREATES:
        return create(state, account, edge, call.params)
    if node is None and edge == "advideos":
        return post_video(state, account, call.params, call.files)
    if node is None and edge == "adimages":
        return post_image(state, account, call.params, call.files)
    raise GraphError(f"Unsupported post request to /{call.path}")


def _check_call(call: Call) -> None:
    if not call.has_token:
        raise GraphError("An access token is required to request this resource", code=190, status=401)
    if call.version != api_version():
        raise GraphError(f"The sandbox speaks {api_version()}, not {call.version}", code=2635)
    if "ids" in call.params:
        raise GraphError("Reading several objects with ids is gone since v26.0; read each by itself")
    if not call.parts or len(call.parts) > 2:  # noqa: PLR2004 - node and edge
        raise GraphError(f"Unknown path components: /{call.path}", code=2500)


def _account_of(state: SandboxMeta, call: Call) -> str | None:
    """The account that a call belongs to; None when it names nothing the twin knows."""
    first = call.parts[0] if call.parts else ""
    if first in state.accounts:
        return first
    try:
        account = node_or_missing(state, first).account
    except GraphError:
        return None
    return account if account in state.accounts else None
