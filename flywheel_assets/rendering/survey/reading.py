"""The frames of some scenes, in order, without decoding what lies far between them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from flywheel_assets.creative.perception.container import damaged, moving_picture, open_video, origin, pixel_shape, said
from flywheel_assets.creative.perception.video import Decoded
from flywheel_assets.creative.types import Scene

_MICROSECONDS = 1_000_000  # a second in a container's own times
_ROUNDING = 1e-3  # seconds; containers round times to their own clock
_NEAR = 1.0  # seconds; winding forward by less costs more than it saves, keyframes are as far apart


def frames_of(path: Path, scenes: Sequence[Scene]) -> Iterator[tuple[Scene, Decoded]]:
    """Each frame of the scenes with its scene. A frame's index counts from where decoding began.

    Raises:
        IntakeRejected: as `open_video`, or ``damaged``.
    """
    for run in _runs(sorted(scenes, key=lambda scene: scene.start)):
        waiting = list(run)
        for decoded in _decoded(path, run[0].start):
            while waiting and decoded.time >= waiting[0].end - _ROUNDING:
                waiting.pop(0)
            if not waiting:
                break
            if decoded.time >= waiting[0].start - _ROUNDING:
                yield waiting[0], decoded


def _runs(scenes: Sequence[Scene]) -> list[list[Scene]]:
    """Scenes so near to one another that they are decoded in one go."""
    runs: list[list[Scene]] = []
    for scene in scenes:
        if runs and scene.start - runs[-1][-1].end <= _NEAR:
            runs[-1].append(scene)
        else:
            runs.append([scene])
    return runs


def _decoded(path: Path, start: float) -> Iterator[Decoded]:
    """Frames from at or before a time. Where winding leads past it, from the beginning of the file."""
    if start > 0:
        frames = _from(path, start)
        first = next(frames, None)
        if first is not None and first.time <= start + _ROUNDING:
            yield first
            yield from frames
            return
        frames.close()
    yield from _from(path, 0.0)


def _from(path: Path, start: float) -> Generator[Decoded]:
    import av

    with open_video(path) as container:
        stream = moving_picture(container, path)
        stream.thread_type = "AUTO"
        zero, shape, index = origin(container), pixel_shape(stream), -1
        try:
            if start > 0:
                with suppress(av.FFmpegError):  # not every file that can be read can be wound
                    container.seek(round((zero + start) * _MICROSECONDS))
            for index, frame in enumerate(container.decode(stream)):
                if frame.time is None:
                    raise damaged(path, f"a frame after {start:.2f} s carries no time")
                yield Decoded(index, round(frame.time - zero, 6), frame, shape)
        except av.FFmpegError as error:
            raise damaged(
                path, f"decoding from {start:.2f} s failed after {index + 1} frames ({said(error)})"
            ) from error
