"""The first look at a dropped file: what it is, or exactly why it cannot become an advert."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from flywheel_assets.core.errors import IntakeRejected
from flywheel_assets.creative.perception.container import (
    Original,
    damaged,
    moving_picture,
    opened,
    origin,
    pixel_shape,
    quarter_turns,
)
from flywheel_assets.creative.perception.damage import no_errors
from flywheel_assets.settings import Media

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream


# A recording with a variable rate may state 30 and hold 20 frames a second.
_RATE_TOLERANCE = 0.02


class Probe(BaseModel):
    """A video that passed the first look."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    container: str = Field(description="Demuxer name, `mp4` or `matroska`.")
    video_codec: str
    width: int = Field(description="Pixels as displayed, after rotation and with square pixels.")
    height: int = Field(description="Pixels as displayed, after rotation.")
    rotation: int = Field(description="Display rotation stored in the file, degrees counter-clockwise, 0 to 270.")
    fps: float = Field(description="Average frames per second.")
    frame_count: int = Field(description="Coded pictures; decoding may show one or two fewer.")
    seconds: float = Field(description="Time from the first picture to the end of the last.")
    has_video: bool
    has_audio: bool
    bytes: int


def probe(path: Path, media: Media) -> Probe:
    """Measure a local file against the bounds in ``media``; its first and last second are decoded.

    A file nobody has looked at yet belongs into a child process: `apart.look`.

    Raises:
        IntakeRejected: ``empty_file``, ``too_large``, ``not_a_video``, ``no_video_stream``, ``too_many_streams``,
            ``too_short``, ``too_long``, ``too_many_pixels``, ``too_many_frames``, ``no_times`` or ``damaged``.
    """
    with Original(path) as handle:
        return examine(handle, path, media)


def examine(handle: Original, path: Path, media: Media) -> Probe:
    """As `probe`, of a file that is open already; nothing else is opened, and `path` only names it."""
    size = os.fstat(handle.fileno()).st_size
    if size > media.max_bytes:
        raise _refused(
            path, "too_large", size, media.max_bytes, unit="bytes", remedy="Export it with a lower bit rate."
        )
    with opened(handle, path) as container:
        stream = _usable(container, path, media)
        frames, seconds = _length(container, stream, path, media.max_frames)
        _within(path, seconds, media)
    # Opened again: not every file that can be read can also be wound back.
    with opened(handle, path) as container:
        stream = moving_picture(container, path)
        first = _decode_ends(container, stream, path, seconds)
        return _describe(container, stream, first, frames=frames, seconds=seconds, size=size)


def _usable(container: InputContainer, path: Path, media: Media) -> VideoStream:
    """The picture of a file that has no more streams and pixels than allowed."""
    if (streams := len(container.streams)) > media.max_streams:
        remedy = "Export it with one picture and one sound track."
        raise _refused(path, "too_many_streams", streams, media.max_streams, unit="streams", remedy=remedy)
    stream = moving_picture(container, path)
    pixels = stream.codec_context.width * stream.codec_context.height
    if pixels > media.max_pixels:
        remedy = "Export it in 4K or smaller."
        raise _refused(path, "too_many_pixels", pixels, media.max_pixels, unit="pixels", remedy=remedy)
    return stream


def _within(path: Path, seconds: float, media: Media) -> None:
    """Refuse a video that is shorter or longer than allowed."""
    if seconds < media.min_seconds:
        reason = f"it lasts {seconds:.2f} s, at least {media.min_seconds:g} s are needed"
        raise IntakeRejected(path.name, "too_short", reason, "Upload a longer take.")
    if seconds > media.max_seconds:
        raise _refused(path, "too_long", round(seconds, 2), media.max_seconds, unit="seconds", remedy="Cut it first.")


def _refused(path: Path, rule: str, found: float, limit: float, *, unit: str, remedy: str) -> IntakeRejected:
    """A refusal because a number is over its limit."""
    return IntakeRejected(path.name, rule, f"it has {found:,} {unit}, the limit is {limit:,}", remedy)


