"""The gate's instruments on made-up pictures, sounds and texts of which the right answer is known."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from flywheel_assets.core.errors import ConfigurationError, RenderFailed
from flywheel_assets.creative.perception.texts import ReadText
from flywheel_assets.creative.types import Engine
from flywheel_assets.rendering import fonts, placements, probe
from flywheel_assets.rendering.quality.contrast import measure
from flywheel_assets.rendering.quality.envelope import Envelope
from flywheel_assets.rendering.quality.eyes import Eyes, Line
from flywheel_assets.rendering.quality.matching import find, likeness
from flywheel_assets.rendering.quality.sidecar import Card, parse
from flywheel_assets.rendering.quality.stand_in import drawn
from flywheel_assets.rendering.quality.stillness import Stillness, Thumb

Picture = NDArray[np.uint8]

# --- placements -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "name"),
    [
        ((1080, 1920), "reels"), ((540, 960), "reels"), ((1080, 1935), "reels"), ((1080, 1350), "feed_4x5"),
        ((1080, 1380), "feed_4x5"), ((1080, 1080), "feed_1x1"), ((640, 640), "feed_1x1"), ((1920, 1080), "in_stream"),
    ],
)  # fmt: skip
def test_a_shape_finds_the_strictest_placement_that_takes_it(size: tuple[int, int], name: str) -> None:
    assert placements.for_size(*size).name == name


@pytest.mark.parametrize("size", [(1080, 1990), (1280, 1024), (100, 178), (3840, 1080)])
def test_a_shape_no_placement_takes_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(RenderFailed, match=rf"{size[0]}x{size[1]}: no_placement.*feed_4x5 1080x1350"):
        placements.for_size(*size)


def test_every_placement_is_found_by_name_and_leaves_room_for_text() -> None:
    for name, found in placements.BY_NAME.items():
        assert placements.placement(name) is found
        assert found.takes(*found.size)
        left, top, right, bottom = found.safe_box(*found.size)
        assert 0 <= left < right <= found.size[0]
        assert 0 <= top < bottom <= found.size[1]
        assert found.seconds[0] <= found.advised_seconds <= found.seconds[1]
    with pytest.raises(ConfigurationError, match="'tv' is not in the table; known are reels, stories"):
        placements.placement("tv")


# --- contrast -------------------------------------------------------------------------------------


def _text(paint: Callable[[ImageDraw.ImageDraw, ImageFont.FreeTypeFont], None], backdrop: Picture) -> Picture:
    picture = Image.fromarray(backdrop)
    paint(ImageDraw.Draw(picture), ImageFont.truetype(str(fonts.FOLDER / "Inter-Bold.otf"), 60))
    return np.asarray(picture)


def _flat(level: int) -> Picture:
    return np.full((100, 700, 3), level, dtype=np.uint8)


_BOX = (20.0, 15.0, 680.0, 88.0)
_WORDS = "Fresh coffee every day"


@pytest.mark.parametrize(
    ("ink", "paper", "wanted"),
    [(0, 255, 21.0), (255, 0, 21.0), (118, 255, 4.54), (150, 255, 2.96), (255, 118, 4.54), (90, 60, 1.6)],
)
def test_contrast_is_that_of_the_colours(ink: int, paper: int, wanted: float) -> None:
    picture = _text(lambda draw, font: draw.text((22, 18), _WORDS, (ink, ink, ink), font), _flat(paper))
    assert measure(picture, _BOX).contrast == pytest.approx(wanted, rel=0.06)


def test_an_outline_makes_white_letters_readable_on_white() -> None:
    outlined = _text(
        lambda draw, font: draw.text((22, 18), _WORDS, "white", font, stroke_width=6, stroke_fill=(16, 19, 26)),
        _flat(255),
    )
    assert measure(outlined, _BOX).contrast > 10
    bare = _text(lambda draw, font: draw.text((22, 18), _WORDS, "white", font), _flat(235))
    assert measure(bare, _BOX).contrast < 1.5


def test_letters_that_run_onto_a_bright_wall_are_judged_there() -> None:
    wall = _flat(20)
    wall[:, 350:] = 235
    half = _text(lambda draw, font: draw.text((22, 18), _WORDS, "white", font), wall)
    assert measure(half, _BOX).contrast < 2


def test_nothing_has_no_contrast() -> None:
    assert (measure(_flat(90), _BOX).contrast, measure(_flat(90), _BOX).ink) == (1.0, 0.0)
    assert measure(_flat(90), (900, 900, 950, 920)).contrast == 1.0


def test_a_text_is_drawn_where_it_differs_from_the_scene_without_it() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (300, 700, 3), dtype=np.uint8)
    titled = _text(
        lambda draw, font: draw.text((22, 18), _WORDS, "white", font, stroke_width=6, stroke_fill="black"), noise
    )
    assert drawn(titled, _BOX, noise, (_BOX,))
    assert not drawn(noise, _BOX, noise, (_BOX,))
    other = np.random.default_rng(2).integers(0, 255, (300, 700, 3), dtype=np.uint8)
    assert not drawn(noise, _BOX, other, (_BOX,))  # all of it moves


# --- matching -------------------------------------------------------------------------------------


def _line(text: str, left: float, top: float) -> Line:
    return Line(text, (left, top, left + 20 * len(text), top + 40))


def test_words_are_found_without_their_spaces_accents_and_emoji() -> None:
    match = find(("Café après", "midi \U0001f600"), [_line("CafeaprEs", 0, 0), _line("midi", 0, 50)], (0, 0, 200, 90))
    assert match.likeness == 1
    assert match.boxes == ((0, 0, 180, 40), (0, 50, 80, 90))


def test_a_line_the_finder_divided_is_one_again() -> None:
    seen = [_line("your free", 240, 3), _line("Book", 100, 0), _line("Elsewhere", 100, 300), _line("tasting", 460, 0)]
    match = find(("Book your free tasting",), seen, (100, 0, 600, 40))
    assert match.sure
    assert match.boxes == ((100, 0, 600, 43),)


def test_of_the_same_words_the_nearer_ones_count() -> None:
    seen = [_line("Bright Cup", 0, 900), _line("Bright Cup", 10, 100)]
    assert find(("Bright Cup",), seen, (0, 90, 200, 140)).boxes == ((10, 100, 210, 140),)


@given(
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz ", min_size=12, max_size=60).filter(lambda t: len(set(t)) > 6),
    st.data(),
)
def test_a_letter_misread_is_forgiven_and_other_words_are_not(text: str, data: st.DataObject) -> None:
    letters = text.replace(" ", "")
    if len(letters) < 10:
        return
    place = data.draw(st.integers(0, len(letters) - 1))
    assert likeness(text, letters[:place] + letters[place + 1 :]) >= 0.85
    assert likeness(text, "0123456789") < 0.85
    assert likeness(text, letters[: len(letters) // 2]) < 0.85
    assert likeness(text, "") == 0


# --- eyes -----------------------------------------------------------------------------------------


class CountingEngine:
    """Reads one line in the middle of anything."""

    identity = Engine(name="counting")

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def read(self, image: Picture) -> tuple[ReadText, ...]:
        self.sizes.append((image.shape[1], image.shape[0]))
        return (ReadText("Bright", (0.25, 0.4, 0.75, 0.6), 0.9), ReadText(None, (0, 0, 1, 0.1), 0.9))


def test_the_same_pixels_are_read_once_and_boxes_are_those_of_the_whole_picture() -> None:
    engine = CountingEngine()
    eyes = Eyes(engine)
    picture = np.zeros((1920, 1080, 3), dtype=np.uint8)
    (whole,) = eyes.read(picture)
    assert eyes.read(picture.copy()) == (whole,)
    (part,) = eyes.read(picture, (400, 1000, 799.5, 1099.5))
    eyes.read(picture, (400, 1000, 799.5, 1099.5), enlarged=True)
    assert engine.sizes == [(540, 960), (200, 50), (400, 100)]
    assert whole.box == pytest.approx((270 + 76.8, 768 + 38.4, 810 - 76.8, 1152 - 38.4))
    assert part.box == pytest.approx((504, 1042, 696, 1058))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Bright Cup", None), ("50 %", None), ("コーヒー", None), ("Γεια σου", "counting does not read GREEK"),
        ("Кофе today", "counting does not read CYRILLIC"), ("\U0001f600!", "it has no letters"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_known_before(text: str, reason: str | None) -> None:
    assert Eyes(CountingEngine()).cannot_read(text) == reason


# --- stillness ------------------------------------------------------------------------------------


def _thumbs(levels: list[float], *, grain: float = 0, hidden: bool = False) -> list[Thumb]:
    rng = np.random.default_rng(3)
    mask = np.zeros((40, 30), dtype=bool)
    mask[:5] = hidden
    pictures = [np.full((40, 30), level) + rng.normal(0, grain, (40, 30)) for level in levels]
    return [Thumb(np.clip(picture, 0, 255).astype(np.uint8), mask) for picture in pictures]


def _runs(pictures: list[Thumb]) -> tuple[tuple[int, int], ...]:
    state = Stillness()
    for picture in pictures:
        state.see(picture)
    return state.runs()


def test_grain_is_still_a_slow_change_is_not_and_text_does_not_count() -> None:
    assert _runs(_thumbs([80.0] * 9, grain=1)) == ((0, 9),)
    assert all(end - start <= 8 for start, end in _runs(_thumbs([80 + frame for frame in range(60)])))
    assert _runs(_thumbs([10.0, 90.0, 90.0, 90.0, 20.0])) == ((1, 4),)
    lit = _thumbs([80.0] * 6, hidden=True)
    lit[3].cells[:5] = 255
    assert _runs(lit) == ((0, 6),)
    lit[3].cells[20:30] = 255
    assert _runs(lit) == ((0, 3), (4, 6))


# --- sound, boxes, subtitles ----------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "full"), [("fltp", 1.0), ("s16", 32767), ("s16p", 32767)])
def test_an_envelope_knows_when_it_was_loud_whatever_the_samples_are(kind: str, full: float) -> None:
    rate, channels = 44_100, 2
    mono = np.where(np.arange(rate) // 441 % 2 == 1, full, 0)  # loud in every second hundredth of a second
    samples = np.vstack([mono, mono]) if kind.endswith("p") else np.repeat(mono, channels)[None]
    frame = av.AudioFrame.from_ndarray(samples.astype(np.float32 if kind == "fltp" else np.int16), kind, "stereo")
    frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
    found = Envelope(1.0, 1.0)
    found.add(frame, 0.75)
    values = found.values
    assert len(values) == 1000
    assert values[[7, 17, 27, 237]] == pytest.approx([1, 0, 1, 0], abs=0.01)
    assert values[735] == pytest.approx(0, abs=0.01)
    assert not values[751:].any()  # the frame was over


def test_boxes_are_listed_as_far_as_the_file_goes(tmp_path: Path) -> None:
    def box(name: str, content: bytes) -> bytes:
        return (8 + len(content)).to_bytes(4) + name.encode() + content

    large = (1).to_bytes(4) + b"mdat" + (16 + 5).to_bytes(8) + b"12345"
    path = tmp_path / "boxes.mp4"
    path.write_bytes(box("ftyp", b"isom") + large + box("moov", b"x" * 99)[:50])
    assert probe.boxes(path) == ("ftyp", "mdat", "moov")
    path.write_bytes(box("ftyp", b"isom") + (0).to_bytes(4) + b"mdat" + b"to the end of the file")
    assert probe.boxes(path) == ("ftyp", "mdat")
    path.write_bytes(b"")
    assert probe.boxes(path) == ()


def test_subtitles_are_parsed_with_either_line_end_and_a_mark_of_order() -> None:
    text = "\ufeff1\r\n00:00:00,200 --> 00:00:01,167\r\nFresh coffee\r\n\r\n2\r\n01:02:03,004 --> 01:02:04,000\r\nTwo\r\nlines\r\n"
    assert parse(text) == (Card(0.2, 1.167, "Fresh coffee"), Card(3723.004, 3724.0, "Two lines"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "words",
        "1\n00:00:01 --> 00:00:02\nno thousandths",
        "2\n00:00:00,000 --> 00:00:01,000\nhi",
        "1\n00:00:00,000 --> 00:00:01,000",
    ],
)
def test_what_is_no_subtitle_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="block 1 is not"):
        parse(text)
