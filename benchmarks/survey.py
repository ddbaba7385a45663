"""What surveying a source costs: thirty seconds of 1080p, against bare decoding of the same file in the same run.

Processor seconds, because the machine may be busy; each in a process of its own, taken in turns, the middle one of
three is told. The advert is the sample over and over. Surveying half of the scenes shows what winding saves.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import imageio_ffmpeg

from flywheel_assets.core.ids import file_sha256
from flywheel_assets.creative.perception.perceive import perceive
from flywheel_assets.settings import Media

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "raw_ad.mp4"

_WORK = """
import json, re, sys, time
from pathlib import Path
from flywheel_assets.creative.perception.video import read_frames
from flywheel_assets.creative.types import Perception
from flywheel_assets.rendering.survey.measure import survey
video, kept, what = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
perception = Perception.model_validate_json(kept.read_bytes())
before = time.process_time()
if what == "decode":
    sum(1 for _ in read_frames(video))
else:
    scenes = [scene.index for scene in perception.scenes][:: 1 if what == "all" else 2]
    survey(video, perception, scenes, Path("nowhere"))
# The resource module would count the parent, out of which this process was made.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
print(json.dumps({"worked": time.process_time() - before, "peak": peak}))
"""


def work(video: Path, kept: Path, what: str) -> dict[str, float]:
    ran = subprocess.run(  # noqa: S603 - fixed programs, no shell
        [sys.executable, "-c", _WORK, str(video), str(kept), what], capture_output=True, text=True, check=True
    )
    return dict(json.loads(ran.stdout))


def advert(folder: Path, seconds: int) -> Path:
    film = folder / "advert.mp4"
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-stream_loop", "-1", "-i", str(SAMPLE),
        "-t", str(seconds), "-vf", "scale=1920:1080", "-r", "30", "-preset", "veryfast", "-crf", "21", "-an", str(film),
    ]  # fmt: skip
    subprocess.run(command, check=True)  # noqa: S603 - fixed programs, no shell
    return film


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video, kept = advert(folder, asked.seconds), folder / "perception.json"
        sha256 = file_sha256(video)
        seen = perceive(video, video_sha256=sha256, media=Media(), weights_dir=folder, language="en")
        kept.write_text(seen.model_dump_json())
        rounds = [{what: work(video, kept, what) for what in ("decode", "all", "half")} for _ in range(asked.rounds)]
    told = {what: median(each[what]["worked"] for each in rounds) for what in ("decode", "all", "half")}
    peak, bare = (max(each[what]["peak"] for each in rounds) / 2**20 for what in ("all", "decode"))
    print(
        f"bare decoding         {told['decode']:6.2f} CPU-s for {asked.seconds} s of 1080p, {len(seen.scenes)} scenes"
    )
    for what in ("all", "half"):
        print(f"survey, {what:4s} scenes  {told[what]:6.2f} CPU-s, {told[what] / told['decode']:.2f} x bare decoding")
    print(f"largest memory        {peak:6.0f} MB, {bare:.0f} MB of it for decoding alone")


if __name__ == "__main__":
    main()
