"""HubSpot deals through the official client: batch read, search by modification, stage history.

Only reads, so every call may be sent again; the transport repeats throttled and failed ones a few
times before a failure leaves as one of `core.errors`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar

from flywheel_assets.core.errors import (
    AuthError,
    ConfigurationError,
    PermanentError,
    RemoteError,
    Throttled,
    TransientError,
)

_BATCH = 100  # HubSpot's limit of a batch read
_HISTORY_BATCH = 50  # and of one that asks for history
_PAGE = 200  # HubSpot's limit of a search page
_SEARCH_WINDOW = 10_000  # results a search hands out at most, however it is paged

_RETRIES = 3  # within about three seconds; the next collection asks again anyway
_LONGEST_WAIT = 10  # seconds; a daily limit's wait is the caller's business, not a sleep
_SECONDLY_WAIT, _DAILY_WAIT = timedelta(seconds=10), timedelta(hours=1)

_UNAUTHORISED, _FORBIDDEN, _TOO_MANY, _SERVER_ERROR = 401, 403, 429, 500

_T = TypeVar("_T")


@dataclass(frozen=True)
class StageEntry:
    """A stage and when the deal came into it."""

    stage: str
    since: datetime


@dataclass(frozen=True)
class Deal:
    """A deal as HubSpot shows it now; a property without a value is None or absent."""

    id: int
    created_at: datetime
    updated_at: datetime
    properties: Mapping[str, str | None]


class HubSpotClient:
    """One portal through one private app's token; one instance per worker, not shared between threads.

    Args:
        base_url: another server, e.g. the twin; None is HubSpot.
        timeout_seconds: longest time one try may take.
    """

    def __init__(self, access_token: str, base_url: str | None, timeout_seconds: float) -> None:
        if not access_token:
            raise ConfigurationError("the HubSpot access token is empty; set FLYWHEEL_HUBSPOT_ACCESS_TOKEN")
        from hubspot import HubSpot

        where = {"host": base_url.rstrip("/")} if base_url else {}
        deals = HubSpot(access_token=access_token, retry=_retry(), **where).crm.deals
        # Each access to these properties builds a connection pool, so they are kept.
        self._batch, self._search = deals.batch_api, deals.search_api
        self._timeout = timeout_seconds

    def __repr__(self) -> str:
        return f"HubSpotClient({self._batch.api_client.configuration.host})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept connections."""
        for api in (self._batch, self._search):
            api.api_client.rest_client.pool_manager.clear()

    def deals(self, ids: Sequence[int], properties: Sequence[str]) -> list[Deal]:
        """The deals of those ids. One that was deleted or merged is absent."""
        rows = (row for some in _parts(ids, _BATCH) for row in self._read(some, properties, ()))
        return [_deal(row) for row in rows]

    def stage_histories(self, ids: Sequence[int]) -> dict[int, tuple[StageEntry, ...]]:
        """Every stage each deal was in, oldest first; of a deal without history, nothing."""
        rows = [row for some in _parts(ids, _HISTORY_BATCH) for row in self._read(some, (), ("dealstage",))]
        return {_deal_id(row): _history(row) for row in rows}

    def modified_since(self, moment: datetime, properties: Sequence[str]) -> Iterator[Deal]:
        """Deals modified at ``moment`` or later, least recently modified first.

        HubSpot's search index runs some seconds behind: ask again with an overlap.
        """
        opens, seen = moment, set[int]()
        while True:
            last, found = opens, 0
            for deal in self._window(opens, properties):
                found, last = found + 1, max(last, deal.updated_at)
                if deal.id not in seen:
                    seen.add(deal.id)
                    yield deal
            if found < _SEARCH_WINDOW:
                return
            if last == opens:
                raise PermanentError(
                    f"HubSpot search: {found} deals were modified at {opens}, more than a search can list; "
                    "read them by id"
                )
            opens = last

    def _window(self, opens: datetime, properties: Sequence[str]) -> Iterator[Deal]:
        """All pages of one search."""
        from hubspot.crm.deals import PublicObjectSearchRequest

        since = {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": str(int(opens.timestamp() * 1000))}
        query = PublicObjectSearchRequest(
            filter_groups=[{"filters": [since]}],
            sorts=[{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}],
            properties=list(properties),
            limit=_PAGE,
        )
        count = 0
        while True:
            answer = self._call("search", lambda: self._search.do_search(query, _request_timeout=self._timeout))
            rows = _results(answer, "search")
            yield from map(_deal, rows)
            count += len(rows)
            after = answer.paging.next.after if answer.paging and answer.paging.next else None
            if after is None or count >= _SEARCH_WINDOW:
                return
            query.after = after

    def _read(self, ids: Sequence[int], properties: Sequence[str], history: Sequence[str]) -> list[Any]:
        from hubspot.crm.deals import BatchReadInputSimplePublicObjectId, SimplePublicObjectId

        query = BatchReadInputSimplePublicObjectId(
            inputs=[SimplePublicObjectId(id=str(one)) for one in ids],
            properties=list(properties),
            properties_with_history=list(history),
        )
        answer = self._call("batch read", lambda: self._batch.read(query, _request_timeout=self._timeout))
        return _results(answer, "batch read")

    def _call(self, name: str, send: Callable[[], _T]) -> _T:
        from hubspot.crm.deals.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return send()
        except ApiException as error:
            raise _classify(f"HubSpot {name}", error) from None
        except HTTPError as error:
            raise TransientError(f"HubSpot {name}: no answer ({type(error).__name__}); try again later") from None
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise _shape(f"HubSpot {name}", str(error)) from error


def _parts(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))


