"""``flywheel up``: the platform with Dagster's UI, until Ctrl-C."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from flywheel_assets.cli.answers import json_option, show_json
from flywheel_assets.cli.environment import read_settings
from flywheel_assets.cli.installation import Installation, dagster_instance, only_one, only_one_on_database, prepare
from flywheel_assets.cli.leftovers import end_processes, end_work, started_file
from flywheel_assets.cli.stopping import StoppableStack
from flywheel_assets.cli.tether import Tethered, end_leftovers
from flywheel_assets.cli.twin import in_scenario, living, running_twin, scenario_option
from flywheel_assets.core.errors import Busy, FlywheelError
from flywheel_assets.gateway.app import build_gateway, public_url
from flywheel_assets.serving import ThreadServer
from flywheel_assets.settings import Settings
from flywheel_assets.store.accounts import load_account
from flywheel_assets.store.clock import set_twin_clock_flowing
from flywheel_assets.store.postgres import data_folder, server_runs, server_url

_LOOK_SECONDS = 2.0  # between two looks whether the database server still runs


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Of Dagster's UI. Default: FLYWHEEL_UI_PORT, else 3000.")
@scenario_option
@json_option("one object, once it is started,")
def up(port: int | None, scenario: str | None, as_json: bool) -> None:
    """Start the platform: database, sensors, schedules, the UI, and in a sandbox the twin of Meta."""
    settings = in_scenario(read_settings(), scenario)
    port = port or settings.ui_port
    load_account(settings.account_file)  # a wrong one stops before anything is written
    with StoppableStack() as stack:
        stack.enter_context(only_one(settings))
        end_processes(settings)
        _require_free(port)
        installation = prepare(settings)
        stack.enter_context(only_one_on_database(settings))
        with dagster_instance() as instance:
            end_work(installation.store, instance)
        environment = _environment(installation)
        if settings.world == "sandbox":
            environment |= _sandbox(installation, stack)
        else:
            stack.enter_context(ThreadServer(build_gateway(installation.store), settings.gateway_port, name="gateway"))
        stack.callback(end_leftovers, started_file(settings.root))  # also where the stop comes while Dagster starts
        dagster = stack.enter_context(_dagster(port, environment, settings.root))
        _tell(settings, f"http://127.0.0.1:{port}", as_json=as_json)
        reason = _until_it_ends(dagster, settings, stack)
        raise FlywheelError(f"{reason}; start again: it goes on where it stopped")


def _require_free(port: int) -> None:
    """Dagster would say it in its log only, after everything else has started."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as taken:
        step = "stop the other server, or name another port (--port, FLYWHEEL_UI_PORT)"
        raise Busy(
            f"port {port} of Dagster's UI cannot be opened ({os.strerror(taken.errno or 0)})", next_step=step
        ) from None


def _tell(settings: Settings, ui: str, *, as_json: bool) -> None:
    log, gateway = settings.root / "dagster.log", public_url(settings)
    if as_json:
        places = {"state": settings.root, "database": _database(settings), "drop": settings.drop_path, "log": log}
        show_json({"world": settings.world, "ui": ui, "gateway": gateway, **places})
        return
    click.echo(f"world      {settings.world}")
    click.echo(f"state      {settings.root} (database in {_database(settings)})")
    click.echo(f"drop here  {settings.drop_path}")
    click.echo(f"gateway    {gateway}")
    click.echo(f"log        {log}")
    click.echo(f"UI         {ui}  (ready in about ten seconds; Ctrl-C stops everything)")


def _sandbox(installation: Installation, stack: ExitStack) -> dict[str, str]:
    """Start the twin on a clock that flows; where Dagster's processes find it."""
    store, settings = installation.store, installation.settings
    with store.engine.begin() as connection:
        set_twin_clock_flowing(connection, flowing=True)
    ports = {"meta_port": settings.sandbox_port, "hubspot_port": settings.sandbox_hubspot_port}
    twin = stack.enter_context(running_twin(installation, **ports))
    stack.enter_context(living(twin, store))
    addresses = {
        "META_GRAPH_URL": twin.settings.meta_graph_url,
        "HUBSPOT_URL": twin.settings.hubspot_url,
        "PUBLIC_URL": twin.settings.public_url,
    }
    return {f"FLYWHEEL_{name}": str(value) for name, value in addresses.items()}


def _environment(installation: Installation) -> dict[str, str]:
    settings = installation.settings
    url = server_url(settings).render_as_string(hide_password=False)
    return {
        **os.environ,
        "FLYWHEEL_HOME": str(settings.root),
        "FLYWHEEL_ACCOUNT_FILE": str(settings.account_file.absolute()),
        "FLYWHEEL_DROP_FOLDER": str(settings.drop_path),
        "FLYWHEEL_BLOB_URI": settings.blob_base,
        "FLYWHEEL_DATABASE_URL": url,
    }


@contextmanager
def _dagster(port: int, environment: dict[str, str], home: Path) -> Iterator[Tethered]:
    program = Path(sys.executable).with_name("dagster")
    workspace = home / "dagster" / "workspace.yaml"
    command = [str(program), "dev", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)]
    dagster = Tethered(command, environment, folder=home, log=home / "dagster.log", note=started_file(home))
    try:
        yield dagster
    finally:
        dagster.end()


def _until_it_ends(dagster: Tethered, settings: Settings, stack: StoppableStack) -> str:
    """Why there is no going on."""
    while (code := dagster.wait(_LOOK_SECONDS)) is None:
        stack.still_wanted()
        if not server_runs(settings):
            return f"the database server has ended ({data_folder(settings) / 'log'} may say why)"
    return f"Dagster ended by itself with exit code {code}; {settings.root / 'dagster.log'} says why"


def _database(settings: Settings) -> str:
    return "FLYWHEEL_DATABASE_URL" if settings.database_url else str(data_folder(settings))
