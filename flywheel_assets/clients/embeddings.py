"""Text as vectors, offline: static word embeddings whose weights come inside their package."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.core.ids import file_sha256

DIMENSIONS = 256  # width of the packaged weights and of the column that holds them
_WEIGHTS = "weights/l2_supercat_256.safetensors"


class Embedder(Protocol):
    """Turns texts into unit vectors. Only vectors of the same ``name`` may be compared."""

    @property
    def name(self) -> str:
        """Model, version and digest of its weights."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row of length 1 a text; shape (len(texts), `DIMENSIONS`)."""
        ...


class WordLlamaEmbedder:
    """The packaged `l2_supercat` weights: 256 numbers a text, English. Nothing is loaded before the first use."""

    @cached_property
    def name(self) -> str:
        """Model, package version and the first 12 digits of the weights' SHA-256."""
        weights = _package() / _WEIGHTS
        if not weights.exists():
            raise NotAvailable(f"wordllama has no {_WEIGHTS}; reinstall it: pip install --force-reinstall wordllama")
        return f"wordllama-l2_supercat-256 {version('wordllama')} {file_sha256(weights)[:12]}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), 256).

        Raises:
            ValueError: a text holds no word the model knows, so that it has no direction.
        """
        if not texts:
            return np.empty((0, DIMENSIONS), dtype=np.float32)
        for text in texts:
            if not text.strip():
                raise ValueError("an empty text has no embedding; leave it out")
        return unit_rows(np.asarray(self._model.embed(list(texts)), dtype=np.float32))

    @cached_property
    def _model(self) -> Any:
        with _root_logger_untouched():
            from wordllama import WordLlama

        # The tokenizer lies in the package, but is looked for in the cache folder only: so that is the cache.
        return WordLlama.load(cache_dir=_package(), disable_download=True)


@contextmanager
def _root_logger_untouched() -> Iterator[None]:
    """The library configures the root logger when it is imported, which is the application's business."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers, root.level = handlers, level


def unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every row scaled to length 1.

    Raises:
        ValueError: a row has no direction: its length is zero or not a number.
    """
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.all(np.isfinite(lengths)) or np.any(lengths == 0):
        raise ValueError("a vector of length zero has no direction, so no cosine with anything")
    return np.asarray(rows / lengths, dtype=np.float32)


def _package() -> Path:
    found = find_spec("wordllama")
    if found is None or found.origin is None:
        raise NotAvailable("wordllama is not installed; install it with: pip install wordllama")
    return Path(found.origin).parent
