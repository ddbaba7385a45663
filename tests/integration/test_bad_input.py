"""Sources of odd make and texts of odd length, on the finished file: each plays as it is shown, or is refused in words."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.core.ids import file_sha256
from flywheel_assets.creative.types import Blueprint, Perception
from flywheel_assets.rendering import ffmpeg
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.style import Kit, Style
from flywheel_assets.rendering.types import EditPlan, Render
from tests import coded_films, tiny_fonts
from tests.coded_films import TINY, Script, Spoken

PLAIN = Kit(Style(without=frozenset({"scene_transitions", "pattern_interrupt", "color_grading", "silence_trim"})))
FINE = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "10")


def _render(film: Path, seen: Perception, folder: Path) -> tuple[Render, EditPlan]:
    blueprint = coded_films.blueprint(1, 1, 0)
    (made,) = render_all(film, [blueprint], seen, folder / "out", folder / "cache", TINY, kit=PLAIN)
    plan = edit_plan(blueprint, seen, TINY, PLAIN.style)
    assert coded_films.broken(made, film, plan) == []
    return made, plan


def _shown(made: Render, plan: EditPlan) -> list[int]:
    """The source's picture that each output frame shows, the end card left out."""
    pictures = coded_films.pictures(made.path)[: sum(one.frames for one in plan.segments[:-1])]
    return [coded_films.number(picture, plan) for picture in pictures]


def _played(plan: EditPlan, fps: float) -> list[int]:
    """The source's picture at the planned time of each output frame."""
    starts = [(one.clips[0].source_start, one.frames) for one in plan.segments[:-1]]
    return [round((start + place / plan.fps) * fps) for start, frames in starts for place in range(frames)]


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(25), Fraction(30_000, 1001), Fraction(60)], ids=str)
def test_a_film_of_any_rate_plays_in_time_with_its_sound(fps: Fraction, tmp_path: Path) -> None:
    words = (Spoken("Fresh", 0.4, 0.8), Spoken("coffee", 0.9, 1.3, 1400), Spoken("daily", 2.2, 2.7, 700))
    script = Script(scenes=(round(1.5 * fps), round(1.5 * fps)), words=words, fps=fps)
    film = coded_films.film(tmp_path / "film.mkv", script)
    made, plan = _render(film, coded_films.perception(film, script), tmp_path)
    shown, played = _shown(made, plan), _played(plan, float(fps))
    assert len(shown) == len(played) == made.frames - 66
    # Never another picture than the next, and on the whole no more than half a frame beside its sound.
    assert max(abs(one - other) for one, other in zip(shown, played, strict=True)) <= 1
    assert sum(shown) / len(shown) == pytest.approx(sum(played) / len(played), abs=max(0.5, float(fps) / 60))


STILL = Script(scenes=(36, 30), has_audio=False)


def _remade(folder: Path, size: tuple[int, int], *steps: Sequence[str]) -> tuple[Path, Perception]:
    """A coded film passed through ffmpeg, and what is known of it: its size is the one it is shown at."""
    film = coded_films.film(folder / "plain.mkv", STILL)
    for number, step in enumerate(steps):
        source, film = film, folder / f"remade{number}.mp4"
        ffmpeg.run([*(word.format(source=source) for word in step), str(film)], subject="test film", timeout=60)
    wide, high = size
    known = coded_films.perception(film, STILL)
    return film, known.model_copy(update={"video_sha256": file_sha256(film), "width": wide, "height": high})


TURNED = ("-display_rotation", "90", "-i", "{source}", "-c", "copy")


@pytest.mark.parametrize(
    ("size", "steps"),
    [
        ((320, 180), [("-i", "{source}", "-vf", "transpose=clock", *FINE), TURNED]),
        ((319, 181), [("-i", "{source}", "-vf", "scale=319:181:flags=neighbor,format=yuv444p", *FINE)]),
        ((320, 180), [("-i", "{source}", "-vf", "scale=240:180:flags=neighbor,setsar=4/3", *FINE)]),
    ],
    ids=["turned", "odd size", "pixels that are not square"],
)
def test_a_film_is_rendered_as_players_show_it(
    size: tuple[int, int], steps: list[tuple[str, ...]], tmp_path: Path
) -> None:
    film, seen = _remade(tmp_path, size, *steps)
    made, plan = _render(film, seen, tmp_path)
    assert _shown(made, plan) == [*range(36, 66), *range(36)]  # upright and in its place, or its bars say other numbers


def _refused(blueprint: Blueprint, seen: Perception, film: Path, folder: Path, why: str) -> None:
    settings = TINY.model_copy(update={"font_folders": (folder / "fonts",), "timeout_seconds": 60.0})
    with pytest.raises(RenderFailed, match=why):
        render_all(film, [blueprint], seen, folder / "out", folder / "cache", settings, kit=PLAIN)
    assert not (folder / "out").exists()


@pytest.mark.parametrize("hook", ["word " * 40, "w" * 200])
def test_a_hook_of_two_hundred_characters_is_refused_before_anything_is_encoded(hook: str, tmp_path: Path) -> None:
    film = coded_films.film(tmp_path / "film.mkv", STILL)
    plain = coded_films.blueprint(1, 0, 1)
    blueprint = plain.model_copy(update={"hook": plain.hook.model_copy(update={"text": hook})})
    _refused(blueprint, coded_films.perception(film, STILL), film, tmp_path, r"hook: too_long: (199|200) characters")
    assert not (tmp_path / "cache").exists()


def test_a_span_without_pictures_under_an_emoji_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    tiny_fonts.emoji_font(tmp_path / "fonts")
    film = coded_films.film(tmp_path / "film.mkv", STILL)
    seen = coded_films.perception(film, STILL)
    late = tuple(
        scene.model_copy(
            update={edge: getattr(scene, edge) + 60 for edge in ("start", "end", "clean_start", "clean_end")}
        )
        for scene in seen.scenes
    )
    plain = coded_films.blueprint(1, 0, 1)
    hot = plain.model_copy(
        update={"hook": plain.hook.model_copy(update={"text": "Hot \U0001f525 coffee"}), "brand": "A \u2615"}
    )
    _refused(
        hot, seen.model_copy(update={"scenes": late}), film, tmp_path, "frame_count: 0 frames came out, the plan wants"
    )
    assert list((tmp_path / "cache").iterdir()) == []
