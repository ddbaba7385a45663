"""Perception of real files: the sample advert against its truth, odd but good files, and bad ones."""

from __future__ import annotations

import json
import socket
import subprocess
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest

from flywheel_assets.core.errors import IntakeRejected, NotAvailable
from flywheel_assets.creative.perception.perceive import perceive, settings_digest
from flywheel_assets.creative.perception.probe import probe
from flywheel_assets.creative.perception.scenes import detect_scenes
from flywheel_assets.creative.perception.sound import RATE, read_sound
from flywheel_assets.creative.perception.video import picture, read_frames
from flywheel_assets.creative.types import Perception
from flywheel_assets.settings import Media

SAMPLES = Path(__file__).parents[2] / "samples"
SAMPLE = SAMPLES / "raw_ad.mp4"
MEDIA = Media()


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((SAMPLES / "raw_ad.truth.json").read_text())
    return content


@pytest.fixture(scope="module")
def told() -> list[tuple[str, int, int]]:
    return []


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, told: list[tuple[str, int, int]]) -> Perception:
    """The sample, perceived once, without object weights."""

    def note(stage: str, done: int, total: int) -> None:
        told.append((stage, done, total))

    empty = tmp_path_factory.mktemp("weights")
    return perceive(SAMPLE, video_sha256="0" * 64, media=MEDIA, weights_dir=empty, language="en", progress=note)


def _ffmpeg(*arguments: str, to: Path) -> Path:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments, str(to)]
    subprocess.run(command, check=True, capture_output=True)
    return to


def _clip(to: Path, *extra: str, seconds: float = 2, size: str = "320x180") -> Path:
    """A moving test picture with a tone."""
    picture_source = f"testsrc2=size={size}:rate=30:duration={seconds}"
    tone = f"sine=frequency=440:duration={seconds}"
    sources = ("-f", "lavfi", "-i", picture_source, "-f", "lavfi", "-i", tone)
    return _ffmpeg(*sources, "-pix_fmt", "yuv420p", "-g", "30", *extra, to=to)


def _perceived(path: Path, weights: Path, language: str = "en") -> Perception:
    return perceive(path, video_sha256="0" * 64, media=MEDIA, weights_dir=weights, language=language)


def _rule(path: Path, media: Media = MEDIA) -> str:
    with pytest.raises(IntakeRejected) as refusal:
        probe(path, media)
    assert path.name in str(refusal.value)
    assert refusal.value.remedy
    return refusal.value.rule


# --- the sample advert --------------------------------------------------------------------------


def test_the_sample_passes_the_first_look(truth: dict[str, Any]) -> None:
    found = probe(SAMPLE, MEDIA)
    assert (found.width, found.height, found.rotation) == (truth["width"], truth["height"], 0)
    assert (found.fps, found.frame_count) == (truth["fps"], truth["frame_count"])
    assert found.seconds == pytest.approx(truth["frame_count"] / truth["fps"], abs=0.01)
    assert found.has_audio
    assert found.has_video


def test_every_hard_cut_is_found_and_nothing_else(seen: Perception, truth: dict[str, Any]) -> None:
    found = [scene.start_frame for scene in seen.scenes[1:]]
    dissolves = [range(each["start_frame"] - 1, each["end_frame"] + 2) for each in truth["dissolves"]]
    hard = [frame for frame in found if not any(frame in each for each in dissolves)]
    assert len(hard) == len(truth["cuts"])
    assert all(abs(one - two) <= 1 for one, two in zip(hard, truth["cuts"], strict=True))


def test_scenes_cover_every_frame_once(seen: Perception, truth: dict[str, Any]) -> None:
    assert seen.frame_count == truth["frame_count"]
    assert [scene.index for scene in seen.scenes] == [row.index for row in seen.features]
    edges = [0, *(scene.end_frame for scene in seen.scenes)]
    assert edges == [*(scene.start_frame for scene in seen.scenes), truth["frame_count"]]
    for scene in seen.scenes:
        assert scene.start == pytest.approx(scene.start_frame / truth["fps"], abs=0.002)
        assert scene.end == pytest.approx(scene.end_frame / truth["fps"], abs=0.002)


def _plain(text: str) -> str:
    return "".join(text.lower().split())


def test_every_text_on_the_screen_is_read_while_it_stands(seen: Perception, truth: dict[str, Any]) -> None:
    read = [text for row in seen.features for text in row.texts or ()]
    for wanted in truth["texts"]:
        standing = [each for each in read if each.start < wanted["end"] and each.end > wanted["start"]]
        found = [each for each in standing if _plain(each.text) == _plain(wanted["text"])]
        assert len(found) == 1, (wanted["text"], standing)
        # It fades in for a quarter of a second before the truth calls it there.
        assert -0.4 <= found[0].start - wanted["start"] <= 0.15
        assert abs(found[0].end - wanted["end"]) <= 0.3
    assert len(read) == len(truth["texts"])
    for text in read:
        left, top, right, bottom = text.box
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1


