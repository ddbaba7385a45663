"""A process that renders a coded film and says when a segment is finished: `python -m tests.rendering_process FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from flywheel_assets.creative.types import Blueprint
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.style import Kit, Style
from flywheel_assets.rendering.types import EditPlan, Render
from tests import coded_films
from tests.coded_films import TINY, Script

SCRIPT = Script(scenes=(80, 70), has_audio=False)
KIT = Kit(Style(without=frozenset({"scene_transitions", "pattern_interrupt", "color_grading"})))
BLUEPRINT: Blueprint = coded_films.blueprint(1, 0, 1)
ONE = TINY.model_copy(update={"workers": 1})


def film(folder: Path) -> Path:
    return coded_films.film(folder / "film.mkv", SCRIPT)


def plan(source: Path) -> EditPlan:
    return edit_plan(BLUEPRINT, coded_films.perception(source, SCRIPT), ONE, KIT.style)


def render(source: Path, folder: Path) -> Render:
    seen = coded_films.perception(source, SCRIPT)
    return render_all(source, [BLUEPRINT], seen, folder / "out", folder / "cache", ONE, _say, kit=KIT)[0]


def _say(stage: str, done: int, of: int) -> None:
    sys.stdout.write(f"{stage} {done} {of}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    render(Path(sys.argv[1]) / "film.mkv", Path(sys.argv[1]))
