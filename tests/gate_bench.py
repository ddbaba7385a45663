"""A small render that keeps every promise of the quality gate, and how to make files of it that break one."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import imageio_ffmpeg

from flywheel_assets.core.ids import file_sha256
from flywheel_assets.creative.types import Blueprint, Engine, Hook, Perception, Scene, SceneFeatures, Word
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.quality import Eyes, Files, inspect, open_eyes
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.style import Kit, Style
from flywheel_assets.rendering.types import EditPlan, Overlay, QualityLine
from flywheel_assets.settings import Rendering

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
SMALL = Rendering(width=540, height=960)
WHOLE = Style(without=frozenset({"silence_trim", "scene_transitions"}))  # 6.7 s, in scenes of equal length
PICTURES = ("testsrc2", "smptehdbars", "testsrc")  # the second stands still
FRAMES = 45  # of each
SOUND = "0.4*sin(2*PI*330*t)*lt(mod(1.7*t*t+0.3*t,1),0.45)"  # comes and goes, never twice alike
WORDS = (("Fresh", 0.2, 0.5), ("coffee", 0.5, 0.9), ("daily", 1.6, 1.9), ("Call", 3.2, 3.5), ("today", 3.5, 3.9))
HOOK = "Tired of cold coffee?"
CLOCK = ("-video_track_timescale", "15360", "-movie_timescale", "15360")
_ENCODE = ("-c:v", "libx264", "-preset", "superfast", "-crf", "14", "-profile:v", "high", "-g", "60", "-bf", "2")
FAST = ("-movflags", "+faststart", *CLOCK)
SAME_SOUND = ("-c:a", "copy", *_ENCODE, *FAST)
SAME_PICTURE = ("-c:v", "copy", *FAST)
AAC = ("-c:a", "aac", "-b:a", "192k")


@dataclass(frozen=True)
class Good:
    """A render that keeps its promises, and who reads it."""

    files: Files
    plan: EditPlan
    eyes: Eyes
    folder: Path

    def damaged(self, name: str, *arguments: str) -> Files:
        """The files, with a video that ffmpeg made of this one."""
        made = self.folder / f"{name}.mp4"
        ffmpeg("-i", str(self.files.video), *arguments, str(made))
        return replace(self.files, video=made)

    def judged(self, files: Files, plan: EditPlan | None = None) -> dict[str, QualityLine]:
        return {line.feature: line for line in inspect(files, plan or self.plan, SMALL, self.eyes)}

    def overlay(self, role: str) -> Overlay:
        return next(found for found in self.plan.overlays if found.role == role)

    def painted(self, role: str, colour: str) -> str:
        """A filter that paints over a text of the plan, all the time."""
        left, top, right, bottom = (round(edge) for edge in self.overlay(role).box)
        return f"drawbox={left - 8}:{top - 8}:{right - left + 16}:{bottom - top + 16}:{colour}:fill"


def ffmpeg(*arguments: str) -> None:
    subprocess.run([FFMPEG, "-v", "error", "-y", *arguments], check=True, timeout=120)


def film(path: Path) -> Path:
    inputs = [part for name in PICTURES for part in ("-f", "lavfi", "-i", f"{name}=s=640x360:r=30:d={FRAMES / 30}")]
    sound = ["-f", "lavfi", "-i", f"aevalsrc='{SOUND}':s=44100:d={len(PICTURES) * FRAMES / 30}"]
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"]
    graph = "[0][1][2]concat=n=3,format=yuv420p[v]"
    ffmpeg(*inputs, *sound, "-filter_complex", graph, "-map", "[v]", "-map", "3:a", *encode, str(path))
    return path


def perception(video: Path) -> Perception:
    scenes = tuple(
        Scene(index=i, start_frame=i * FRAMES, end_frame=(i + 1) * FRAMES, start=i * 1.5, end=(i + 1) * 1.5)
        for i in range(len(PICTURES))
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
        video_sha256=file_sha256(video), fps=30, frame_count=3 * FRAMES, width=640, height=360, has_audio=True,
        scenes=scenes, features=features,
        engines={"scenes": engine, "text": engine, "speech": engine, "objects": engine},
    )  # fmt: skip


def make_good(folder: Path) -> Good:
    """Render the film once."""
    video = film(folder / "film.mp4")
    blueprint = Blueprint(
        key="v01", hook=Hook(index=1, family="any", text=HOOK), scene_order=(2, 0, 1), promise="Coffee.",
        call_to_action="Book your free tasting", offer="First month free", brand="Bright Cup",
        proof="Trusted by 900 offices",
    )  # fmt: skip
    seen = perception(video)
    (render,) = render_all(video, [blueprint], seen, folder / "out", folder / "cache", SMALL, kit=Kit(WHOLE))
    files = Files(render.path, render.captions_srt, video)
    return Good(files, edit_plan(blueprint, seen, SMALL, WHOLE), open_eyes(), folder)


def broken(lines: dict[str, QualityLine]) -> dict[str, QualityLine]:
    """The promises that were not kept."""
    return {name: found for name, found in lines.items() if not found.passed}
