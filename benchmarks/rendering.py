"""What ten variations cost, against merely encoding the finished files again and against MoviePy.

Processor seconds, children included, each job in a process of its own. In every round the renders and the
transcode of what they made take turns, the renders from an empty cache; the ratio is that of a round.

* ten variations: the fixed manifest, every module on that the sample gives work to.
* a refresh: the same ten with ten new hooks, on the cache of the ten, which has all of the sound and of the pictures but
  the openings.
* one variation from nothing, against the transcode of that one file.
* MoviePy: the first variation with fewer effects, times ten, since it can share nothing.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median

from rendering_parts.job import Cost, run
from rendering_parts.manifest import SWAPPED, blueprints

from flywheel_assets.cli.environment import read_settings
from flywheel_assets.creative.perception.remembered import remembered
from flywheel_assets.creative.types import Perception

_PARTS = Path(__file__).parent / "rendering_parts"
_LONGEST = 2.8  # seconds
_SAMPLE = Path(__file__).parents[1] / "samples" / "raw_ad.mp4"
_MOVIEPY_WITHOUT = ["auto_captions", "scene_transitions", "stabilize", "color_grading", "pattern_interrupt"]


def _short(seen: Perception) -> Perception:
    """The sample with no scene longer than `_LONGEST`, so that five of them and a card make about fifteen seconds."""
    ends = [min(scene.clean_end, scene.clean_start + _LONGEST) for scene in seen.scenes]
    scenes = [scene.model_copy(update={"clean_end": end}) for scene, end in zip(seen.scenes, ends, strict=True)]
    features = [
        found.model_copy(update={"words": tuple(word for word in found.words or () if word.end <= end)})
        for found, end in zip(seen.features, ends, strict=True)
    ]
    return seen.model_copy(update={"scenes": tuple(scenes), "features": tuple(features)})


class Bench:
    """Jobs on one perception of the sample."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._perception = folder / "perception.json"
        self._perception.write_text(
            _short(remembered(_SAMPLE, read_settings(), "en")).model_dump_json(), encoding="utf-8"
        )

    def render(self, name: str, wanted: list, **more: object) -> Cost:
        order = {
            "source": str(_SAMPLE), "perception": str(self._perception), "folder": str(self._folder / name),
            "blueprints": [one.model_dump(mode="json") for one in wanted], **more,
        }  # fmt: skip
        return run(_PARTS / "render.py", order)

    def transcode(self, files: list[str]) -> Cost:
        folder = self._folder / "again"
        folder.mkdir(exist_ok=True)
        return run(_PARTS / "transcode.py", {"files": files, "folder": str(folder)})


def told(name: str, cost: Cost, ratio: float | None = None, goal: str = "") -> None:
    against = "" if ratio is None else f"   {ratio:5.2f} x{goal}"
    print(f"{name:34s} {cost.worked:7.1f} s of processor, {cost.wall:6.1f} s, {cost.memory / 2**30:.2f} GB{against}", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-moviepy", action="store_true", help="Leave the slowest part out.")
    asked = parser.parse_args()
    ratios: dict[str, list[float]] = {"ten variations": [], "refresh of ten hooks": [], "one variation": []}
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name))
        for number in range(asked.rounds):
            ten = bench.render(f"ten{number}", blueprints())
            again = bench.transcode(ten.told["files"])
            fresh = bench.render(f"ten{number}", blueprints(SWAPPED))
            one = bench.render(f"one{number}", blueprints()[:1])
            alone = bench.transcode(one.told["files"])
            if not number:
                seconds = ten.told["seconds"]
                print(f"ten outputs of {min(seconds):.1f} to {max(seconds):.1f} s, {sum(seconds):.0f} s in all; modules: {', '.join(ten.told['modules'])}")  # fmt: skip
                print(f"segments encoded {ten.told['encoded']}, reused {ten.told['reused']}; refresh {fresh.told['encoded']}, {fresh.told['reused']}")  # fmt: skip
            for title, cost, base in (
                ("ten variations", ten, again), ("refresh of ten hooks", fresh, again), ("one variation", one, alone)
            ):  # fmt: skip
                ratios[title].append(cost.worked / base.worked)
                told(title, cost, ratios[title][-1])
            told("transcode of the ten", again)
            told("transcode of the one", alone)
        goals = {"ten variations": 0.55, "refresh of ten hooks": 0.35, "one variation": 1.6}
        for title, found in ratios.items():
            print(f"{title:34s} {median(found):.2f} x its transcode ({min(found):.2f} to {max(found):.2f}), goal {goals[title]}")  # fmt: skip
        if not asked.no_moviepy:
            slow = bench.render("moviepy", blueprints()[:1], backend="moviepy", without=_MOVIEPY_WITHOUT)
            told("MoviePy, one with fewer effects", slow)
            print(f"{'ten variations':34s} 1/{10 * slow.worked / ten.worked:.1f} of MoviePy times ten, goal 1/12")


if __name__ == "__main__":
    main()
