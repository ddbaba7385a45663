"""The settings of a command: the environment, and below it the settings file of the folder it is started in."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic_settings import SettingsError

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.settings import Settings
from flywheel_assets.store.documents import Fault, faults

SETTINGS_FILE = "flywheel.env"
_PREFIX = "FLYWHEEL_"

# A line that says nothing is told by us, as an error.
logging.getLogger("dotenv.main").setLevel(logging.ERROR)


def read_settings(folder: Path = Path()) -> Settings:
    """The settings of this process.

    Raises:
        ConfigurationError: a variable has a value that does not fit, or the settings file a line that says nothing;
            each is named.
    """
    found = examine_settings(folder)
    if isinstance(found, Settings):
        return found
    told = "; ".join(_told(fault) for fault, _ in found)
    step = f"correct it in the environment or in {SETTINGS_FILE}; flywheel check shows every place"
    raise ConfigurationError(told, next_step=step)


def examine_settings(folder: Path) -> Settings | list[tuple[Fault, int | None]]:
    """The settings, or everything that is wrong with them, each with its line in the settings file if it is there."""
    file = folder / SETTINGS_FILE
    lines = settings_lines(file)
    places = {name: number for name, number in lines if name is not None}
    found = _settings(file)
    wrong = [] if isinstance(found, Settings) else found
    told = {fault.place for fault in wrong}
    # Pydantic passes over a field's name without our prefix, and over an unknown name without a value.
    unread = [Fault((name,), "", unknown=True) for name in places if not _is_read(name) and (name,) not in told]
    silent = [(Fault((), f"line {number} is no NAME=value"), number) for name, number in lines if name is None]
    if isinstance(found, Settings) and not unread and not silent:
        return found
    return [*silent, *((fault, places.get(".".join(map(str, fault.place)))) for fault in [*wrong, *unread])]


def _settings(file: Path) -> Settings | list[Fault]:
    try:
        return Settings(_env_file=file)
    except SettingsError as error:
        return [Fault((), f"{error}; a group takes JSON, one of its fields is reached with __")]
    except ValidationError as error:
        return [Fault((_variable(fault),), fault.reason, fault.unknown) for fault in faults(error)]


def export_settings_file(folder: Path = Path()) -> None:
    """Let processes that are started from here, and Dagster within this one, read it too; the environment counts more."""
    file = folder / SETTINGS_FILE
    if file.exists():
        said = {name.upper(): value for name, value in dotenv_values(file).items() if value is not None}
        os.environ.update(_beside(said, dict(os.environ)))


def _beside(said: dict[str, str], environment: dict[str, str]) -> dict[str, str]:
    """What of the file does not change what the environment says.

    `Settings` ignores case, and one of a group's fields counts more than the group's JSON: in one environment the
    file's ``FLYWHEEL_WORLD`` would stand beside a ``flywheel_world``, and its field would beat the environment's group.
    """
    given = {name.upper(): value for name, value in environment.items()}
    groups = {name: json.loads(value) for name, value in given.items() if name in _groups()}
    fields = {f"{name}__{field}".upper() for name, group in groups.items() for field in group}
    kept = {name: value for name, value in said.items() if name not in given and name not in fields}
    merged = {name: json.dumps(json.loads(said[name]) | group) for name, group in groups.items() if name in said}
    # Under the name that is there already, which may be in small letters.
    return kept | {name: merged[name.upper()] for name in environment if name.upper() in merged}


def settings_lines(file: Path) -> list[tuple[str | None, int]]:
    """Name and number of every line of the settings file that is no comment; without a name it says nothing.

    Raises:
        ConfigurationError: the file is no text.
    """
    if not file.exists():
        return []
    try:
        bindings = list(parse_stream(StringIO(file.read_text(encoding="utf-8"))))
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file} is no text in UTF-8", next_step="save it as UTF-8") from None
    told: list[tuple[str | None, int]] = []
    for one in bindings:
        number = one.original.line + len(one.original.string) - len(one.original.string.lstrip("\n"))
        if one.error or (one.key is not None and one.value is None):
            told.append((None, number))
        elif one.key is not None:
            told.append((one.key.upper(), number))
    return told


def unread_variables() -> Iterator[str]:
    """Variables of the environment that begin like ours and that nobody reads."""
    return (name for name in sorted(os.environ) if name.upper().startswith(_PREFIX) and not _is_read(name.upper()))


def nearest_variable(name: str) -> str | None:
    """What somebody may have meant; our prefix may be what is missing."""
    known = [*_known(), *sorted(_groups())]
    bare = nearest(name.upper(), [one.removeprefix(_PREFIX) for one in known])
    return nearest(name.upper(), known) if bare is None else f"{_PREFIX}{bare}"


def _is_read(name: str) -> bool:
    """Whether it is one of ours, or a group's, whose fields are looked at when the group is read."""
    group, _, field = name.partition("__")
    return name in _known() or (group in _groups() and "__" not in field)


@cache
def _known() -> tuple[str, ...]:
    from flywheel_assets.cli.templates import variables

    return tuple(name for name, _, _ in variables())


def _groups() -> set[str]:
    """Variables that take a whole group as JSON."""
    return {name.partition("__")[0] for name in _known() if "__" in name}


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name that somebody may have meant."""
    return next(iter(get_close_matches(name, known, n=1, cutoff=0.75)), None)


def _variable(fault: Fault) -> str:
    """As it is written: a name of the settings file that is not ours comes as it is."""
    name = "__".join(map(str, fault.place)).upper()
    return name if fault.unknown and len(fault.place) == 1 else f"{_PREFIX}{name}"


def _told(fault: Fault) -> str:
    meant = nearest_variable(str(fault.place[0])) if fault.unknown else None
    if fault.unknown:
        return f"{fault.place[0]}: nobody reads it" + ("" if meant is None else f"; did you mean {meant}?")
    return str(fault) if fault.place else f"{SETTINGS_FILE} {fault.reason}"
