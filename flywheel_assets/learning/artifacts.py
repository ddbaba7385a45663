"""Model files: written without pickle, and read only when they are the file that was registered."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.core.ids import file_sha256

SUFFIX = ".skops"
_LARGEST = 16 * 1024**2  # bytes; ours have 50 kB, and a crafted file must not fill the memory
# Types beyond the library's own safe list that our pipelines hold. In code, never from the file.
_ALLOWED = ("numpy.dtype",)


@dataclass(frozen=True)
class Libraries:
    """Versions a model was made with. Fitted estimators are promised to work within a minor version only."""

    sklearn: str
    numpy: str
    skops: str


def libraries() -> Libraries:
    """What is installed here."""
    return Libraries(version("scikit-learn"), version("numpy"), version("skops"))


def save(pipeline: Any, path: Path) -> None:
    """Write a fitted pipeline to ``path``."""
    from skops.io import dump

    dump(pipeline, path)


def load(path: Path, sha256: str, trained_with: str) -> Any:
    """The pipeline in ``path``.

    Args:
        path: a local file.
        sha256: as registered.
        trained_with: version of scikit-learn that fitted it.

    Raises:
        NotAvailable: too large, changed since it was registered, fitted by another minor version of
            scikit-learn, or holding types we do not allow. Nothing in the file was run.
    """
    from skops.io import get_untrusted_types
    from skops.io import load as read

    if (size := path.stat().st_size) > _LARGEST:
        raise NotAvailable(f"model {path.name} has {size} bytes, {_LARGEST} are allowed; train again")
    if (found := file_sha256(path)) != sha256:
        raise NotAvailable(f"model {path.name} has SHA-256 {found[:12]}, registered was {sha256[:12]}; train again")
    here = libraries().sklearn
    if here.split(".")[:2] != trained_with.split(".")[:2]:
        raise NotAvailable(f"model {path.name} was fitted by scikit-learn {trained_with}, here is {here}; train again")
    if unknown := sorted(set(get_untrusted_types(file=path)) - set(_ALLOWED)):
        raise NotAvailable(f"model {path.name} holds {', '.join(unknown)}, which our models do not; train again")
    return read(path, trusted=list(_ALLOWED))
