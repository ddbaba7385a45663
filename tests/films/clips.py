"""Short clips of drawn pictures whose every frame is known, and what perception would say about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np

from flywheel_assets.core.ids import file_sha256
from flywheel_assets.creative.perception.video import picture, read_frames
from flywheel_assets.creative.types import Engine, Perception, Scene, SceneFeatures, SeenFace, SeenObject
from tests.films.footage import Pixels

FPS = 30
SAMPLE = Path(__file__).parents[2] / "samples" / "raw_ad.mp4"
_FACE_FRAME, _FACE = 215, (230, 60, 420, 270)  # of the sample: the astronaut's head, pixels of 640 x 360


def write(path: Path, frames: Iterable[Pixels], *, fps: int = FPS, crf: int = 20) -> Path:
    """RGB frames as H.264, two seconds between keyframes at most."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "superfast", "crf": str(crf)})
        stream.pix_fmt, stream.codec_context.gop_size = "yuv420p", 2 * fps
        for frame in frames:
            if not stream.codec_context.is_open:
                stream.height, stream.width = frame.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def scene_spans(lengths: Sequence[int], fps: int = FPS) -> tuple[Scene, ...]:
    """Scenes of so many frames one after the other."""
    starts = np.cumsum([0, *lengths])
    return tuple(
        Scene(index=i, start_frame=int(a), end_frame=int(b), start=round(a / fps, 6), end=round(b / fps, 6))
        for i, (a, b) in enumerate(pairwise(starts))
    )


def perceived(
    video: Path,
    lengths: Sequence[int],
    *,
    size: tuple[int, int] = (640, 360),
    objects: tuple[SeenObject, ...] | None = None,
    faces: tuple[SeenFace, ...] | None = None,
) -> Perception:
    """A perception with the given scenes; the same objects and faces in each."""
    scenes = scene_spans(lengths)
    features = tuple(
        SceneFeatures(
            index=scene.index, brightness=0.5, saturation=0.5, motion=0.1, sharpness=100, texts=(), unread=(),
            objects=objects, faces=faces,
        )
        for scene in scenes
    )  # fmt: skip
    engine = Engine(name="by hand")
    return Perception(
        video_sha256=file_sha256(video), fps=FPS, frame_count=sum(lengths), width=size[0], height=size[1],
        has_audio=False, scenes=scenes, features=features, engines={"scenes": engine, "text": engine},
    )  # fmt: skip


@lru_cache(maxsize=32)
def texture(seed: int, size: tuple[int, int] = (640, 360)) -> Pixels:
    """Soft blotches of many sizes: something to follow at every scale, nothing that stands out."""
    rng = np.random.default_rng(seed)
    sum_of = np.zeros((size[1], size[0], 3), np.float32)
    for cells, strength in ((6, 30), (16, 25), (48, 20), (120, 12)):
        coarse = rng.normal(0, strength, (max(2, cells * size[1] // size[0]), cells, 3)).astype(np.float32)
        sum_of += cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    drawn = np.asarray((120 + sum_of).clip(0, 255), np.uint8)
    drawn.flags.writeable = False  # one picture for all who ask
    return drawn


def with_disc(ground: Pixels, x: float, y: float, radius: float) -> Pixels:
    """A bright disc at a place; all lengths in pixels."""
    drawn = ground.copy()
    cv2.circle(drawn, (round(x * 16), round(y * 16)), round(radius * 16), (250, 225, 60), -1, cv2.LINE_AA, 4)
    return drawn


def face() -> Pixels:
    """The head of the one person of the sample."""
    frame = next(each for each in read_frames(SAMPLE) if each.index == _FACE_FRAME)
    left, top, right, bottom = _FACE
    return picture(frame.frame, 640)[top:bottom, left:right]


def pasted(ground: Pixels, patch: Pixels, x: float, y: float) -> Pixels:
    """A patch with its middle at a place, pixels."""
    drawn = ground.copy()
    high, wide = patch.shape[:2]
    left, top = round(x - wide / 2), round(y - high / 2)
    drawn[top : top + high, left : left + wide] = patch
    return drawn


def shifted(ground: Pixels, x: float, y: float) -> Pixels:
    """The picture moved by fractions of a pixel; what comes in repeats the rim."""
    there = np.array([[1, 0, x], [0, 1, y]], np.float64)
    size = (ground.shape[1], ground.shape[0])
    return np.asarray(cv2.warpAffine(ground, there, size, borderMode=cv2.BORDER_REFLECT), np.uint8)
