"""The running twin of Meta, and the few calls its tests make. Plain HTTP, unless a test is about a client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import requests
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.api import FacebookAdsApi
from facebook_business.session import FacebookSession

from flywheel_assets.clients.meta import MetaClient
from flywheel_assets.sandbox.meta.app import build_app
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.sandbox.meta.visitors import count_lead, newly_clicked, reached, sending
from flywheel_assets.sandbox.server import SandboxServer

TOKEN = "EAAtoken-canary"  # noqa: S105 - a canary that must never show up
START = datetime(2026, 11, 2, 8, tzinfo=UTC)
CAMPAIGN = {
    "name": "C",
    "objective": "OUTCOME_LEADS",
    "status": "PAUSED",
    "special_ad_categories": [],
    "is_adset_budget_sharing_enabled": False,
}


def let_leads_come(state: SandboxMeta, now: datetime) -> int:
    """Everybody finds the page, and who has sent the form by now is counted; how many, as without a CRM."""
    with state.transaction():
        for visitor in newly_clicked(state):
            reached(state, visitor, "https://example.com/page")
    came = sending(state, now)
    for visitor in came:
        count_lead(state, visitor)
    return len(came)


class Twin:
    """The running twin and the few calls these tests make, with one kept connection."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.now = START
        self.state = SandboxMeta(path, {"act_1": "EUR", "act_2": "JPY"}, lambda: self.now, **options)
        self.server = SandboxServer(build_app(self.state))
        self.http = requests.Session()

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.server.__exit__()
        self.state.close()

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        return self.send("GET", path, params={"access_token": TOKEN, **params})

    def post(self, path: str, params: dict[str, Any] | None = None, **files: Any) -> dict[str, Any]:
        form = {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in (params or {}).items()
            if value is not None
        }
        return self.send("POST", path, data={"access_token": TOKEN, **form}, files=files or None)

    def send(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        self.last = self.http.request(method, f"{self.server.url}/v26.0/{path}", timeout=10, **more)
        answer: dict[str, Any] = self.last.json()
        return answer

    def refused(self, answer: dict[str, Any]) -> tuple[int, int | None]:
        error = answer["error"]
        assert self.state.journal()[-1]["answer"] == answer
        assert not self.state.journal()[-1]["applied"]
        return error["code"], error.get("error_subcode")

    def campaign(self, **more: Any) -> str:
        return str(self.post("act_1/campaigns", {**CAMPAIGN, **more})["id"])

    def adset(self, campaign: str, **more: Any) -> dict[str, Any]:
        params = {
            "name": "S",
            "campaign_id": campaign,
            "billing_event": "IMPRESSIONS",
            "optimization_goal": "LEAD_GENERATION",
            "targeting": {"geo_locations": {"countries": ["DE"]}},
            "daily_budget": 5000,
            "status": "ACTIVE",
            **more,
        }
        return self.post("act_1/adsets", params)

    def video(self) -> str:
        return str(self.post("act_1/advideos", {"title": "V"}, source=("v.mp4", b"film"))["id"])

    def image(self) -> str:
        return str(self.post("act_1/adimages", filename=("i.jpg", b"still"))["images"]["i.jpg"]["hash"])

    def creative(self, **video_data: Any) -> dict[str, Any]:
        return self.post(
            "act_1/adcreatives", {"name": "K", "object_story_spec": {"page_id": "7", "video_data": video_data}}
        )

    def ready_creative(self) -> str:
        video, image = self.video(), self.image()
        self.now += timedelta(seconds=60)
        return str(self.creative(video_id=video, image_hash=image)["id"])

    def ad(self, adset: str, creative: str, **more: Any) -> str:
        params = {"name": "A", "adset_id": adset, "creative": {"creative_id": creative}, "status": "ACTIVE", **more}
        return str(self.post("act_1/ads", params)["id"])

    def desk(self, what: str, order: Any) -> requests.Response:
        return self.http.post(f"{self.server.url}/_sandbox/{what}", json=order, timeout=5)

    def edit(self, object_id: str, **fields: Any) -> dict[str, Any]:
        """What a person does in Ads Manager."""
        self.last = self.desk("edit", {"id": object_id, "fields": fields})
        answer: dict[str, Any] = self.last.json()
        return answer

    @contextmanager
    def account(self) -> Iterator[Any]:
        """The account through the official SDK, which judges no status: what it warns of shows up as an error."""
        session = FacebookSession(access_token=TOKEN, timeout=10)
        session.GRAPH = self.server.url
        with session.requests:
            yield AdAccount("act_1", api=FacebookAdsApi(session))

    @contextmanager
    def client(self) -> Iterator[MetaClient]:
        """Our own client for the account."""
        with MetaClient("act_1", TOKEN, None, self.server.url, 10) as client:
            yield client

    def usage(self) -> dict[str, Any]:
        """The business use case of the last answer's headers."""
        (entry,) = json.loads(self.last.headers["x-business-use-case-usage"])["1"]
        found: dict[str, Any] = entry
        return found
