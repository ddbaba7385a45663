"""``flywheel fetch-fonts``: fonts for scripts that the bundled ones lack, and emoji."""

from __future__ import annotations

import click

from flywheel_assets.cli.answers import json_option, show_json
from flywheel_assets.cli.environment import read_settings
from flywheel_assets.cli.progress import progress_bar
from flywheel_assets.clients.fontsource import PACKAGES
from flywheel_assets.rendering.fetching import install


@click.command("fetch-fonts")
@click.argument("scripts", nargs=-1, required=True, metavar="SCRIPT…", type=click.Choice(list(PACKAGES)))
@json_option("one object a script")
def fetch_fonts(scripts: tuple[str, ...], as_json: bool) -> None:
    """Fetch fonts, checked by their checksum. Latin, Greek and Cyrillic letters need none.

    SCRIPT is one or more of arabic, hebrew, devanagari, thai, japanese, korean, chinese-simplified and emoji.
    """
    folder = read_settings().fonts_path
    wanted = list(dict.fromkeys(scripts))
    for number, script in enumerate(wanted):
        package = PACKAGES[script]
        with progress_bar(f"fetching {package.title}") as step:
            step(number, len(wanted), f"fetching {package.title}")
            found = install(package, folder)
        click.echo(f"{package.title}: {found.licence}, {found.licence_file}", err=True)
        if as_json:
            show_json({"script": script, **vars(found)})
            continue
        for path in found.files:
            click.echo(str(path))
