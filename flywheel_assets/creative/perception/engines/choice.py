"""Which engine serves a modality here. `auto` takes the first of its list whose library and weights are present."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.types import Engine, Modality
from flywheel_assets.settings import Perceiving

_PACKAGE = "flywheel_assets.creative.perception.engines"

# Every module has `identify(place) -> Engine`, which raises NotAvailable, and `load(place)`, its engine.
# The named engines come first: where somebody installed them and brought weights, they are wanted.
MODULES: Mapping[Modality, Mapping[str, str]] = {
    "text": {"easyocr": "easy_ocr", "rapidocr": "rapid_ocr"},
    "objects": {"ultralytics": "ultralytics_yolo", "onnx-yolo": "onnx_yolo"},
    "faces": {"yunet": "yunet"},
    "speech": {"whisper": "openai_whisper", "faster-whisper": "ct2_whisper"},
    "voice": {"silero-vad": "silero"},
}


@dataclass(frozen=True)
class Place:
    """What an engine is chosen by: where fetched weights lie, and the language that is spoken."""

    weights_dir: Path
    language: str


def identities(place: Place, wanted: Perceiving) -> dict[Modality, Engine]:
    """The engine of each modality, its weights checked but not loaded; or why there is none."""
    return {modality: _first(modality, place, wanted) for modality in MODULES}


def load(modality: Modality, chosen: Engine, place: Place) -> Any:
    """The engine that `identities` chose, ready to look.

    Raises:
        NotAvailable: it has none.
    """
    if chosen.unavailable is not None:
        raise NotAvailable(chosen.unavailable)
    return _module(MODULES[modality][chosen.name]).load(place)


def _first(modality: Modality, place: Place, wanted: Perceiving) -> Engine:
    names = MODULES[modality]
    asked = getattr(wanted, modality, "auto")
    reasons: dict[str, str] = {}
    for name in names if asked == "auto" else (asked,):
        identify: Callable[[Place], Engine] = _module(names[name]).identify
        try:
            return identify(place)
        except NotAvailable as reason:
            reasons[name] = str(reason)
    # The last of the list is what a plain installation would use, so its remedy is the nearest.
    name = list(reasons)[-1]
    return Engine(name=name, unavailable=reasons[name])


def _module(name: str) -> Any:
    return import_module(f"{_PACKAGE}.{name}")
