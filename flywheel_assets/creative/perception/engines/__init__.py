"""One small protocol per modality, and the question which engine serves it here.

An engine that cannot look says so with `NotAvailable` before it is used. Once it is made, an empty
result means that it looked and found nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.video import Image
from flywheel_assets.creative.types import Engine, ScreenText, SeenObject, Word

Modality = Literal["text", "speech", "objects"]

THREADS = 2  # per engine; perception shares the machine with the database and Dagster


class TextEngine(Protocol):
    """Reads text on the screen."""

    name: str
    version: str
    weights_sha256: str

    def read(self, image: Image, time: float) -> tuple[ScreenText, ...]:
        """Texts of one upright RGB picture shown at ``time`` seconds, top to bottom."""
        ...


class SpeechEngine(Protocol):
    """Recognises speech."""

    name: str
    version: str
    weights_sha256: str

    def read(self, samples: NDArray[np.float32]) -> tuple[Word, ...]:
        """Spoken words of mono 16 kHz sound, -1 to 1; times in seconds from its first sample."""
        ...


class ObjectEngine(Protocol):
    """Finds everyday objects and people."""

    name: str
    version: str
    weights_sha256: str

    def read(self, image: Image, time: float) -> tuple[SeenObject, ...]:
        """Objects of one upright RGB picture shown at ``time`` seconds, surest first."""
        ...


def identities(weights_dir: Path, language: str) -> dict[Modality, Engine]:
    """The engine of each modality, its weights checked but not loaded; or why there is none."""
    from flywheel_assets.creative.perception.engines import objects, speech, text

    return {
        "text": _identity(text.NAME, text.identify),
        "speech": _identity(speech.NAME, lambda: speech.identify(language)),
        "objects": _identity(objects.NAME, lambda: objects.identify(weights_dir)),
    }


def _identity(name: str, identify: Callable[[], Engine]) -> Engine:
    try:
        return identify()
    except NotAvailable as reason:
        return Engine(name=name, unavailable=str(reason))
