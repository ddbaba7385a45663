"""The Marketing API as the safe executor sees it: create, upload, update, read, find.

Thin and typed on the official SDK. Every failure leaves as one of `core.errors`; nothing is sent
twice, because only the queue knows whether it may be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from flywheel_assets.clients.meta_activities import Activity, activities, activities_query
from flywheel_assets.clients.meta_insights import AdHour, ad_hours, insights_query
from flywheel_assets.clients.meta_money import (
    ACCOUNT_FIELDS,
    OWNER_FIELDS,
    AccountInfo,
    BudgetOwner,
    account_info,
    budget_owner,
    least_daily_budget,
)
from flywheel_assets.clients.meta_reach import AdReach, ad_reaches, reach_query
from flywheel_assets.clients.meta_transport import Transport
from flywheel_assets.clients.meta_upload import upload_image, upload_video
from flywheel_assets.core.errors import AmbiguousOutcome, ConfigurationError, PermanentError, TransientError
from flywheel_assets.core.money import Money
from flywheel_assets.core.uploads import UploadSession, not_kept

CreateEdge = Literal["campaigns", "adsets", "adcreatives", "ads"]
FindEdge = Literal["campaigns", "adsets", "advideos", "adimages", "adcreatives", "ads"]
ReadEdge = FindEdge | Literal["insights", "activities", "minimum_budgets"]
VideoStatus = Literal["processing", "ready", "error"]

_VIDEO_STATUS: dict[str, VideoStatus] = {
    "processing": "processing",
    "ready": "ready",
    "error": "error",
    "expired": "error",
}
_PAGE = 100
# Days of hourly rows in one question: the platform refuses those that are too large.
_INSIGHT_DAYS = 7
_NODE = re.compile(r"(act_)?\d+")


class MetaClient:
    """One ad account through one token; one instance per worker, not shared between threads.

    Args:
        account_id: ``act_`` and digits.
        app_secret: signs every call (appsecret_proof); the twin needs none.
        graph_url: base of another Graph server, e.g. the twin; None is Meta.
        timeout_seconds: longest time of one call, from connecting to the answer's last byte. An upload
            is several calls.
    """

    def __init__(
        self,
        account_id: str,
        access_token: str,
        app_secret: str | None,
        graph_url: str | None,
        timeout_seconds: float,
    ) -> None:
        if not re.fullmatch(r"act_\d+", account_id):
            # Not quoted: what stands there by mistake may be the token.
            raise ConfigurationError("the account id is not one of an ad account; it reads act_ and digits")
        if not access_token:
            raise ConfigurationError(f"account {account_id}: the access token is empty; set it in the settings")
        self._account_id = account_id
        self._transport = Transport(access_token, app_secret, graph_url, timeout_seconds)

    def __repr__(self) -> str:
        return f"MetaClient({self._account_id} at {urlsplit(self._transport.host).netloc})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept connections."""
        self._transport.close()

    @property
    def usage(self) -> float | None:
        """Highest percentage in the last answer's usage headers; None when it had none or did not come."""
        return self._transport.usage

    def create(self, edge: CreateEdge, params: Mapping[str, Any]) -> str:
        """Create an object below the account; returns its remote id."""
        answer = self._transport.call("POST", (self._account_id, edge), params, write=True)
        if not answer.get("id"):
            raise AmbiguousOutcome(
                f"POST {self._account_id}/{edge}: Meta's answer has no id; look for the object before sending again"
            )
        return str(answer["id"])

    def upload_video(
        self,
        path: Path,
        name: str,
        *,
        resume: UploadSession | None = None,
        progress: Callable[[UploadSession], None] = not_kept,
    ) -> str:
        """Send a video in chunks, perhaps on from where another process stopped; returns its id.

        It is not ready yet: see `video_status`.
        """
        return upload_video(self._transport, self._account_id, path, name, resume=resume, progress=progress)

    def upload_image(self, path: Path, name: str) -> str:
        """Send an image; returns its hash. The same bytes give the same hash, so repeating is harmless."""
        return upload_image(self._transport, self._account_id, path, name)

    def update(self, remote_id: str, params: Mapping[str, Any]) -> None:
        """Set fields of an object."""
        node = _node(remote_id)
        answer = self._transport.call("POST", (node, ""), params, write=True)
        if answer.get("success") is not True:
            raise AmbiguousOutcome(f"POST {node}: Meta's answer does not confirm the update; read the object back")

    def read(self, remote_id: str, fields: Sequence[str]) -> dict[str, Any]:
        """Read ``fields`` of an object; a field that Meta has no value for is absent. Money is a string of minor units."""
        return self._transport.call("GET", (_node(remote_id), ""), {"fields": ",".join(fields)}, write=False)

    def find(self, edge: FindEdge, tag: str) -> list[dict[str, Any]]:
        """Objects of the account whose name contains ``tag``, newest first, deleted ones excepted.

        Each has ``name`` and ``id``, images also ``hash``. Names are compared here too: a filter
        that Meta ignores must not hand us somebody else's objects.
        """
        key = "title" if edge == "advideos" else "name"
        params: dict[str, Any] = {"fields": f"id,{key}", "limit": _PAGE}
        if edge == "adimages":
            params |= {"fields": "id,hash,name", "name": tag}
        else:
            params["filtering"] = [{"field": key, "operator": "CONTAIN", "value": tag}]
        rows = self._rows(edge, params)
        return [{**row, "name": row[key]} for row in rows if tag in str(row.get(key, ""))]

    def video_status(self, video_id: str) -> VideoStatus:
        """Whether a video can be used in a creative."""
        status = self.read(video_id, ["status"]).get("status")
        word = status.get("video_status") if isinstance(status, dict) else None
        if word not in _VIDEO_STATUS:
            raise TransientError(f"video {video_id}: status {word!r} is not one we know; ask again later")
        return _VIDEO_STATUS[word]

    def insights(self, since: date, until: date, *, time_zone: str, currency: str) -> list[AdHour]:
        """Hourly delivery of every ad of the account that has any, from ``since`` to ``until``, both included.

        Args:
            since: first day, in the account's time zone.
            until: last day.
            time_zone: of the account, as the platform has it.
            currency: of the account.
        """
        rows: list[dict[str, Any]] = []
        while since <= until:
            last = min(until, since + timedelta(days=_INSIGHT_DAYS - 1))
            rows += self._rows("insights", insights_query(since, last))
            since = last + timedelta(days=1)
        return ad_hours(rows, ZoneInfo(time_zone), currency)

    def reach(self, since: date, until: date) -> list[AdReach]:
        """People reached by every ad that was shown on the account's days ``since`` to ``until``, both included."""
        return ad_reaches(self._rows("insights", reach_query(since, until)))

    def activities(self, since: datetime, until: datetime) -> list[Activity]:
        """Changes of the account's objects by anybody, from ``since`` to ``until``, oldest first.

        An entry may appear some time after its change, so its absence alone proves nothing.
        """
        return activities(self._rows("activities", activities_query(since, until)), since, until)

    def account_info(self) -> AccountInfo:
        """The account as the platform has it."""
        return account_info(self.read(self._account_id, ACCOUNT_FIELDS))

    def minimum_daily_budget(self) -> Money:
        """The smallest daily budget that the platform takes for an ad set of this account."""
        account = self.account_info()
        return least_daily_budget(self._rows("minimum_budgets", {}), account)

    def budget_owner(self, adset_id: str) -> BudgetOwner:
        """Whose budget pays for an ad set: its own or its campaign's."""
        return budget_owner(adset_id, self.read(adset_id, OWNER_FIELDS))

    def _rows(self, edge: ReadEdge, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Rows of all pages. The cursor is followed, not the ``next`` link, which repeats the token.

        What cannot be read to its end is an error: a short list would say that an object does not exist.
        """
        query, seen = dict(params), set[str]()
        while True:
            answer = self._transport.call("GET", (self._account_id, edge), query, write=False)
            page, paging = answer.get("data"), answer.get("paging", {})
            if not isinstance(page, list):
                raise TransientError(f"GET {self._account_id}/{edge}: the answer is not a list; ask again later")
            yield from page
            if "next" not in paging:
                return
            after = paging.get("cursors", {}).get("after")
            if not after or after in seen:
                raise TransientError(
                    f"GET {self._account_id}/{edge}: page {len(seen) + 1} repeats or names no way on; ask again later"
                )
            seen.add(after)
            query["after"] = after


def _node(remote_id: str) -> str:
    """The id goes into a path; anything else than an id would address something else."""
    if not _NODE.fullmatch(remote_id):
        raise PermanentError(f"{remote_id!r} is not a remote id; it reads digits, or act_ and digits")
    return remote_id
