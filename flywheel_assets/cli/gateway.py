"""``flywheel gateway``: webhook, clicks and health alone, e.g. on the machine the internet reaches."""

from __future__ import annotations

import signal

import click

from flywheel_assets.cli.answers import json_option, show_json
from flywheel_assets.cli.environment import read_settings
from flywheel_assets.cli.installation import prepare
from flywheel_assets.cli.stopping import StoppableStack
from flywheel_assets.gateway.app import build_gateway, public_url
from flywheel_assets.serving import ThreadServer


@click.command()
@json_option("one object, once it serves,")
def gateway(as_json: bool) -> None:
    """Serve POST /webhook/hubspot, GET /c/<ad>, the API and GET /health on loopback until Ctrl-C."""
    settings = read_settings()
    store = prepare(settings).store
    with StoppableStack() as stack:
        stack.enter_context(ThreadServer(build_gateway(store), settings.gateway_port, name="gateway"))
        if as_json:
            show_json({"gateway": public_url(settings)})
        else:
            click.echo(f"gateway    {public_url(settings)}  (Ctrl-C stops it)")
        signal.pause()
