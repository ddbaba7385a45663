"""Where the crop window goes in a scene, or why the scene is better shown whole. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.creative.types import ScreenText, UnreadText
from flywheel_assets.rendering.survey import tube
from flywheel_assets.rendering.survey.lanes import Lane, lanes, together
from flywheel_assets.rendering.survey.types import CropPath, Framing, Key, Sighting

Values = NDArray[np.float64]

NO_SUBJECT = "no subject was found that a crop could follow"

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Defaults:
    """The numbers of reframing, each with its reason."""

    shape_tolerance: float = 0.01  # Meta's for 9:16; within it the whole picture is shown
    step_seconds: float = 0.1  # between two points of the plan; looks are twice as far apart
    most_steps: int = 600  # of one scene, which bounds the work on a very long one
    pan: float = 0.25  # of the source's side a second; faster looks like a mistake
    inside: float = 0.95  # of the frames in which the subject lies wholly in the window
    present: float = 0.5  # of the scene for which the subject must be there; else most of it shows an empty place
    touch: float = 0.002  # of the side; two pixels of 1080 over the edge are not seen
    calm_seconds: float = 0.9  # five looks; a single slip of the detector moves nothing
    hold_seconds: float = 0.25  # a subject is first seen up to a look after it came, and leaves as late
    lazy: float = 0.22  # of the window; so far from its middle the subject may be before the window moves
    spare: float = 0.6  # of the room beside the subject that it may use up; the rest is for errors
    round_seconds: float = 0.9  # over which a pan starts and stops
    companion: float = 0.25  # of the largest subject's weight, from which on another one counts
    text_margin: float = 0.005  # of the side; a letter's outline is wider than its box
    corner: float = 0.0004  # of the side that straight lines between keys may be off; less than a pixel


DEFAULTS = Defaults()

Lettering = ScreenText | UnreadText


@dataclass(frozen=True)
class _Frame:
    """One axis of the problem: window size along it, times, and the range its near edge may take."""

    axis: int
    window: float
    times: Values
    low: float
    high: float


@dataclass(frozen=True)
class _Effort:
    """How to follow.

    Attributes:
        calm: the boxes without the detector's slips, and a line without corners.
        lazy: the subject may move about in the middle of the window before the window moves.
        late: where the subject is faster than the window may be, fall behind and catch up.
    """

    calm: bool
    lazy: bool = False
    late: bool = False


# From the one that looks best to the one that keeps the subject inside at any price but the speed limit.
_EFFORTS = (
    _Effort(calm=True, lazy=True),
    _Effort(calm=True),
    _Effort(calm=True, late=True),
    _Effort(calm=False, late=True),
)


def crop_path(
    sightings: Sequence[Sighting],
    span: tuple[float, float],
    source: tuple[int, int],
    target: tuple[int, int],
    *,
    texts: Sequence[Lettering] | None,
    settings: Defaults = DEFAULTS,
) -> Framing:
    """A window of the target's shape that keeps the subject in the picture while a scene plays.

    Args:
        sightings: of the scene's subjects, as `SceneSurvey.subject`.
        span: seconds of the source that play; a path belongs to one scene, so it never pans across a cut.
        source: width and height of the source as displayed.
        target: width and height of the output.
        texts: what is written in the scene, read or not; None when nobody looked.
        settings: the numbers to go by.
    """
    shape, wanted = source[0] / source[1], target[0] / target[1]
    if abs(shape / wanted - 1) <= settings.shape_tolerance:
        whole = CropPath(width=1, height=1, keys=(Key(time=span[0], left=0, top=0),))
        return Framing(path=whole, reason="the source has the shape of the output")
    if texts is None:
        return _whole("nobody looked for text in the scene, and a crop could cut it off")
    axis = 0 if shape > wanted else 1
    window = min(shape, wanted) / max(shape, wanted)
    low, high = _room(texts, span, axis, window, settings)
    if low > high:
        return _whole(f"its own text needs {_needed(texts, span, axis):.0%} of the side, a crop shows {window:.0%}")
    if not sightings:
        return _whole(NO_SUBJECT)
    return _followed(sightings, _Frame(axis, window, _times(span, settings), low, high), settings)


def _whole(reason: str) -> Framing:
    return Framing(path=None, reason=reason)


def _times(span: tuple[float, float], settings: Defaults) -> Values:
    seconds = max(span[1] - span[0], 0.0)
    steps = min(max(int(np.ceil(seconds / settings.step_seconds)), 1), settings.most_steps)
    return np.linspace(span[0], span[0] + max(seconds, 1e-3), steps + 1)


def _shown(texts: Sequence[Lettering], span: tuple[float, float]) -> list[Lettering]:
    return [text for text in texts if text.start < span[1] and text.end > span[0]]


def _room(
    texts: Sequence[Lettering], span: tuple[float, float], axis: int, window: float, settings: Defaults
) -> tuple[float, float]:
    """Between which values the window's near edge cuts off no text; for the whole scene, as a text is read as one."""
    shown = _shown(texts, span)
    low = max((text.box[axis + 2] + settings.text_margin - window for text in shown), default=0.0)
    high = min((text.box[axis] - settings.text_margin for text in shown), default=1.0)
    # Text at the rim of the source has no margin to give.
    return min(max(low, 0.0), 1 - window), max(min(high, 1 - window), 0.0)


