"""``flywheel fetch-weights``: the object detector, whose weights may not be packaged."""

from __future__ import annotations

import click

from flywheel_assets.clients.weights import YOLO_LICENCE, fetch_yolo
from flywheel_assets.settings import Settings


@click.command("fetch-weights")
def fetch_weights() -> None:
    """Fetch the object detector's weights, checked by their checksum."""
    click.echo(YOLO_LICENCE, err=True)
    click.echo(str(fetch_yolo(Settings().weights_path)))
