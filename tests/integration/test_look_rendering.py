from __future__ import annotations

import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from flywheel_assets.core.account import BrandKit
from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.creative.types import Blueprint, Perception
from flywheel_assets.rendering.effects import Fit, Logo, ProgressBar, PunchIn
from flywheel_assets.rendering.kit import read_kit
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.style import Kit, Style
from flywheel_assets.rendering.types import EditPlan, Render
from flywheel_assets.settings import Rendering
from flywheel_assets.store.blobs import Blobs
from tests.look_bench import FFMPEG, blueprint, cube, film, frames, mark, painted, seen

SMALL = Rendering(width=540, height=960)
FINE = Rendering(width=360, height=640, crf=8)  # where pictures are compared, the encoder's own noise stays small
LENGTHS = [210, 60]
CARD = 66


@dataclass(frozen=True)
class Studio:
    """A film of a long shot and a short one, and where its renders go."""

    folder: Path
    video: Path
    perception: Perception

    def plan(self, style: Style, settings: Rendering = SMALL) -> EditPlan:
        return edit_plan(BLUEPRINT, self.perception, settings, style)

    def render(self, kit: Kit, settings: Rendering = SMALL, wanted: Blueprint | None = None) -> Render:
        places = self.folder / "out", self.folder / "cache"
        return render_all(self.video, [wanted or BLUEPRINT], self.perception, *places, settings, kit=kit)[0]

    def kit(self, **asked: Any) -> Kit:
        return read_kit(BrandKit(**asked), Blobs(str(self.folder / "blobs"), self.folder / "copies"))

    def file(self, name: str, content: bytes | str) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


BLUEPRINT = blueprint(0, 1)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder = tmp_path_factory.mktemp("studio")
    video = film(folder / "film.mp4", [painted(1), painted(2)], LENGTHS)
    return Studio(folder, video, seen(video, LENGTHS))


def _box(plan: EditPlan) -> tuple[int, int, int, int]:
    """Of the source's picture in the first scene."""
    (framing,) = (effect for effect in plan.segments[0].clips[0].effects if isinstance(effect, Fit))
    left, top, right, bottom = (round(edge) for edge in framing.box)
    return left, top, right, bottom


