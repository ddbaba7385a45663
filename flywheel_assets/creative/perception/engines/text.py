"""Text on the screen by RapidOCR; its PP-OCR models lie inside the wheel."""

from __future__ import annotations

import hashlib
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.engines import THREADS
from flywheel_assets.creative.perception.video import Image
from flywheel_assets.creative.types import Engine, ScreenText

NAME = "rapidocr"

# Longest side given to the text finder, pixels. The library enlarges a 720p picture instead: 2.5
# times the time, and nothing more was read on the sample.
_DETECT_SIDE = 960
_LEAST_CONFIDENCE = 0.5  # the library's own bound, below it letters are mostly texture


def identify() -> Engine:
    """Name, version and one digest over the detection and recognition model.

    Raises:
        NotAvailable: the library or its model files are missing.
    """
    detector, recogniser = _models()
    digest = hashlib.sha256(detector.read_bytes() + recogniser.read_bytes()).hexdigest()
    return Engine(name=NAME, version=version("rapidocr"), weights_sha256=digest)


def _models() -> tuple[Path, Path]:
    """The packaged detection and recognition model; given by path, so that nothing is downloaded."""
    import importlib.util

    spec = importlib.util.find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise NotAvailable("rapidocr is not installed; install flywheel-assets with its dependencies")
    folder = Path(spec.origin).parent / "models"
    found = [sorted(folder.glob(pattern)) for pattern in ("*_det_*.onnx", "*_rec_*.onnx")]
    if not all(found):
        raise NotAvailable(f"{folder} holds no text models; reinstall rapidocr")
    return found[0][0], found[1][0]


class RapidOcr:
    """Latin and Chinese text of a picture, line by line."""

    name = NAME

    def __init__(self) -> None:
        from rapidocr import RapidOCR

        identity = identify()
        self.version, self.weights_sha256 = str(identity.version), str(identity.weights_sha256)
        detector, recogniser = _models()
        self._read: Any = RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.use_cls": False,  # upside-down text is rare in adverts and costs a third model
                "Global.text_score": _LEAST_CONFIDENCE,
                "Det.model_path": str(detector),
                "Det.limit_type": "max",
                "Det.limit_side_len": _DETECT_SIDE,
                "Rec.model_path": str(recogniser),
                # The library ignores a number above the processors it sees.
                "EngineConfig.onnxruntime.intra_op_num_threads": min(THREADS, os.cpu_count() or 1),
            }
        )

    def read(self, image: Image, time: float) -> tuple[ScreenText, ...]:
        """Texts of one upright RGB picture shown at ``time`` seconds, top to bottom."""
        found = self._read(np.ascontiguousarray(image[..., ::-1]))
        if found.txts is None:
            return ()
        height, width = image.shape[:2]
        rows = zip(found.boxes, found.txts, found.scores, strict=True)
        texts = (
            ScreenText(text=text, time=time, box=_share(box, width, height), confidence=round(float(score), 4))
            for box, text, score in rows
            if text.strip()
        )
        return tuple(sorted(texts, key=lambda each: (each.box[1], each.box[0])))


def _share(corners: Any, width: int, height: int) -> tuple[float, float, float, float]:
    """The upright box around four corners in pixels, as shares of the picture."""
    xs, ys = np.clip(corners[:, 0] / width, 0, 1), np.clip(corners[:, 1] / height, 0, 1)
    left, top, right, bottom = (round(float(edge), 4) for edge in (xs.min(), ys.min(), xs.max(), ys.max()))
    return left, top, right, bottom
