"""The pictures of one scene that are looked at closely, five a second: light, sharpness, faces, what moves."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.creative.perception.engines.base import FaceEngine
from flywheel_assets.creative.perception.video import Decoded, Image, picture
from flywheel_assets.creative.types import Box, Scene
from flywheel_assets.rendering.survey import camera
from flywheel_assets.rendering.survey.camera import Grey, Map
from flywheel_assets.rendering.survey.fading import Ends, Look
from flywheel_assets.rendering.survey.saliency import Change, compare, standing_out
from flywheel_assets.rendering.survey.settings import Measuring
from flywheel_assets.rendering.survey.tracks import area
from flywheel_assets.rendering.survey.types import Still

_TOLERANCE = 0.005  # seconds; stored times are rounded to the container's clock
_LEVELS = 256
_PERCENTILES = (1, 50, 99)


@dataclass(frozen=True)
class Seen:
    """One look: numbers and boxes only. ``faces`` is None when nobody looked for any."""

    time: float
    sharpness: float
    brightness: float
    faces: tuple[Box, ...] | None
    contrast: Box | None


@dataclass
class Looks:
    """Takes the frames of one scene in order; keeps numbers and a few small pictures.

    Attributes:
        faceless: perception looked for faces in this scene and found none, so that looking now and then will do.
    """

    scene: Scene
    eye: FaceEngine | None
    use: Measuring
    faceless: bool = False
    seen: list[Seen] = field(default_factory=list)
    _changes: list[Change] = field(default_factory=list)
    _last: deque[tuple[Grey, Map | None]] = field(default_factory=lambda: deque(maxlen=3))
    _levels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_LEVELS, np.int64))
    _ends: Ends = field(default_factory=Ends)
    _saturation: float = 0.0
    _next: float = float("-inf")

    def add(self, decoded: Decoded) -> None:
        """Look at the frame if a look is due."""
        if decoded.time < self._next - _TOLERANCE:
            return
        self._next = decoded.time + min(self.use.look_seconds, self.scene.seconds / self.use.least_looks)
        image = picture(decoded.frame, self.use.longest, decoded.shape)
        grey = self._measure(image, decoded.time)
        self._compare(grey)

    @property
    def changes(self) -> list[Change | None]:
        """What happened around each look; None of the first and the last, which nothing comes before or after."""
        return ([None, *self._changes, None])[: len(self.seen)]

    def light(self) -> tuple[tuple[float, float, float], float, float]:
        """Percentiles of luma, share of clipped pixels, mean saturation; all 0 to 1."""
        total = np.cumsum(self._levels)
        low, median, high = (
            int(np.searchsorted(total, total[-1] * share / 100)) / (_LEVELS - 1) for share in _PERCENTILES
        )
        dark = self._levels[: self.use.dark_level + 1].sum()
        clipped = float(dark + self._levels[self.use.bright_level :].sum()) / float(total[-1])
        rounded = (round(low, 4), round(median, 4), round(high, 4))
        return rounded, round(clipped, 5), round(self._saturation / len(self.seen), 4)

    def stills(self) -> tuple[Still, ...]:
        """Every look as a candidate for the cover."""
        looks = zip(self.seen, self.changes, self._ends.fading(), strict=True)
        return tuple(_still(one, what, self.scene, fading=fading) for one, what, fading in looks)

    def _measure(self, image: Image, time: float) -> NDArray[np.uint8]:
        import cv2

        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
        self._levels += np.bincount(grey.ravel(), minlength=_LEVELS)
        small = _small(image, self.use.small)
        self._saturation += float(cv2.cvtColor(small, cv2.COLOR_RGB2HSV)[..., 1].mean()) / (_LEVELS - 1)
        faces = self._faces(image, time)
        sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).var())
        self.seen.append(
            Seen(
                time=time,
                sharpness=round(sharpness, 3),
                brightness=round(float(grey.mean()) / (_LEVELS - 1), 4),
                faces=faces,
                contrast=None if faces else standing_out(small, self.use),
            )
        )
        return grey

    def _faces(self, image: Image, time: float) -> tuple[Box, ...] | None:
        """Finding faces costs as much as all else together."""
        due = not self.faceless or len(self.seen) % self.use.faceless_looks == 0 or any(one.faces for one in self.seen)
        return tuple(one.box for one in self.eye.read(image, time)) if self.eye is not None and due else None

    def _compare(self, grey: NDArray[np.uint8]) -> None:
        """What happened around the look before this one is known now."""
        small = _small(grey, self.use.small).astype(np.float32)
        step = camera.ground(self._last[-1][0], small) if self._last else None
        self._ends.add(Look(small, step, self.seen[-1].sharpness))
        self._last.append((small, step))
        if len(self._last) == self._last.maxlen:
            (one, _), (two, first), (three, second) = self._last
            self._changes.append(compare((one, two, three), (first, second), self.use))


def _still(one: Seen, what: Change | None, scene: Scene, *, fading: bool) -> Still:
    return Still(
        time=one.time,
        sharpness=one.sharpness,
        brightness=one.brightness,
        face=None if one.faces is None else round(min(sum(map(area, one.faces)), 1.0), 4),
        motion=None if what is None else what.motion,
        fading=fading,
        edge=round(max(min(one.time - scene.start, scene.end - one.time), 0.0), 6),
    )


def _small(image: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    import cv2

    scale = longest / max(image.shape[:2])
    size = (max(16, round(image.shape[1] * scale)), max(16, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
