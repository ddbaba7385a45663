"""The sound track, decoded once for all who listen: as speech models want it, and as loudness over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.container import is_decodable, open_video, origin, said
from flywheel_assets.creative.perception.loudness import LOUD_RATE, LoudnessMeter

if TYPE_CHECKING:
    from av import AudioFrame
    from av.container import InputContainer

RATE = 16_000  # samples a second, what the speech models are trained on


@dataclass(frozen=True)
class Sound:
    """Mono samples at 16 kHz, -1 to 1, and the power of each tenth of a second; both begin with the video."""

    samples: NDArray[np.float32]
    power: NDArray[np.float64]


def read_sound(path: Path) -> Sound:
    """The first sound track of a video, which is the one players play.

    Raises:
        NotAvailable: there is no audio stream, or it cannot be decoded.
    """
    import av

    with open_video(path) as container:
        if not container.streams.audio:
            raise NotAvailable("no audio stream")
        if not is_decodable(container.streams.audio[0]):
            raise NotAvailable(f"nobody here knows the code that the sound of {path.name} is written in")
        meter = LoudnessMeter()
        pieces: list[NDArray[np.float32]] = []
        late: float | None = None
        try:
            for frame, mono, loud in _resampled(container):
                if late is None and frame is not None:
                    late = (frame.time or 0.0) - origin(container)
                pieces += [_array(each)[0] for each in mono]
                for piece in loud:
                    meter.add(_array(piece))
        except (av.FFmpegError, ValueError) as error:
            raise NotAvailable(f"the audio stream of {path.name} cannot be decoded ({said(error)})") from error
    if late is None or not pieces:
        raise NotAvailable(f"the audio stream of {path.name} holds no sound")
    return Sound(aligned(np.concatenate(pieces), late, RATE), aligned(meter.power(), late, 10))


def _resampled(container: InputContainer) -> Iterator[tuple[AudioFrame | None, list[AudioFrame], list[AudioFrame]]]:
    """Each decoded frame with what it becomes for speech and for loudness; at the end what was held back."""
    import av

    stream = container.streams.audio[0]
    layout = "mono" if stream.codec_context.channels == 1 else "stereo"
    loud = av.AudioResampler(format="fltp", layout=layout, rate=LOUD_RATE)
    speech = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    for frame in container.decode(stream):
        # One after the other: a frame without a channel layout cannot go into two resamplers.
        whole = loud.resample(frame)
        yield frame, [low for each in whole for low in speech.resample(each)], whole
    whole = [each for each in loud.resample(None) if each is not None]
    yield None, [low for each in (*whole, None) for low in speech.resample(each) if low is not None], whole


def _array(frame: AudioFrame) -> NDArray[np.float32]:
    return np.asarray(frame.to_ndarray(), dtype=np.float32)


def aligned(samples: NDArray[Any], late: float, rate: int) -> NDArray[Any]:
    """Values at a rate a second whose first belongs ``late`` seconds after zero, moved so that the first is at zero."""
    shift = round(late * rate)
    if shift < 0:
        return samples[-shift:]
    return np.concatenate([np.zeros(shift, dtype=samples.dtype), samples])
