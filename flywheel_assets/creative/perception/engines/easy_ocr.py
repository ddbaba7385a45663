"""Text on the screen by EasyOCR, on its English model."""

from __future__ import annotations

import hashlib
import importlib.util
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.engines.choice import Place
from flywheel_assets.creative.perception.texts import ReadText
from flywheel_assets.creative.perception.video import Image
from flywheel_assets.creative.types import Engine

NAME = "easyocr"

FILES = ("craft_mlt_25k.pth", "english_g2.pth")  # detection and recognition; the library checks their MD5
_LANGUAGE = "en"
_LIKELY = 0.4  # the library's confidence runs lower than RapidOCR's; below it letters are mostly texture
_NEEDS = ("easyocr", "torch", "torchvision")


def identify(place: Place) -> Engine:
    """Name, version and one digest over both models.

    Raises:
        NotAvailable: the library or one of its two files is missing, or the language is not English.
    """
    missing = [name for name in _NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise NotAvailable(f"{', '.join(missing)} not installed; install flywheel-assets[full]")
    if place.language != _LANGUAGE:
        raise NotAvailable(f"EasyOCR is used with its English model only; the brief's language is {place.language!r}")
    folder = _folder(place)
    digest = hashlib.sha256()
    for name in FILES:
        digest.update((folder / name).read_bytes())
    return Engine(
        name=NAME,
        version=version("easyocr"),
        weights_sha256=digest.hexdigest(),
        settings={"weights": " ".join(FILES), "language": _LANGUAGE, "confidence": _LIKELY},
    )


def _folder(place: Place) -> Path:
    """Where both files lie: below the fetched weights, or where the library itself puts them."""
    places = (place.weights_dir / "easyocr", Path.home() / ".EasyOCR" / "model")
    found = next((each for each in places if all((each / name).is_file() for name in FILES)), None)
    if found is None:
        raise NotAvailable(f"{' and '.join(FILES)} are in none of {', '.join(map(str, places))}; put both there")
    return found


def load(place: Place) -> EasyOcr:
    """The reader."""
    return EasyOcr(place)


class EasyOcr:
    """English lines of a picture."""

    def __init__(self, place: Place) -> None:
        import easyocr

        self.identity = identify(place)
        self._reader: Any = easyocr.Reader(
            [_LANGUAGE],
            gpu=False,
            model_storage_directory=str(_folder(place)),
            download_enabled=False,
            verbose=False,
        )

    def read(self, image: Image) -> tuple[ReadText, ...]:
        """Lines of one upright RGB picture, top to bottom."""
        height, width = image.shape[:2]
        found = self._reader.readtext(np.ascontiguousarray(image[..., ::-1]))
        lines = []
        for corners, text, confidence in found:
            xs = [min(1.0, max(0.0, float(x) / width)) for x, _ in corners]
            ys = [min(1.0, max(0.0, float(y) / height)) for _, y in corners]
            box = (round(min(xs), 4), round(min(ys), 4), round(max(xs), 4), round(max(ys), 4))
            if str(text).strip() and confidence >= _LIKELY:
                lines.append(ReadText(str(text).strip(), box, round(float(confidence), 4)))
        return tuple(sorted(lines, key=lambda line: (line.box[1], line.box[0])))
