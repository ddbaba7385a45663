"""What telling scenes costs beside bare decoding, in turns on the same 1080p file."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import imageio_ffmpeg

from flywheel_assets.creative.perception.detectors.pictures import THUMB
from flywheel_assets.creative.perception.scenes import SceneFinder, detect_scenes
from flywheel_assets.creative.perception.video import read_frames, shrink
from flywheel_assets.settings import Media

_SAMPLE = Path(__file__).parents[2] / "samples" / "raw_ad.mp4"


def large(folder: Path, seconds: int) -> Path:
    """The sample advert at 1080p with film grain, as dear to decode as a real one."""
    target = folder / "large.mp4"
    options = f"-v error -y -t {seconds} -i {_SAMPLE} -vf scale=1920:1080,noise=alls=6:allf=t -an"
    encoder = f"-c:v libx264 -preset veryfast -crf 21 {target}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), *options.split(), *encoder.split()]
    subprocess.run(command, check=True)  # noqa: S603 - our own ffmpeg
    return target


def ratios(path: Path, rounds: int) -> dict[str, tuple[float, float]]:
    """Median wall and CPU time of each way, relative to bare decoding in the same round."""

    def bare() -> None:
        for _ in read_frames(path):
            pass

    def scaled() -> None:
        for decoded in read_frames(path):
            shrink(decoded.frame, *THUMB, "bgr24")

    def scenes() -> None:
        finder = SceneFinder(30.0, Media().min_scene_seconds)
        for decoded in read_frames(path):
            finder.add(decoded.time, shrink(decoded.frame, *THUMB, "bgr24"))
        finder.finish()

    ways: dict[str, Callable[[], object]] = {
        "bare decoding": bare,
        "decoding and scaling to 64 x 36": scaled,
        "scenes": scenes,
        "scenes with the first look at the file": lambda: detect_scenes(path, Media()),
    }
    for way in ways.values():
        way()
    taken = [{name: _timed(way) for name, way in ways.items()} for _ in range(rounds)]
    return {name: _relative(taken, name, "bare decoding") for name in ways}


def _relative(taken: list[dict[str, tuple[float, float]]], name: str, base: str) -> tuple[float, float]:
    wall, cpu = (median(each[name][kind] / each[base][kind] for each in taken) for kind in (0, 1))
    return wall, cpu


def _timed(way: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    way()
    return time.perf_counter() - wall, time.process_time() - cpu
