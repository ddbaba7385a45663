"""A history made up for the checkers' own tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.chaos.evidence import Evidence

ACCOUNT, CAMPAIGN, AD_SET = "act_1", "900", "901"
START = datetime(2026, 9, 1, 12, tzinfo=UTC)
REAL = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Story:
    """A history as it is told: every `did` is one change that was queued, attempted and carried out."""

    def __init__(self) -> None:
        self.journal: list[dict[str, Any]] = []
        self.queue: list[dict[str, Any]] = []
        self.history: list[dict[str, Any]] = []

    def did(self, kind: str, value: Any, minutes: float, **params: Any) -> Story:
        self.asked(kind, value, minutes)
        self.attempted(minutes)
        self.happened(minutes, **(params or {_FIELD[kind]: value}))
        return self

    def asked(self, kind: str, value: Any, minutes: float, status: str = "applied") -> None:
        number = len(self.queue) + 1
        self.queue.append(
            {
                "id": number,
                "seq": number,
                "object_ref": "c/adset",
                "change_type": kind,
                "spec": {_SPEC.get(kind, "name"): value},
                "status": status,
                "priority": 0,
                "jitter_seconds": 6.0,
                "idempotency_key": f"key {number}",
                "created_at": START + timedelta(minutes=minutes - 1),
                "wait_reason": None,
            }
        )

    def attempted(self, minutes: float, status: str = "applied") -> None:
        change, moment = self.queue[-1], START + timedelta(minutes=minutes)
        value = change["spec"].get("daily_budget")
        self.history.append(
            {
                "change_id": change["id"],
                "attempt": 1,
                "account_id": ACCOUNT,
                "object_ref": change["object_ref"],
                "change_type": change["change_type"],
                "remote_id": AD_SET,
                "status": status,
                "actual_budget": value,
                "started_at": moment,
                "finished_at": moment + timedelta(seconds=2),
                "started_real": REAL + timedelta(minutes=minutes),
            }
        )

    def happened(self, minutes: float, path: str = f"{AD_SET}/", answer: Any = None, **params: Any) -> None:
        at, real = (moment + timedelta(minutes=minutes, seconds=1) for moment in (START, REAL))
        self.journal.append(
            {
                "id": len(self.journal) + 1,
                "real_time": real.isoformat(),
                "business_time": at.isoformat(),
                "account": ACCOUNT,
                "method": "POST",
                "path": path,
                "params": {name: str(value) for name, value in params.items()},
                "answer": answer or {"success": True},
                "applied": True,
                "fault": None,
            }
        )

    def evidence(self, **more: Any) -> Evidence:
        letters = [{"change_id": row["id"]} for row in self.queue if row["status"] == "dead"]
        facts: dict[str, Any] = {
            "journal": self.journal,
            "parents": {CAMPAIGN: None, AD_SET: CAMPAIGN},
            "budgets": {AD_SET: 5000},
            "asked": len(self.queue),
            "queue": self.queue,
            "history": self.history,
            "letters": letters,
            "planned": [{"ref": "c/campaign", "tag": "fw-tag"}],
        }
        return Evidence(**(facts | more))


_FIELD = {"set_budget": "daily_budget", "set_status": "status", "set_name": "name"}
_SPEC = {"set_budget": "daily_budget", "set_status": "status"}
