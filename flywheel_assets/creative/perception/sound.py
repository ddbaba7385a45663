"""The sound track as the speech engine wants it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.video import open_video, origin

RATE = 16_000  # samples a second, what the speech models are trained on


def read_sound(path: Path) -> NDArray[np.float32]:
    """Mono sound at 16 kHz, -1 to 1; sample 0 is the start of the video, whenever the track itself begins.

    Raises:
        NotAvailable: there is no audio stream, or it cannot be decoded.
    """
    import av

    with open_video(path) as container:
        if not container.streams.audio:
            raise NotAvailable("no audio stream")
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        pieces: list[NDArray[np.float32]] = []
        late: float | None = None
        try:
            for frame in container.decode(stream):
                if late is None:
                    late = (frame.time or 0.0) - origin(container)
                pieces += [each.to_ndarray()[0] for each in resampler.resample(frame)]
        except av.FFmpegError as error:
            raise NotAvailable(f"the audio stream of {path.name} cannot be decoded ({error})") from error
    if late is None or not pieces:
        raise NotAvailable(f"the audio stream of {path.name} holds no sound")
    return aligned(np.concatenate(pieces), late)


def aligned(samples: NDArray[np.float32], late: float) -> NDArray[np.float32]:
    """Sound whose first sample belongs ``late`` seconds after zero, moved so that sample 0 is at zero."""
    shift = round(late * RATE)
    if shift < 0:
        return samples[-shift:]
    return np.concatenate([np.zeros(shift, dtype=np.float32), samples])