def _psnr(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    return float(10 * np.log10(255**2 / max(np.mean((one.astype(float) - other) ** 2), 1e-9)))


def _signal(path: Path, box: tuple[int, int, int, int], number: int) -> dict[str, float]:
    """What ffmpeg's signalstats says of a part of one frame."""
    left, top, right, bottom = box
    part = f"select=eq(n\\,{number}),crop={right - left}:{bottom - top}:{left}:{top},signalstats,metadata=print:file=-"
    command = [FFMPEG, "-v", "error", "-i", str(path), "-vf", part, "-f", "null", "-"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    lines = [line.split("signalstats.")[1].split("=") for line in told.splitlines() if "signalstats." in line]
    return {name: float(value) for name, value in lines}


# --- color_grading --------------------------------------------------------------------------------


@pytest.mark.parametrize(("brightness", "brighter"), [(0.5, False), (0.1, True)])
def test_colour_contrast_and_where_it_is_dark_light_go_up(studio: Studio, brightness: float, *, brighter: bool) -> None:
    features = tuple(f.model_copy(update={"brightness": brightness}) for f in studio.perception.features)
    judged = Studio(studio.folder, studio.video, studio.perception.model_copy(update={"features": features}))
    plain = judged.render(Kit(Style(without=frozenset({"color_grading"}))))
    graded = judged.render(Kit())
    box = _box(judged.plan(Style()))
    before, after = _signal(plain.path, box, 100), _signal(graded.path, box, 100)
    assert after["SATAVG"] == pytest.approx(before["SATAVG"] * 1.1, rel=0.03)
    if brighter:
        assert after["YAVG"] > before["YAVG"] + 2
    else:
        assert after["YAVG"] == pytest.approx(before["YAVG"], abs=1.5)
        assert after["YHIGH"] - after["YLOW"] > before["YHIGH"] - before["YLOW"] + 1
    assert all(
        np.array_equal(one, other)
        for one, other in zip(frames(plain.path)[-CARD:], frames(graded.path)[-CARD:], strict=True)
    )


def test_hardly_a_pixel_more_is_clipped_where_much_is_near_white_and_black(tmp_path: Path) -> None:
    ramp = np.tile(np.concatenate([np.linspace(0, 30, 320), np.linspace(225, 255, 320)]), (360, 1)).astype(np.uint8)
    video = film(tmp_path / "ramp.mp4", [Image.fromarray(ramp).convert("RGB")], [60])
    hard = Studio(tmp_path, video, seen(video, [60]))
    wanted = blueprint(0)
    left, top, right, bottom = _box(edit_plan(wanted, hard.perception, FINE))

    def clipped(kit: Kit) -> float:
        luma = frames(hard.render(kit, FINE, wanted).path, "gray")[30][top:bottom, left:right]  # 0 to 255
        return float(np.mean((luma == 0) | (luma == 255)))

    assert hard.perception.features[0].brightness == 0.5  # so that all of the grade is given
    assert clipped(Kit()) <= clipped(Kit(Style(without=frozenset({"color_grading"})))) + 0.01


def test_a_look_changes_the_scenes_as_its_table_says_and_an_identity_changes_nothing(studio: Studio) -> None:
    same = studio.kit(look=studio.file("same.cube", cube(17, lambda r, g, b: (r, g, b))))
    swapped = studio.kit(look=studio.file("swap.cube", cube(9, lambda r, g, b: (b, g, r))))
    plain, untouched, turned = (studio.render(kit, FINE) for kit in (Kit(), same, swapped))
    left, top, right, bottom = _box(studio.plan(Style(), FINE))
    for number in (20, 100, 230):
        before, after, other = (frames(one.path)[number][top:bottom, left:right] for one in (plain, untouched, turned))
        assert _psnr(before, after) >= 45
        assert _psnr(before, other) < 30
        assert _psnr(before[..., ::-1], other) > 30
    assert np.array_equal(frames(plain.path)[-10], frames(turned.path)[-10])


# --- pattern_interrupt ----------------------------------------------------------------------------


def test_a_long_shot_is_seen_from_nearer_at_the_planned_frames_and_no_others(studio: Studio) -> None:
    cuts = Style(without=frozenset({"scene_transitions"}))
    plan = studio.plan(cuts, FINE)
    jumps = [effect for segment in plan.segments for effect in segment.clips[0].effects if isinstance(effect, PunchIn)]
    assert [(jump.start_frame, jump.end_frame) for jump in jumps] == [(105 - 75, 210 - 75)]  # the hook leaves at 75
    shown = frames(studio.render(Kit(cuts), FINE).path, "gray")
    left, top, right, bottom = _box(plan)
    pictures = [frame[top:bottom, left:right] for frame in shown]
    changes = [float(cv2.absdiff(one, other).mean()) for one, other in pairwise(pictures)]
    peaks = [number + 1 for number, change in enumerate(changes[:269]) if change > 2]
    assert peaks == [105, 210]  # nearer, the next scene
    assert [_scale(pictures[100], pictures[number]) for number in (10, 104, 105, 209)] == [1.0, 1.0, 1.12, 1.12]


def _scale(far: np.ndarray[Any, Any], near: np.ndarray[Any, Any]) -> float:
    """How much larger the middle of a picture is in another, in steps of a hundredth."""
    high, wide = near.shape
    middle = near[high // 4 : high * 3 // 4, wide // 4 : wide * 3 // 4]

    def like(scale: float) -> float:
        grown = cv2.resize(far, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        return float(cv2.matchTemplate(grown, middle, cv2.TM_CCOEFF_NORMED).max())

    return max((round(1 + step / 100, 2) for step in range(21)), key=like)


def test_a_vertical_picture_is_enlarged_as_a_whole(tmp_path: Path) -> None:
    video = film(tmp_path / "tall.mp4", [painted(3, (360, 640))], [210])
    known = seen(video, [210]).model_copy(update={"width": 360, "height": 640})
    render = Studio(tmp_path, video, known).render(Kit(), FINE, blueprint(0))
    shown = frames(render.path, "gray")
    assert _scale(shown[100][330:], shown[104][330:]) == 1.0
    assert _scale(shown[100], shown[150]) == 1.12


# --- brand_overlay --------------------------------------------------------------------------------

_SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 301 197"><ellipse cx="150" cy="98" rx="150" ry="98"
fill="#143cdc"/><ellipse cx="150" cy="98" rx="60" ry="39" fill="#fff05a"/><rect x="135" width="30" height="98"
fill="#fff"/></svg>"""


@pytest.mark.parametrize("form", ["png", "svg"])
def test_the_logo_is_where_the_plan_says_from_the_first_frame_to_the_last(studio: Studio, form: str) -> None:
    file = studio.file(f"mark.{form}", _SVG)
    if form == "png":
        mark((301, 197)).save(file)
    kit = studio.kit(logo=file)
    plan = studio.plan(kit.style)
    shown, bare = frames(studio.render(kit).path), frames(studio.render(Kit()).path)
    start = 0
    for segment in plan.segments:
        (logo,) = (effect for effect in segment.effects if isinstance(effect, Logo))
        left, top, right, bottom = (round(edge) for edge in logo.box)
        for number in (start + 2, start + segment.frames - 1):
            place, likeness = _found(shown[number], (right - left, bottom - top))
            assert place == pytest.approx((left, top), abs=1.5)
            assert likeness > 0.85
            assert _found(bare[number], (right - left, bottom - top))[1] < 0.7
        start += segment.frames


def _found(frame: np.ndarray[Any, Any], size: tuple[int, int]) -> tuple[tuple[int, int], float]:
    """Where the mark is most likely to be, and how like it that place is."""
    picture = np.asarray(mark((301, 197)).resize(size, Image.Resampling.LANCZOS))
    mask = (picture[..., 3:] > 250).astype(np.float32).repeat(3, axis=2)
    likeness = cv2.matchTemplate(frame, np.ascontiguousarray(picture[..., :3]), cv2.TM_CCOEFF_NORMED, mask=mask)
    likeness[~np.isfinite(likeness)] = -1
    _, best, _, place = cv2.minMaxLoc(likeness)
    return (int(place[0]), int(place[1])), best


def test_the_bar_is_as_wide_as_the_advert_is_old(studio: Studio) -> None:
    kit = Kit(Style(progress_bar=True))
    plan = studio.plan(kit.style)
    (bar,) = {effect.box for segment in plan.segments for effect in segment.effects if isinstance(effect, ProgressBar)}
    left, top, right, bottom = (round(edge) for edge in bar)
    shown = frames(studio.render(kit).path)
    for number in (0, 60, 74, 75, 140, 269, 270, len(shown) - 1):
        row = shown[number][(top + bottom) // 2].astype(int)
        yellow = np.flatnonzero((row[:, 0] > 190) & (row[:, 1] > 150) & (row[:, 2] < 110))
        wide = yellow.max() + 1 - left if len(yellow) else 0
        assert wide == pytest.approx((right - left) * (number + 1) / len(shown), abs=2.5)
        assert len(yellow) == 0 or abs(yellow.min() - left) <= 1
        assert len(yellow) == 0 or yellow.max() <= right


def test_with_a_logo_too_a_source_shorter_than_its_analysis_is_refused(studio: Studio) -> None:
    kit = studio.kit(logo=studio.file("short.svg", _SVG))
    longer = studio.perception.scenes[1].model_copy(update={"end_frame": 400, "end": 400 / 30, "clean_end": 400 / 30})
    perception = studio.perception.model_copy(update={"scenes": (studio.perception.scenes[0], longer)})
    with pytest.raises(RenderFailed, match=r"frame_count: \d+ frames came out, the plan wants"):
        Studio(studio.folder, studio.video, perception).render(kit, wanted=blueprint(1))


def test_equal_plans_give_equal_files(studio: Studio, tmp_path: Path) -> None:
    kit = studio.kit(logo=studio.file("again.svg", _SVG), progress_bar=True)
    one = studio.render(kit)
    other = Studio(tmp_path, studio.video, studio.perception).render(kit)
    assert other.path.read_bytes() == one.path.read_bytes()


def test_a_logo_that_is_gone_is_a_typed_refusal(studio: Studio, tmp_path: Path) -> None:
    kit = studio.kit(logo=studio.file("gone.svg", _SVG.replace("143cdc", "dc143c")))
    lost = Kit(kit.style, {})
    with pytest.raises(RenderFailed, match=r"logo\.png: missing_material: .* give the file again or leave it out"):
        Studio(tmp_path, studio.video, studio.perception).render(lost)
    assert not (tmp_path / "out").exists()
