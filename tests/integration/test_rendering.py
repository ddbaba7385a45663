from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.core.ids import file_sha256
from flywheel_assets.creative.types import Blueprint, Engine, Hook, Perception, Scene, SceneFeatures, Word
from flywheel_assets.rendering.effects import Box, Crop, Fit
from flywheel_assets.rendering.ffmpeg import run
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.quality import Files, inspect, open_eyes
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.types import EditPlan, Render
from flywheel_assets.settings import Rendering

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
SMALL = Rendering(width=540, height=960)
SCENE_FRAMES = (36, 30, 33, 39)
PICTURES = ("testsrc2", "smptehdbars", "rgbtestsrc", "pal75bars")
HOOKS = (
    "Tired of cold coffee?",
    "Stop waiting for a repair",
    r"Read {\b1}this: it's [new]; ok",
    "Fresh coffee every morning",
    "Your office deserves better",
)
ORDERS = ((0, 1, 2), (0, 2, 3), (0, 1, 3), (3, 1, 2), (0, 1, 2, 3))
WORDS = (("Fresh", 0.2, 0.5), ("coffee", 0.5, 0.9), ("daily", 1.3, 1.6), ("Call", 2.4, 2.7), ("today", 2.7, 3.1))


def _film(path: Path, *, sound: bool) -> Path:
    """Four flat, differently patterned scenes and a tone that swells and fades like speech."""
    inputs: list[str] = []
    for picture, frames in zip(PICTURES, SCENE_FRAMES, strict=True):
        inputs += ["-f", "lavfi", "-i", f"{picture}=s=640x360:r=30:d={frames / 30:.4f}"]
    graph = "[0][1][2][3]concat=n=4,format=yuv420p[v]"
    encode = ["-c:v", "libx264", "-preset", "ultrafast"]
    if sound:
        inputs += ["-f", "lavfi", "-i", f"aevalsrc='0.15*sin(2*PI*330*t)*(0.2+abs(sin(7*t)))':s=44100:d={138 / 30}"]
        encode += ["-map", "4:a", "-c:a", "aac"]
    command = [FFMPEG, "-v", "error", "-y", *inputs, "-filter_complex", graph, "-map", "[v]", *encode, str(path)]
    subprocess.run(command, check=True, timeout=60)
    return path


def _perception(video: Path, *, sound: bool) -> Perception:
    starts = [sum(SCENE_FRAMES[:i]) for i in range(len(SCENE_FRAMES))]
    scenes = tuple(
        Scene(index=i, start_frame=a, end_frame=a + n, start=a / 30, end=(a + n) / 30)
        for i, (a, n) in enumerate(zip(starts, SCENE_FRAMES, strict=True))
    )
    features = tuple(
        SceneFeatures(
            index=scene.index, brightness=0.5, saturation=0.5, motion=0.1, sharpness=100, texts=(), objects=None,
            words=tuple(
                Word(text=t, start=a, end=b, probability=0.9) for t, a, b in WORDS if scene.start <= a < scene.end
            ),
        )
        for scene in scenes
    )  # fmt: skip
    engine = Engine(name="by hand")
    return Perception(
        video_sha256=file_sha256(video), fps=30, frame_count=sum(SCENE_FRAMES), width=640, height=360, has_audio=sound,
        scenes=scenes, features=features,
        engines={"scenes": engine, "text": engine, "speech": engine, "objects": engine},
    )  # fmt: skip


def _blueprint(number: int, hook: str, order: tuple[int, ...]) -> Blueprint:
    return Blueprint(
        key=f"v{number:02d}", hook=Hook(index=number, family="any", text=hook), scene_order=order, promise="Coffee.",
        call_to_action="Book your free tasting", offer="First month free", brand="Bright Cup",
    )  # fmt: skip


BLUEPRINTS = tuple(
    _blueprint(number, hook, order) for number, (hook, order) in enumerate(zip(HOOKS, ORDERS, strict=True), start=1)
)


@dataclass(frozen=True)
class Made:
    """Five variations of one film, and where they lie."""

    video: Path
    perception: Perception
    out: Path
    cache: Path
    renders: tuple[Render, ...]
    told: tuple[tuple[str, int, int], ...]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("it's a [path], with: marks")
    video = _film(folder / "film.mp4", sound=True)
    perception = _perception(video, sound=True)
    told: list[tuple[str, int, int]] = []
    renders = render_all(
        video, BLUEPRINTS, perception, folder / "out", folder / "cache", SMALL, lambda *step: told.append(step)
    )
    return Made(video, perception, folder / "out", folder / "cache", renders, tuple(told))


