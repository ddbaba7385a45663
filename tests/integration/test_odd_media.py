"""Files that are odd and good: they are seen as a player shows them, or refused in words.

`media/seven_scripts.png` says "fresh coffee every morning" in English, Russian, Greek, Arabic, Hebrew,
Hindi and Tamil, in Noto Sans and DejaVu Sans.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from flywheel_assets.core.errors import IntakeRejected
from flywheel_assets.creative.perception.perceive import perceive
from flywheel_assets.creative.perception.probe import probe
from flywheel_assets.creative.perception.scenes import detect_scenes
from flywheel_assets.creative.perception.sound import RATE, read_sound
from flywheel_assets.creative.perception.told import as_dict
from flywheel_assets.creative.perception.video import Decoded, Image, picture, read_frames, shrink
from flywheel_assets.creative.types import Perception
from flywheel_assets.settings import Media

MEDIA = Media()
SCRIPTS = Path(__file__).parent / "media" / "seven_scripts.png"


def _ffmpeg(to: Path, *arguments: str) -> Path:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments, str(to)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return to


def _film(source: str) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p")


def _perceived(path: Path, weights: Path, language: str = "en") -> Perception:
    return perceive(path, video_sha256="0" * 64, media=MEDIA, weights_dir=weights, language=language)


def test_of_thirty_sound_tracks_the_first_is_heard(tmp_path: Path) -> None:
    tones = [f"sine=frequency={200 + 100 * each}:duration=2" for each in range(30)]
    sources = [word for tone in tones for word in ("-f", "lavfi", "-i", tone)]
    maps = [word for each in range(31) for word in ("-map", str(each))]
    many = _ffmpeg(
        tmp_path / "many.mkv", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=2", *sources, *maps, "-c:a", "flac"
    )
    spectrum = np.abs(np.fft.rfft(read_sound(many).samples))
    assert np.argmax(spectrum) * RATE / (2 * (len(spectrum) - 1)) == pytest.approx(200, abs=2)


def test_pixels_that_are_not_square_are_seen_as_they_are_shown(tmp_path: Path) -> None:
    # A disc as wide as high on the screen: pressed together in the stored picture by 64 to 45.
    disc = "geq=lum='if(lt(hypot((X-360)*64/45\\,Y-288)\\,200)\\,235\\,16)':cb=128:cr=128"
    pal = _ffmpeg(tmp_path / "pal.mp4", *_film(f"color=s=720x576:r=25:d=1.2,{disc},setsar=64/45"))
    found = probe(pal, MEDIA)
    assert (found.width, found.height) == (1024, 576)
    first = next(read_frames(pal))
    seen = picture(first.frame, 1280, first.shape)[..., 0] > 128
    assert seen.shape == (576, 1024)
    assert seen.any(axis=0).sum() == pytest.approx(seen.any(axis=1).sum(), abs=6)


def test_ten_bits_of_high_dynamic_range_are_seen(tmp_path: Path) -> None:
    colours = ("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc")
    source = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=1.2", "-pix_fmt", "yuv420p10le")
    deep = _ffmpeg(tmp_path / "deep.mp4", *source, "-c:v", "libx265", "-x265-params", "log-level=none", *colours)
    found = probe(deep, MEDIA)
    assert (found.video_codec, found.frame_count) == ("hevc", 36)
    seen = picture(next(read_frames(deep)).frame, 320)
    assert seen.dtype == np.uint8
    assert seen.std() > 30


def test_frames_of_unlike_films_in_turn_look_as_each_alone(tmp_path: Path) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=s={size}:r=30:d=0.2")
    kinds = {
        "plain": ("320x180", ("-pix_fmt", "yuv420p", "-colorspace", "bt709", "-color_range", "tv")),
        "small": ("160x120", ("-pix_fmt", "yuv420p", "-colorspace", "smpte170m", "-color_range", "tv")),
        "full": ("320x180", ("-pix_fmt", "yuvj420p", "-colorspace", "smpte170m", "-color_range", "pc")),
        "fine": ("320x180", ("-pix_fmt", "yuv444p10le", "-colorspace", "bt709", "-color_range", "tv")),
    }
    films = [
        _ffmpeg(tmp_path / f"{name}.mkv", *(word.format(size=size) for word in source), *how, "-c:v", "ffv1")
        for name, (size, how) in kinds.items()
    ]
    alone = [[_scaled_alone(each) for each in read_frames(film)] for film in films]
    in_turn = zip(*(read_frames(film) for film in films), strict=True)
    for at, frames in enumerate(in_turn):
        for film, each in enumerate(frames):
            assert np.array_equal(shrink(each.frame, 64, 36, "bgr24"), alone[film][at]), list(kinds)[film]
    assert len(alone[0]) == 6


def _scaled_alone(decoded: Decoded) -> Image:
    small = decoded.frame.reformat(width=64, height=36, format="bgr24", interpolation="AREA")
    return np.asarray(small.to_ndarray(), dtype=np.uint8)


def test_two_hundred_and_forty_frames_a_second_are_cut_in_the_right_place(tmp_path: Path) -> None:
    names = ("testsrc2", "rgbtestsrc")
    sources = [word for name in names for word in ("-f", "lavfi", "-i", f"{name}=s=320x180:r=240:d=1")]
    graph = "[0][1]concat=n=2:v=1,format=yuv420p"
    fast = _ffmpeg(tmp_path / "fast.mp4", *sources, "-filter_complex", graph)
    scenes = detect_scenes(fast, MEDIA)
    assert [scene.start for scene in scenes] == [0.0, pytest.approx(1.0, abs=0.01)]
    assert scenes[-1].end == pytest.approx(2.0, abs=0.01)


def test_timestamps_below_zero_are_moved_to_the_start(tmp_path: Path) -> None:
    below = ("-bf", "3", "-output_ts_offset", "-0.5", "-avoid_negative_ts", "disabled")
    early = _ffmpeg(tmp_path / "early.mp4", *_film("testsrc2=s=320x180:r=30:d=2"), *below)
    (only,) = detect_scenes(early, MEDIA)
    assert only.start >= 0
    assert only.end <= probe(early, MEDIA).seconds + 0.6
    times = [each.time for each in read_frames(early)]
    assert times == sorted(times)


def test_a_film_whose_first_keyframe_is_missing_begins_with_the_next(tmp_path: Path) -> None:
    whole = _ffmpeg(tmp_path / "whole.mp4", *_film("testsrc2=s=320x180:r=30:d=4"), "-g", "60", "-bf", "0")
    dropped = ("-c", "copy", "-bsf:v", "noise=drop='lt(n,1)'", "-copyinkf")
    headless = _ffmpeg(tmp_path / "headless.mp4", "-i", str(whole), *dropped)
    (only,) = detect_scenes(headless, MEDIA)
    assert only.end_frame == 60
    assert only.end == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize(("offset", "frames"), [("-1", 30), ("-0.02", 1)])
def test_a_matroska_file_that_lost_its_times_below_zero_is_refused_with_a_remedy_that_helps(
    tmp_path: Path, offset: str, frames: int
) -> None:
    # It can neither be wound back nor say when its first frames are shown.
    below = ("-output_ts_offset", offset, "-avoid_negative_ts", "disabled")
    tone = ("-f", "lavfi", "-i", "sine=d=3")
    lost = _ffmpeg(tmp_path / "lost.mkv", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=3", *tone, *below)
    with pytest.raises(IntakeRejected, match=f"{frames} of its 90 pictures carry no time") as caught:
        probe(lost, MEDIA)
    assert caught.value.rule == "no_times"
    with pytest.raises(IntakeRejected, match="carries no time"):
        list(read_frames(lost))
    remedy = str(caught.value).rpartition("ffmpeg -i OLD ")[2].split()[:4]
    found = probe(_ffmpeg(tmp_path / "new.mp4", "-i", str(lost), *remedy), MEDIA)
    assert (found.frame_count, found.seconds) == (90, pytest.approx(3, abs=0.05))


# A flash and a beep, both two seconds in.
_FLASH = "color=c=gray:s=320x180:r=30:d=5,drawbox=w=iw:h=ih:color=white:t=fill:enable='between(t,1.999,2.099)'"
_BEEP = "aevalsrc='if(between(t,2,2.1),0.8*sin(2*PI*1000*t),0)':d=5:s=48000"
_TWICE = ("-i", "{base}", "-map", "0:v", "-map", "1:a", "-c", "copy")


@pytest.mark.parametrize(
    ("name", "arguments", "flash", "beep"),
    [
        ("skipped.mp4", ("-ss", "1.2", "-i", "{base}", "-c", "copy"), 0.8, 0.8),
        ("skipped.mkv", ("-ss", "1.2", "-i", "{base}", "-c", "copy"), None, None),
        ("late_sound.mp4", ("-i", "{base}", "-itsoffset", "0.5", *_TWICE), 2.0, 2.5),
        ("late_picture.mp4", ("-itsoffset", "0.5", "-i", "{base}", *_TWICE), 2.5, 2.0),
        ("early_sound.mkv", ("-i", "{base}", "-itsoffset", "-0.3", *_TWICE, "-avoid_negative_ts", "disabled"), None, None),
        ("below.mp4", ("-i", "{base}", "-c", "copy", "-output_ts_offset", "-0.5", "-avoid_negative_ts", "disabled"), 1.5, 1.5),
        ("no_list.mp4", ("-i", "{base}", "-c", "copy", "-use_editlist", "0"), None, None),
    ],
)  # fmt: skip
def test_what_an_edit_list_or_an_offset_moves_is_where_it_is_shown(
    tmp_path: Path, name: str, arguments: tuple[str, ...], flash: float | None, beep: float | None
) -> None:
    sources = ("-f", "lavfi", "-i", _FLASH, "-f", "lavfi", "-i", _BEEP)
    base = _ffmpeg(tmp_path / "base.mp4", *sources, "-pix_fmt", "yuv420p", "-g", "30", "-bf", "3")
    moved = _ffmpeg(tmp_path / name, *(each.format(base=base) for each in arguments))
    frames = [(each.time, shrink(each.frame, 64, 36, "rgb24").mean()) for each in read_frames(moved)]
    seen = next(time for time, level in frames if level > 200)
    heard = np.flatnonzero(np.abs(read_sound(moved).samples) > 0.3)[0] / RATE
    apart = 0.3 if name.startswith("early") else 0.0
    if flash is not None and beep is not None:
        assert (seen, heard) == (pytest.approx(flash, abs=0.01), pytest.approx(beep, abs=0.03))
    else:  # where it begins is for the file to say; what belongs together stays together
        assert seen - heard == pytest.approx(apart, abs=0.06)
    assert all(time >= 0 for time, _ in frames)
    assert len(frames) == probe(moved, MEDIA).frame_count


def test_music_alone_has_beats_and_no_words(tmp_path: Path) -> None:
    note = "0.5*sin(2*PI*(220+110*floor(mod(t*2\\,4)))*t)*exp(-6*mod(t\\,0.5))"
    sources = ("-f", "lavfi", "-i", "color=gray:s=320x180:r=30:d=8", "-f", "lavfi", "-i", f"aevalsrc={note}:d=8")
    found = _perceived(_ffmpeg(tmp_path / "music.mp4", *sources, "-pix_fmt", "yuv420p"), tmp_path)
    (only,) = found.features
    assert only.words == ()
    assert found.tempo == pytest.approx(120, abs=1)
    assert len(only.beats or ()) == pytest.approx(16, abs=2)
    assert only.voice is not None
    assert only.voice < 0.2


def test_scripts_nobody_here_reads_are_reported_and_not_guessed(tmp_path: Path) -> None:
    film = _ffmpeg(tmp_path / "scripts.mp4", "-loop", "1", "-i", str(SCRIPTS), "-t", "1.5", "-pix_fmt", "yuv420p")
    told = as_dict(_perceived(film, tmp_path))
    assert [each["text"] for each in told["texts"]] == ["Fresh coffee every morning"]
    heights = sorted(round((each["box"][1] + each["box"][3]) / 2 * 720) for each in told["unread"])
    assert heights == pytest.approx([28 + 98 * line + 36 for line in range(1, 7)], abs=30)
