"""``flywheel fetch-fonts``: fonts for scripts that the bundled ones lack, and emoji."""

from __future__ import annotations

import click

from flywheel_assets.cli.environment import read_settings
from flywheel_assets.clients.fontsource import PACKAGES
from flywheel_assets.rendering.fetching import install


@click.command("fetch-fonts")
@click.argument("scripts", nargs=-1, required=True, metavar="SCRIPT…", type=click.Choice(list(PACKAGES)))
def fetch_fonts(scripts: tuple[str, ...]) -> None:
    """Fetch fonts, checked by their checksum. Latin, Greek and Cyrillic letters need none.

    SCRIPT is one or more of arabic, hebrew, devanagari, thai, japanese, korean, chinese-simplified and emoji.
    """
    folder = read_settings().fonts_path
    for script in dict.fromkeys(scripts):
        package = PACKAGES[script]
        found = install(package, folder)
        click.echo(f"{package.title}: {found.licence}, {found.licence_file}", err=True)
        for path in found.files:
            click.echo(str(path))
