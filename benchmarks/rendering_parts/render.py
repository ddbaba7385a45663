"""Renders blueprints of the sample, as the `renders` asset does."""

from __future__ import annotations

from pathlib import Path

from job import answer, order

from flywheel_assets.creative.types import Blueprint, Perception
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.style import Kit, Style
from flywheel_assets.rendering.survey.kept import remembered
from flywheel_assets.settings import Rendering

if __name__ == "__main__":
    asked = order()
    perception = Perception.model_validate_json(Path(asked["perception"]).read_text(encoding="utf-8"))
    wanted = [Blueprint.model_validate(one) for one in asked["blueprints"]]
    kit = Kit(Style(without=frozenset(asked.get("without", ()))))
    folder = Path(asked["folder"])
    played = {index for one in wanted for index in one.scene_order}
    seen = remembered(
        Path(asked["source"]), perception, played, folder.parent / "weights", cache=folder.parent / "surveys"
    )
    made = render_all(
        Path(asked["source"]), wanted, perception, folder / "out", folder / "cache",
        Rendering(backend=asked.get("backend", "ffmpeg")), kit=kit, survey=seen,
    )  # fmt: skip
    answer(
        files=[str(one.path) for one in made],
        seconds=[one.seconds for one in made],
        encoded=sum(one.segments_encoded for one in made),
        reused=sum(one.segments_reused for one in made),
        modules=sorted({name for one in made for name in one.module_versions}),
    )