def _needed(texts: Sequence[Lettering], span: tuple[float, float], axis: int) -> float:
    shown = _shown(texts, span)
    return max(text.box[axis + 2] for text in shown) - min(text.box[axis] for text in shown)


def _followed(sightings: Sequence[Sighting], frame: _Frame, settings: Defaults) -> Framing:
    """All subjects together where they fit, else fewer, the largest last; never one and then the other."""
    axis, times, hold = frame.axis, frame.times, settings.hold_seconds
    calm = lanes(sightings, times, axis, settings.calm_seconds, hold)
    seen = lanes(sightings, times, axis, 0.0, hold)
    count = sum(lane.weight >= settings.companion * seen[0].weight for lane in seen)
    reason = ""
    for size in range(count, 0, -1):
        subject = together(seen[:size])
        present = float(subject.there.mean())
        if present < settings.present:
            reason = f"the subject is there in {present:.0%} of the scene only, a crop wants {settings.present:.0%}"
            continue
        if _share(subject.far - subject.near > frame.window + settings.touch, subject) > 1 - settings.inside:
            reason = _too_wide(size, subject, frame.window)
            continue
        for effort in _EFFORTS:
            line = _line(together((calm if effort.calm else seen)[:size]), frame, effort, settings)
            if line is None:
                continue
            path = _keyed(line, frame, settings)
            inside = _inside(path, subject, frame, settings)
            if inside >= settings.inside:
                return Framing(path=path, reason=_kept(size, len(seen), inside))
        reason = (
            f"a crop that pans at most {settings.pan:.0%} of the side a second keeps the subject in the picture in "
            f"{inside:.0%} of the frames, {settings.inside:.0%} are wanted"
        )
    return _whole(reason)


def _too_wide(size: int, subject: Lane, window: float) -> str:
    widest = float(np.max((subject.far - subject.near)[subject.there], initial=0.0))
    who = "the subject is" if size == 1 else f"{size} subjects together are"
    return f"{who} up to {widest:.0%} of the side wide, a crop shows {window:.0%}"


def _kept(size: int, of: int, inside: float) -> str:
    who = "the subject" if of == 1 else f"{size} of {of} subjects"
    return f"{who} in the picture in {inside:.0%} of the frames"


def _line(subject: Lane, frame: _Frame, effort: _Effort, settings: Defaults) -> Values | None:
    """The window's near edge over time; None where this effort would have to be faster than allowed."""
    low, high = _tube(subject, frame, effort, settings)
    if effort.late:
        line = np.clip(tube.slowed(frame.times, low, high, settings.pan), frame.low, frame.high)
    else:
        line = tube.pulled_tight(frame.times, low, high)
        if float(np.max(np.abs(np.diff(line) / np.diff(frame.times)))) > settings.pan + _ROUNDING:
            return None
    if not effort.calm:
        return line
    return tube.rounded(line, round(settings.round_seconds / float(frame.times[1] - frame.times[0])))


def _tube(subject: Lane, frame: _Frame, effort: _Effort, settings: Defaults) -> tuple[Values, Values]:
    """Between which values the near edge keeps the subject in the window; anywhere while there is none."""
    slack = np.maximum((frame.window - (subject.far - subject.near)) / 2, 0.0)
    keep = np.minimum(settings.spare * slack, settings.lazy * frame.window) if effort.lazy else slack
    middle = (subject.near + subject.far - frame.window) / 2
    low = np.where(subject.there, middle - keep, frame.low)
    high = np.where(subject.there, middle + keep, frame.high)
    return np.clip(low, frame.low, frame.high), np.clip(high, frame.low, frame.high)


def _keyed(line: Values, frame: _Frame, settings: Defaults) -> CropPath:
    def key(at: int) -> Key:
        place = round(float(line[at]), 6)
        left, top = (place, 0.0) if frame.axis == 0 else (0.0, place)
        return Key(time=round(float(frame.times[at]), 6), left=left, top=top)

    keys = tuple(key(at) for at in tube.corners(frame.times, line, settings.corner))
    if len({(one.left, one.top) for one in keys}) == 1:
        keys = keys[:1]
    wide, high = (frame.window, 1.0) if frame.axis == 0 else (1.0, frame.window)
    return CropPath(width=wide, height=high, keys=keys)


def _inside(path: CropPath, subject: Lane, frame: _Frame, settings: Defaults) -> float:
    """Share of the times, of those at which the subject is there, at which the window holds all of it."""
    edges = np.array([path.at(float(time))[frame.axis] for time in frame.times])
    held = (subject.near >= edges - settings.touch) & (subject.far <= edges + frame.window + settings.touch)
    return _share(held, subject)


def _share(which: NDArray[np.bool_], subject: Lane) -> float:
    return float(which[subject.there].mean()) if subject.there.any() else 0.0
