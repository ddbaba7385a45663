"""Voice activity by Silero's small network, which the faster-whisper wheel carries."""

from __future__ import annotations

import importlib.util
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.clients.weights import sha256_of
from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.engines.choice import Place
from flywheel_assets.creative.types import Engine

NAME = "silero-vad"

_RATE = 16_000  # samples a second, as the network was trained
_PAUSE_MS = 300  # a shorter silence is a breath within speech
_PAD_MS = 60  # kept before and after, so that a soft first sound is not cut off


def identify(place: Place) -> Engine:
    """Name, version and digest of the packaged network.

    Raises:
        NotAvailable: the library or its file is missing.
    """
    del place
    spec = importlib.util.find_spec("faster_whisper")
    if spec is None or spec.origin is None:
        raise NotAvailable("faster-whisper is not installed; install flywheel-assets with its dependencies")
    found = sorted((Path(spec.origin).parent / "assets").glob("silero_vad*.onnx"))
    if not found:
        raise NotAvailable("faster-whisper lacks its Silero file; reinstall faster-whisper")
    return Engine(
        name=NAME,
        version=f"faster-whisper {version('faster-whisper')}",
        weights_sha256=sha256_of(found[-1]),
        settings={"weights": found[-1].name, "pause_ms": _PAUSE_MS, "pad_ms": _PAD_MS},
    )


def load(place: Place) -> SileroVad:
    """The detector."""
    return SileroVad(place)


class SileroVad:
    """Spans of sound with a voice in them."""

    def __init__(self, place: Place) -> None:
        self.identity = identify(place)

    def read(self, samples: NDArray[np.float32]) -> tuple[tuple[float, float], ...]:
        """Spans with a voice, seconds, of mono 16 kHz sound, -1 to 1."""
        from faster_whisper.vad import VadOptions, get_speech_timestamps

        options = VadOptions(min_silence_duration_ms=_PAUSE_MS, speech_pad_ms=_PAD_MS)
        found = get_speech_timestamps(samples, options, sampling_rate=_RATE)
        return tuple((round(each["start"] / _RATE, 3), round(each["end"] / _RATE, 3)) for each in found)
