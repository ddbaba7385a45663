"""How fast hours go by: through the domain path, and through Dagster's jobs.

Both paths do the same for each closed hour: revenue, the decision about budgets, its execution, learning. They run
over consecutive hours of one sandbox, on the ads that a real `flywheel demo --days 0` launched before.

* The domain path is what `flywheel demo --days N` does: `Loops` of `cli.days`. The sandbox's side of an hour
  (delivery, visits over HTTP, deals, webhooks) is counted in its speed and shown apart.
* Dagster's path runs the four scheduled jobs of the hour in this process, as the demo does for its last one. The
  sandbox's side of those hours is not counted.
* Outside our code is what the jobs take beyond the same work in the domain path: run and event records, resources
  that are opened anew for every run, checks and materialisations. The part between steps is told by Dagster's own
  step times, the part within them is the rest.

The first hour of each path loads libraries and models and is not counted. Everything lies in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flywheel_assets.assets.common import key_of
from flywheel_assets.cli.days import Loops, hours_to_run
from flywheel_assets.cli.demo import Platform, Timer
from flywheel_assets.cli.installation import Installation, dagster_instance, prepare
from flywheel_assets.cli.twin import running_twin
from flywheel_assets.clients.embeddings import WordLlamaEmbedder
from flywheel_assets.clients.hubspot_access import open_hubspot
from flywheel_assets.clients.meta_accounts import MetaAccounts
from flywheel_assets.definitions import build_defs
from flywheel_assets.execution.structure import campaign_of
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.resources.base import worker_name
from flywheel_assets.settings import Settings
from flywheel_assets.store.store import Store

_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Domain:
    """Seconds of the domain path, by whose they are."""

    hours: int
    outside: float
    ours: float


@dataclass(frozen=True)
class Jobs:
    """Seconds of Dagster's path: of whole jobs, and of the steps within them."""

    hours: int
    wall: float
    steps: float


def main() -> None:
    arguments = argparse.ArgumentParser(description="Simulated hours per minute, and seconds per hour through Dagster.")
    arguments.add_argument("--hours", type=int, default=24, help="hours of the domain path (default 24)")
    arguments.add_argument("--dagster-hours", type=int, default=8, help="hours through Dagster (default 8)")
    asked = arguments.parse_args()
    os.chdir(_ROOT)
    with new_home() as settings:
        campaign = campaign_of(launch(settings))
        logging.getLogger("dagster").setLevel(logging.WARNING)
        installation = prepare(settings)
        with open_loops(installation) as (loops, platform):
            count = asked.hours + asked.dagster_hours + 2
            hours = hours_to_run(loops.store, loops.account, campaign, count // 24 + 1)[:count]
            domain = through_domain(loops, hours[: asked.hours + 1])
            jobs = through_dagster(loops, platform, hours[asked.hours + 1 :])
    print(table(domain, jobs))


@contextmanager
def new_home() -> Iterator[Settings]:
    """A temporary installation on a free port."""
    # Open to all, because under root the embedded database runs as another user.
    folder = Path(tempfile.mkdtemp(prefix="fw-"))
    folder.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for name in [name for name in os.environ if name.startswith("FLYWHEEL_")]:
        del os.environ[name]
    os.environ |= {"FLYWHEEL_HOME": str(folder / "home"), "FLYWHEEL_GATEWAY_PORT": str(port)}
    try:
        yield Settings()
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # the database stops with this process and may still write


def launch(settings: Settings) -> str:
    """Real ads, made from the sample by the installed program; their creative."""
    print(f"launching ads from the sample in {settings.root}, about a minute", file=sys.stderr)
    program = Path(sys.executable).with_name("flywheel")
    ran = subprocess.run(  # noqa: S603 - our own program
        [str(program), "demo", "--days", "0", "--json"], check=True, stdout=subprocess.PIPE
    )
    return str(json.loads(ran.stdout)["creative_id"])


@contextmanager
def open_loops(installation: Installation) -> Iterator[tuple[Loops, Platform]]:
    """The two ways to act on an hour, over one running sandbox."""
    account, engine = installation.account, installation.store.engine
    with (
        running_twin(installation) as twin,
        dagster_instance() as instance,
        MetaAccounts(twin.settings) as accounts,
        open_hubspot(twin.settings) as crm,
    ):
        store = Store(twin.settings, engine, installation.store.blobs)
        executor = SafeExecutor(engine, accounts, store.blobs, store.settings.safety, worker_name())
        insights = accounts(account.account_id)
        loops = Loops(store, account, executor, insights, crm, WordLlamaEmbedder(), twin.audience)
        yield loops, Platform(build_defs(twin.settings), instance, Timer())
    engine.dispose()


def through_domain(loops: Loops, hours: tuple[datetime, ...]) -> Domain:
    """Let each hour happen and act on it; the first is for warming up."""
    outside = ours = 0.0
    for index, hour in enumerate(hours):
        begun = time.perf_counter()
        loops.let_happen(hour)
        happened = time.perf_counter()
        loops.act_on(hour)
        if index:
            outside, ours = outside + happened - begun, ours + time.perf_counter() - happened
    return Domain(len(hours) - 1, outside, ours)


def through_dagster(loops: Loops, platform: Platform, hours: tuple[datetime, ...]) -> Jobs:
    """Let each hour happen and run its four jobs; the first is for warming up."""
    wall = 0.0
    for index, hour in enumerate(hours):
        loops.let_happen(hour)
        begun = time.perf_counter()
        platform.run("revenue_feedback")
        platform.run("hourly_sampling", key_of(hour))
        platform.run("drain_ad_changes")
        platform.run("hourly_learning", key_of(hour))
        if index:
            wall += time.perf_counter() - begun
        else:
            platform.timer.seconds.clear()
    return Jobs(len(hours) - 1, wall, sum(platform.timer.seconds.values()))


def table(domain: Domain, jobs: Jobs) -> str:
    """The figures, an hour each unless it says otherwise."""
    whole = domain.outside + domain.ours
    work, wall, steps = domain.ours / domain.hours, jobs.wall / jobs.hours, jobs.steps / jobs.hours
    rows = [
        ("domain path", f"{60 * domain.hours / whole:.0f} hours a minute", f"{domain.hours} hours in {whole:.1f} s"),
        ("  the sandbox's side", f"{domain.outside / domain.hours:.3f} s", "delivery, visits, deals, webhooks"),
        ("  our loops", f"{work:.3f} s", "revenue, budget, execution, learning"),
        ("through Dagster", f"{wall:.2f} s", f"{jobs.hours} hours in {jobs.wall:.1f} s, four jobs each"),
        ("  between steps", f"{wall - steps:.2f} s", "runs and resources"),
        ("  within steps", f"{steps:.2f} s", "our work, and Dagster's records of it"),
        ("  outside our code", f"{1 - work / wall:.0%}", "of the time through Dagster"),
    ]
    return "\n".join(f"{name:<22} {figure:>20}   {note}" for name, figure, note in rows)


if __name__ == "__main__":
    main()
