"""What the gate after rendering costs: CPU seconds against bare decoding of the same file, in the same run.

Two variations of the sample are rendered at 1080x1920, then each is decoded by PyAV and nothing else, inspected, and
inspected once more: the second time its texts are known from its pixels, as those of a shared end card are. Told are
the medians of the rounds, which alternate, and the largest memory of the process.

    python benchmarks/quality_gate.py [--rounds 3] [--branded]

Branded, both carry a logo and a progress bar, which are looked for as well.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import av
from PIL import Image, ImageDraw

from flywheel_assets.core.account import BrandKit
from flywheel_assets.core.ids import file_sha256
from flywheel_assets.creative.perception.perceive import perceive
from flywheel_assets.creative.types import Blueprint, Hook
from flywheel_assets.rendering.kit import read_kit
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.quality import Files, inspect, open_eyes
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.style import Kit
from flywheel_assets.settings import Media, Rendering
from flywheel_assets.store.blobs import Blobs

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "raw_ad.mp4"
PLANS = (("Tired of cold coffee at work?", (0, 2, 4, 5)), ("Stop waiting for a repair", (3, 1, 6)))


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _spent(work: Callable[..., object], *arguments: object) -> float:
    before = _cpu()
    work(*arguments)
    return _cpu() - before


def _decode(path: Path) -> None:
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for _ in container.decode(container.streams.video[0], container.streams.audio[0]):
            pass


def _kit(folder: Path) -> Kit:
    """A round mark with a hole, and the bar."""
    picture = Image.new("RGBA", (300, 200))
    ImageDraw.Draw(picture).ellipse((0, 0, 299, 199), fill="#143cdc")
    ImageDraw.Draw(picture).ellipse((100, 60, 200, 140), fill="#fff05a")
    picture.save(folder / "mark.png")
    blobs = Blobs(str(folder / "blobs"), folder / "copies")
    return read_kit(BrandKit(logo=folder / "mark.png", progress_bar=True), blobs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--branded", action="store_true")
    asked = parser.parse_args()
    rounds, settings = asked.rounds, Rendering()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kit = _kit(folder) if asked.branded else Kit()
        seen = perceive(
            SAMPLE, video_sha256=file_sha256(SAMPLE), media=Media(), weights_dir=folder / "none", language="en"
        )
        blueprints = [
            Blueprint(
                key=f"v{number:02d}", hook=Hook(index=number, family="any", text=text), scene_order=order,
                promise="Coffee.", call_to_action="Book your free tasting", offer="First month free",
                brand="Bright Cup", proof="Trusted by 1,000+ offices",
            )
            for number, (text, order) in enumerate(PLANS, start=1)
        ]  # fmt: skip
        make = partial(render_all, SAMPLE, blueprints, seen, folder / "out", folder / "cache", settings, kit=kit)
        render = _spent(make)
        made = make()
        print(f"rendering both: {render:.1f} CPU-s")
        for blueprint, one in zip(blueprints, made, strict=True):
            plan = edit_plan(blueprint, seen, settings, kit.style)
            files = Files(one.path, one.captions_srt, SAMPLE, kit)
            bare, first, again = [], [], []
            for _ in range(rounds):
                eyes = open_eyes()
                bare.append(_spent(_decode, one.path))
                first.append(_spent(inspect, files, plan, settings, eyes))
                again.append(_spent(inspect, files, plan, settings, eyes))
            least = median(bare)
            print(
                f"{one.key}, {one.seconds:.1f} s: decoding {least:.2f} CPU-s, gate {median(first):.2f} "
                f"({median(first) / least:.2f} x), texts known {median(again):.2f} ({median(again) / least:.2f} x)"
            )
            print("  refused:", [found.feature for found in inspect(files, plan, settings, eyes) if not found.passed])
    print(f"largest memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:.0f} MB, perception included")


if __name__ == "__main__":
    main()
