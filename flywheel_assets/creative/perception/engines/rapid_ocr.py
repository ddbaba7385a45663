"""Text on the screen by RapidOCR; its PP-OCR models lie inside the wheel and read Latin, Chinese and Japanese."""

from __future__ import annotations

import hashlib
import unicodedata
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.engines.base import THREADS
from flywheel_assets.creative.perception.engines.choice import Place
from flywheel_assets.creative.perception.texts import ReadText
from flywheel_assets.creative.perception.video import Image
from flywheel_assets.creative.types import Box, Engine

NAME = "rapidocr"

# Longest side given to the text finder, pixels. The library enlarges a 720p picture instead: 2.5
# times the time, and nothing more was read on the sample.
_DETECT_SIDE = 960

# Measured on 14 scripts in two sizes and on the sample: what the model knows has 0.95 and more, and 1.2
# letters and more per line height. Scripts it does not know come back blank, or as a few letters with up
# to 0.58; Greek, of which it knows the letters of formulas, with up to 0.84.
_SURE, _LIKELY, _LETTERS_PER_HEIGHT = 0.8, 0.6, 1.0
_SCRIPTS = ("LATIN", "CJK", "HIRAGANA", "KATAKANA", "FULLWIDTH", "HALFWIDTH", "MODIFIER")

# What is found but not read counts as letters only if the finder is this sure and it is a line.
_LETTERS_FOUND, _LINE_SHAPE = 0.7, 2.0


def identify(place: Place) -> Engine:
    """Name, version and one digest over the detection and recognition model.

    Raises:
        NotAvailable: the library or its model files are missing.
    """
    del place
    detector, recogniser = _models()
    digest = hashlib.sha256(detector.read_bytes() + recogniser.read_bytes()).hexdigest()
    settings: dict[str, str | int | float | bool] = {
        "weights": f"{detector.name} {recogniser.name}",
        "side": _DETECT_SIDE,
        "confidence": _LIKELY,
    }
    return Engine(name=NAME, version=version("rapidocr"), weights_sha256=digest, settings=settings)


def load(place: Place) -> RapidOcr:
    """The reader."""
    return RapidOcr(place)


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
    """The lines of a picture; those in a script the model does not know are found and not read."""

    def __init__(self, place: Place) -> None:
        from rapidocr import RapidOCR

        self.identity = identify(place)
        detector, recogniser = _models()
        self._ocr: Any = RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.use_cls": False,  # upside-down text is rare in adverts and costs a third model
                "Det.model_path": str(detector),
                "Det.limit_type": "max",
                "Det.limit_side_len": _DETECT_SIDE,
                "Rec.model_path": str(recogniser),
                "EngineConfig.onnxruntime.intra_op_num_threads": THREADS,
                # The library hands every layer's memory back at once, and waits for the system to clear it again.
                "EngineConfig.onnxruntime.enable_cpu_mem_arena": True,
            }
        )

    def read(self, image: Image) -> tuple[ReadText, ...]:
        """Lines of one upright RGB picture, top to bottom."""
        import cv2
        from rapidocr.utils.process_img import get_rotate_crop_image

        picture = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        found = self._ocr(picture, use_det=True, use_rec=False)
        if found.boxes is None:
            return ()
        corners = [np.asarray(each, dtype=np.float32) for each in found.boxes]
        # The library's own whole run leaves out what it could not read, so its two steps are called in turn.
        read = self._ocr.recognize_txt([get_rotate_crop_image(picture, each) for each in corners])
        height, width = image.shape[:2]
        rows = zip(corners, found.scores, read.txts, read.scores, strict=True)
        lines = (
            _line(_share(each, width, height), _shape(each), float(seen), str(text).strip(), float(sure))
            for each, seen, text, sure in rows
        )
        return tuple(sorted((line for line in lines if line), key=lambda line: (line.box[1], line.box[0])))


def _line(box: Box, shape: float, seen: float, text: str, sure: float) -> ReadText | None:
    """The line as it was read, as unreadable, or not at all where the finder mistook texture for letters."""
    if is_credible(text, sure, shape):
        return ReadText(text, box, round(sure, 4))
    if seen >= _LETTERS_FOUND and shape >= _LINE_SHAPE:
        return ReadText(None, box, round(seen, 4))
    return None


def is_credible(text: str, confidence: float, shape: float) -> bool:
    """Whether these letters are what stands there.

    Args:
        text: as recognised.
        confidence: mean over its letters, 0 to 1.
        shape: length of the line over its height.
    """
    letters = [each for each in text if each.isalnum()]
    names = [unicodedata.name(each, "").replace("-", " ").split(" ")[0] for each in letters if each.isalpha()]
    if not letters or any(name not in _SCRIPTS for name in names):
        return False
    return confidence >= _SURE or (confidence >= _LIKELY and len(letters) >= _LETTERS_PER_HEIGHT * shape)


def _shape(corners: Any) -> float:
    """Length over height of a line given by its four corners, clockwise from the top left."""
    return float(np.linalg.norm(corners[1] - corners[0]) / max(float(np.linalg.norm(corners[3] - corners[0])), 1.0))


def _share(corners: Any, width: int, height: int) -> Box:
    """The upright box around four corners in pixels, as shares of the picture."""
    xs, ys = np.clip(corners[:, 0] / width, 0, 1), np.clip(corners[:, 1] / height, 0, 1)
    left, top, right, bottom = (round(float(edge), 4) for edge in (xs.min(), ys.min(), xs.max(), ys.max()))
    return left, top, right, bottom
