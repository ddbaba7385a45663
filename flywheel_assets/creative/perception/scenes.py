"""Where the scenes of a video begin and end.

`ConfirmingDetector`, in PySceneDetect's interface, tells changes from one decode at 64 x 36 pixels; here they become
half-open spans of frames with the times the file gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from flywheel_assets.creative.perception.damage import Tally
from flywheel_assets.creative.perception.detectors.changes import Mix
from flywheel_assets.creative.perception.detectors.pictures import THUMB
from flywheel_assets.creative.perception.probe import probe
from flywheel_assets.creative.perception.video import Image, read_frames, shrink
from flywheel_assets.creative.types import Engine, Scene
from flywheel_assets.settings import Media

if TYPE_CHECKING:
    from scenedetect import FrameTimecode

# Called with a stage, how much of it is done and how much there is.
Progress = Callable[[str, int, int], None]

_MICROSECOND = Fraction(1, 1_000_000)  # what times are rounded to


def engine() -> Engine:
    """The detector and the version of the library whose interface it has."""
    return Engine(name="pyscenedetect-confirming", version=version("scenedetect-headless"))


def detect_scenes(path: Path, media: Media, progress: Progress | None = None) -> tuple[Scene, ...]:
    """Scenes covering every decoded frame once, in order; one scene when nothing changes.

    Raises:
        IntakeRejected: as `probe`, or ``damaged`` further inside than it looked.
    """
    first = probe(path, media)
    expected = first.frame_count
    finder = SceneFinder(first.fps, media.min_scene_seconds)
    tally = Tally()
    for decoded in read_frames(path):
        tally.add(decoded.frame)
        finder.add(decoded.time, shrink(decoded.frame, *THUMB, "bgr24"))
        if progress and decoded.index % 100 == 0:
            progress("scenes", decoded.index, max(expected, decoded.index))
    tally.check(path, media.max_damage)
    if progress:
        progress("scenes", len(finder.times), len(finder.times))
    return finder.finish()


class SceneFinder:
    """Takes every frame of a video in order, then gives its scenes."""

    def __init__(self, rate: float, min_scene_seconds: float) -> None:
        """``rate``: frames a second on average; of the result only the last frame's length depends on it."""
        from flywheel_assets.creative.perception.detectors.confirming import ConfirmingDetector

        self.times: list[float] = []
        self._rate = rate
        self._detector = ConfirmingDetector(min_scene_seconds)
        self._frames: dict[int, int] = {}  # by time in microseconds
        self._changes: set[int] = set()

    def add(self, time: float, thumb: Image) -> None:
        """The next frame: its time in seconds, and its picture as BGR at the size `THUMB`."""
        code = self._code(time)
        self._frames.setdefault(code.pts, len(self.times))
        self.times.append(time)
        self._note(self._detector.process_frame(code, thumb))

    def finish(self) -> tuple[Scene, ...]:
        """The scenes of all frames so far, at least one; call it once."""
        self._note(self._detector.post_process(self._code(self.times[-1])))
        return _scenes(sorted(self._changes), self.times, self._rate, self._detector.mixes)

    def _code(self, time: float) -> FrameTimecode:
        from scenedetect import FrameTimecode
        from scenedetect.common import Timecode

        return FrameTimecode(Timecode(round(time / _MICROSECOND), _MICROSECOND), float(self._rate))

    def _note(self, changes: Iterable[FrameTimecode]) -> None:
        self._changes |= {self._frames[code.pts] for code in changes}


def _scenes(changes: list[int], times: list[float], rate: float, mixes: Sequence[Mix]) -> tuple[Scene, ...]:
    starts = (0, *changes)
    ends = (*changes, len(times))
    clock = [*times, round(times[-1] + 1 / rate, 6)]
    into, out_of = _fades((0, *ends), clock, mixes)
    return tuple(
        Scene(
            index=index,
            start_frame=start,
            end_frame=end,
            start=clock[start],
            end=clock[end],
            fade_in_frames=(clean := min(end, max(start, into.get(start, 0)))) - start,
            fade_out_frames=end - (spoilt := max(clean, min(end, out_of.get(end, end)))),
            clean_start=clock[clean],
            clean_end=clock[spoilt],
        )
        for index, (start, end) in enumerate(zip(starts, ends, strict=True))
    )


def _fades(edges: Sequence[int], clock: Sequence[float], mixes: Sequence[Mix]) -> tuple[dict[int, int], dict[int, int]]:
    """Of each edge between scenes that is no clean cut: the last frame that is mixed, and the first."""
    into: dict[int, int] = {}
    out_of: dict[int, int] = {}
    for mix in mixes:
        near = min(max(mix.change, clock[0]), clock[-1])
        edge = min(edges, key=lambda edge: abs(clock[edge] - near))
        into[edge] = max(into.get(edge, 0), mix.last)
        out_of[edge] = min(out_of.get(edge, edge), mix.first)
    return into, out_of
