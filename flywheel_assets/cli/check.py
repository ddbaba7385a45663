"""``flywheel check``: everything that is wrong with the files a person wrote, at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from flywheel_assets.cli.answers import json_option, show_json
from flywheel_assets.cli.checks import Problem, account_problems, brief_problems, settings_problems
from flywheel_assets.cli.environment import examine_settings
from flywheel_assets.cli.exits import Exit
from flywheel_assets.cli.init import ACCOUNT_FILE
from flywheel_assets.cli.tables import counted
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.settings import Settings

_BRIEFS = "*.brief.yaml"


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".", metavar="[DIR]")
@json_option("one object a problem")
def check(folder: Path, as_json: bool) -> None:
    """Check the settings, the account and the briefs of DIR, or of this folder.

    Every problem is told with its file, line and reason, and what was probably meant. Nothing is changed
    and nothing is called. Ends with 1 when there is one; what is right is named on standard error.
    """
    number = 0
    for name, problems in _looked_at(folder):
        for problem in problems:
            number += 1
            if as_json:
                show_json(asdict(problem))
            else:
                click.echo(str(problem))
        if not problems:
            click.echo(f"{name}: in order", err=True)
    if number:
        click.echo(f"{counted(number, 'problem')}; correct them and check again", err=True)
        sys.exit(Exit.FAILED)


def _looked_at(folder: Path) -> Iterator[tuple[str, list[Problem]]]:
    yield "settings", list(settings_problems(folder))
    settings = _settings(folder)
    for path in _accounts(folder, settings):
        yield str(path), list(account_problems(path))
    for path in _briefs(folder, settings):
        yield str(path), list(brief_problems(path))


def _settings(folder: Path) -> Settings | None:
    """None where they have a fault, which is told already: what lies in the folder itself is looked at all the same."""
    try:
        found = examine_settings(folder)
    except ConfigurationError:
        return None
    return found if isinstance(found, Settings) else None


def _accounts(folder: Path, settings: Settings | None) -> list[Path]:
    """The one that is used, and the one that `flywheel init` wrote if it is another."""
    own = folder / ACCOUNT_FILE
    used = [] if settings is None else [folder / settings.account_file]
    return list(dict.fromkeys([*used, *([own] if own.exists() or not used else [])]))


def _briefs(folder: Path, settings: Settings | None) -> list[Path]:
    drop = [] if settings is None else sorted((folder / (settings.drop_folder or settings.home / "drop")).glob(_BRIEFS))
    return [*sorted(folder.glob(_BRIEFS)), *drop]
