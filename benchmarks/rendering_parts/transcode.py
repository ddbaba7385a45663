"""Decodes finished files and encodes them again with the same settings, two at a time: the least that any re-encoding costs."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imageio_ffmpeg
from job import answer, order

from flywheel_assets.rendering.plan import encoder_arguments
from flywheel_assets.settings import Rendering


def _again(source: str, target: Path) -> None:
    encoder = [*encoder_arguments(Rendering()), "-c:a", "aac", "-b:a", "192k"]
    subprocess.run(  # noqa: S603 - fixed program
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", source, *encoder, str(target)], check=True
    )


if __name__ == "__main__":
    asked = order()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_again, asked["files"], [Path(asked["folder"]) / f"{n}.mp4" for n in range(len(asked["files"]))]))
    answer(files=len(asked["files"]))
