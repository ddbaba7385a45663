"""Plain adverts of drawn clips: surveyed, planned without text, rendered, and their pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from flywheel_assets.creative.types import Blueprint, Hook, Perception
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.style import Kit, Style
from flywheel_assets.rendering.survey.measure import survey
from flywheel_assets.rendering.survey.types import Survey
from flywheel_assets.rendering.types import EditPlan, Render
from flywheel_assets.settings import Rendering
from tests.films.footage import Pixels

SMALL = Rendering(width=540, height=960)
PLAIN = frozenset({"color_grading", "pattern_interrupt", "scene_transitions", "silence_trim", "auto_captions"})
BARE = Style(without=PLAIN | {"hook_title", "cta_end_card"})


@dataclass(frozen=True)
class Advert:
    """One variation, the survey it was planned with, and every picture of its file as RGB."""

    plan: EditPlan
    render: Render
    survey: Survey
    pictures: list[Pixels]


def blueprint(order: Iterable[int], hook: str = "Tired of cold coffee?") -> Blueprint:
    """That plays those scenes."""
    return Blueprint(
        key="v01", hook=Hook(index=1, family="any", text=hook), scene_order=tuple(order), promise="Coffee.",
        call_to_action="Book your free tasting", brand="Bright Cup",
    )  # fmt: skip


def advert(
    video: Path,
    perception: Perception,
    order: Iterable[int],
    folder: Path,
    *,
    settings: Rendering = SMALL,
    style: Style = BARE,
) -> Advert:
    """Those scenes of the video as a file."""
    wanted = blueprint(order)
    seen = survey(video, perception, wanted.scene_order, folder)
    plan = edit_plan(wanted, perception, settings, style, seen)
    (render,) = render_all(
        video, [wanted], perception, folder / "out", folder / "cache", settings, kit=Kit(style), survey=seen
    )
    return Advert(plan, render, seen, pictures(render.path))


def pictures(path: Path) -> list[Pixels]:
    """Every picture of a file."""
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]