def _length(container: InputContainer, stream: VideoStream, path: Path, most: int) -> tuple[int, float]:
    """Coded pictures and seconds, read from the packets: a header may lack them or say something else."""
    frames, lost, opens, ends = 0, 0, float("inf"), float("-inf")
    usual = float(1 / stream.average_rate) if stream.average_rate else 0.0
    with no_errors(path, "reading its packets"):
        for packet in container.demux(stream):
            if frames + lost > most:
                remedy = "Export it with 60 frames a second or fewer."
                raise _refused(path, "too_many_frames", frames + lost, most, unit="frames", remedy=remedy)
            lost += packet.pts is None and packet.size > 0
            if packet.pts is None or packet.is_discard or packet.time_base is None:
                continue
            frames += 1
            shown = float(packet.pts * packet.time_base)
            lasts = float(packet.duration * packet.time_base) if packet.duration else usual
            opens, ends = min(opens, shown), max(ends, shown + lasts)
    if lost:
        raise _timeless(path, lost, lost + frames)
    if not frames or ends <= opens:
        raise damaged(path, f"its video stream holds {frames} pictures without any length")
    return frames, round(ends - opens, 6)


def _timeless(path: Path, lost: int, frames: int) -> IntakeRejected:
    """A refusal because nobody can say when some pictures show; nor can such a file be wound back to cut it.

    Matroska has no times below zero: a picture that is written with one loses it.
    """
    reason = f"{lost} of its {frames} pictures carry no time; in a Matroska file they were to be shown before zero"
    remedy = (
        "Export it again with times from zero on, or let ffmpeg count its pictures anew: "
        "ffmpeg -i OLD -vf setpts=N/FRAME_RATE/TB -af asetpts=N/SR/TB NEW.mp4"
    )
    return IntakeRejected(path.name, "no_times", reason, remedy)


def _rate(stated: float, measured: float) -> float:
    """The header's rate where the packets bear it out, so that 30000/1001 stays exact; else what they show."""
    return stated if abs(stated - measured) <= _RATE_TOLERANCE * measured else measured


def _decode_ends(container: InputContainer, stream: VideoStream, path: Path, seconds: float) -> VideoFrame:
    """Decode the first and the last second, and what lies between where it cannot be skipped; the first frame."""
    import av

    # One thread: libav's messages are collected per thread.
    stream.codec_context.thread_count = 1
    start = origin(container)
    with no_errors(path, "decoding its first second"):
        first = _decode(container, stream, lambda time: time < start + 1)
    with suppress(av.FFmpegError):
        container.seek(round((start + max(0.0, seconds - 1)) * 1_000_000))
    with no_errors(path, "decoding its last second"):
        _decode(container, stream, lambda _: True)
    return first or _nothing(path)


def _nothing(path: Path) -> VideoFrame:
    raise damaged(path, "not one picture could be decoded")


def _decode(container: InputContainer, stream: VideoStream, wanted: Callable[[float], bool]) -> VideoFrame | None:
    """Decode from here while the frame's time is wanted; the first frame, if any."""
    first: VideoFrame | None = None
    for frame in container.decode(stream):
        first = first or frame
        if frame.time is not None and not wanted(frame.time):
            break
    return first


def _describe(
    container: InputContainer, stream: VideoStream, first: VideoFrame, *, frames: int, seconds: float, size: int
) -> Probe:
    turns = quarter_turns(first.rotation)
    wide = round(first.width * pixel_shape(stream) / 2) * 2 if pixel_shape(stream) != 1 else first.width
    sides = (wide, first.height) if turns % 2 == 0 else (first.height, wide)
    return Probe(
        container=container.format.name,
        video_codec=stream.codec_context.name,
        width=sides[0],
        height=sides[1],
        rotation=turns * 90,
        fps=_rate(float(stream.average_rate or 0), frames / seconds),
        frame_count=frames,
        seconds=seconds,
        has_video=True,
        has_audio=bool(container.streams.audio),
        bytes=size,
    )
