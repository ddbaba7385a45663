"""The picture that stands for the advert before anybody presses play."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from flywheel_assets.rendering.modules.base import PlanContext, RenderModule
from flywheel_assets.rendering.survey import covers
from flywheel_assets.rendering.survey.types import Cover, Still, Survey
from flywheel_assets.rendering.timeline import Shot


@dataclass(frozen=True)
class Defaults:
    """Where in the output a cover may lie."""

    cut_frames: int = 5  # nearer to a cut, a joint or a transition a picture may be soft or mixed
    hook_in_seconds: float = 0.4  # until the title stands still
    soft: float = 0.4  # of the middle sharpness; below it a picture looks blurred beside the others
    early_seconds: float = 0.8  # without a survey: the hook stands still and the opening has begun


@dataclass(frozen=True)
class _Shown:
    """A still of the source and the output frame that shows it."""

    scene: int
    still: Still
    frame: int


class CoverFrame(RenderModule):
    """The best still of the played pictures; one under the hook where that is good enough.

    The hook on a cover says what the advert is about, and tells one variation's cover from another's, so a still in
    its time is taken unless it is soft beside what else could be chosen.
    """

    name = "cover_frame"
    version = "1"
    promise = "The cover is a sharp picture of a played scene, neither black nor mixed nor near a cut, of at most 1 MB."
    defaults = Defaults()

    def lacks(self, context: PlanContext) -> str | None:
        """Why no still of the played scenes is known."""
        return context.unsurveyed()

    def frame(self, context: PlanContext) -> int:
        """The output frame that is the cover; an early one where no still is fit."""
        found = _chosen(context, self.defaults)
        return found[0] if found else early(context)

    def notes(self, context: PlanContext) -> dict[str, str]:
        """Why that frame."""
        found = _chosen(context, self.defaults)
        if found is None:
            return {"cover": f"frame {early(context)}: every still is black, faded or at a cut"}
        return {"cover": f"frame {found[0]}: {found[1]}"}


def early(context: PlanContext) -> int:
    """A frame shortly after the beginning, in the first shot or in what the hook leaves of it."""
    opening = min(context.shots[0].end - context.shots[0].blend, context.hook_end) // 2
    return min(context.canvas.frames(CoverFrame.defaults.early_seconds), opening)


def _chosen(context: PlanContext, use: Defaults) -> tuple[int, str] | None:
    shown = [one for shot in _with_neighbours(context.shots) for one in _stills(*shot, context, use)]
    best = _best(shown, context)
    if best is None:
        return None
    inside = (context.canvas.frames(use.hook_in_seconds), context.hook_end - use.cut_frames)
    hooked = _best([one for one in shown if inside[0] <= one.frame < inside[1]], context)
    if hooked is not None and _good_enough(hooked[0], shown, use):
        return hooked[0].frame, f"{hooked[1]}, with the hook"
    return best[0].frame, best[1]


def _best(shown: Sequence[_Shown], context: PlanContext) -> tuple[_Shown, str] | None:
    """The best of these stills and no others, and why."""
    if context.survey is None:
        return None
    found = covers.best_still(_only(context.survey, shown), {one.scene for one in shown})
    if found is None:
        return None
    return next((one, found.reason) for one in shown if _is(one, found))


def _is(one: _Shown, cover: Cover) -> bool:
    return one.scene == cover.scene and one.still.time == cover.time


def _only(survey: Survey, shown: Sequence[_Shown]) -> Survey:
    """The survey as if there were no stills but these."""
    kept = {index: tuple(one.still for one in shown if one.scene == index) for index in {one.scene for one in shown}}
    scenes = (one.model_copy(update={"stills": kept[one.index]}) for one in survey.scenes if one.index in kept)
    return survey.model_copy(update={"scenes": tuple(scenes)})


def _good_enough(hooked: _Shown, shown: Sequence[_Shown], use: Defaults) -> bool:
    return _has_face(hooked) or hooked.still.sharpness >= use.soft * median(one.still.sharpness for one in shown)


def _has_face(one: _Shown) -> bool:
    return (one.still.face or 0.0) >= covers.DEFAULTS.face


def _with_neighbours(shots: Sequence[Shot]) -> list[tuple[Shot, int]]:
    """Each shot with the frames at its start that it shares with the one before."""
    return list(zip(shots, (0, *(shot.blend for shot in shots)), strict=False))


def _stills(shot: Shot, shared: int, context: PlanContext, use: Defaults) -> list[_Shown]:
    """Those that the shot shows alone, away from where it begins, ends or leaves something out."""
    seen = context.survey.scene(shot.scene.index) if context.survey else None
    edges = (shot.start + shared, *shot.joints, shot.end - shot.blend)
    found: list[_Shown] = []
    for still in seen.stills if seen else ():
        frame = shot.frame(still.time, context.canvas)
        alone = edges[0] <= frame < edges[-1]
        # A frame counts from its first moment: the one before a cut is at a distance of one from it.
        if shot.plays(still.time) and alone and min(abs(frame - edge) for edge in edges) > use.cut_frames:
            found.append(_Shown(shot.scene.index, still, frame))
    return found
