"""`flywheel doctor` and `flywheel intake list`: what a person sees when something is missing or was refused."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, text

from flywheel_assets.creative.intake import dropped_files, take_in
from flywheel_assets.settings import Settings
from flywheel_assets.store.accounts import load_account
from flywheel_assets.store.store import Store
from tests.terminal import invoke

pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute")


@pytest.fixture
def at(settings: Settings) -> dict[str, str]:
    return {"FLYWHEEL_HOME": str(settings.root), "FLYWHEEL_DATABASE_URL": str(settings.database_url)}


def _examined(code: int, **environment: str) -> dict[str, dict[str, Any]]:
    ran = invoke("doctor", "--json", **environment)
    assert ran.exit_code == code, ran.stdout
    found = json.loads(ran.stdout)
    subjects = [one["subject"] for one in found]
    assert len(set(subjects)) == len(subjects)
    return {one["subject"]: one for one in found}


@pytest.mark.usefixtures("store")
def test_a_sandbox_is_in_order_and_says_what_it_can_do_without(at: dict[str, str]) -> None:
    address = make_url(at["FLYWHEEL_DATABASE_URL"]).update_query_dict({"password": "hush"})
    found = _examined(0, **(at | {"FLYWHEEL_DATABASE_URL": address.render_as_string(hide_password=False)}))
    assert "hush" not in str(found)
    assert found["world"]["found"] == "sandbox: no money can move"
    assert found["database"]["found"].startswith("Postgres 1")
    assert found["migrations"]["state"] == "ok"
    assert found["speech"]["found"].startswith("faster-whisper")
    assert found["objects"]["state"] == "lacks"
    assert "flywheel fetch-weights" in found["objects"]["found"]
    assert found["weights"]["state"] == "lacks"
    assert found["weights"]["remedy"] == "fetch it once: flywheel fetch-weights"
    examined = {
        "world",
        "home",
        "account",
        "credentials",
        "database",
        "migrations",
        "disk",
        "UI's port",
        "gateway port",
    }
    assert examined | {"twin's port", "twin CRM's port", "ffmpeg", "npm", "text", "faces", "voice"} <= set(found)


def test_a_new_home_is_looked_at_and_left_as_it_is(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ran = invoke("doctor", FLYWHEEL_HOME=str(home))
    assert ran.exit_code == 0
    assert "not made yet" in ran.stdout
    assert not home.exists()


def test_a_live_world_without_its_secrets_is_told_which(tmp_path: Path) -> None:
    token = "do-not-print-me"  # noqa: S105 - no secret
    found = _examined(1, FLYWHEEL_HOME=str(tmp_path), FLYWHEEL_WORLD="live", FLYWHEEL_META_ACCESS_TOKEN=token)
    assert found["FLYWHEEL_META_ACCESS_TOKEN"]["found"] == "set"
    missing = {name for name, one in found.items() if one["state"] == "fault"}
    assert missing == {
        "FLYWHEEL_META_APP_SECRET", "FLYWHEEL_HUBSPOT_ACCESS_TOKEN", "FLYWHEEL_HUBSPOT_WEBHOOK_SECRET",
    }  # fmt: skip
    assert found["FLYWHEEL_NOTICE_URL"]["state"] == "lacks"
    assert token not in str(found)
    assert "twin's port" not in found


def test_an_old_database_another_world_and_a_taken_port_are_seen(store: Store, at: dict[str, str]) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '0001'"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = _examined(0, **at, FLYWHEEL_GATEWAY_PORT=str(port))
    assert found["migrations"]["found"].startswith("at 0001, newest ")
    assert found["migrations"]["remedy"] == "the next start brings it up; take a backup first"
    assert found["gateway port"]["found"] == f"{port} is in use"
    with store.engine.connect() as connection:  # looking has not migrated
        assert connection.execute(text("select version_num from alembic_version")).scalar_one() == "0001"


def test_weights_that_are_not_the_known_ones_are_a_fault(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "yolov8n.onnx").write_bytes(b"something else")
    found = _examined(1, FLYWHEEL_HOME=str(tmp_path))
    assert found["weights"]["state"] == "fault"
    assert "it is not used" in found["weights"]["found"]
    assert found["weights"]["remedy"] == "remove it and fetch it again: flywheel fetch-weights"


@pytest.mark.parametrize(
    ("variable", "value", "subject", "words"),
    [
        ("FLYWHEEL_DATABASE_URL", "postgresql://ads:hush@127.0.0.1:1/ads", "database", "no database at"),
        ("FLYWHEEL_DATABASE_URL", "nonsense", "database", "postgresql://user@host/database"),
        ("FLYWHEEL_ACCOUNT_FILE", "/nowhere/account.yaml", "account", "does not exist"),
    ],
)
def test_what_is_wrong_is_a_fault_and_the_rest_is_still_looked_at(
    tmp_path: Path, variable: str, value: str, subject: str, words: str
) -> None:
    found = _examined(1, **({"FLYWHEEL_HOME": str(tmp_path)} | {variable: value}))
    assert found[subject]["state"] == "fault"
    assert words in found[subject]["found"]
    assert found[subject]["remedy"]
    assert "hush" not in str(found)
    assert found["ffmpeg"]["state"] == "ok"
    assert "voice" in found


def test_what_was_dropped_is_listed_with_reason_and_remedy(store: Store, at: dict[str, str], tmp_path: Path) -> None:
    assert invoke("intake", "list", **at).stdout == "nothing was dropped\n"
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "notes.mp4").write_text("not a film")
    (file,) = dropped_files(folder)
    take_in(store, folder, file, load_account(store.settings.account_file))
    table = invoke("intake", "list", **at).stdout
    assert "notes.mp4" in table
    assert "rejected" in table
    (row,) = json.loads(invoke("intake", "list", "--state", "rejected", "--json", **at).stdout)
    assert row["name"] == "notes.mp4"
    assert row["rule"]
    assert row["reason"]
    assert row["remedy"]
    assert invoke("intake", "list", "--state", "accepted", **at).stdout == "nothing is accepted\n"
