"""Dagster's UI as a person sees it: its real server on a home, and a headless Chromium on its pages."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flywheel_assets.store.postgres import server_url
from tests.acceptance.launch import Home, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

_STOP_SECONDS = 20
PATIENCE = 60_000  # milliseconds, for pages of a busy machine
# Apollo, which the UI is written with, explains its warnings and notes at an address in the console. They are no errors.
_COMPLAINTS = {"error", "assert"}
_FLAGS = [
    "--no-sandbox",  # a container's root has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A page that wants something from outside is told so by a test, and gets nothing.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]


@contextmanager
def webserver(home: Home) -> Iterator[str]:
    """Dagster's own server on the instance of ``home``, whose database must be running; its address."""
    port, settings = free_port(), home.settings
    command = [str(Path(sys.executable).with_name("dagster-webserver")), "-h", "127.0.0.1", "-p", str(port)]
    others = {name: value for name, value in os.environ.items() if not name.startswith(("FLYWHEEL_", "DAGSTER_"))}
    ours = {
        "DAGSTER_HOME": str(home.root / "dagster"),
        "FLYWHEEL_HOME": str(home.root),
        "FLYWHEEL_ACCOUNT_FILE": str(home.account_file),
        "FLYWHEEL_DATABASE_URL": server_url(settings).render_as_string(hide_password=False),
    }
    with subprocess.Popen(
        [*command, "-w", str(home.root / "dagster" / "workspace.yaml")],
        env=others | ours,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as server:
        try:
            _until_it_serves(server)
            yield f"http://127.0.0.1:{port}"
        finally:
            _end(server)


def _until_it_serves(server: subprocess.Popen[str]) -> None:
    said = []
    for line in server.stdout or ():
        said.append(line)
        if "Serving dagster-webserver" in line:
            return
    raise AssertionError("dagster-webserver ended by itself: " + "".join(said))


def _end(server: subprocess.Popen[str]) -> None:
    """It ends on SIGTERM; what is left of its session, the server of the code location, is killed."""
    server.terminate()
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
    try:
        os.killpg(server.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium with a profile that is new and thrown away."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """One visitor on the pages of ``base``, and all that went wrong behind what they see."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"JavaScript: {error}"))
        self.page.on("request", self._asked)
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._answered)

    def open(self, path: str) -> None:
        """Go to a page; its content may come later."""
        self.page.goto(self.base + path)

    def nodes(self, *expected: str) -> dict[str, float]:
        """Where each node of the lineage is drawn, from the left, as soon as the expected ones are."""
        drawn = self.page.locator("svg foreignObject")
        for name in expected:
            drawn.get_by_text(name, exact=True).first.wait_for()
        found = drawn.evaluate_all(
            "nodes => nodes.map(node => [(node.querySelector('[class*=Name], [data-tooltip]') ?? node).textContent,"
            " Number(node.getAttribute('x'))])"
        )
        return {str(name): float(left) for name, left in found}

    def edges(self) -> int:
        """How many arrows the lineage shows."""
        return self.page.locator("svg path[marker-end]").count()

    def picture(self, entry: str) -> tuple[int, int]:
        """Width and height of a picture in the metadata, which is shown when it is asked for."""
        row = self.page.get_by_role("row").filter(has=self.page.get_by_text(entry, exact=True))
        row.last.get_by_text("[Show Markdown]").click()
        shown = self.page.get_by_role("dialog").locator("img")
        shown.wait_for()
        width, height = shown.evaluate(
            "async one => { await one.decode(); return [one.naturalWidth, one.naturalHeight] }"
        )
        return int(width), int(height)

    def settle(self) -> None:
        """Wait until nothing more is asked for and nothing moves: a lineage glides into its place."""
        self.page.wait_for_load_state("networkidle")
        self.page.wait_for_function(
            "async () => { const seen = () => document.body.innerHTML; const before = seen();"
            " await new Promise(done => setTimeout(done, 500)); return seen() === before }"
        )

    def text(self) -> str:
        """All that is written on the page now."""
        return self.page.locator("body").inner_text()

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in _COMPLAINTS:
            self.complaints.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.base}/", "data:", "blob:")):
            self.complaints.append(f"asked of another host: {request.url}")

    def _failed(self, request: Request) -> None:
        # The UI takes back what it asked for when the visitor goes on.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if not response.ok:
            self.complaints.append(f"{response.url}: answered {response.status}")
