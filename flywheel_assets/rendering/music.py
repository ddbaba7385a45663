"""Tracks from outside and our own loops, made ready for the sound pass."""

from __future__ import annotations

import wave
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from flywheel_assets.core.account import LoopName
from flywheel_assets.core.errors import RenderFailed, StorageFull
from flywheel_assets.core.ids import digest, file_sha256
from flywheel_assets.creative.perception.beat import find_beats
from flywheel_assets.rendering import ffmpeg, loops, probe, recorded
from flywheel_assets.rendering.effects import Material
from flywheel_assets.rendering.probe import Loudness
from flywheel_assets.rendering.style import Kit
from flywheel_assets.rendering.tracks import BeatGrid, Music

_BEAT_RATE = 16_000  # samples a second, what the beat finder takes
# Names of ffmpeg's demuxers for files with sound in them; not those of playlists, which name other files.
_FORMATS = "mp3,wav,mov,ogg,flac,aac,aiff,w64,caf,matroska,webm,mp4"
_LOOP_VERSION = 1  # raised when `loops` sound otherwise


def read_track(path: Path, *, timeout: float) -> tuple[Material, BeatGrid | None]:
    """A track of somebody's own as a style names it, with its beats where they are steady.

    Raises:
        RenderFailed: the file is missing, holds no sound that can be decoded, or nothing can be heard in it.
    """
    if not path.is_file():
        raise RenderFailed(f"{path.name}: missing_music: there is no such file; give it again or leave music out")
    with TemporaryDirectory(prefix="flywheel-music-") as folder:
        raw = Path(folder) / "mono.f32"
        _decode(path, raw, ["-ac", "1", "-ar", str(_BEAT_RATE), "-f", "f32le"], path.name, timeout)
        samples = np.fromfile(raw, dtype=np.float32)
    if not samples.any():
        raise RenderFailed(f"{path.name}: silent_music: nothing can be heard in it; give another track")
    seconds = len(samples) / _BEAT_RATE
    beats = tuple(beat for beat in find_beats(samples).times if beat < seconds)
    grid = BeatGrid(seconds=seconds, beats=beats) if beats else None
    return Material(name=path.name, sha256=file_sha256(path)), grid


def prepared(music: Music, kit: Kit, cache: Path, *, timeout: float) -> Path:
    """The track at the rate and layout of the output, made once.

    Raises:
        RenderFailed: no file has its content, or it cannot be decoded.
    """
    track = music.track
    if isinstance(track, str):
        return _loop(track, cache)
    target = cache / f"{digest(['music', track.sha256, ffmpeg.version()])[:32]}.flac"
    source = kit.file(track)
    layout = ["-ac", "2", "-ar", str(loops.RATE), "-c:a", "flac"]
    recorded.once(target, lambda part: _decode(source, part, layout, track.name, timeout))
    if loudness(target, timeout).silent:
        raise RenderFailed(f"{track.name}: silent_music: nothing can be heard in it; give another track")
    return target


@lru_cache(maxsize=8)
def loudness(ready: Path, timeout: float) -> Loudness:
    """Of a prepared track, whose name says what is in it: measured once for all variations."""
    return probe.loudness(ready, timeout=timeout, subject="loudness of the music")


def _decode(source: Path, target: Path, arguments: list[str], name: str, timeout: float) -> None:
    try:
        ffmpeg.run(
            ["-format_whitelist", _FORMATS, *ffmpeg.local_input(source), "-map", "0:a:0", *arguments, f"file:{target}"],
            subject=f"music {name}", timeout=timeout,
        )  # fmt: skip
    except StorageFull:
        raise
    except RenderFailed as error:
        raise RenderFailed(
            f"{name}: unreadable_music: no sound could be decoded from it; give an MP3, WAV, M4A, OGG or FLAC file or "
            f"leave music out\n{error}"
        ) from error


def _loop(name: LoopName, cache: Path) -> Path:
    target = cache / f"{digest(['loop', name, _LOOP_VERSION])[:32]}.wav"

    def make(part: Path) -> None:
        mono = np.round(loops.samples(name) * 32767).astype("<i2")
        with wave.open(str(part), "wb") as file:
            file.setparams((2, 2, loops.RATE, len(mono), "NONE", "not compressed"))
            file.writeframes(np.repeat(mono, 2).tobytes())

    return recorded.once(target, make)
