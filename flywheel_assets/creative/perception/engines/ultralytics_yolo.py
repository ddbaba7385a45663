"""Objects and people by the Ultralytics library, on its own weights or on the fetched ONNX file."""

from __future__ import annotations

import importlib.util
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from flywheel_assets.clients.weights import sha256_of
from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.engines.choice import Place
from flywheel_assets.creative.perception.engines.onnx_yolo import LEAST_CONFIDENCE, MOST_OVERLAP, checked_weights
from flywheel_assets.creative.perception.video import Image
from flywheel_assets.creative.types import Engine, SeenObject

NAME = "ultralytics"

# Read with pickle, which runs what the file says: only what the person who runs this put there is taken.
_OWN = ("yolo11n.pt", "yolov8n.pt")
_NEEDS = ("ultralytics", "torch", "torchvision")


def identify(place: Place) -> Engine:
    """Name, version and digest of the weights it would use.

    Raises:
        NotAvailable: the library or every file it could use is missing.
    """
    missing = [name for name in _NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise NotAvailable(f"{', '.join(missing)} not installed; install flywheel-assets[full]")
    weights, digest = _weights(place.weights_dir)
    settings = {"weights": weights.name, "confidence": LEAST_CONFIDENCE, "overlap": MOST_OVERLAP}
    return Engine(name=NAME, version=version("ultralytics"), weights_sha256=digest, settings=settings)


def _weights(folder: Path) -> tuple[Path, str]:
    own = next((folder / name for name in _OWN if (folder / name).is_file()), None)
    return (own, sha256_of(own)) if own else checked_weights(folder)


def load(place: Place) -> UltralyticsYolo:
    """The detector."""
    return UltralyticsYolo(place)


class UltralyticsYolo:
    """The library's detector."""

    def __init__(self, place: Place) -> None:
        os.environ.setdefault("YOLO_OFFLINE", "true")  # otherwise it installs packages while it runs
        os.environ.setdefault("YOLO_AUTOINSTALL", "false")
        from ultralytics import YOLO

        self.identity = identify(place)
        weights, _ = _weights(place.weights_dir)
        self._model: Any = YOLO(str(weights), task="detect", verbose=False)

    def read(self, image: Image, time: float) -> tuple[SeenObject, ...]:
        """Objects of one upright RGB picture shown at ``time`` seconds, surest first."""
        picture = np.ascontiguousarray(image[..., ::-1])
        (found,) = self._model.predict(
            picture, conf=LEAST_CONFIDENCE, iou=MOST_OVERLAP, device="cpu", verbose=False, save=False
        )
        rows = zip(found.boxes.xyxyn.tolist(), found.boxes.cls.tolist(), found.boxes.conf.tolist(), strict=True)
        seen = (
            SeenObject(
                label=str(found.names[int(label)]),
                time=time,
                box=(_edge(box[0]), _edge(box[1]), _edge(box[2]), _edge(box[3])),
                confidence=round(confidence, 4),
            )
            for box, label, confidence in rows
        )
        return tuple(sorted(seen, key=lambda each: -each.confidence))


def _edge(share: float) -> float:
    return round(min(1.0, max(0.0, share)), 4)
