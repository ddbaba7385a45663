"""The peer: procrastinate, which moves jobs that do nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from functools import partial
from typing import Any

from procrastinate import App, PsycopgConnector
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL

from executor_parts.server import Server
from executor_parts.workers import Round, run_together

_BATCH = 1000


def loaded(server: Server, jobs: int) -> URL:
    """A database whose queue holds so many jobs."""
    url = server.create()
    asyncio.run(_load(url, jobs))
    server.settle(url)
    return url


async def _load(url: URL, jobs: int) -> None:
    app = _app(url)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for begin in range(0, jobs, _BATCH):
            batch: list[dict[str, Any]] = [{"number": number} for number in range(begin, min(begin + _BATCH, jobs))]
            await app.tasks["nothing"].batch_defer_async(*batch)


def drain(server: Server, template: URL, processes: int) -> Round:
    """Empty a copy of ``template``.

    Raises:
        AssertionError: a job did not end well.
    """
    url = server.create(template)
    told = run_together(partial(_worker, url), processes)
    engine = create_engine(url)
    with engine.connect() as connection:
        left = connection.execute(text("select count(*) from procrastinate_jobs where status <> 'succeeded'")).scalar()
    assert left == 0, f"{left} jobs did not succeed"
    engine.dispose()
    server.drop(url)
    return told


def _worker(url: URL, number: int) -> Generator[int | None, None, None]:
    app = _app(url)
    with asyncio.Runner() as runner:
        runner.run(_open(app))
        yield None
        # As its documentation has it for emptying a queue: one job at a time is its own default.
        runner.run(app.run_worker_async(wait=False, name=f"bench-{number}", install_signal_handlers=False))
        yield number
        runner.run(app.close_async())


async def _open(app: App) -> None:
    await app.open_async()


def _app(url: URL) -> App:
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    app = App(connector=PsycopgConnector(conninfo=address))

    @app.task(name="nothing", queue="bench")
    async def nothing(number: int) -> None:
        assert number >= 0

    return app
