"""Sources, perceptions and blueprints for the modules that change how a scene looks."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
from PIL import Image, ImageDraw
from sqlalchemy import Connection

from flywheel_assets.core.ids import file_sha256
from flywheel_assets.creative.repository import save_perception, save_verdicts
from flywheel_assets.creative.types import (
    Blueprint,
    Engine,
    Hook,
    Perception,
    Scene,
    SceneFeatures,
    ScreenText,
    Verdict,
    Word,
)
from flywheel_assets.rendering.effects import Box
from flywheel_assets.store.tables import creatives, videos

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
Frames = list[np.ndarray[Any, Any]]


def perception(
    lengths: list[int],
    *,
    size: tuple[int, int] = (1280, 720),
    texts: dict[int, list[tuple[Box, float, float]]] | None = None,
    words: dict[int, list[tuple[str, float, float]]] | None = None,
    brightness: float = 0.5,
    saturation: float = 0.4,
    video_sha256: str = "0" * 64,
) -> Perception:
    """Scenes of the given lengths in frames at 30 a second; texts as box, start and end, times from their scene's start."""
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    scenes = tuple(
        Scene(index=i, start_frame=a, end_frame=a + n, start=a / 30, end=(a + n) / 30)
        for i, (a, n) in enumerate(zip(starts, lengths, strict=True))
    )
    features = tuple(
        SceneFeatures(
            index=scene.index, brightness=brightness, saturation=saturation, motion=0.1, sharpness=100, objects=None,
            texts=tuple(
                ScreenText(text="Half price", start=scene.start + a, end=scene.start + b, box=box, confidence=0.9)
                for box, a, b in (texts or {}).get(scene.index, [])
            ),
            words=tuple(
                Word(text=text, start=scene.start + a, end=scene.start + b, probability=0.9)
                for text, a, b in (words or {}).get(scene.index, [])
            ),
        )
        for scene in scenes
    )  # fmt: skip
    engine = Engine(name="by hand")
    return Perception(
        video_sha256=video_sha256, fps=30, frame_count=sum(lengths), width=size[0], height=size[1], has_audio=False,
        scenes=scenes, features=features,
        engines={"scenes": engine, "text": engine, "speech": engine, "objects": engine},
    )  # fmt: skip


def blueprint(*order: int, hook: str = "Tired of cold coffee?", key: str = "v01") -> Blueprint:
    return Blueprint(
        key=key, hook=Hook(index=0, family="pain", text=hook), scene_order=order, promise="Fresh coffee.",
        call_to_action="Book your free tasting", offer="First month free", brand="Bright Cup",
    )  # fmt: skip


def painted(seed: int, size: tuple[int, int] = (640, 360)) -> Image.Image:
    """A picture with a thousand soft edges in calm colours, never the same twice along either axis."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 190, (size[1] // 20, size[0] // 20, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def film(path: Path, pictures: list[Image.Image], lengths: list[int]) -> Path:
    """Each picture standing still for so many frames, without sound."""
    inputs: list[str] = []
    for number, (picture, frames) in enumerate(zip(pictures, lengths, strict=True)):
        still = path.with_name(f"{path.stem}{number}.png")
        picture.save(still)
        inputs += ["-loop", "1", "-framerate", "30", "-t", f"{frames / 30:.6f}", "-i", str(still)]
    graph = "".join(f"[{n}]" for n in range(len(pictures))) + f"concat=n={len(pictures)},format=yuv420p[v]"
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "10", str(path)]
    command = [FFMPEG, "-v", "error", "-y", *inputs, "-filter_complex", graph, "-map", "[v]", *encode]
    subprocess.run(command, check=True, timeout=120)
    return path


def seen(video: Path, lengths: list[int], **features: Any) -> Perception:
    return perception(lengths, size=(640, 360), video_sha256=file_sha256(video), **features)


def frames(path: Path, form: str = "rgb24") -> Frames:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format=form) for frame in container.decode(video=0)]


def mark(size: tuple[int, int]) -> Image.Image:
    """A logo: a ring and a bar on nothing."""
    picture = Image.new("RGBA", size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    wide, high = size
    draw.ellipse((0, 0, wide - 1, high - 1), fill=(20, 60, 220, 255))
    draw.ellipse((wide * 0.3, high * 0.3, wide * 0.7, high * 0.7), fill=(255, 240, 90, 255))
    draw.rectangle((wide * 0.45, 0, wide * 0.55, high * 0.5), fill=(255, 255, 255, 255))
    return picture


def cube(size: int, colour: Any) -> str:
    """A .cube file of a function of red, green and blue."""
    steps = [step / (size - 1) for step in range(size)]
    rows = [colour(red, green, blue) for blue in steps for green in steps for red in steps]
    return f'TITLE "made here"\nLUT_3D_SIZE {size}\n' + "".join(f"{r:.6f} {g:.6f} {b:.6f}\n" for r, g, b in rows)


CREATIVE = "c_0123456789ab"
_BRIEF = {
    "brand": "Bright Cup", "product": "office coffee service", "audience": "office managers", "pain": "cold coffee",
    "pain_doing": "waiting", "outcome": "fresh coffee", "outcome_do": "start fresh", "call_to_action": "Book now",
    "landing_url": "https://example.com",
}  # fmt: skip


def keep_judged(connection: Connection, account_id: str, known: Perception, uri: str, *verdicts: Verdict) -> None:
    """A creative whose video was looked at and whose drafts were judged, as far as rendering needs it."""
    connection.execute(videos.insert().values(sha256=known.video_sha256, uri=uri, name="film.mp4", bytes=1, probe={}))
    connection.execute(
        creatives.insert().values(
            creative_id=CREATIVE, account_id=account_id, video_sha256=known.video_sha256, brief=_BRIEF, generation=0
        )
    )
    save_perception(connection, CREATIVE, known, "digest")
    save_verdicts(connection, CREATIVE, verdicts)


def verdict(judged: Blueprint, *, approved: bool = True) -> Verdict:
    return Verdict(blueprint=judged, turn=0, score=90 if approved else 70, approved=approved, votes=())
