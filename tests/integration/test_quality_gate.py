"""The gate after rendering, on real files: one that keeps every promise, and for every promise one that breaks it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flywheel_assets.rendering import placements, probe
from flywheel_assets.rendering.quality import inspect
from flywheel_assets.rendering.quality.stillness import source_moves
from flywheel_assets.rendering.quality.streams import placed
from tests.gate_bench import AAC, CLOCK, FAST, SAME_PICTURE, SAME_SOUND, SMALL, Good, broken, ffmpeg, make_good


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Good:
    return make_good(tmp_path_factory.mktemp("gate"))


def test_a_finished_file_keeps_every_promise_and_the_numbers_are_said(good: Good) -> None:
    lines = good.judged(good.files)
    assert broken(lines) == {}
    assert set(lines) == {
        "streams", "dimensions", "video_codec", "audio_codec", "closed_gop", "fps", "frames", "starts_at_zero",
        "decodes", "av_ends", "placement_shape", "placement_length", "file_size", "faststart", "not_black",
        "not_frozen", "loudness", "true_peak", "av_drift", "hook_read", "captions_read", "cta_read", "brand_read",
        "offer_read", "proof_read", "hook_gone", "text_in_safe_zone", "contrast", "logo_seen", "emoji_seen", "progress_bar", "subtitles",
    }  # fmt: skip
    assert lines["loudness"].value == pytest.approx(-14, abs=1)
    assert lines["hook_read"].value == pytest.approx(1, abs=0.15)
    assert "ms at" in str(lines["av_drift"].value)  # measured, not taken for granted


def test_encoding_it_again_breaks_nothing(good: Good) -> None:
    """What the damaged files below fail for is their damage."""
    assert broken(good.judged(good.damaged("again", *SAME_SOUND))) == {}
    assert broken(good.judged(good.damaged("again_sound", *AAC, *SAME_PICTURE))) == {}


_OTHER_STREAMS: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "ten_bits": (("-pix_fmt", "yuv420p10le", *SAME_SOUND[:-6], "-profile:v", "high10", *FAST), {"video_codec"}),
    "other_codec": (("-c:v", "mpeg4", "-q:v", "2", "-g", "60", "-c:a", "copy", *FAST), {"video_codec"}),
    "oblong_pixels": (("-vf", "setsar=4/3", *SAME_SOUND), {"dimensions"}),
    "long_groups": ((*SAME_SOUND, "-g", "200", "-sc_threshold", "0"), {"closed_gop"}),
    "open_groups": ((*SAME_SOUND, "-g", "20", "-x264-params", "open-gop=1:scenecut=0"), {"closed_gop"}),
    "late_index": (("-c", "copy", *CLOCK), {"faststart"}),
    "two_sounds": (("-map", "0:v", "-map", "0:a", "-map", "0:a", "-c", "copy", *FAST), {"streams"}),
    "mono": (("-af", "pan=mono|c0=c0", *AAC, *SAME_PICTURE), {"audio_codec", "loudness"}),
    "other_sampling": (("-ar", "44100", *AAC, *SAME_PICTURE), {"audio_codec"}),
    "too_loud": (("-af", "volume=8dB", *AAC, *SAME_PICTURE), {"loudness", "true_peak"}),
    "clipped": (("-af", "volume=2.5dB", *AAC, *SAME_PICTURE), {"loudness", "true_peak"}),
    "short_sound": (("-af", "atrim=end=6", *AAC, *SAME_PICTURE), {"av_ends"}),
    "hardly_late_sound": (("-af", "adelay=20:all=1,atrim=end=6.7", *AAC, *SAME_PICTURE), set()),
    "late_sound": (("-af", "adelay=67:all=1,atrim=end=6.7", *AAC, *SAME_PICTURE), {"av_drift"}),
    "early_sound": (("-af", "atrim=start=0.067,asetpts=N/SR/TB,apad=whole_dur=6.7", *AAC, *SAME_PICTURE), {"av_drift"}),
    "sound_that_runs_away": (("-af", "atempo=0.96,atrim=end=6.7", *AAC, *SAME_PICTURE), {"av_drift"}),
    "other_sound": (("-af", "areverse", *AAC, *SAME_PICTURE), {"av_drift"}),
}  # fmt: skip


@pytest.mark.parametrize("name", _OTHER_STREAMS)
def test_a_file_of_another_make_is_refused(good: Good, name: str) -> None:
    arguments, wanted = _OTHER_STREAMS[name]
    assert set(broken(good.judged(good.damaged(name, *arguments)))) == wanted


_OTHER_PICTURES = {
    "black_stretch": ("drawbox=c=black:t=fill:enable='between(n,112,130)'", "not_black"),
    "frozen": ("split[a][b];[a][b]freezeframes=first=18:last=42:replace=18", "not_frozen"),
    "under_the_buttons": ("pad=iw:ih+90:0:90,crop=iw:960:0:0,setsar=1", "text_in_safe_zone"),
    "pale": ("eq=contrast=0.3", "contrast"),
}


@pytest.mark.parametrize("name", _OTHER_PICTURES)
def test_a_file_that_shows_something_else_is_refused(good: Good, name: str) -> None:
    picture, wanted = _OTHER_PICTURES[name]
    assert set(broken(good.judged(good.damaged(name, "-vf", picture, *SAME_SOUND)))) == {wanted}


def test_a_file_of_another_rate_is_refused(good: Good) -> None:
    assert {"fps", "frames"} <= set(broken(good.judged(good.damaged("other_rate", "-r", "25", *SAME_SOUND))))


def test_a_picture_that_starts_two_frames_late_is_refused(good: Good) -> None:
    late = ("-itsoffset", "0.0667", "-i", str(good.files.video), "-map", "1:v", "-map", "0:a", "-c", "copy", *FAST)
    found = broken(good.judged(good.damaged("late_picture", *late)))
    assert {"starts_at_zero", "av_ends"} <= set(found)


def test_a_file_that_players_turn_is_refused(good: Good) -> None:
    made = good.folder / "turned.mp4"
    ffmpeg("-display_rotation", "90", "-i", str(good.files.video), "-c", "copy", *FAST, str(made))
    found = broken(good.judged(replace(good.files, video=made)))
    assert set(found) == {"dimensions"}
    assert "turned by" in str(found["dimensions"].value)


def test_half_a_file_is_refused_and_says_what_is_missing(good: Good) -> None:
    made = good.folder / "half.mp4"
    content = good.files.video.read_bytes()
    made.write_bytes(content[: len(content) // 2])
    found = broken(good.judged(replace(good.files, video=made)))
    assert {"frames", "av_ends", "cta_read", "decodes"} <= set(found)
    assert str(found["cta_read"].value).startswith("the file has no picture")


@pytest.mark.parametrize("content", [b"", b"not a film", None])
def test_what_cannot_be_opened_is_one_broken_promise(good: Good, content: bytes | None) -> None:
    path = good.folder / "nothing.mp4"
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)
    (only,) = inspect(replace(good.files, video=path), good.plan, SMALL, good.eyes)
    assert (only.feature, only.passed) == ("opens", False)
    assert "nothing.mp4: unreadable" in str(only.value)


def test_a_sound_file_is_refused(good: Good) -> None:
    (only,) = inspect(good.damaged("sound_only", "-vn", "-c:a", "copy"), good.plan, SMALL, good.eyes)
    assert "no_picture" in str(only.value)


def test_a_film_of_another_shape_length_or_weight_than_its_placement_takes_is_refused(good: Good) -> None:
    """The in-stream slot takes wide films of 5 to 15 seconds; this one is upright."""
    elsewhere = good.plan.model_copy(update={"placement": "in_stream"})
    assert set(broken(good.judged(good.files, elsewhere))) == {"placement_shape"}
    packets = probe.packets(good.files.video)
    tight = replace(placements.REELS, seconds=(1.0, 6.0), max_bytes=1000)
    lines = placed(good.files.video, packets, tight)
    assert {found.feature for found in lines if not found.passed} == {"placement_length", "file_size"}


def test_whether_the_source_moves_is_seen_in_the_source(good: Good) -> None:
    assert source_moves(good.files.source, 0.2, 1.2)
    assert not source_moves(good.files.source, 1.6, 2.9)  # test bars
    assert source_moves(good.files.source, 1.6, 3.4)  # across a cut
