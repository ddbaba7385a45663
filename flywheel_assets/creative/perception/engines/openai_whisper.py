"""Spoken words by OpenAI's Whisper library, on a checkpoint that is present; nothing is downloaded."""

from __future__ import annotations

import importlib.util
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.clients.weights import sha256_of
from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.engines.choice import Place
from flywheel_assets.creative.types import Engine, Word

NAME = "whisper"

# Best first for a processor without a graphics card: beyond `small` an advert takes longer than it lasts.
_ENGLISH = ("small.en", "base.en", "tiny.en")
_ANY = ("small", "base", "tiny")


def identify(place: Place) -> Engine:
    """Name, version and digest of the checkpoint it would use.

    Raises:
        NotAvailable: the library is missing, or no checkpoint knows the language.
    """
    missing = [name for name in ("whisper", "torch") if importlib.util.find_spec(name) is None]
    if missing:
        raise NotAvailable(f"{', '.join(missing)} not installed; install flywheel-assets[full]")
    checkpoint = _checkpoint(place)
    return Engine(
        name=NAME,
        version=version("openai-whisper"),
        weights_sha256=sha256_of(checkpoint),
        settings={"model": checkpoint.stem, "language": place.language},
    )


def _checkpoint(place: Place) -> Path:
    """The best present checkpoint: below the fetched weights, or where the library itself puts them."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folders = (place.weights_dir / "whisper", cache / "whisper")
    names = (*(_ENGLISH if place.language == "en" else ()), *_ANY)
    found = next((f / f"{name}.pt" for name in names for f in folders if (f / f"{name}.pt").is_file()), None)
    if found is None:
        wanted = ", ".join(f"{name}.pt" for name in names)
        raise NotAvailable(
            f"no Whisper checkpoint for {place.language!r} in {' or '.join(map(str, folders))}; one of {wanted} is needed"
        )
    return found


def load(place: Place) -> OpenAiWhisper:
    """The recogniser."""
    return OpenAiWhisper(place)


class OpenAiWhisper:
    """Speech with the time and probability of every word."""

    def __init__(self, place: Place) -> None:
        import whisper

        self.identity = identify(place)
        checkpoint = _checkpoint(place)
        self._language = place.language
        self._model: Any = whisper.load_model(str(checkpoint), device="cpu")
        # Given a path, the library does not know which heads align words with sound.
        self._model.set_alignment_heads(whisper._ALIGNMENT_HEADS[checkpoint.stem])  # noqa: SLF001

    def read(self, samples: NDArray[np.float32]) -> tuple[Word, ...]:
        """Spoken words of mono 16 kHz sound, -1 to 1; times in seconds from its first sample."""
        heard = self._model.transcribe(
            samples,
            language=self._language,
            word_timestamps=True,
            condition_on_previous_text=False,  # a slip must not repeat itself through the rest
            fp16=False,
        )
        return tuple(
            Word(
                text=word["word"].strip(),
                start=round(float(word["start"]), 3),
                end=round(float(word["end"]), 3),
                probability=round(min(1.0, float(word["probability"])), 4),
            )
            for segment in heard["segments"]
            for word in segment.get("words", ())
            if word["word"].strip()
        )
