"""``flywheel init``: commented files to fill in, for a new installation."""

from __future__ import annotations

import os
from pathlib import Path

import click

from flywheel_assets.cli.answers import json_option, show_json
from flywheel_assets.cli.environment import SETTINGS_FILE
from flywheel_assets.core.errors import ConfigurationError

ACCOUNT_FILE, BRIEF_FILE = "account.yaml", "my_video.brief.yaml"
_OWNER_ONLY = 0o600  # secrets come into it


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".", metavar="[DIR]")
@json_option("one object")
def init(folder: Path, as_json: bool) -> None:
    """Write a settings file, an account file and a brief to fill in, into DIR or here.

    They start in the sandbox, with an account that decides and sends nothing. What exists is never
    overwritten. Afterwards: flywheel check.
    """
    from flywheel_assets.cli.templates import account_template, brief_template, settings_template

    texts = {SETTINGS_FILE: settings_template(), ACCOUNT_FILE: account_template(), BRIEF_FILE: brief_template()}
    there = [name for name in texts if os.path.lexists(folder / name)]
    if there:
        step = "move it away, or name another folder: flywheel init DIR"
        raise ConfigurationError(f"{folder}: {', '.join(there)} exists already; nothing was written", next_step=step)
    folder.mkdir(parents=True, exist_ok=True)
    written = [_write(folder / name, text) for name, text in texts.items()]
    if as_json:
        show_json({"folder": folder, "written": written})
        return
    for path in written:
        click.echo(str(path))
    click.echo("fill them in, then look at them with: flywheel check", err=True)


def _write(path: Path, text: str) -> Path:
    """A file that did not exist a moment before either."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path
