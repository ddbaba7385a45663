"""Which engine is chosen, and what each of the light ones sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.engines.choice import MODULES, Place, identities, load
from flywheel_assets.creative.perception.video import picture, read_frames
from flywheel_assets.creative.types import Engine
from flywheel_assets.settings import Perceiving

SAMPLE = Path(__file__).parents[2] / "samples" / "raw_ad.mp4"


def test_without_further_libraries_the_packaged_engines_are_chosen(tmp_path: Path) -> None:
    chosen = identities(Place(tmp_path, "en"), Perceiving())
    assert {modality: engine.name for modality, engine in chosen.items()} == {
        "text": "rapidocr", "objects": "onnx-yolo", "faces": "yunet", "speech": "faster-whisper", "voice": "silero-vad",
    }  # fmt: skip
    missing = [modality for modality, engine in chosen.items() if engine.unavailable]
    assert missing == ["objects"]


@pytest.mark.parametrize(("modality", "name"), [("text", "easyocr"), ("objects", "ultralytics"), ("speech", "whisper")])
def test_an_engine_that_was_asked_for_by_name_is_not_replaced_by_another(
    tmp_path: Path, modality: str, name: str
) -> None:
    asked = Perceiving.model_validate({modality: name})
    chosen = dict[str, Engine](identities(Place(tmp_path, "en"), asked))[modality]
    assert chosen.name == name
    assert chosen.unavailable


def test_every_engine_can_be_asked_for_by_a_setting() -> None:
    for modality, names in MODULES.items():
        if len(names) > 1:
            assert {name: getattr(Perceiving.model_validate({modality: name}), modality) for name in names} == {
                name: name for name in names
            }


def test_an_engine_that_is_not_there_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(NotAvailable, match="no weights"):
        load("objects", Engine(name="onnx-yolo", unavailable="no weights"), Place(tmp_path, "en"))


def test_the_one_face_of_the_sample_is_found_and_nothing_else(tmp_path: Path) -> None:
    place = Place(tmp_path, "en")
    engine = load("faces", identities(place, Perceiving())["faces"], place)
    wanted = {45: 0, 130: 0, 215: 1, 330: 0, 800: 0}  # frames of the sample; the astronaut is at 215
    found = {
        each.index: engine.read(picture(each.frame, 1280), each.time)
        for each in read_frames(SAMPLE)
        if each.index in wanted
    }
    assert {index: len(faces) for index, faces in found.items()} == wanted
    (face,) = found[215]
    left, top, right, bottom = face.box
    assert 0 <= left < right <= 1
    assert 0 <= top < bottom <= 1


def test_a_voice_is_told_from_noise(tmp_path: Path) -> None:
    place = Place(tmp_path, "en")
    engine = load("voice", identities(place, Perceiving())["voice"], place)
    noise = np.random.default_rng(1).normal(0, 0.05, 3 * 16_000).astype(np.float32)
    assert engine.read(noise) == ()
    assert engine.read(np.zeros(16_000, dtype=np.float32)) == ()
