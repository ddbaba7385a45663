"""Short films whose pictures say which they are and whose words are tones, so that an output can be asked what it plays."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.core.ids import file_sha256
from flywheel_assets.creative.types import Blueprint, Engine, Hook, Perception, Scene, SceneFeatures, Word
from flywheel_assets.rendering.effects import Crop, Fit
from flywheel_assets.rendering.quality import Files, inspect
from flywheel_assets.rendering.types import EditPlan, QualityLine, Render
from flywheel_assets.settings import Rendering

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
TINY = Rendering(width=270, height=480)
RATE = 48_000
WIDTH, HEIGHT, BITS = 320, 180, 12
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Spoken:
    """A word, when it sounds, and at which pitch."""

    text: str
    start: float
    end: float
    pitch: float = 1000.0
    probability: float = 1.0


@dataclass(frozen=True)
class Script:
    """What a film shows and says; scene lengths in pictures, or in seconds where the rate varies."""

    scenes: Sequence[float]
    words: Sequence[Spoken] = ()
    fps: Fraction = Fraction(30)
    times: Sequence[float] | None = None
    noise_db: float = -60.0
    motion: Sequence[float] = ()
    voice: Sequence[float] = ()
    has_audio: bool = True
    extra: Array | None = None
    known: Sequence[Spoken] | None = field(default=None)

    @property
    def seconds_of_scenes(self) -> list[tuple[float, float]]:
        lengths = self.scenes if self.times is not None else [float(n / self.fps) for n in self.scenes]
        ends = np.cumsum(lengths).tolist()
        return list(zip([0.0, *ends[:-1]], ends, strict=True))

    @property
    def picture_times(self) -> Sequence[float]:
        if self.times is not None:
            return self.times
        return [float(place / self.fps) for place in range(round(sum(self.scenes)))]


def picture(number: int, tint: int) -> Array:
    """A picture with its number in black and white bars, over a field of one colour a scene."""
    pixels = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    pixels[HEIGHT // 2 :] = np.array([(tint * 67) % 200 + 30, (tint * 131) % 200 + 30, (tint * 29) % 200 + 30])
    for bit in range(BITS):
        left, right = bit * WIDTH // BITS, (bit + 1) * WIDTH // BITS
        pixels[: HEIGHT // 2, left:right] = 235 if number >> bit & 1 else 20
    return pixels


def wave(script: Script) -> Array:
    """Noise, the words as tones that swell and fade, and whatever else is asked for; mono."""
    seconds = script.seconds_of_scenes[-1][1]
    times = np.arange(round(seconds * RATE)) / RATE
    sound = np.random.default_rng(3).standard_normal(len(times)) * 10 ** (script.noise_db / 20)
    for word in script.words:
        inside = (times >= word.start) & (times < word.end)
        own = times[inside] - word.start
        edge = np.clip(np.minimum(own, own[::-1]) / 0.01, 0, 1)
        sound[inside] += 0.25 * np.sin(2 * np.pi * word.pitch * own) * edge
    if script.extra is not None:
        sound += script.extra[: len(sound)]
    return sound


def film(path: Path, script: Script) -> Path:
    """Write the film: lossless sound, pictures at exactly the times asked for, the same bytes every time."""
    with av.open(str(path), "w", container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "ultrafast", "crf": "12"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 90_000)
        sound = container.add_stream("pcm_s16le", rate=RATE, layout="mono") if script.has_audio else None
        bounds = [end for _, end in script.seconds_of_scenes]
        for number, time in enumerate(script.picture_times):
            tint = sum(time >= end - 1e-6 for end in bounds)
            frame = av.VideoFrame.from_ndarray(picture(number, tint), format="rgb24")
            frame.pts, frame.time_base = round(time * 90_000), Fraction(1, 90_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            samples = np.round(np.clip(wave(script), -1, 1) * 32767).astype(np.int16)
            for at in range(0, len(samples), 4800):
                piece = av.AudioFrame.from_ndarray(samples[None, at : at + 4800], format="s16", layout="mono")
                piece.sample_rate, piece.pts, piece.time_base = RATE, at, Fraction(1, RATE)
                container.mux(sound.encode(piece))
            container.mux(sound.encode(None))
    return path


def perception(path: Path, script: Script) -> Perception:
    """What a perfect perception would know of it."""
    spans, fps = script.seconds_of_scenes, float(script.fps)
    scenes = tuple(
        Scene(index=i, start_frame=round(a * fps), end_frame=round(b * fps), start=a, end=b)
        for i, (a, b) in enumerate(spans)
    )
    said = script.words if script.known is None else script.known
    features = tuple(
        SceneFeatures(
            index=scene.index, brightness=0.5, saturation=0.5, sharpness=100, texts=(), objects=None,
            motion=script.motion[scene.index] if script.motion else 0.01,
            voice=script.voice[scene.index] if script.voice else None,
            words=tuple(
                Word(text=w.text, start=w.start, end=w.end, probability=w.probability)
                for w in said if scene.start <= (w.start + w.end) / 2 < scene.end
            ) if script.has_audio else None,
        )
        for scene in scenes
    )  # fmt: skip
    engine = Engine(name="by hand")
    deaf = Engine(name="by hand", unavailable="no audio stream")
    return Perception(
        video_sha256=file_sha256(path), fps=fps, frame_count=round(spans[-1][1] * fps), width=WIDTH, height=HEIGHT,
        has_audio=script.has_audio, scenes=scenes, features=features,
        engines={"scenes": engine, "text": engine, "speech": engine if script.has_audio else deaf},
    )  # fmt: skip


def blueprint(number: int, *order: int) -> Blueprint:
    return Blueprint(
        key=f"v{number:02d}", hook=Hook(index=0, family="any", text="Tired of cold coffee?"), scene_order=order,
        promise="Coffee.", call_to_action="Book your free tasting", offer="First month free", brand="Bright Cup",
    )  # fmt: skip


def pictures(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def number(frame: av.VideoFrame, plan: EditPlan) -> int:
    """Which picture of the film an output frame shows."""
    (framing,) = (found for found in plan.segments[0].clips[0].effects if isinstance(found, Fit | Crop))
    left, top, right, bottom = framing.source_box(plan.width, plan.height)
    row = frame.to_ndarray(format="gray")[round(top + (bottom - top) / 4)].astype(float)
    middles = [row[round(left + (right - left) * (bit + 0.5) / BITS)] for bit in range(BITS)]
    return sum(1 << bit for bit, light in enumerate(middles) if light > 128)


def sound(path: Path) -> Array:
    """The output's sound, mono."""
    command = [FFMPEG, "-v", "error", "-i", str(path), "-f", "f32le", "-ac", "1", "-ar", str(RATE), "-"]
    done = subprocess.run(command, check=True, capture_output=True, timeout=60)
    return np.frombuffer(done.stdout, np.float32).astype(float)


def broken(made: Render, source: Path, plan: EditPlan) -> list[QualityLine]:
    """Promises that the file breaks, but those about text: it is too small to be read."""
    lines = inspect(Files(made.path, made.captions_srt, source), plan, TINY, NotAvailable("not asked"))
    return [line for line in lines if not line.passed and "not asked" not in str(line.value)]


def band(samples: Array, pitch: float, width: float = 60.0) -> Array:
    """What lies around a pitch."""
    spectrum = np.fft.rfft(samples)
    pitches = np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum[np.abs(pitches - pitch) > width] = 0
    return np.fft.irfft(spectrum, len(samples))


def decibels(samples: Array) -> float:
    return float(10 * np.log10(np.mean(samples**2) + 1e-12))
