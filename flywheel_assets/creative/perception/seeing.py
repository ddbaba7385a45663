"""One pass over the frames for all who look: scenes, measurements, and the pictures kept for the engines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flywheel_assets.creative.perception.container import quarter_turns
from flywheel_assets.creative.perception.damage import Tally
from flywheel_assets.creative.perception.detectors.pictures import THUMB
from flywheel_assets.creative.perception.probe import Probe
from flywheel_assets.creative.perception.scenes import Progress, SceneFinder
from flywheel_assets.creative.perception.stills import LONGEST, Stills
from flywheel_assets.creative.perception.video import Decoded, Image, picture, read_frames, shrink
from flywheel_assets.creative.perception.visual import WIDTH, LookMeter, Tick
from flywheel_assets.creative.types import Scene
from flywheel_assets.settings import Media


@dataclass(frozen=True)
class Watched:
    """What one pass over the frames gave; the pictures themselves are in the stills."""

    scenes: tuple[Scene, ...]
    ticks: tuple[Tick, ...]


def watch(path: Path, first: Probe, media: Media, stills: Stills, progress: Progress | None = None) -> Watched:
    """Decode every frame once and hand it to all readers.

    Raises:
        IntakeRejected: ``damaged``.
    """
    meter, finder = LookMeter(), SceneFinder(first.fps, media.min_scene_seconds)
    tally = Tally()
    for decoded in read_frames(path):
        tally.add(decoded.frame)
        finder.add(decoded.time, shrink(decoded.frame, *THUMB, "bgr24"))
        _look(decoded, meter, stills)
        if progress and decoded.index % 100 == 0:
            progress("scenes", decoded.index, max(first.frame_count, decoded.index))
    tally.check(path, media.max_damage)
    if progress:
        progress("scenes", len(finder.times), len(finder.times))
    return Watched(finder.finish(), tuple(meter.ticks))


def _look(decoded: Decoded, meter: LookMeter, stills: Stills) -> None:
    if not meter.wants(decoded.time):
        return
    grey = meter.add(_small(decoded), decoded.index, decoded.time)
    if stills.wants(decoded.time) and not stills.sees_the_same(grey, decoded.time):
        stills.keep(picture(decoded.frame, LONGEST, decoded.shape), grey, decoded.index, decoded.time)


def _small(decoded: Decoded) -> Image:
    """The frame in BGR, `WIDTH` pixels wide as displayed (still lying on its side if it was filmed so)."""
    frame, wide = decoded.frame, decoded.frame.width * decoded.shape
    upright = quarter_turns(frame.rotation) % 2 == 0
    scale = WIDTH / (wide if upright else frame.height)
    return shrink(frame, max(2, round(wide * scale)), max(2, round(frame.height * scale)), "bgr24")
