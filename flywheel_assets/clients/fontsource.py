"""Fonts for scripts that the bundled ones lack, out of npm's @fontsource packages: web formats, OFL-1.1.

One exact version of each package; its archive is checked against a known digest before it is opened, and of what is in
it only the wanted weights, the licence and the name of the licence are read.
"""

from __future__ import annotations

import json
import re
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from flywheel_assets.clients.npm import pack
from flywheel_assets.clients.weights import sha256_of
from flywheel_assets.core.errors import NotAvailable

_NPM_SECONDS = 900  # 79 MB over a slow line
_FILE_BYTES = 64 * 1024**2
_BY_HAND = "or put fonts into a folder and name it in FLYWHEEL_RENDERING__FONT_FOLDERS"
_PAPERS = ("package/LICENSE", "package/package.json")
_WEIGHTS = {700: "Bold", 900: "Black"}


@dataclass(frozen=True)
class FontPackage:
    """Where the font of a script comes from.

    Attributes:
        subset: the part of the family that has the script; None where it is spread over numbered files, all of which
            are wanted.
        weights: the wanted weights and what they are called.
        sha256: digest of the archive.
    """

    script: str
    title: str
    subset: str | None
    version: str
    sha256: str
    weights: dict[int, str] = field(default_factory=_WEIGHTS.copy)

    @property
    def slug(self) -> str:
        """The family as the package spells it."""
        return self.title.lower().replace(" ", "-")

    @property
    def name(self) -> str:
        """The package with its version."""
        return f"@fontsource/{self.slug}@{self.version}"

    def member(self, weight: int) -> re.Pattern[str]:
        """Names in the archive of the files that make up a weight."""
        part = r"\d+" if self.subset is None else re.escape(self.subset)
        return re.compile(rf"package/files/{self.slug}-{part}-{weight}-normal\.woff")


@dataclass(frozen=True)
class Fetched:
    """What was taken out of a package: the files of each weight in the order of their names, and the licence."""

    files: dict[int, tuple[bytes, ...]]
    licence: str
    licence_text: str


PACKAGES = {
    found.script: found
    for found in (
        FontPackage(
            "arabic", "Noto Sans Arabic", "arabic", "5.3.0",
            "e0a81ade67ce507c9b91546ca3d91332d184a8277fc683440b00896b430856bb",
        ),
        FontPackage(
            "hebrew", "Noto Sans Hebrew", "hebrew", "5.3.0",
            "16a70f001f739cbcdaecdf3b164bdee8bb84cb35a8569d6dd9ec82dfcd74c78c",
        ),
        FontPackage(
            "devanagari", "Noto Sans Devanagari", "devanagari", "5.3.0",
            "8d42be0e944481b61e68c7702037d4143e96bf48dbb72d19ea05d0cacc1323d5",
        ),
        FontPackage(
            "thai", "Noto Sans Thai", "thai", "5.3.0",
            "263b3705d8dd9e3a24d267b2a2832d2252c81737f7aa45eec2ae57f87e8ad7aa",
        ),
        FontPackage(
            "japanese", "Noto Sans JP", None, "5.3.0",
            "e4fac0fb8e03e21d10e1bdfd6f09e04c12a0f3bd61463bfa41c53a5603c39524",
        ),
        FontPackage(
            "korean", "Noto Sans KR", None, "5.3.0",
            "36277539698ccda64b110855eaa890d2a4737e403d225da1cbe3c90123fff602",
        ),
        FontPackage(
            "chinese-simplified", "Noto Sans SC", None, "5.3.0",
            "05a7abac78a6cac4bd1361e7b24c680ee820fcc2f22cf5cc92673f4cd12771c5",
        ),
        FontPackage(
            "emoji", "Noto Color Emoji", "emoji", "5.3.2",
            "1bd31f2fb1616c9da2892e385ff9a95a446cecbc045e1354e6b8a64389f77b96", {400: "Regular"},
        ),
    )
}  # fmt: skip


def fetch(package: FontPackage) -> Fetched:
    """A package's fonts, as they lie in it.

    Raises:
        NotAvailable: no npm client, no answer from its registry, or not the known archive.
    """
    with tempfile.TemporaryDirectory(prefix="flywheel-fonts-") as folder:
        archive = pack(
            package.name, Path(folder), wanted=f"the font {package.title}", by_hand=_BY_HAND, seconds=_NPM_SECONDS
        )
        return _read(archive, package)


def _read(archive: Path, package: FontPackage) -> Fetched:
    digest = sha256_of(archive)
    if digest != package.sha256:
        raise NotAvailable(f"{package.name} has sha256 {digest}, expected {package.sha256}; nothing was unpacked")
    wanted = {weight: package.member(weight) for weight in package.weights}
    found: dict[str, bytes] = {}
    with tarfile.open(archive, "r:gz") as files:
        for member in files:
            plain = member.isreg() and member.size <= _FILE_BYTES
            known = member.name in _PAPERS or any(name.fullmatch(member.name) for name in wanted.values())
            if plain and known and (content := files.extractfile(member)):
                found[member.name] = content.read()
    fonts = {
        weight: tuple(found[each] for each in sorted(found) if name.fullmatch(each)) for weight, name in wanted.items()
    }
    lacking = [f"weight {weight}" for weight, parts in fonts.items() if not parts]
    if missing := lacking + [paper for paper in _PAPERS if paper not in found]:
        raise NotAvailable(f"{package.name} lacks {', '.join(missing)}; nothing was installed")
    licence, described = (found[paper] for paper in _PAPERS)
    return Fetched(fonts, str(json.loads(described)["license"]), licence.decode("utf-8", errors="replace"))