def test_four_of_five_spoken_words_are_heard_in_their_place(seen: Perception, truth: dict[str, Any]) -> None:
    def bare(word: str) -> str:
        return word.lower().strip(".,?!")

    said = [(bare(each["word"]), each["start"]) for each in truth["words"]]
    heard = [(bare(each.text), each.start) for row in seen.features for each in row.words or ()]
    matcher = SequenceMatcher(None, [word for word, _ in said], [word for word, _ in heard], autojunk=False)
    pairs = [(block.a + i, block.b + i) for block in matcher.get_matching_blocks() for i in range(block.size)]
    assert len(pairs) >= 0.8 * len(said)
    assert np.median([abs(said[one][1] - heard[two][1]) for one, two in pairs]) < 0.3


def test_the_looks_of_the_sample_are_those_of_a_moving_lit_picture(seen: Perception) -> None:
    for row in seen.features:
        assert 0.05 < row.brightness < 0.95
        assert 0 < row.saturation < 1
        assert 0 < row.motion < 0.3
        assert row.sharpness > 60


def test_every_engine_is_on_record_and_the_absent_one_says_how_to_get_it(seen: Perception) -> None:
    assert set(seen.engines) == {
        "scenes", "look", "text", "objects", "faces", "speech", "voice", "loudness", "beat",
    }  # fmt: skip
    for modality in ("text", "faces", "speech", "voice"):
        engine = seen.engines[modality]
        assert engine.unavailable is None
        assert engine.version
        assert len(engine.weights_sha256 or "") == 64
        assert engine.settings
    assert "flywheel fetch-weights" in str(seen.engines["objects"].unavailable)
    assert all(row.objects is None for row in seen.features)
    rest = ("texts", "unread", "text_density", "faces", "words", "voice", "loudness", "beats")
    assert not any(getattr(row, name) is None for row in seen.features for name in rest)


def test_progress_reaches_the_end_of_every_stage(seen: Perception, told: list[tuple[str, int, int]]) -> None:
    ends = {stage: (done, total) for stage, done, total in told}
    scenes = len(seen.scenes)
    assert ends == {"scenes": (seen.frame_count,) * 2, "sound": (1, 1), "picture": (scenes, scenes)}


def test_a_perception_survives_storage(seen: Perception) -> None:
    assert Perception.model_validate_json(seen.model_dump_json()) == seen


def test_a_perception_from_before_fades_were_known_still_loads(seen: Perception) -> None:
    fades = {"fade_in_frames", "fade_out_frames", "clean_start", "clean_end"}
    older = json.loads(seen.model_dump_json())
    older["scenes"] = [{name: value for name, value in one.items() if name not in fades} for one in older["scenes"]]
    scenes = Perception.model_validate(older).scenes
    assert [(one.clean_start, one.clean_end) for one in scenes] == [(one.start, one.end) for one in scenes]
    assert [one.clean_frames for one in scenes] == [(one.start_frame, one.end_frame) for one in scenes]


# --- odd but good files -------------------------------------------------------------------------


def test_a_video_without_sound_is_taken_and_speech_is_unknown(tmp_path: Path) -> None:
    silent = _clip(tmp_path / "silent.mp4", "-an")
    assert probe(silent, MEDIA).has_audio is False
    found = _perceived(silent, tmp_path)
    assert found.engines["speech"].unavailable == "no audio stream"
    assert [row.words for row in found.features] == [None] * len(found.scenes)
    assert [row.loudness for row in found.features] == [None] * len(found.scenes)
    assert found.has_audio is False


def test_silence_was_listened_to_and_holds_no_words(tmp_path: Path) -> None:
    sources = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=1.5", "-f", "lavfi", "-i", "anullsrc=d=1.5")
    hushed = _ffmpeg(*sources, "-pix_fmt", "yuv420p", to=tmp_path / "hushed.mp4")
    found = _perceived(hushed, tmp_path)
    assert found.engines["speech"].unavailable is None
    assert [row.words for row in found.features] == [()]


@pytest.mark.parametrize("language", ["de", "es", "ja"])
def test_another_language_is_not_guessed_with_an_english_model(tmp_path: Path, language: str) -> None:
    clip = _clip(tmp_path / "clip.mp4")
    found = _perceived(clip, tmp_path, language=language)
    reason = str(found.engines["speech"].unavailable)
    assert f"the brief's language is {language!r}" in reason
    assert "multilingual Whisper" in reason
    assert found.features[0].words is None
    assert found.features[0].voice is not None


