"""What is wrong with a file that a person wrote: where, why, and what was probably meant."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import yaml
from pydantic import BaseModel

from flywheel_assets.cli.environment import SETTINGS_FILE, examine_settings, nearest, nearest_variable, unread_variables
from flywheel_assets.cli.templates import model_of
from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.creative.briefs import brief_faults
from flywheel_assets.creative.types import Brief
from flywheel_assets.settings import Settings
from flywheel_assets.store.accounts import checked_account
from flywheel_assets.store.documents import Fault, read_yaml

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing to correct.

    Attributes:
        line: counted from 1; None where the file has no such line.
        key: names and numbers that lead to the place, with dots between them.
        meant: the known name that is nearest to an unknown one.
    """

    file: str
    line: int | None
    key: str
    reason: str
    meant: str | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        meant = "" if self.meant is None else f"; did you mean {self.meant}?"
        return f"{place}: {self.key}: {self.reason}{meant}" if self.key else f"{place}: {self.reason}{meant}"


def settings_problems(folder: Path) -> Iterator[Problem]:
    """Of the settings file and of the environment."""
    try:
        found = examine_settings(folder)
    except ConfigurationError as error:
        yield Problem(str(folder / SETTINGS_FILE), None, "", str(error))
        return
    for fault, line in [] if isinstance(found, Settings) else found:
        file = "environment" if line is None else str(folder / SETTINGS_FILE)
        key = ".".join(map(str, fault.place))
        if fault.unknown:
            yield Problem(file, line, key, "nobody reads it", nearest_variable(key))
        else:
            yield Problem(file, line, key, fault.reason)
    for name in unread_variables():
        yield Problem("environment", None, name, "nobody reads it", nearest_variable(name))


def account_problems(path: Path) -> Iterator[Problem]:
    """Of an account file, the brief in it and the files it names."""
    raw = yield from _read(path)
    if raw is None:
        return
    lines = _Lines(path)
    found = checked_account(raw)
    brief = raw.get("default_brief") if isinstance(raw, dict) else None
    wrong = found if isinstance(found, list) else []
    if brief is not None:
        wrong = [*wrong, *(_below("default_brief", fault) for fault in brief_faults(brief))]
    yield from (lines.problem(fault, Account) for fault in wrong)
    if isinstance(found, Account):
        yield from _kit_problems(found, lines)


def brief_problems(path: Path) -> Iterator[Problem]:
    """Of a brief."""
    raw = yield from _read(path)
    if raw is not None:
        lines = _Lines(path)
        yield from (lines.problem(fault, Brief) for fault in brief_faults(raw))


def _read(path: Path) -> Generator[Problem, None, Any]:
    """The document; None after a problem with it as a whole."""
    try:
        raw: Any = read_yaml(path)
    except ConfigurationError as error:
        yield Problem(str(path), None, "", error.told()[0].removeprefix(f"{path.name} "))
        return None
    for key, line in _Lines(path).doubled:
        yield Problem(str(path), line, key, "is written twice; the second one would count")
    return {} if raw is None else raw


def _kit_problems(account: Account, lines: _Lines) -> Iterator[Problem]:
    """Its files are read as a start would read them."""
    from flywheel_assets.rendering.kit import read_kit
    from flywheel_assets.store.blobs import Blobs

    with TemporaryDirectory(prefix="flywheel-check-") as folder:
        try:
            blobs = Blobs((Path(folder) / "blobs").as_uri(), Path(folder) / "cache")
            read_kit(account.brand_kit.beside(lines.path.absolute().parent), blobs)
        except ConfigurationError as error:
            yield lines.problem(Fault(("brand_kit",), str(error)), Account)


def _below(key: str, fault: Fault) -> Fault:
    return Fault((key, *fault.place), fault.reason, fault.unknown)


class _Lines:
    """Where in a YAML file each key stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.doubled: list[tuple[str, int]] = []
        self._lines: dict[Place, int] = {}
        self._seen: set[int] = set()  # an alias can lead back to where it stands
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        if node is not None:
            self._note(node, ())

    def problem(self, fault: Fault, model: type[BaseModel]) -> Problem:
        """A fault with the line of its place, or of the nearest around it that the file has."""
        around = (fault.place[:length] for length in range(len(fault.place), 0, -1))
        line = next((self._lines[place] for place in around if place in self._lines), None)
        key = ".".join(map(str, fault.place))
        if not fault.unknown:
            return Problem(str(self.path), line, key, fault.reason)
        known = _known_at(model, fault.place[:-1])
        return Problem(str(self.path), line, key, "nobody reads it", nearest(str(fault.place[-1]), known))

    def _note(self, node: yaml.Node, place: Place) -> None:
        if id(node) in self._seen:
            return
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                here = (*place, key.value)
                line = key.start_mark.line + 1
                if here in self._lines:
                    self.doubled.append((".".join(map(str, here)), line))
                self._lines[here] = line
                self._note(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._lines[(*place, index)] = value.start_mark.line + 1
                self._note(value, (*place, index))


def _known_at(model: type[BaseModel], place: Place) -> list[str]:
    """Names that a place of a document knows."""
    if not place:
        return list(model.model_fields)
    if place[0] == "default_brief":
        return list(Brief.model_fields)
    field = model.model_fields.get(str(place[0]))
    inner = None if field is None else _model_in(field.annotation)
    if inner is None:
        return []
    rest = place[1:] if model_of(field.annotation) else place[2:]  # type: ignore[union-attr]  # it has a field
    return _known_at(inner, rest)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation asks for, or whose values it holds by name or number."""
    found = model_of(annotation)
    return found or next((inner for one in get_args(annotation) if (inner := _model_in(one))), None)
