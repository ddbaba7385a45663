"""A launched installation with its sandbox running, and Dagster driven the way its daemon would drive it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import dagster as dg
import requests
from sqlalchemy import Row, select

from flywheel_assets.cli.demo import Platform, Timer
from flywheel_assets.cli.installation import Installation
from flywheel_assets.cli.twin import Twin, running_twin
from flywheel_assets.core.account import Account
from flywheel_assets.definitions import build_defs
from flywheel_assets.gateway.app import WEBHOOK_PATH, public_url
from flywheel_assets.sandbox.meta.validate import api_version
from flywheel_assets.store.accounts import load_account
from flywheel_assets.store.clock import advance_twin_clock
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import ad_objects
from tests.acceptance.launch import Home

_PATIENCE = 10.0
_PLAIN: dict[str, Any] = {"loggers": {"progress": {}}}


@dataclass(frozen=True)
class World:
    """Everything a story needs: the platform's inside through Dagster, its outside over HTTP."""

    store: Store
    account: Account
    twin: Twin
    platform: Platform
    http: requests.Session

    # --- time and Dagster -------------------------------------------------------------------------

    def wait(self, moment: datetime) -> None:
        """Business time moves on to ``moment``, and nothing else happens."""
        with self.store.engine.begin() as connection:
            advance_twin_clock(connection, moment)

    def at(self, moment: datetime) -> None:
        """Business time moves on to ``moment``, and webhooks that are due are sent."""
        self.wait(moment)
        self.twin.audience.tick(moment)

    def sense(self, sensor: str, *, ticks: int = 1, only: Sequence[str] | None = None) -> list[dg.RunRequest]:
        """What a sensor asks for now, carried out."""
        asked = list(self.platform.tick(sensor, ticks).run_requests or [])
        job = self.platform.defs.resolve_sensor_def(sensor).job_name
        for request in asked:
            self._run(job, request, only)
        return asked

    def scheduled(self, schedule: str) -> str | None:
        """What a schedule asks for now, carried out; the partition it was."""
        found = self.platform.defs.resolve_schedule_def(schedule)
        resources = {key: (self.platform.defs.resources or {})[key] for key in found.required_resource_keys}
        with dg.build_schedule_context(
            self.platform.instance, resources=resources, repository_def=self.platform.defs.get_repository_def()
        ) as context:
            (request,) = found.evaluate_tick(context).run_requests or []
        self._run(found.job_name, request)
        return request.partition_key

    def backfill(self, asset: str, job: str, first: str, last: str) -> None:
        """One run over a range of hours."""
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        self._run(job, dg.RunRequest(tags=tags), [asset])

    def _run(self, job: str | None, request: dg.RunRequest, only: Sequence[str] | None = None) -> None:
        result = self.platform.defs.resolve_job_def(str(job)).execute_in_process(
            instance=self.platform.instance,
            partition_key=request.partition_key,
            run_config={**_PLAIN, **request.run_config},
            tags=dict(request.tags),
            asset_selection=[dg.AssetKey(name) for name in only] if only else None,
        )
        assert result.success

    def materialised(self, asset: str, partition: str | None = None) -> Mapping[str, Any]:
        """Metadata of an asset's newest materialisation."""
        wanted = dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=[partition] if partition else None)
        (record, *_) = self.platform.instance.fetch_materializations(wanted, limit=1).records
        assert record.asset_materialization is not None
        return {key: entry.value for key, entry in record.asset_materialization.metadata.items()}

    def check(self, asset: str, name: str) -> tuple[bool, str]:
        """Whether an asset's check passed the last time it ran, and what it found."""
        key = dg.AssetCheckKey(dg.AssetKey(asset), name)
        log = self.platform.instance.event_log_storage
        event = log.get_latest_asset_check_execution_by_key([key])[key].event
        assert event is not None
        assert event.dagster_event is not None
        found = event.dagster_event.event_specific_data
        assert isinstance(found, dg.AssetCheckEvaluation)
        return found.passed, str(found.metadata["found"].value)

    # --- outside ----------------------------------------------------------------------------------

    def visit(self, link: str) -> str:
        """Where a visitor who follows ``link`` is sent."""
        answer = self.http.get(link, timeout=_PATIENCE, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def crm(self, method: Literal["POST", "PATCH"], path: str, properties: Mapping[str, str]) -> int:
        """Create or change an object of the CRM as a person would; its id."""
        answer = self.http.request(
            method,
            f"{self.twin.settings.hubspot_url}/crm/v3/objects/{path}",
            json={"properties": dict(properties)},
            headers={"Authorization": "Bearer of a salesperson"},
            timeout=_PATIENCE,
        )
        assert answer.ok, answer.text
        return int(answer.json()["id"])

    def order(self, *faults: str) -> None:
        """What the next webhook batches suffer."""
        orders = [{"kind": fault} for fault in faults]
        assert self.http.post(f"{self.twin.settings.hubspot_url}/_sandbox/faults", json=orders, timeout=_PATIENCE).ok

    def webhooks(self) -> list[dict[str, Any]]:
        """Every batch the CRM sent, with our gateway's answer."""
        journal = self.http.get(f"{self.twin.settings.hubspot_url}/_sandbox/journal", timeout=_PATIENCE).json()
        return [call for call in journal if call["direction"] == "out"]

    def forged_webhook(self, events: list[dict[str, Any]]) -> int:
        """The gateway's answer to a batch that somebody else signed."""
        headers = {"X-HubSpot-Signature-v3": "Zm9yZ2Vk", "X-HubSpot-Request-Timestamp": "1"}
        address = public_url(self.twin.settings) + WEBHOOK_PATH
        return self.http.post(address, json=events, headers=headers, timeout=_PATIENCE).status_code

    def hide(self, hours: Sequence[datetime]) -> None:
        """Insights leave these hours out until the next order."""
        starts = [hour.isoformat() for hour in hours]
        assert self.http.post(f"{self.twin.meta_url}/_sandbox/hidden_hours", json=starts, timeout=_PATIENCE).ok

    def delete_ad(self, ad_id: str) -> None:
        """Somebody deletes an ad at the platform."""
        form = {"status": "DELETED", "access_token": "of a person"}
        answer = self.http.post(f"{self.twin.meta_url}/{api_version()}/{ad_id}", data=form, timeout=_PATIENCE)
        assert answer.ok, answer.text

    def deliver(self, ad_id: str, hour: datetime, *, impressions: int, clicks: int, leads: int, spend: int) -> None:
        """The platform shows an ad for an hour. Of its people only those come who are told of elsewhere."""
        row = (self.account.account_id, int(ad_id), hour.timestamp(), 0, impressions, clicks, leads, spend)
        self.twin.meta.execute("INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *row)

    # --- what is known ----------------------------------------------------------------------------

    def rows(self, query: Any) -> Sequence[Row[Any]]:
        """Rows of our database."""
        with self.store.engine.connect() as connection:
            return connection.execute(query).all()

    def ads(self) -> dict[str, str]:
        """Reference by id at the platform of every ad."""
        table = ad_objects.c
        query = select(table.remote_id, table.ref).where(table.kind == "ad").order_by(table.ref)
        return {str(row.remote_id): row.ref for row in self.rows(query)}


@contextmanager
def living_world(home: Home, account_file: str) -> Iterator[World]:
    """A launched home come to life; its people do nothing but what the story says."""
    (home.root / "account.yaml").write_text(account_file, encoding="utf-8")
    account = load_account(home.account_file)
    with (
        home.store() as store,
        home.instance() as instance,
        running_twin(Installation(store.settings, store, account)) as twin,
        requests.Session() as http,
    ):
        twin.meta.execute("INSERT OR REPLACE INTO delivered VALUES (?, ?)", account.account_id, 1e11)
        yield World(store, account, twin, Platform(build_defs(twin.settings), instance, Timer()), http)