@pytest.fixture(scope="module")
def reader() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(params={"Global.log_level": "error"})


def _picture(plan: EditPlan) -> Box:
    (framing,) = (found for found in plan.segments[0].clips[0].effects if isinstance(found, Fit | Crop))
    return framing.source_box(plan.width, plan.height)


def _frames(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def _sound(path: Path) -> list[bytes]:
    """The packets of a file's sound."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def _read(reader: Any, frame: av.VideoFrame) -> str:
    """All text of a frame without spaces, which recognisers lose."""
    found = reader(frame.to_ndarray(format="bgr24"), use_cls=False)
    return "".join(found.txts or ()).replace(" ", "")


def test_five_variations_share_segments_and_have_exact_frames(made: Made) -> None:
    assert [render.key for render in made.renders] == ["v01", "v02", "v03", "v04", "v05"]
    assert sum(render.segments_reused for render in made.renders) > 0
    cached = list(made.cache.glob("*.mp4"))
    assert len(cached) == sum(render.segments_encoded for render in made.renders)
    assert made.told[-1] == ("variations", 5, 5)
    assert ("segments", len(cached), len(cached)) in made.told
    for render, order in zip(made.renders, ORDERS, strict=True):
        wanted = sum(SCENE_FRAMES[index] for index in order) + 66
        frames = _frames(render.path)
        assert len(frames) == render.frames == wanted
        times = [Fraction(frame.pts or 0) * (frame.time_base or 0) for frame in frames]
        assert {later - earlier for earlier, later in pairwise(times)} == {Fraction(1, 30)}
        assert (frames[0].width, frames[0].height) == (540, 960)


def test_scenes_play_from_their_first_frame_to_their_last(made: Made) -> None:
    """The fitted picture of each output frame is most like the source frame the plan asks for."""
    source = [frame.to_ndarray(format="gray").astype(float) for frame in _frames(made.video)]
    left, top, right, bottom = (round(edge) for edge in _picture(edit_plan(BLUEPRINTS[3], made.perception, SMALL)))
    shown = _frames(made.renders[3].path)
    starts = [sum(SCENE_FRAMES[:i]) for i in range(len(SCENE_FRAMES))]
    expected = [starts[index] + frame for index in (3, 1, 2) for frame in range(SCENE_FRAMES[index])]
    for position in (0, 38, 39, 68, 69, 101):
        picture = shown[position].to_ndarray(format="gray")[top:bottom, left:right]
        small = np.asarray(Image.fromarray(picture).resize((640, 360))).astype(float)
        distances = [float(np.abs(small - other).mean()) for other in source]
        assert distances[expected[position]] <= min(distances) + 0.5


def test_the_hook_and_the_call_to_action_can_be_read(made: Made, reader: Any) -> None:
    for render, hook in zip(made.renders[:3], HOOKS, strict=False):
        frames = _frames(render.path)
        assert hook.replace(" ", "") in _read(reader, frames[24])
        assert hook.replace(" ", "") not in _read(reader, frames[80])
        card = _read(reader, frames[-15])
        for text in ("Bright Cup", "First month free", "Book your free tasting"):
            assert text.replace(" ", "") in card


def test_captions_are_burnt_in_and_beside_the_file(made: Made, reader: Any) -> None:
    subtitles = made.renders[0].captions_srt
    assert subtitles is not None
    assert subtitles.read_text().startswith("1\n00:00:00,200 --> 00:00:01,167\nFresh coffee\n")
    assert "Freshcoffee" in _read(reader, _frames(made.renders[0].path)[18])


def test_loudness_measured_by_itself_is_on_target(made: Made) -> None:
    for render in made.renders:
        command = [
            FFMPEG,
            "-hide_banner",
            "-nostats",
            "-i",
            str(render.path),
            "-af",
            "ebur128=peak=true",
            "-f",
            "null",
            "-",
        ]
        log = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stderr
        summary = log[log.rindex("Summary:") :]
        integrated = float(re.findall(r"I:\s+(-?[\d.]+) LUFS", summary)[0])
        peak = float(re.findall(r"Peak:\s+(-?[\d.]+) dBFS", summary)[0])
        assert integrated == pytest.approx(-14, abs=1)
        assert peak <= -1
        assert render.loudness_lufs == pytest.approx(integrated, abs=0.2)


def test_a_finished_file_passes_its_gate_and_the_cover_opens(made: Made) -> None:
    eyes = open_eyes()
    for blueprint, render in zip(BLUEPRINTS, made.renders, strict=True):
        files = Files(render.path, render.captions_srt, made.video)
        lines = inspect(files, edit_plan(blueprint, made.perception, SMALL), SMALL, eyes)
        assert [line for line in lines if not line.passed] == []
        with Image.open(render.cover_path) as cover:
            assert cover.size == (540, 960)
        assert render.cover_path.stat().st_size <= 1_000_000


def test_doing_it_again_encodes_nothing(made: Made) -> None:
    before = {path: path.stat().st_mtime_ns for path in [*made.out.iterdir(), *made.cache.iterdir()]}
    again = render_all(made.video, BLUEPRINTS, made.perception, made.out, made.cache, SMALL)
    assert {path: path.stat().st_mtime_ns for path in [*made.out.iterdir(), *made.cache.iterdir()]} == before
    assert [render.segments_encoded for render in again] == [0] * 5
    assert [render.path for render in again] == [render.path for render in made.renders]
    assert [render.loudness_lufs for render in again] == [render.loudness_lufs for render in made.renders]


def test_a_new_hook_costs_its_opening_and_what_is_damaged_is_made_again(made: Made, tmp_path: Path) -> None:
    refreshed = _blueprint(6, "One call. Fresh coffee.", ORDERS[0])
    tracks = {path: path.stat().st_mtime_ns for path in made.cache.glob("*.m4a")}
    one = render_all(made.video, [refreshed], made.perception, tmp_path, made.cache, SMALL)[0]
    assert (one.segments_encoded, one.segments_reused) == (2, 2)  # the hook lies over two scenes
    assert {path: path.stat().st_mtime_ns for path in made.cache.glob("*.m4a")} == tracks
    assert _sound(one.path) == _sound(made.renders[0].path)
    assert (one.loudness_lufs, one.true_peak_dbtp) == (made.renders[0].loudness_lufs, made.renders[0].true_peak_dbtp)
    damaged = max(made.cache.glob("*.mp4"), key=lambda path: path.stat().st_mtime_ns)
    for path in (damaged, *tracks):
        path.write_bytes(path.read_bytes()[:500])
    one.path.unlink()
    repaired = render_all(made.video, [refreshed], made.perception, tmp_path, made.cache, SMALL)[0]
    assert (repaired.segments_encoded, repaired.segments_reused) == (1, 3)
    assert len(_frames(repaired.path)) == repaired.frames
    assert _sound(repaired.path) == _sound(made.renders[0].path)
    assert repaired.loudness_lufs == one.loudness_lufs
    assert repaired.captions_srt is not None
    said = repaired.captions_srt.read_text(encoding="utf-8")
    repaired.captions_srt.write_text(said.upper(), encoding="utf-8")
    render_all(made.video, [refreshed], made.perception, tmp_path, made.cache, SMALL)
    assert repaired.captions_srt.read_text(encoding="utf-8") == said


def test_a_source_without_sound_named_relative_to_here_gets_a_silent_track(tmp_path: Path) -> None:
    video = _film(tmp_path / "mute.mp4", sound=False)
    perception = _perception(video, sound=False)
    places = [Path(os.path.relpath(place)) for place in (video, tmp_path / "o", tmp_path / "c")]  # from where we stand
    render = render_all(places[0], BLUEPRINTS[:1], perception, *places[1:], SMALL)[0]
    assert render.loudness_lufs is None
    assert render.true_peak_dbtp is None
    files, plan = Files(render.path, render.captions_srt, video), edit_plan(BLUEPRINTS[0], perception, SMALL)
    lines = {line.feature: line for line in inspect(files, plan, SMALL, open_eyes())}
    assert [line for line in lines.values() if not line.passed] == []
    assert lines["loudness"].value is None
    assert lines["loudness"].wanted == "not applicable: no source sound"
    assert lines["av_drift"].wanted == "not applicable: no source sound"


@pytest.mark.parametrize("fps", [24, 60])
def test_an_output_of_another_frame_rate_keeps_it_to_the_last_card(made: Made, tmp_path: Path, fps: int) -> None:
    settings = SMALL.model_copy(update={"fps": fps})
    render = render_all(made.video, BLUEPRINTS[:1], made.perception, tmp_path / "o", tmp_path / "c", settings)[0]
    frames = _frames(render.path)
    assert len(frames) == render.frames
    assert float((frames[-1].pts or 0) * (frames[-1].time_base or 0)) == pytest.approx((render.frames - 1) / fps)


def test_a_killed_program_leaves_nothing_behind(made: Made, tmp_path: Path) -> None:
    hurried = SMALL.model_copy(update={"timeout_seconds": 0.02})
    with pytest.raises(RenderFailed, match=r"segment of .*: timeout"):
        render_all(made.video, BLUEPRINTS[:2], made.perception, tmp_path / "o", tmp_path / "c", hurried)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_source_shorter_than_its_analysis_is_refused(made: Made, tmp_path: Path) -> None:
    longer = made.perception.scenes[3].model_copy(update={"end_frame": 300, "end": 10.0, "clean_end": 10.0})
    perception = made.perception.model_copy(update={"scenes": (*made.perception.scenes[:3], longer)})
    with pytest.raises(RenderFailed, match=r"frame_count: \d+ frames came out, the plan wants"):
        render_all(made.video, BLUEPRINTS[3:4], perception, tmp_path / "o", tmp_path / "c", SMALL)
    assert not (tmp_path / "o").exists()
    assert all(path.suffix == ".mp4" and not path.name.startswith(".") for path in (tmp_path / "c").iterdir())


def test_another_file_than_the_analysed_one_is_refused(made: Made, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(made.video.read_bytes() + b"x")
    with pytest.raises(RenderFailed, match="other_video"):
        render_all(other, BLUEPRINTS, made.perception, tmp_path / "o", tmp_path / "c", SMALL)


def test_a_failing_program_shows_its_last_words(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a film")
    with pytest.raises(RenderFailed, match=r"probing: ffmpeg ended with \d+:\n(.|\n)*Invalid data"):
        run(["-i", str(broken), "-f", "null", "-"], subject="probing", timeout=20)


def test_sound_and_picture_stay_together(tmp_path: Path) -> None:
    """White flashes and tone bursts that start together in the source start together after the cuts."""
    video, bursts = tmp_path / "flash.mp4", "between(t,1,1.1)+between(t,4,4.1)"
    picture = f"color=gray:s=640x360:r=30:d=4.6,drawbox=c=white:t=fill:enable='{bursts.replace('t,1,', 't,.99,')}'"
    tone = f"aevalsrc='if({bursts},0.5*sin(2*PI*880*t),0.02*sin(2*PI*200*t))':s=44100:d=4.6"
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", str(video)]
    subprocess.run(
        [FFMPEG, "-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, *encode],
        check=True,
        timeout=60,
    )
    perception = _perception(video, sound=True)
    render = render_all(
        video, [_blueprint(1, "Watch this", (3, 0, 2))], perception, tmp_path / "o", tmp_path / "c", SMALL
    )[0]
    left, top, right, bottom = (
        round(edge) for edge in _picture(edit_plan(_blueprint(1, "Watch this", (3, 0, 2)), perception, SMALL))
    )
    light = np.array([f.to_ndarray(format="gray")[top:bottom, left:right].mean() for f in _frames(render.path)])
    seen = _onsets(light > 200) / 30
    command = [FFMPEG, "-v", "error", "-i", str(render.path), "-f", "f32le", "-ac", "1", "-ar", "48000", "-"]
    wave = np.frombuffer(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout, np.float32)
    assert len(wave) == render.frames * 1600
    level = np.abs(wave).reshape(-1, 240).max(axis=1)
    heard = _onsets(level > 0.35 * level.max()) * 0.005
    # 4.0 s lies in scene 3, from 3.3 s; 1.0 s in scene 0, which follows its 39 frames
    assert seen == pytest.approx([21 / 30, 39 / 30 + 1.0])
    assert heard[heard < 108 / 30] == pytest.approx(seen, abs=0.02)  # after it, the fading tail under the end card


def _onsets(on: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Indexes at which a run of True begins."""
    return np.flatnonzero(on & ~np.roll(on, 1))
