"""Every exit code out of a real command, with its two lines or its JSON object."""

from __future__ import annotations

import fcntl
import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flywheel_assets.cli.exits import Exit
from flywheel_assets.settings import Settings
from tests.executor_bench import Bench
from tests.terminal import PROGRAM, clean_environment, invoke, refused, two_lines

# Dagster looks for the fields of a resource that has none in the way an older pydantic kept them.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute")

NOBODY = "postgresql://me:hush@127.0.0.1:1/ads"


@pytest.fixture
def at(settings: Settings) -> dict[str, str]:
    return {"FLYWHEEL_HOME": str(settings.root), "FLYWHEEL_DATABASE_URL": str(settings.database_url)}


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody serves on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_0_what_was_asked_for_is_done(tmp_path: Path) -> None:
    result = invoke("where", "home", FLYWHEEL_HOME=str(tmp_path))
    assert (result.exit_code, result.stdout, result.stderr) == (Exit.DONE, f"{tmp_path}\n", "")


def test_1_a_fault_was_found(tmp_path: Path) -> None:
    assert invoke("doctor", FLYWHEEL_HOME=str(tmp_path), FLYWHEEL_DATABASE_URL=NOBODY).exit_code == Exit.FAILED


def test_2_the_command_line_is_wrong() -> None:
    assert refused(invoke("where", "nowhere"), Exit.USAGE).endswith("; read flywheel where --help")


def test_3_a_setting_is_wrong(tmp_path: Path) -> None:
    told = refused(invoke("demo", FLYWHEEL_HOME=str(tmp_path), FLYWHEEL_ACCOUNT_FILE="/no.yaml"), Exit.CONFIGURATION)
    assert told == "account file /no.yaml does not exist; set FLYWHEEL_ACCOUNT_FILE, or write one: flywheel init"


def test_3_a_home_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = refused(invoke("demo", FLYWHEEL_HOME=str(tmp_path / "file" / "home")), Exit.CONFIGURATION)
    assert "cannot be used: Not a directory; make it usable for the user who runs this" in told


def test_4_a_safety_rule_refuses(at: dict[str, str], bench: Bench) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    told = refused(invoke("changes", "retry", str(bench.queue[0]["id"]), **at), Exit.REFUSED)
    assert ": open: it is open and goes out by itself" in told
    assert bench.statuses() == ["pending"]


def test_5_the_database_does_not_answer(tmp_path: Path) -> None:
    at = {"FLYWHEEL_HOME": str(tmp_path), "FLYWHEEL_DATABASE_URL": NOBODY}
    told = refused(invoke("changes", "list", **at), Exit.UNAVAILABLE)
    assert told.startswith("no database at postgresql+psycopg2://127.0.0.1:1/ads: ")
    assert told.endswith("; start Postgres there, or mend FLYWHEEL_DATABASE_URL")


def test_6_the_home_is_held_by_another_process(at: dict[str, str]) -> None:
    home = Path(at["FLYWHEEL_HOME"])
    home.mkdir()
    with (home / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        told = refused(invoke("demo", **at), Exit.BUSY)
    assert told.startswith(f"another flywheel works on {home}; stop it")


@pytest.mark.parametrize("arguments", [("up",), ("gateway",)], ids=" ".join)
def test_6_the_port_is_taken(at: dict[str, str], taken: int, arguments: tuple[str, ...]) -> None:
    ports = {"FLYWHEEL_UI_PORT": str(taken), "FLYWHEEL_GATEWAY_PORT": str(taken)}
    hubspot = {"FLYWHEEL_HUBSPOT_WEBHOOK_SECRET": "of a test", "FLYWHEEL_PUBLIC_URL": "https://ads.example.com"}
    told = refused(invoke(*arguments, **(at | ports | hubspot)), Exit.BUSY)
    assert f"port {taken}" in told
    assert "cannot be opened (Address already in use); stop the other server" in told


def test_7_a_file_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "advert.mp4").write_text("not a film")
    told = refused(invoke("perceive", str(tmp_path / "advert.mp4"), FLYWHEEL_HOME=str(tmp_path)), Exit.UNUSABLE)
    assert told.startswith("advert.mp4: not_a_video: ")


