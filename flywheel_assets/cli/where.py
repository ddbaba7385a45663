"""``flywheel where``: the places of this installation."""

from __future__ import annotations

import click

from flywheel_assets.cli.answers import json_option, show_json
from flywheel_assets.cli.environment import read_settings
from flywheel_assets.store.postgres import data_folder


@click.command()
@click.argument("place", type=click.Choice(["home", "database", "drop", "renders", "weights"]))
@json_option("one object")
def where(place: str, as_json: bool) -> None:
    """Print one folder of this installation; the database's is the embedded server's."""
    settings = read_settings()
    places = {
        "home": settings.root,
        "database": data_folder(settings),
        "drop": settings.drop_path,
        "renders": settings.root / "renders",
        "weights": settings.weights_path,
    }
    if as_json:
        show_json({"place": place, "path": places[place]})
    else:
        click.echo(places[place])
