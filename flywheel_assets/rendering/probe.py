"""Facts of a finished file, read from its packets, its boxes and ebur128 rather than from the plan."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.creative.perception.container import moving_picture, open_video
from flywheel_assets.rendering import ffmpeg

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

    AnyPacket = Packet[Stream]

SILENCE_LUFS = -70.0  # the absolute gate of EBU R 128: below it there is nothing to measure
_SUMMARY = re.compile(r"I:\s+(-?[\d.]+|-inf) LUFS.*Peak:\s+(-?[\d.]+|-inf) dBFS", re.DOTALL)
_LARGE = 1  # a box size that says: the real one follows in eight bytes


@dataclass(frozen=True)
class Loudness:
    """Integrated loudness and true peak."""

    lufs: float
    peak_dbtp: float

    @property
    def silent(self) -> bool:
        """Whether there is nothing to hear."""
        return self.lufs <= SILENCE_LUFS


@dataclass(frozen=True)
class Packets:
    """A file's packets, undecoded; times in seconds on its own clock.

    Attributes:
        picture: codec, profile and pixel format, as `h264 High yuv420p`; None without a picture.
        sound: codec, profile, layout and rate, as `aac LC stereo 48000`; None without sound.
        streams: kinds of all streams, in order.
        pixel: width of a pixel over its height.
        indexed: pictures the file's index names; where the file was cut off, there are fewer.
        keys: times of the pictures at which decoding can start.
        open_gops: keyframes after which a picture that is shown before them follows.
        picture_span, sound_span: first and last moment presented.
    """

    size: tuple[int, int]
    picture: str | None
    sound: str | None
    streams: tuple[str, ...]
    pixel: Fraction
    indexed: int
    keys: tuple[Fraction, ...]
    open_gops: int
    picture_span: tuple[Fraction, Fraction]
    sound_span: tuple[Fraction, Fraction]


def count_frames(path: Path) -> int:
    """Video packets of a file, without decoding; 0 when it cannot be opened."""
    import av

    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            return sum(1 for packet in container.demux(stream) if packet.size)
    except (av.FFmpegError, IndexError, OSError):
        return 0


def even_pace(path: Path) -> bool:
    """Whether all pictures of a user's video last equally long, to a tenth of one."""
    with open_video(path) as container:
        stream = moving_picture(container, path)
        shown = sorted(packet.pts for packet in container.demux(stream) if packet.pts is not None)
    steps = [later - earlier for earlier, later in pairwise(shown)]
    return not steps or max(steps) - min(steps) <= 0.1 * max(steps) + 1


def packets(path: Path) -> Packets:
    """What the file says it holds and how its packets lie.

    Raises:
        RenderFailed: the file cannot be opened or has no picture.
    """
    import av

    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise RenderFailed(f"{path.name}: no_picture: it has no video stream; render it again")
            return _packets(container)
    except (av.FFmpegError, OSError) as error:
        raise RenderFailed(f"{path.name}: unreadable: {error}; render it again") from error


def boxes(path: Path) -> tuple[str, ...]:
    """Names of an MP4's outermost boxes in order; where the file ends inside one, it is the last."""
    found: list[str] = []
    end = path.stat().st_size
    at = 0
    with path.open("rb") as file:
        while at + 8 <= end:
            file.seek(at)
            head = file.read(16)
            size = int.from_bytes(head[:4])
            found.append(head[4:8].decode("latin-1"))
            step = int.from_bytes(head[8:16]) if size == _LARGE else size
            at = at + step if step else end
    return tuple(found)


def loudness(path: Path, *, timeout: float, chain: str = "[0:a]anull[mix]", subject: str = "loudness") -> Loudness:
    """Measure a file's sound, after `chain` (from `[0:a]` to `[mix]`).

    Raises:
        RenderFailed: the sound cannot be decoded.
    """
    log = ffmpeg.run(
        [*ffmpeg.local_input(path), "-filter_complex", f"{chain};[mix]ebur128=peak=true:framelog=quiet[out]",
         "-map", "[out]", "-f", "null", "-"],
        subject=subject, timeout=timeout,
    )  # fmt: skip
    found = _SUMMARY.search(log[log.rindex("Summary:") :]) if "Summary:" in log else None
    if found is None:
        raise RenderFailed(f"{subject}: ebur128 gave no summary for {path.name}; its sound cannot be judged")
    return Loudness(float(found[1]), float(found[2]))


def _packets(container: InputContainer) -> Packets:
    video = container.streams.video[0]
    audio = container.streams.audio[0] if container.streams.audio else None
    seen: list[AnyPacket] = []
    heard: list[AnyPacket] = []
    for packet in container.demux([video] if audio is None else [video, audio]):
        if packet.size and packet.pts is not None:
            (seen if packet.stream_index == video.index else heard).append(packet)
    keys, open_gops = _groups(seen)
    shape = video.sample_aspect_ratio
    return Packets(
        size=(video.width, video.height),
        picture=_picture(video),
        sound=None if audio is None else _sound(audio),
        streams=tuple(stream.type for stream in container.streams),
        pixel=Fraction(shape) if shape else Fraction(1),
        indexed=video.frames,
        keys=tuple(key * (video.time_base or Fraction(0)) for key in keys),
        open_gops=open_gops,
        picture_span=_span(seen, video.time_base, video.start_time),
        sound_span=_span(heard, audio.time_base, audio.start_time) if audio else (Fraction(0), Fraction(0)),
    )


def _picture(video: VideoStream) -> str:
    codec = video.codec_context
    return f"{codec.name} {codec.profile} {codec.pix_fmt}"


def _sound(audio: AudioStream) -> str:
    codec = audio.codec_context
    return f"{codec.name} {codec.profile} {codec.layout.name} {codec.sample_rate}"


def _groups(seen: list[AnyPacket]) -> tuple[list[int], int]:
    """Keyframes, and how many of them are followed, in the order of decoding, by a picture shown before them."""
    keys: list[int] = []
    opened: set[int] = set()
    for packet in seen:
        time = packet.pts or 0
        if packet.is_keyframe:
            keys.append(time)
        elif keys and time < keys[-1]:
            opened.add(keys[-1])
    return keys, len(opened)


def _span(found: list[AnyPacket], base: Fraction | None, start: int | None) -> tuple[Fraction, Fraction]:
    """First and last moment; what an encoder needs before the beginning (`start` is after it) is not presented."""
    if not found or base is None:
        return Fraction(0), Fraction(0)
    first = min(packet.pts or 0 for packet in found)
    last = max((packet.pts or 0) + (packet.duration or 0) for packet in found)
    return max(first, start or 0) * base, last * base
