"""Whether the finished file keeps the subject in the picture, measured on its pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from flywheel_assets.creative.options import Ratio
from flywheel_assets.creative.perception.engines import yunet
from flywheel_assets.creative.perception.engines.choice import Place
from flywheel_assets.creative.types import Engine, ScreenText, SeenObject, Word
from flywheel_assets.rendering.backends import recipe
from flywheel_assets.rendering.canvas import overlap
from flywheel_assets.rendering.effects import Crop, Fit
from flywheel_assets.rendering.ffmpeg import run
from flywheel_assets.rendering.quality import Files, inspect, open_eyes
from flywheel_assets.rendering.quality.expected import texts
from flywheel_assets.rendering.quality.matching import likeness
from flywheel_assets.rendering.ratios import framed
from flywheel_assets.rendering.segments import encode_all, path_of
from flywheel_assets.rendering.style import Kit, Style
from flywheel_assets.rendering.types import Clip, EditPlan, Segment
from tests.films.adverts import BARE, SMALL, Advert, advert, pictures
from tests.films.clips import FPS, face, pasted, perceived, texture, with_disc, write
from tests.films.footage import Pixels

RADIUS = 28
SCALE = 960 / 360  # of a 640 x 360 source whose height fills the frame
CENTRE = (640 - 360 * 9 / 16) / 2  # left edge of a crop in the middle


def _disc(picture: Pixels) -> tuple[float, float, float]:
    """Middle of the yellow and how much of it there is, pixels."""
    red, green, blue = (picture[..., channel].astype(int) for channel in range(3))
    # On a pixel between two colours the disc counts by half.
    rows, columns = np.nonzero((red > 205) & (green > 185) & (blue < 125) & (green - blue > 70))
    return (float(columns.mean()), float(rows.mean()), float(len(rows))) if len(rows) else (0.0, 0.0, 0.0)


def _whole(found: tuple[float, float, float], scale: float = SCALE) -> bool:
    return found[2] >= 0.9 * np.pi * (RADIUS * scale) ** 2


def _framings(plan: EditPlan) -> list[Crop | Fit]:
    return [each for s in plan.segments for c in s.clips for each in c.effects if isinstance(each, Crop | Fit)]


def _place(frame: int) -> tuple[float, float]:
    """To the right, a rest, and some of the way back; pixels of the source."""
    seconds = frame / FPS
    return 120 + 110 * min(seconds, 3.0) - 90 * max(seconds - 4.0, 0.0), 190 + 30 * float(np.sin(seconds * 2))


@pytest.fixture(scope="module")
def disc(tmp_path_factory: pytest.TempPathFactory) -> Advert:
    folder, frames = tmp_path_factory.mktemp("disc"), 150
    video = write(folder / "disc.mp4", (with_disc(texture(1), *_place(frame), RADIUS) for frame in range(frames)))
    return advert(video, perceived(video, [frames]), [0], folder)


def test_a_moving_disc_is_whole_in_the_output_where_a_crop_in_the_middle_would_lose_it(disc: Advert) -> None:
    held = [_whole(_disc(picture)) for picture in disc.pictures]
    assert len(held) == 150
    assert np.mean(held) >= 0.95
    middle = [x - RADIUS >= CENTRE and x + RADIUS <= 640 - CENTRE for x, _ in map(_place, range(150))]
    assert np.mean(middle) < 0.6
    assert disc.plan.notes["smart_reframe: scene 0"].startswith("the subject in the picture in ")


def test_the_window_moves_without_jitter_across_all_segments_of_a_shot(disc: Advert) -> None:
    assert len(disc.plan.segments) > 1  # cut where the hook would leave
    found = [_disc(picture) for picture in disc.pictures]
    edges = [_place(frame)[0] * SCALE - one[0] for frame, one in enumerate(found)]
    assert max(edges) - min(edges) > 100
    # Whole pixels of the source would be steps of 2.7 px, of its colours twice that.
    assert np.abs(np.diff(edges, n=2)).max() < 2.6
    assert np.abs(np.diff(edges)).max() <= 0.25 * 640 * SCALE / FPS + 2


def test_a_face_is_followed_and_whole(tmp_path: Path) -> None:
    frames, head = 120, face()
    places = [(130 + 2.4 * frame, 150.0) for frame in range(frames)]
    video = write(tmp_path / "face.mp4", (pasted(texture(3), head, *place) for place in places))
    made = advert(video, perceived(video, [frames]), [0], tmp_path)
    features = cv2.resize(head[55:160, 40:150], None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    likeness = [float(cv2.matchTemplate(one, features, cv2.TM_CCOEFF_NORMED).max()) for one in made.pictures[::6]]
    assert np.mean([one > 0.9 for one in likeness]) >= 0.95


def test_a_caption_makes_room_for_a_face_that_the_window_follows(tmp_path: Path) -> None:
    """Letters and faces are found in the finished pictures; where the caption usually is there is a face."""
    frames, head = 90, face()
    places = [(160 + 2.0 * frame, 230.0) for frame in range(frames)]
    video = write(tmp_path / "low.mp4", (pasted(texture(3), head, *place) for place in places))
    perception = perceived(video, [frames])
    words = (
        Word(text="Fresh", start=0.2, end=0.7, probability=0.9), Word(text="coffee", start=1.5, end=2.2, probability=0.9)
    )  # fmt: skip
    features = perception.features[0].model_copy(update={"words": words})
    heard = perception.engines | {"speech": Engine(name="by hand")}
    spoken = perception.model_copy(update={"features": (features,), "engines": heard})
    made = advert(video, spoken, [0], tmp_path, style=Style(without=BARE.without - {"auto_captions"}))
    assert made.plan.notes["auto_captions: scene 0"] == "2 of 2 cards moved for a face"
    assert all(isinstance(one, Crop) and one.reach for one in _framings(made.plan))
    eyes, finder = open_eyes(), yunet.load(Place(tmp_path, ""))
    low = made.plan.canvas.safe[3]
    for card in texts(made.plan):
        for frame in (card.start + 8, card.end - 1):
            (found,) = finder.read(made.pictures[frame], 0.0)
            near = (found.box[0] * 540, found.box[1] * 960, found.box[2] * 540, found.box[3] * 960)
            (read,) = [line for line in eyes.read(made.pictures[frame]) if likeness(line.text, card.text) > 0.8]
            assert overlap(near, read.box) == 0
            assert overlap(near, (read.box[0], low - 60, read.box[2], low)) > 0


def test_a_cropped_advert_with_its_texts_passes_the_gate(tmp_path: Path) -> None:
    video = write(tmp_path / "disc.mp4", (with_disc(texture(1), *_place(frame), RADIUS) for frame in range(120)))
    made = advert(video, perceived(video, [120]), [0], tmp_path, style=Style())
    assert all(isinstance(one, Crop) for one in _framings(made.plan))
    lines = inspect(Files(made.render.path, made.render.captions_srt, video), made.plan, SMALL, open_eyes())
    assert [line for line in lines if not line.passed] == []


@pytest.mark.parametrize("ratio", ["9:16", "4:5", "1:1", "16:9"])
def test_every_shape_has_its_exact_size_square_pixels_and_the_subject(tmp_path: Path, ratio: Ratio) -> None:
    frames = 75
    video = write(tmp_path / "disc.mp4", (with_disc(texture(5), 500 - 2 * f, 180, RADIUS) for f in range(frames)))
    settings = framed(SMALL, ratio)
    made = advert(video, perceived(video, [frames]), [0], tmp_path, settings=settings)
    with av.open(str(made.render.path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (settings.width, settings.height)
        assert stream.sample_aspect_ratio in {None, Fraction(1)}
    wanted = Fraction(ratio.replace(":", "/"))
    assert settings.width / settings.height == pytest.approx(float(wanted), rel=0.003)  # 4:5 of 540 is no even height
    scale = settings.height / 360
    assert np.mean([_whole(_disc(picture), scale) for picture in made.pictures]) >= 0.95
    assert (made.plan.notes["smart_reframe: scene 0"] == "the source has the shape of the output") == (ratio == "16:9")


def test_an_upright_source_in_a_square_is_followed_up_and_down(tmp_path: Path) -> None:
    frames, ground = 120, texture(6, (360, 640))
    places = [(180.0, 560 - 3.2 * frame) for frame in range(frames)]
    video = write(tmp_path / "up.mp4", (with_disc(ground, *place, RADIUS) for place in places))
    made = advert(video, perceived(video, [frames], size=(360, 640)), [0], tmp_path, settings=framed(SMALL, "1:1"))
    assert all(isinstance(one, Crop) and one.width == 1 for one in _framings(made.plan))
    found = [_disc(picture) for picture in made.pictures]
    assert np.mean([_whole(one, 1.5) for one in found]) >= 0.95
    edges = [place[1] * 1.5 - one[1] for place, one in zip(places, found, strict=True)]
    assert max(edges) - min(edges) > 150
    assert np.abs(np.diff(edges, n=2)).max() < 2.6


def test_no_window_moves_because_of_a_cut(tmp_path: Path) -> None:
    """Two shots whose subject only sinks, far from one another."""
    shots = [with_disc(texture(7), x, 120 + 2 * frame, RADIUS) for x in (120, 500) for frame in range(45)]
    video = write(tmp_path / "cut.mp4", shots)
    made = advert(video, perceived(video, [45, 45]), [1, 0], tmp_path)
    across = [_disc(picture)[0] for picture in made.pictures]
    for shot in (across[:45], across[45:]):
        assert max(shot) - min(shot) < 2
    assert all(isinstance(one, Crop) and len(one.path) == 1 for one in _framings(made.plan))


def _same(one: Pixels, other: Pixels) -> float:
    return float(10 * np.log10(255**2 / max(float(np.mean((one.astype(float) - other) ** 2)), 1e-9)))


def _shown_whole(made: Advert, source: Pixels) -> bool:
    """Whether the banner of an upright output holds all of a source picture."""
    (fit,) = set(_framings(made.plan))
    assert isinstance(fit, Fit)
    left, top, right, bottom = (round(edge) for edge in fit.box)
    wanted = np.asarray(cv2.resize(source, (right - left, bottom - top), interpolation=cv2.INTER_AREA), np.uint8)
    return _same(made.pictures[20][top:bottom, left:right], wanted) > 28


def test_a_subject_wider_than_a_crop_is_shown_whole_over_a_blurred_copy_and_the_plan_says_why(tmp_path: Path) -> None:
    ground = texture(9)
    video = write(tmp_path / "wide.mp4", [ground] * 45)
    box = (0.05, 0.1, 0.95, 0.9)
    persons = tuple(SeenObject(label="person", time=time, box=box, confidence=0.9) for time in (0.2, 0.7, 1.2))
    made = advert(video, perceived(video, [45], objects=persons), [0], tmp_path)
    assert _shown_whole(made, ground)
    assert made.plan.notes["smart_reframe: scene 0"] == "the subject is up to 90% of the side wide, a crop shows 32%"


def test_what_merely_stands_out_is_not_cropped_to(tmp_path: Path) -> None:
    ground = with_disc(cv2.GaussianBlur(texture(5), (0, 0), 20).astype(np.uint8), 480, 160, 40)
    video = write(tmp_path / "still.mp4", [ground] * 45)
    made = advert(video, perceived(video, [45]), [0], tmp_path)
    assert made.survey.scenes[0].subject_kind == "contrast"
    assert _shown_whole(made, ground)
    assert made.plan.notes["smart_reframe: scene 0"].endswith("what merely stands out is a guess")


def test_the_sources_own_text_is_never_cut_off(tmp_path: Path) -> None:
    shots = [with_disc(texture(1), *_place(frame), RADIUS) for frame in range(60)]
    video = write(tmp_path / "text.mp4", shots)
    text = ScreenText(text="Half price", start=0.5, end=1.5, box=(0.05, 0.1, 0.6, 0.2), confidence=0.9)
    perception = perceived(video, [60])
    written = perception.features[0].model_copy(update={"texts": (text,)})
    made = advert(video, perception.model_copy(update={"features": (written,)}), [0], tmp_path)
    assert _shown_whole(made, shots[20])
    assert made.plan.notes["smart_reframe: scene 0"] == "its own text needs 55% of the side, a crop shows 32%"


@pytest.mark.parametrize("size", ["641x361", "639x359"])
def test_a_window_moves_over_a_source_of_odd_size(disc: Advert, tmp_path: Path, size: str) -> None:
    odd = tmp_path / "odd.mp4"
    drawn = [
        "-f",
        "lavfi",
        "-i",
        f"testsrc2=s=700x400:r=30:d=1,format=yuv444p,scale={size.replace('x', ':')}",
        "-c:v",
        "libx264",
        "-pix_fmt",
        "yuv444p",
    ]
    run([*drawn, str(odd)], subject="odd film", timeout=60)
    moves = Crop(top=0, width=0.316, height=1, path=((0, 0.0), (14, 0.684)), reach=(0, 0, 1, 1))
    clip = Clip(scene_index=0, source_start=0.2, source_end=0.7, frames=15, effects=(moves,))
    one = recipe(Segment(kind="scene", clips=(clip,), frames=15), disc.plan, SMALL)
    encode_all(odd, [one], tmp_path, Kit(), SMALL, lambda *_: None)
    assert [picture.shape for picture in pictures(path_of(one.key, tmp_path))] == [(960, 540, 3)] * 15