def _retry() -> Any:
    from urllib3.util.retry import Retry

    # Both calls are reads although they are POSTs. The last answer is handed on, so that its status is known;
    # a silent server is asked once more only, because every try may last the whole timeout.
    return Retry(
        total=_RETRIES,
        read=1,
        status_forcelist=(_TOO_MANY, 502, 503, 504),
        backoff_factor=0.5,
        backoff_max=_LONGEST_WAIT,
        retry_after_max=_LONGEST_WAIT,
        allowed_methods=None,
        raise_on_status=False,
    )


def _classify(call: str, error: Any) -> RemoteError:
    body = _body(error.body)
    trace = body.get("correlationId")
    text = f"{call}: HTTP {error.status}: {body.get('message') or error.reason}"
    numbers: dict[str, Any] = {"code": error.status, "trace_id": str(trace) if trace else None}
    if error.status in {_UNAUTHORISED, _FORBIDDEN}:
        return AuthError(f"{text}; renew the private app's token or grant crm.objects.deals.read", **numbers)
    if error.status == _TOO_MANY:
        wait = _DAILY_WAIT if body.get("policyName") == "DAILY" else _SECONDLY_WAIT
        return Throttled(f"{text}; wait {wait.total_seconds():.0f} s", retry_after=wait, scope="account", **numbers)
    if not error.status:  # the client's own, about an answer it could not read
        return _shape(call, error.reason)
    if error.status >= _SERVER_ERROR:
        return TransientError(f"{text}; try again later", **numbers)
    return PermanentError(f"{text}; correct the request, the same one will fail again", **numbers)


def _body(text: Any) -> Mapping[str, Any]:
    """HubSpot's error object; empty for a proxy's page."""
    try:
        body = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def _shape(call: str, reason: str) -> PermanentError:
    return PermanentError(f"{call}: the answer does not have the documented shape ({reason})")


def _results(answer: Any, name: str) -> list[Any]:
    """The client reads an answer without results as one with nothing; that would be a deal lost in silence."""
    if answer is None or answer.results is None:
        raise _shape(f"HubSpot {name}", "results are missing")
    return list(answer.results)


def _deal(row: Any) -> Deal:
    if row.properties is None:
        raise _shape("HubSpot deal", f"deal {row.id} has no properties")
    return Deal(_deal_id(row), _instant(row.created_at), _instant(row.updated_at), dict(row.properties))


def _deal_id(row: Any) -> int:
    if not (isinstance(row.id, str) and row.id.isascii() and row.id.isdigit()):
        raise _shape("HubSpot deal", f"its id is {row.id!r}")
    return int(row.id)


def _history(row: Any) -> tuple[StageEntry, ...]:
    versions = (row.properties_with_history or {}).get("dealstage") or ()
    entries = [StageEntry(one.value, _instant(one.timestamp)) for one in versions if one.value]
    return tuple(sorted(entries, key=lambda entry: (entry.since, entry.stage)))


def _instant(value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise _shape("HubSpot deal", f"{value!r} is not an instant")
    return value.astimezone(UTC)
