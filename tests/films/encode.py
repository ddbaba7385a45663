"""Films as H.264 files with exactly the times they ask for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

from tests.films.edit import Film

_TICKS = 90_000  # a second


def shoot(film: Film, folder: Path) -> Path:
    """Write the film as ``<name>.mp4``."""
    target = folder / f"{film.name}.mp4"
    average = Fraction((len(film.times) - 1) / (film.times[-1] - film.times[0])).limit_denominator(1001)
    with av.open(str(target), "w") as container:
        stream = container.add_stream(
            "libx264", rate=average, options={"preset": "superfast", "crf": str(film.crf), "threads": "1"}
        )
        stream.width, stream.height, stream.pix_fmt = *film.size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, _TICKS)
        for time, picture in zip(film.times, film.frames(), strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = round(time * _TICKS), Fraction(1, _TICKS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target
