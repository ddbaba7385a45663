"""The finished film shows text of another script and its emoji."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.core.ids import file_sha256
from flywheel_assets.creative.types import Blueprint, Engine, Hook, Perception, Scene, SceneFeatures
from flywheel_assets.rendering import emoji
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.ffmpeg import run
from flywheel_assets.rendering.modules.hook_title import HookTitle
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.render import render_all
from flywheel_assets.settings import Rendering
from tests import tiny_fonts

pytestmark = pytest.mark.needs_fribidi

LETTERS = dict.fromkeys("قهوةطازج", 600)
FIRE, CUP = "\U0001f525", "\u2615"


def _film(path: Path) -> Perception:
    source = "color=gray:s=320x180:r=30:d=3"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source, str(path)]
    subprocess.run(command, check=True, timeout=60)
    engine = Engine(name="by hand")
    features = SceneFeatures(
        index=0, brightness=0.5, saturation=0.5, motion=0.1, sharpness=100, texts=(), objects=None, words=()
    )
    return Perception(
        video_sha256=file_sha256(path), fps=30, frame_count=90, width=320, height=180, has_audio=False,
        scenes=(Scene(index=0, start_frame=0, end_frame=90, start=0, end=3),), features=(features,),
        engines={"scenes": engine, "text": engine, "speech": engine, "objects": engine},
    )  # fmt: skip


def _blueprint(hook: str) -> Blueprint:
    return Blueprint(
        key="v01", hook=Hook(index=0, family="pain", text=hook), scene_order=(0,), promise="Fresh coffee.",
        call_to_action=f"Book now {CUP}", offer=None, proof=None, brand="Bright Cup",
    )  # fmt: skip


def test_an_arabic_hook_with_an_emoji_is_in_the_film_from_when_it_rests_to_its_end(tmp_path: Path) -> None:
    fonts = tmp_path / "fonts"
    tiny_fonts.saved(tiny_fonts.boxes({**LETTERS, " ": 0}, "Qahwa Black"), fonts)
    tiny_fonts.emoji_font(fonts)
    settings = Rendering(width=540, height=960, font_folders=(fonts,))
    video, blueprint = tmp_path / "film.mp4", _blueprint(f"قهوة {FIRE} طازجة")
    perception = _film(video)
    (made,) = render_all(video, [blueprint], perception, tmp_path / "out", tmp_path / "cache", settings)
    plan = edit_plan(blueprint, perception, settings)
    hook = next(overlay for overlay in plan.overlays if overlay.role == "hook")
    (fire,) = emoji.stickers(hook, Canvas.of(settings), HookTitle().defaults.spacing)
    reds = [_red(made.path, frame, fire, tmp_path) for frame in (0, fire.start_frame, 30, hook.end_frame)]
    assert reds == [False, True, True, False]


def test_without_fonts_nothing_is_rendered(tmp_path: Path) -> None:
    video = tmp_path / "film.mp4"
    perception = _film(video)
    with pytest.raises(RenderFailed, match="flywheel fetch-fonts"):
        render_all(
            video, [_blueprint(f"قهوة {FIRE}")], perception, tmp_path / "out", tmp_path / "cache",
            Rendering(width=540, height=960),
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


def _red(film: Path, frame: int, sticker: emoji.Sticker, folder: Path) -> bool:
    picture = folder / "frame.png"
    chosen = f"select=eq(n\\,{frame})"
    run(["-i", f"file:{film}", "-vf", chosen, "-frames:v", "1", f"file:{picture}"], subject="frame", timeout=30)
    across = slice(sticker.left + 8, sticker.left + sticker.side - 8)
    shown = np.asarray(Image.open(picture).convert("RGB"))[sticker.top + 8 : sticker.top + sticker.side - 8, across]
    red, green, blue = shown.mean(axis=(0, 1))
    return bool(red > 180 and green < 80 and blue < 80)
