"""The one decode of a finished file: what every picture check needs is taken from the stream as it passes.

Kept in memory are two small facts a picture, the loudness of every millisecond, and the few whole pictures that are
read afterwards, so that an hour of film needs little more than a minute of it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flywheel_assets.creative.perception.video import Image
from flywheel_assets.rendering.effects import Box
from flywheel_assets.rendering.quality.envelope import Envelope, Loudnesses
from flywheel_assets.rendering.quality.stillness import Stillness, thumb

if TYPE_CHECKING:
    from av import AudioFrame, VideoFrame

_DARK = 32  # luma, of 16 (black) to 235 (white)
_DARK_PERCENT = 98  # of the picture that is not covered by our own text


@dataclass(frozen=True)
class Watched:
    """A file decoded from end to end.

    Attributes:
        times: of the pictures, in order, on the file's clock.
        rotation: degrees by which a player turns the picture.
        black: numbers of the pictures that show nothing.
        still: runs of pictures [from, to) in which nothing moves.
        pictures: the RGB pictures that were asked for, by number.
        sound: loudness a millisecond, from 0 on.
        failure: what the decoder said when it stopped early, or that a picture came out damaged.
    """

    times: tuple[Fraction, ...]
    rotation: int
    black: tuple[int, ...]
    still: tuple[tuple[int, int], ...]
    pictures: dict[int, Image]
    sound: Loudnesses
    failure: str | None


@dataclass
class _Watch:
    """What is known so far."""

    wanted: Collection[int]
    covered: tuple[tuple[int, int, Box], ...]
    sound: Envelope
    times: list[Fraction] = field(default_factory=list)
    black: list[int] = field(default_factory=list)
    pictures: dict[int, Image] = field(default_factory=dict)
    stillness: Stillness = field(default_factory=Stillness)
    rotation: int = 0
    damaged: int | None = None

    def see(self, frame: VideoFrame) -> None:
        number = len(self.times)
        self.times.append((frame.pts or 0) * (frame.time_base or Fraction(0)))
        if number in self.wanted:
            self.pictures[number] = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
        if frame.is_corrupt and self.damaged is None:
            self.damaged = number
        self.rotation = frame.rotation
        small = thumb(frame, [box for start, end, box in self.covered if start <= number < end])
        visible = small.visible
        if visible.size and np.count_nonzero(visible >= _DARK) * 100 < visible.size * (100 - _DARK_PERCENT):
            self.black.append(number)
        self.stillness.see(small)

    def hear(self, frame: AudioFrame) -> None:
        self.sound.add(frame, float((frame.pts or 0) * (frame.time_base or 0)))


def watch(path: Path, *, seconds: float, wanted: Collection[int], covered: tuple[tuple[int, int, Box], ...]) -> Watched:
    """Decode every picture and every sound of a file; a failure is a fact, not an error.

    Args:
        path: a file that can be opened.
        seconds: of sound to keep.
        wanted: numbers of the pictures to keep.
        covered: where and when our own text covers the picture; what moves or shines there does not count.
    """
    import av

    state = _Watch(wanted, covered, Envelope(0.0, seconds))
    failure = None
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        try:
            for frame in container.decode(container.streams.video[0], *container.streams.audio[:1]):
                if isinstance(frame, av.VideoFrame):
                    state.see(frame)
                elif isinstance(frame, av.AudioFrame):
                    state.hear(frame)
        except av.FFmpegError as error:
            failure = str(error)
    if failure is None and state.damaged is not None:
        failure = f"picture {state.damaged} is damaged"
    return Watched(
        tuple(state.times), state.rotation, tuple(state.black), state.stillness.runs(), state.pictures,
        state.sound.values, failure,
    )  # fmt: skip
