"""Files that people write: YAML read with every fault told in one line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from flywheel_assets.core.errors import ConfigurationError


def read_yaml(path: Path) -> Any:
    """The document in a YAML file.

    Raises:
        ConfigurationError: the file cannot be read or is not YAML; one line, with the place.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error.strerror}") from None
    # The reader raises ValueError for a date such as 2026-13-45 and runs out of stack on thousands of brackets.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path.name} is not YAML: {' '.join(str(error).split())}") from None


@dataclass(frozen=True)
class Fault:
    """What is wrong at one place of a document: the keys and numbers that lead there, none for the whole."""

    place: tuple[str | int, ...]
    reason: str
    unknown: bool = False  # nothing of that name is known there

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.place))}: {self.reason}" if self.place else self.reason


def faults(error: ValidationError) -> list[Fault]:
    """Everything that a validation found."""
    return [
        Fault(item["loc"], item["msg"].removeprefix("Value error, "), item["type"] == "extra_forbidden")
        for item in error.errors()
    ]


def explain(error: ValidationError) -> str:
    """A validation error in one line: every field with what is wrong with it."""
    return "; ".join(str(fault) if fault.place else f"document: {fault.reason}" for fault in faults(error))
