"""Faces by YuNet on OpenCV; the model (MIT, 0.2 MB) lies beside this file."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from flywheel_assets.clients.weights import sha256_of
from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.engines.choice import Place
from flywheel_assets.creative.perception.video import Image
from flywheel_assets.creative.types import Engine, SeenFace

NAME = "yunet"

_MODEL = Path(__file__).parent / "models" / "face_detection_yunet_2023mar.onnx"
_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
_LEAST_CONFIDENCE = 0.7  # a doubtful third face among two people has 0.61 (measured)
_SIDE = 640  # pixels; the model knows faces of 10 to 300 pixels, so the largest stays below


def identify(place: Place) -> Engine:
    """Name, version and digest of the packaged model.

    Raises:
        NotAvailable: the file is missing or not the known one.
    """
    del place
    if not _MODEL.is_file() or (digest := sha256_of(_MODEL)) != _SHA256:
        raise NotAvailable(f"{_MODEL} is missing or not the file with sha256 {_SHA256}; reinstall flywheel-assets")
    settings = {"weights": _MODEL.name, "confidence": _LEAST_CONFIDENCE, "side": _SIDE}
    return Engine(
        name=NAME,
        version=f"opencv {version('opencv-python-headless')}",
        weights_sha256=digest,
        settings=settings,
    )


def load(place: Place) -> YuNet:
    """The detector."""
    return YuNet(place)


class YuNet:
    """Face boxes of a picture."""

    def __init__(self, place: Place) -> None:
        import cv2

        self.identity = identify(place)
        self._find: Any = cv2.FaceDetectorYN.create(str(_MODEL), "", (_SIDE, _SIDE), _LEAST_CONFIDENCE)

    def read(self, image: Image, time: float) -> tuple[SeenFace, ...]:
        """Faces of one upright RGB picture shown at ``time`` seconds, surest first."""
        import cv2

        scale = _SIDE / max(image.shape[:2])
        wide, high = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        small = cv2.resize(image, (wide, high), interpolation=cv2.INTER_AREA)
        self._find.setInputSize((wide, high))
        _, rows = self._find.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        found = (
            SeenFace(time=time, box=_share(row, wide, high), confidence=round(min(1.0, float(row[14])), 4))
            for row in ([] if rows is None else rows)
        )
        return tuple(sorted(found, key=lambda each: -each.confidence))


def _share(row: Any, wide: int, high: int) -> tuple[float, float, float, float]:
    """Left, top, width and height in pixels as shares of the picture."""
    edges = (row[0] / wide, row[1] / high, (row[0] + row[2]) / wide, (row[1] + row[3]) / high)
    left, top, right, bottom = (round(min(1.0, max(0.0, float(edge))), 4) for edge in edges)
    return left, top, right, bottom
