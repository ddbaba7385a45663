"""Opening a video that nobody vouches for: the one place that decides what is read, and how.

The demuxer is chosen from the first bytes of the file and forced, and it reads from an open file object: a playlist
that calls itself ``.mp4`` is never interpreted, and no file or address that a video names is ever opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from errno import EINVAL
from io import SEEK_SET, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from flywheel_assets.core.errors import IntakeRejected

if TYPE_CHECKING:
    from av import CodecContext
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

# What is accepted, as of November 2026: what phones, cameras, screen recorders and editing programs write, and what can
# be wound back to any picture. The demuxers are libav's names, the same for PyAV and for ffmpeg's `-f`.
_MP4, _MATROSKA = "mp4", "matroska"
# Bytes 4 to 8 of an MP4 or MOV: its type, or what QuickTime files without one begin with.
_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_EBML = b"\x1a\x45\xdf\xa3"
_HEAD = 189  # bytes that are looked at: a transport stream has its mark at 0 and 188
# What else is dropped, by its first bytes, so that the refusal can name it.
_KNOWN = (
    (b"#EXTM3U", "a playlist, a list of other files"),
    (b"ffconcat", "a playlist, a list of other files"),
    (b"<?xml", "an XML document or playlist"),
    (b"<MPD", "a playlist, a list of other files"),
    (b"FLV\x01", "a Flash video"),
    (b"\x00\x00\x01\xba", "an MPEG programme stream"),
    (b"\x30\x26\xb2\x75", "a Windows Media file"),
    (b"OggS", "an Ogg file"),
    (b"GIF8", "a GIF picture"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"%PDF", "a PDF document"),
    (b"ID3", "an MP3 sound file"),
)
_NARROWEST = 0.25  # pixel shape; four times as wide as high is no format anybody films in
_MICROSECONDS = 1_000_000  # the unit of a container's own times


class Original(FileIO):
    """An open file of a user. A demuxer that is sent to an impossible place by it is told so as libav tells it."""

    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        """As of every file, but for the answer where there is no such place: the negative number of the error."""
        try:
            return super().seek(offset, whence)
        except (OSError, OverflowError):
            return -EINVAL


def demuxer_of(path: Path) -> str:
    """The demuxer for the file's first bytes: ``mp4`` (MP4 and MOV) or ``matroska`` (Matroska and WebM).

    Raises:
        IntakeRejected: ``empty_file``, or ``not_a_video`` for anything else, whatever its name says.
    """
    with Original(path) as handle:
        return _sniffed(handle, path)


def _sniffed(handle: Original, path: Path) -> str:
    head = handle.read(_HEAD)
    if not head:
        raise IntakeRejected(path.name, "empty_file", "the file has 0 bytes", "Upload it again.")
    if head[4:8] in _FIRST_BOXES:
        return _MP4
    if head.startswith(_EBML):
        return _MATROSKA
    found = _told(head) or f"it begins with {head[:12]!r}"
    raise IntakeRejected(
        path.name,
        "not_a_video",
        f"{found}, neither an MP4/MOV nor a Matroska/WebM file",
        "Export the video as MP4 (H.264) and drop that file.",
    )


def _told(head: bytes) -> str | None:
    """What the file is, where its first bytes say so."""
    if head.startswith(b"RIFF"):
        return "it is an AVI film" if head[8:12] == b"AVI " else "it is a RIFF file"
    if head[0] == head[-1] == ord("G") and len(head) == _HEAD:
        return "it is an MPEG transport stream"
    return next((f"it is {name}" for first, name in _KNOWN if head.startswith(first)), None)


@contextmanager
def open_video(path: Path) -> Iterator[InputContainer]:
    """The opened container of a local file.

    Raises:
        IntakeRejected: as `demuxer_of`, or ``damaged`` when the container cannot be read.
    """
    with Original(path) as handle, opened(handle, path) as container:
        yield container


@contextmanager
def opened(handle: Original, path: Path) -> Iterator[InputContainer]:
    """As `open_video`, of a file that is open already; `path` only names it."""
    import av

    handle.seek(0)
    demuxer = _sniffed(handle, path)
    handle.seek(0)
    try:
        container = av.open(handle, mode="r", format=demuxer, metadata_errors="replace", io_open=_refuse)
    except MemoryError:
        raise
    except (av.FFmpegError, ValueError) as error:
        raise damaged(path, f"its container cannot be read ({said(error)})") from error
    with container:
        yield container


def _refuse(url: str, *_: Any) -> NoReturn:
    """A container wants another file beside the one that is open."""
    raise PermissionError(f"a video may not open {url!r}")


def said(error: Exception) -> str:
    """What a library says of a file, without the server's own path to it."""
    return str(getattr(error, "strerror", None) or error)


def damaged(path: Path, reason: str) -> IntakeRejected:
    """The refusal of a file that does not decode cleanly."""
    return IntakeRejected(path.name, "damaged", reason, "Export or copy the file again; it may be cut off.")


def moving_picture(container: InputContainer, path: Path) -> VideoStream:
    """The first video stream that is not an attached cover picture.

    Raises:
        IntakeRejected: ``no_video_stream`` or ``unknown_codec``.
    """
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            if not is_decodable(stream):
                reason = "nobody here knows the code its picture is written in, or it is cut off before it says so"
                raise IntakeRejected(path.name, "unknown_codec", reason, "Export the video again as MP4 (H.264).")
            return stream
    raise IntakeRejected(path.name, "no_video_stream", "it holds sound or pictures only", "Upload a video.")


def is_decodable(stream: VideoStream | AudioStream) -> bool:
    """Whether there is a decoder for it; without one a stream has no codec, whatever the library's types say."""
    codec: CodecContext | None = stream.codec_context
    return codec is not None


def origin(container: InputContainer) -> float:
    """The time in seconds that a player shows as zero."""
    return (container.start_time or 0) / _MICROSECONDS


def pixel_shape(stream: VideoStream) -> float:
    """Width over height of the stream's pixels as displayed; what is unknown or absurd is square."""
    stated = float(stream.sample_aspect_ratio or 1)
    return stated if _NARROWEST <= stated <= 1 / _NARROWEST else 1.0


def quarter_turns(rotation: int) -> int:
    """Counter-clockwise quarter turns that bring a frame with this display rotation upright."""
    return round(rotation / 90) % 4
