"""The pictures that are looked at more closely, kept while the frames go by once.

Five times a second a picture is kept, unless it shows what the one before shows; compressed, in a
temporary file, so that ten minutes need no more memory than ten seconds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.creative.perception.video import Image

LONGEST = 1280  # pixels; a caption that fills a fortieth of the height is still 18 pixels high

_STEP = 0.2  # seconds between two kept pictures; what appears is dated within half of it
_TOLERANCE = 0.005  # seconds; stored times are rounded to the container's clock
_QUALITY = 95  # of the JPEG; below 90 the edges of thin letters suffer
_BLOCK = 16  # pixels of a 320 pixel wide picture; about the height of a headline
_LUMA, _EDGE = 6.0, 4.0  # grey levels by which a block has changed, in its mean or in its mean edge


@dataclass(frozen=True)
class Still:
    """A kept picture that shows unchanged from ``time`` until ``until``, seconds; the hash is that of `blocks`."""

    index: int
    time: float
    until: float
    hash: NDArray[np.float32]
    place: tuple[int, int]


def blocks(grey: Image) -> NDArray[np.float32]:
    """A perceptual hash: mean level and mean edge of each block of 16 x 16 pixels, shape (rows, columns, 2).

    The mean edge is what makes it see a thin line of text come and go.
    """
    import cv2

    edges = np.abs(cv2.Laplacian(grey, cv2.CV_16S)).astype(np.float32)
    size = (max(1, grey.shape[1] // _BLOCK), max(1, grey.shape[0] // _BLOCK))
    layers = [cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (grey.astype(np.float32), edges)]
    return np.stack(layers, axis=-1).reshape(size[1], size[0], 2).astype(np.float32)


def changed(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Share of blocks, 0 to 1, in which two pictures of one size differ visibly."""
    return float((np.abs(one - other) > (_LUMA, _EDGE)).any(axis=-1).mean())


class Stills:
    """Kept pictures of one video, oldest first."""

    def __init__(self, file: IO[bytes]) -> None:
        self.all: list[Still] = []
        self._file, self._next = file, float("-inf")

    def wants(self, time: float) -> bool:
        """Whether a picture shown at this time, seconds, is due."""
        return time >= self._next - _TOLERANCE

    def sees_the_same(self, grey: Image, time: float) -> bool:
        """Note that the last kept picture still shows; False when it does not and a new one must be kept."""
        self._next = time + _STEP
        if not self.all or changed(self.all[-1].hash, blocks(grey)) > 0:
            return False
        last = self.all[-1]
        self.all[-1] = Still(last.index, last.time, time, last.hash, last.place)
        return True

    def keep(self, picture: Image, grey: Image, index: int, time: float) -> None:
        """Keep one upright RGB picture; ``grey`` is its small version."""
        import cv2

        bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        _, packed = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        start = self._file.seek(0, 2)
        self._file.write(packed.tobytes())
        self.all.append(Still(index, time, time, blocks(grey), (start, len(packed))))

    def picture(self, position: int) -> Image:
        """The kept picture at a position of `all`, upright RGB."""
        import cv2

        bgr = np.asarray(cv2.imdecode(self._packed(position), cv2.IMREAD_COLOR))
        return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)

    def grey(self, position: int) -> Image:
        """The kept picture at a position of `all`, upright and grey, unpacked in half the time."""
        import cv2

        return np.asarray(cv2.imdecode(self._packed(position), cv2.IMREAD_GRAYSCALE), dtype=np.uint8)

    def _packed(self, position: int) -> NDArray[np.uint8]:
        start, size = self.all[position].place
        self._file.seek(start)
        return np.frombuffer(self._file.read(size), dtype=np.uint8)


@contextmanager
def kept_stills() -> Iterator[Stills]:
    """An empty collection; its pictures are gone afterwards."""
    with tempfile.TemporaryFile(prefix="flywheel-stills-") as file:
        yield Stills(file)
