"""Objects and people by YOLOv8n (80 COCO classes) on plain onnxruntime."""

from __future__ import annotations

import ast
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.clients.weights import YOLO_FILE, YOLO_SHA256, sha256_of
from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.engines.base import THREADS
from flywheel_assets.creative.perception.engines.choice import Place
from flywheel_assets.creative.perception.video import Image
from flywheel_assets.creative.types import Engine, SeenObject

NAME = "onnx-yolo"

_SIDE = 640  # pixels; the network's input is square
_GREY = 114  # level of the bars around the picture, as in training
LEAST_CONFIDENCE = 0.35  # near 0.5 a person cut off by the frame is lost (measured at 0.43)
MOST_OVERLAP = 0.5  # intersection over union above which two boxes of a class are the same object


def checked_weights(weights_dir: Path) -> tuple[Path, str]:
    """The fetched YOLOv8n file and its digest.

    Raises:
        NotAvailable: it was not fetched or is not the known file.
    """
    weights = weights_dir / YOLO_FILE
    if not weights.is_file():
        raise NotAvailable(f"{weights} is missing; run `flywheel fetch-weights` once")
    digest = sha256_of(weights)
    if digest != YOLO_SHA256:
        raise NotAvailable(f"{weights} has sha256 {digest}, expected {YOLO_SHA256}; run `flywheel fetch-weights`")
    return weights, digest


def identify(place: Place) -> Engine:
    """Name, version and digest of the fetched weights.

    Raises:
        NotAvailable: the weights were not fetched or are not the known file.
    """
    _, digest = checked_weights(place.weights_dir)
    settings = {"weights": YOLO_FILE, "confidence": LEAST_CONFIDENCE, "overlap": MOST_OVERLAP, "side": _SIDE}
    return Engine(name=NAME, version=f"onnxruntime {version('onnxruntime')}", weights_sha256=digest, settings=settings)


def load(place: Place) -> OnnxYolo:
    """The detector."""
    return OnnxYolo(place)


class OnnxYolo:
    """The detector, its labels taken from the weights themselves."""

    def __init__(self, place: Place) -> None:
        import onnxruntime

        self.identity = identify(place)
        weights, _ = checked_weights(place.weights_dir)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
        self._labels: dict[int, str] = ast.literal_eval(self._session.get_modelmeta().custom_metadata_map["names"])

    def read(self, image: Image, time: float) -> tuple[SeenObject, ...]:
        """Objects of one upright RGB picture shown at ``time`` seconds, surest first."""
        canvas, scale, left, top = letterbox(image)
        batch = canvas.transpose(2, 0, 1)[None].astype(np.float32) / 255
        output: NDArray[np.float32] = self._session.run(None, {"images": batch})[0][0]
        height, width = image.shape[:2]
        return tuple(
            SeenObject(label=self._labels[label], time=time, box=box, confidence=confidence)
            for label, confidence, corners in detections(output)
            if (box := _share(corners, scale, (left, top), (width, height)))
        )


def letterbox(image: Image) -> tuple[Image, float, int, int]:
    """The picture on a square grey canvas; with its scale, and its left and top edge in pixels."""
    import cv2

    height, width = image.shape[:2]
    scale = _SIDE / max(height, width)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (_SIDE - wide) // 2, (_SIDE - high) // 2
    canvas = np.full((_SIDE, _SIDE, 3), _GREY, dtype=np.uint8)
    canvas[top : top + high, left : left + wide] = cv2.resize(image, (wide, high), interpolation=cv2.INTER_LINEAR)
    return canvas, scale, left, top


def detections(output: NDArray[np.float32]) -> list[tuple[int, float, tuple[float, float, float, float]]]:
    """Class, confidence and left, top, right, bottom in canvas pixels, surest first.

    Args:
        output: the network's 84 x n answer: centre x, centre y, width, height, then one score per class.
    """
    import cv2

    labels = output[4:].argmax(axis=0)
    scores = output[4:].max(axis=0)
    likely = np.flatnonzero(scores >= LEAST_CONFIDENCE)
    if not likely.size:
        return []
    x, y, wide, high = output[:4, likely]
    corner = np.stack([x - wide / 2, y - high / 2, wide, high], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(
        corner.tolist(), scores[likely].tolist(), labels[likely].tolist(), LEAST_CONFIDENCE, MOST_OVERLAP
    )
    rows = sorted((int(each) for each in kept), key=lambda each: -float(scores[likely[each]]))
    return [
        (
            int(labels[likely[row]]),
            round(float(scores[likely[row]]), 4),
            (corner[row, 0], corner[row, 1], corner[row, 0] + corner[row, 2], corner[row, 1] + corner[row, 3]),
        )
        for row in rows
    ]


def _share(
    corners: tuple[float, float, float, float], scale: float, offset: tuple[int, int], size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Canvas pixels as shares of the picture."""
    left, top, right, bottom = (
        round(min(1.0, max(0.0, (float(edge) - offset[axis % 2]) / scale / size[axis % 2])), 4)
        for axis, edge in enumerate(corners)
    )
    return left, top, right, bottom
