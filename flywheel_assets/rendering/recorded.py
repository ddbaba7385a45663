"""Files with a record beside them that says what is in them, so that one damaged on the disk is not used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from flywheel_assets.core.ids import file_sha256
from flywheel_assets.rendering import whole_files


class Record(BaseModel):
    """The content of a file, and what its maker wants to know of it later."""

    # A record of another version is none; a level may be minus infinity.
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="constants")

    sha256: str
    facts: JsonValue


def write(path: Path, make: Callable[[Path], JsonValue]) -> Record:
    """As `whole_files.write`; the record keeps what `make` returns.

    Raises:
        StorageFull: as there.
    """

    def recorded(part: Path) -> Record:
        facts = make(part)
        return Record(sha256=file_sha256(part), facts=facts)

    record = whole_files.write(path, recorded)
    text = record.model_dump_json()
    whole_files.write(_beside(path), lambda part: part.write_text(text, encoding="utf-8"))
    return record


def read(path: Path) -> Record | None:
    """The record of a file that is there and whole."""
    try:
        found = Record.model_validate_json(_beside(path).read_bytes())
        return found if file_sha256(path) == found.sha256 else None
    except (FileNotFoundError, ValidationError):
        return None


def once(path: Path, make: Callable[[Path], None]) -> Path:
    """The file, made if it is not there or damaged."""
    if read(path) is None:
        write(path, make)
    return path


def _beside(path: Path) -> Path:
    return path.with_suffix(".json")