def test_70_a_fault_of_our_own_shows_its_traceback_before_the_two_lines(at: dict[str, str], bench: Bench) -> None:
    bench.sql("alter table pending_ad_changes rename to what_nobody_expected")
    result = invoke("changes", "list", **at)
    assert (result.exit_code, result.stdout) == (Exit.BUG, "")
    lines = result.stderr.splitlines()
    assert lines[0].startswith("Traceback")
    assert two_lines("\n".join(lines[-2:])).startswith("a fault of Flywheel itself: ProgrammingError: relation ")


def test_130_ctrl_c_ends_in_two_lines_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    asked, end = threading.Event(), threading.Event()

    class Silent(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.set()
            end.wait(60)

    with ThreadingHTTPServer(("127.0.0.1", 0), Silent) as hub:
        threading.Thread(target=hub.serve_forever, args=(0.02,)).start()
        environment = clean_environment(
            FLYWHEEL_HOME=str(tmp_path), FLYWHEEL_WEIGHTS_HUB=f"http://127.0.0.1:{hub.server_address[1]}"
        )
        command = [PROGRAM, "fetch-weights"]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert asked.wait(60)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        end.set()
        hub.shutdown()
    _licence, *lines = err.splitlines()
    assert (process.returncode, out) == (Exit.INTERRUPTED, "")
    assert two_lines("\n".join(lines)) == "interrupted by Ctrl-C; call it again; what was finished is not done twice"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (("where", "nowhere"), Exit.USAGE, "BadParameter"),
        (("changes", "list"), Exit.UNAVAILABLE, "NoAnswer"),
        (("changes", "approve"), Exit.USAGE, "MissingParameter"),
    ],
    ids=["value", "database", "argument"],
)
def test_a_program_gets_the_same_as_an_object_on_standard_error(
    tmp_path: Path, arguments: tuple[str, ...], code: Exit, kind: str
) -> None:
    at = {"FLYWHEEL_HOME": str(tmp_path), "FLYWHEEL_DATABASE_URL": NOBODY}
    result = invoke(*arguments, "--json", **at)
    assert (result.exit_code, result.stdout) == (code, "")
    (line,) = result.stderr.splitlines()
    error = json.loads(line)["error"]
    assert (error["code"], error["exit"], error["kind"]) == (code, code.name.lower(), kind)
    assert error["message"]
    assert error["next"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("where", "drop"),
        ("changes", "list"),
        ("changes", "plans"),
        ("intake", "list"),
        ("freeze", "act_1000000001", "--reason", "why"),
        ("resume", "act_1000000001"),
        ("stop-spend", "act_1000000001", "--reason", "why"),
        ("worker", "--once"),
        ("doctor",),
        ("check",),
    ],
    ids=" ".join,
)
def test_standard_output_holds_json_only(at: dict[str, str], bench: Bench, arguments: tuple[str, ...]) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    result = invoke(*arguments, "--json", **at)
    assert result.exit_code == Exit.DONE, result.output
    values = [json.loads(line) for line in result.stdout.splitlines()]
    assert values or arguments[0] in ("worker", "check")


def test_a_gateway_says_where_it_serves_and_ends_with_0_when_it_is_asked_to(at: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = clean_environment(
        **at,
        FLYWHEEL_GATEWAY_PORT=str(port),
        FLYWHEEL_HUBSPOT_WEBHOOK_SECRET="of a test",  # noqa: S106 - no secret
        FLYWHEEL_PUBLIC_URL="https://ads.example.com",
    )
    command = [PROGRAM, "gateway", "--json"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert told == {"gateway": "https://ads.example.com"}
    assert (process.returncode, out, err) == (Exit.DONE, "", "stopping …\n")