def test_speech_that_is_no_english_is_not_written_down_as_if_it_were(tmp_path: Path) -> None:
    # Played backwards it is a voice with the sounds of no language: the model writes English all the same.
    still = ("-f", "lavfi", "-i", "color=gray:s=320x180:r=30:d=12", "-i", str(SAMPLE), "-map", "0:v", "-map", "1:a")
    backwards = _ffmpeg(*still, "-af", "areverse", "-shortest", "-pix_fmt", "yuv420p", to=tmp_path / "backwards.mp4")
    found = _perceived(backwards, tmp_path)
    assert "was not understood as 'en'" in str(found.engines["speech"].unavailable)
    assert [row.words for row in found.features] == [None] * len(found.scenes)
    assert max(row.voice or 0 for row in found.features) > 0.3


def test_one_shot_is_one_scene(tmp_path: Path) -> None:
    clip = _clip(tmp_path / "clip.mp4", seconds=3)
    (only,) = detect_scenes(clip, MEDIA)
    assert (only.start_frame, only.end_frame, only.start, only.end) == (0, 90, 0.0, 3.0)


def test_a_phone_filmed_on_its_side_is_seen_upright(tmp_path: Path) -> None:
    white_top = "color=black:s=320x180:r=30:d=1.5,drawbox=0:0:iw:60:white:fill"
    flat = _ffmpeg("-f", "lavfi", "-i", white_top, "-pix_fmt", "yuv420p", to=tmp_path / "flat.mp4")
    turned = _ffmpeg("-display_rotation", "90", "-i", str(flat), "-c", "copy", to=tmp_path / "turned.mp4")
    found = probe(turned, MEDIA)
    assert (found.width, found.height, found.rotation) == (180, 320, 90)
    # What ffmpeg shows a player after turning the picture itself is the judge.
    shown = _ffmpeg("-i", str(turned), "-frames:v", "1", "-pix_fmt", "rgb24", to=tmp_path / "shown.png")
    (expected,) = (picture(each.frame, 320) for each in read_frames(_still(shown, tmp_path)))
    ours = picture(next(read_frames(turned)).frame, 320)
    assert ours.shape == expected.shape == (320, 180, 3)
    assert np.abs(ours.astype(int) - expected.astype(int)).mean() < 3


def _still(image: Path, folder: Path) -> Path:
    return _ffmpeg("-i", str(image), "-c:v", "ffv1", to=folder / "still.mkv")


@pytest.mark.parametrize("suffix", ["mov", "mkv", "webm"])
def test_other_containers_are_taken(tmp_path: Path, suffix: str) -> None:
    found = probe(_clip(tmp_path / f"clip.{suffix}"), MEDIA)
    assert (found.frame_count, found.has_audio) == (60, True)
    assert found.seconds == pytest.approx(2, abs=0.05)


def test_a_recording_that_does_not_know_its_own_length_is_measured(tmp_path: Path) -> None:
    live = _clip(tmp_path / "live.webm", "-live", "1", "-f", "webm")
    assert probe(live, MEDIA).seconds == pytest.approx(2, abs=0.05)


def test_a_rate_that_the_frames_do_not_bear_out_is_corrected(tmp_path: Path) -> None:
    # Every third frame only, in a container whose header still says 30 a second.
    third = "testsrc2=s=320x180:r=30:d=3,select='lt(n,4)+not(mod(n,3))'"
    vfr = ("-fps_mode", "vfr", "-c:v", "libvpx", "-live", "1", "-f", "webm")
    sparse = _ffmpeg("-f", "lavfi", "-i", third, *vfr, to=tmp_path / "sparse.webm")
    found = probe(sparse, MEDIA)
    assert found.fps == pytest.approx(found.frame_count / found.seconds, rel=0.02)
    assert found.fps < 12
    (only,) = detect_scenes(sparse, MEDIA)
    assert only.end == pytest.approx(2.9, abs=0.15)


def test_times_of_a_variable_frame_rate_are_those_in_the_file(tmp_path: Path) -> None:
    # The second half shows every third frame only.
    halves = "testsrc2=s=320x180:r=30:d=2,select='lt(t,1)+not(mod(n,3))'"
    uneven = _ffmpeg(
        "-f", "lavfi", "-i", halves, "-fps_mode", "vfr", "-pix_fmt", "yuv420p", to=tmp_path / "uneven.mp4"
    )  # fmt: skip
    times = [each.time for each in read_frames(uneven)]
    assert times[:3] == pytest.approx([0, 1 / 30, 2 / 30], abs=0.001)
    assert np.diff(times[31:]) == pytest.approx(0.1, abs=0.001)


