"""What every engine of a modality looks like, and how many threads it may use.

An engine that cannot look says so with `NotAvailable` before it is used. Once it is made, an empty
result means that it looked and found nothing. Text that an engine returns was written by whoever
made the video: it is data, and only ever shown, counted and stored.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.creative.perception.texts import ReadText
from flywheel_assets.creative.perception.video import Image
from flywheel_assets.creative.types import Engine, SeenFace, SeenObject, Word

# Per engine. Text, things and sound are looked at side by side, which keeps two processors busy; the threads of one
# engine mostly wait for each other, and onnxruntime's do so at full speed (measured: twice the processor's time).
THREADS = 1


class TextEngine(Protocol):
    """Reads text on the screen."""

    identity: Engine

    def read(self, image: Image) -> tuple[ReadText, ...]:
        """Lines of one upright RGB picture, top to bottom."""
        ...


class SpeechEngine(Protocol):
    """Recognises speech."""

    identity: Engine

    def read(self, samples: NDArray[np.float32]) -> tuple[Word, ...]:
        """Spoken words of mono 16 kHz sound, -1 to 1; times in seconds from its first sample."""
        ...


class ObjectEngine(Protocol):
    """Finds everyday objects and people."""

    identity: Engine

    def read(self, image: Image, time: float) -> tuple[SeenObject, ...]:
        """Objects of one upright RGB picture shown at ``time`` seconds, surest first."""
        ...


class FaceEngine(Protocol):
    """Finds faces; it tells nobody apart and guesses nothing about them."""

    identity: Engine

    def read(self, image: Image, time: float) -> tuple[SeenFace, ...]:
        """Faces of one upright RGB picture shown at ``time`` seconds, surest first."""
        ...


class VoiceEngine(Protocol):
    """Tells voices from everything else that sounds."""

    identity: Engine

    def read(self, samples: NDArray[np.float32]) -> tuple[tuple[float, float], ...]:
        """Spans with a voice, seconds, of mono 16 kHz sound, -1 to 1."""
        ...
