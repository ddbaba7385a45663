"""``flywheel fetch-weights``: the object detector, whose weights may not be packaged."""

from __future__ import annotations

import click

from flywheel_assets.cli.environment import read_settings
from flywheel_assets.clients.weights import YOLO_LICENCE, fetch_yolo


@click.command("fetch-weights")
def fetch_weights() -> None:
    """Fetch the object detector's weights, checked by their checksum."""
    click.echo(YOLO_LICENCE, err=True)
    click.echo(str(fetch_yolo(read_settings().weights_path)))