def test_sound_that_starts_late_keeps_its_distance_to_the_picture(tmp_path: Path) -> None:
    sources = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=2", "-itsoffset", "0.5", "-f", "lavfi")
    late = _ffmpeg(*sources, "-i", "sine=d=1", "-pix_fmt", "yuv420p", "-c:a", "flac", to=tmp_path / "late.mkv")
    loud = np.flatnonzero(np.abs(read_sound(late).samples) > 0.01)
    assert loud[0] / RATE == pytest.approx(0.5, abs=0.02)
    assert loud[-1] / RATE == pytest.approx(1.5, abs=0.02)


def test_sound_that_is_already_as_wanted_passes_through(tmp_path: Path) -> None:
    exact = _clip(tmp_path / "exact.mkv", "-c:a", "pcm_f32le", "-ar", str(RATE), "-ac", "1")
    assert len(read_sound(exact).samples) == 2 * RATE


def test_no_sound_is_an_answer_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(NotAvailable, match="no audio stream"):
        read_sound(_clip(tmp_path / "silent.mp4", "-an"))


# --- bad files ----------------------------------------------------------------------------------


def test_an_empty_file(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    assert _rule(empty) == "empty_file"


def test_a_text_that_calls_itself_a_video(tmp_path: Path) -> None:
    text = tmp_path / "advert.mp4"
    text.write_text("Buy now, this is not a film.")
    assert _rule(text) == "not_a_video"


@pytest.mark.parametrize(
    "content",
    [
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:2,\n{url}/segment.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{url}/clip.mp4'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\n",
        "\x00\x00\x00\x18ftypmp42\n#EXTM3U\n#EXTINF:2,\n{url}/segment.ts\n#EXT-X-ENDLIST\n",
    ],
    ids=["hls", "concat", "sdp", "hls behind a video's first bytes"],
)
def test_a_playlist_opens_no_connection(tmp_path: Path, content: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        port = listener.getsockname()[1]
        playlist = tmp_path / "playlist.mp4"
        playlist.write_text(content.format(url=f"http://127.0.0.1:{port}", port=port))
        assert _rule(playlist) in {"not_a_video", "damaged"}
        with pytest.raises(IntakeRejected):
            detect_scenes(playlist, MEDIA)
        with pytest.raises(IntakeRejected):
            read_sound(playlist)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    ("name", "extra"), [("front.mp4", ("-movflags", "+faststart")), ("back.mp4", ()), ("cut.mkv", ())]
)
def test_a_file_that_was_cut_off(tmp_path: Path, name: str, extra: tuple[str, ...]) -> None:
    whole = _clip(tmp_path / name, *extra, seconds=4).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) * 6 // 10])
    assert _rule(tmp_path / name) == "damaged"


@pytest.mark.parametrize("where", [0.05, 0.95])
def test_noise_in_the_first_or_last_second(tmp_path: Path, where: float) -> None:
    path = _clip(tmp_path / "noisy.mp4", "-an", "-movflags", "+faststart", seconds=4)
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 8
    at = start + int((len(content) - start) * where)
    content[at : at + 2000] = np.random.default_rng(1).bytes(min(2000, len(content) - at))
    path.write_bytes(content)
    assert _rule(path) == "damaged"


def test_sound_alone_even_with_a_cover_is_no_video(tmp_path: Path) -> None:
    cover = _ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1", to=tmp_path / "cover.jpg")
    tone = ("-f", "lavfi", "-i", "sine=d=2")
    plain = _ffmpeg(*tone, "-f", "mp4", to=tmp_path / "plain.mp4")
    covered = ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v:0", "attached_pic", "-f", "mp4")
    song = _ffmpeg(*tone, "-i", str(cover), *covered, to=tmp_path / "song.mp4")
    assert [_rule(plain), _rule(song)] == ["no_video_stream"] * 2


def test_a_video_beyond_a_bound_is_told_the_bound(tmp_path: Path) -> None:
    clip = _clip(tmp_path / "clip.mp4")
    bounds = {
        "too_short": {"min_seconds": 2.5},
        "too_long": {"max_seconds": 1.5},
        "too_large": {"max_bytes": 1000},
        "too_many_pixels": {"max_pixels": 320 * 180 - 1},
    }
    assert {rule: _rule(clip, Media.model_validate(values)) for rule, values in bounds.items()} == {
        rule: rule for rule in bounds
    }


# --- the key of a stored perception -------------------------------------------------------------


def test_the_digest_changes_with_what_changes_a_result_and_with_nothing_else(tmp_path: Path) -> None:
    same = settings_digest(MEDIA, "en", tmp_path)
    assert settings_digest(Media(max_bytes=5), "en", tmp_path) == same
    assert settings_digest(MEDIA, "de", tmp_path) != same
    assert settings_digest(Media(min_scene_seconds=0.5), "en", tmp_path) != same
    (tmp_path / "yolov8n.onnx").write_bytes(b"not the weights")
    assert settings_digest(MEDIA, "en", tmp_path) != same
