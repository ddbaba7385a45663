"""What people drop that is no advert, and odd files that are one; each made once and small."""

from __future__ import annotations

import random
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import imageio_ffmpeg

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


@cache
def film(*arguments: str, size: str = "64x64", seconds: float = 1.2, rate: int = 10, suffix: str = "mp4") -> bytes:
    """A moving test picture, with whatever ffmpeg is told besides."""
    source = ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}")
    return made(*source, *arguments, suffix=suffix)


def made(*arguments: str, suffix: str = "mp4") -> bytes:
    with TemporaryDirectory() as folder:
        target = Path(folder) / f"made.{suffix}"
        subprocess.run([FFMPEG, "-v", "error", *arguments, str(target)], check=True, capture_output=True, timeout=120)
        return target.read_bytes()


def sound_only() -> bytes:
    return made("-f", "lavfi", "-i", "sine=duration=1.2")


def turned_aside() -> bytes:
    """As a phone writes it: pictures on their side and a note to turn them."""
    with TemporaryDirectory() as folder:
        lying = Path(folder) / "lying.mp4"
        lying.write_bytes(film("-pix_fmt", "yuv420p", size="96x64"))
        return made("-display_rotation", "90", "-i", str(lying), "-c", "copy")


@cache
def enormous() -> bytes:
    """8192 by 8192 pixels."""
    still = ("-f", "lavfi", "-i", "color=size=8192x8192:rate=2:duration=1.5")
    return made(*still, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", suffix="mkv")


def hurt_inside(pictures: int) -> bytes:
    """Six seconds, whole at both ends, with noise in that many pictures of the middle."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "whole.mp4"
        path.write_bytes(film("-pix_fmt", "yuv420p", "-g", "10", "-bf", "0", seconds=6, size="128x128"))
        with av.open(str(path)) as container:
            places = [(packet.pos or 0, packet.size) for packet in container.demux(video=0) if packet.size]
        content = bytearray(path.read_bytes())
    chance = random.Random(1)  # noqa: S311 - the same every time
    for at, size in places[15 : 15 + 2 * pictures : 2]:
        content[at + size // 3 : at + size] = chance.randbytes(size - size // 3)
    return bytes(content)


def of_another_file(path: str) -> bytes:
    """A film whose pictures lie in another file: its only data reference is an alias of that path."""
    content = bytearray(film("-pix_fmt", "yuv420p", suffix="mov"))
    at = content.index(b"dref") - 4
    old = int.from_bytes(content[at : at + 4])
    new = _box(b"dref", bytes(4) + (1).to_bytes(4) + _box(b"alis", bytes(4) + _alias(path)))
    content[at : at + old] = new
    for name in (b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        place = content.rindex(name, 0, at) - 4
        size = int.from_bytes(content[place : place + 4]) + len(new) - old
        content[place : place + 4] = size.to_bytes(4)
    return bytes(content)


def _alias(path: str) -> bytes:
    """A Macintosh alias record: volume and name, then tagged values of which 2 is the absolute path."""
    text = path.encode() + bytes(len(path.encode()) % 2)
    record = bytes(10) + bytes([0]) + bytes(27) + bytes(12) + bytes([5]) + b"other".ljust(63, b"\0") + bytes(16)
    record += bytes(2) + bytes(2) + bytes(16)  # no folders in common: the path is absolute
    return record + (2).to_bytes(2) + len(text).to_bytes(2) + text + b"\xff\xff" + bytes(2)


def _box(name: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4) + name + content
