"""The gate reads back what is laid over a film: the brand's mark, the progress bar and emoji, on real files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flywheel_assets.core.account import BrandKit
from flywheel_assets.creative.types import Blueprint, Hook
from flywheel_assets.rendering.effects import Effect, Logo, ProgressBar
from flywheel_assets.rendering.kit import read_kit
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.quality import Files, bar, inspect, marks, open_eyes
from flywheel_assets.rendering.quality.watching import watch
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.style import Kit
from flywheel_assets.rendering.types import EditPlan, Overlay, QualityLine
from flywheel_assets.settings import Rendering
from flywheel_assets.store.blobs import Blobs
from tests import tiny_fonts
from tests.films.footage import Pixels
from tests.gate_bench import SMALL, WHOLE, broken, film, perception
from tests.look_bench import mark

FIRE, CUP = "\U0001f525", "\u2615"
PLAIN = Blueprint(
    key="v01", hook=Hook(index=1, family="any", text="Tired of cold coffee?"), scene_order=(2, 0, 1), promise="Coffee.",
    call_to_action="Book your free tasting", brand="Bright Cup",
)  # fmt: skip
MARKED = PLAIN.model_copy(
    update={
        "hook": PLAIN.hook.model_copy(update={"text": f"Tired of cold coffee? {FIRE}"}),
        "call_to_action": f"Book your free tasting {CUP}",
    }
)


@dataclass(frozen=True)
class Branded:
    """A film with all three, the pictures the gate takes of it, and those it takes of one without any of them."""

    files: Files
    plan: EditPlan
    settings: Rendering
    pictures: dict[int, Pixels]
    bare: dict[int, Pixels]

    def judged(
        self, plan: EditPlan | None = None, *, pictures: dict[int, Pixels] | None = None, kit: Kit | None = None
    ) -> dict[str, QualityLine]:
        """The three lines."""
        plan, shown = plan or self.plan, self.pictures if pictures is None else pictures
        laid = marks.judge(shown, plan, marks.asked(plan, self.settings), kit or self.files.kit)
        return {line.feature: line for line in (*laid, bar.judge(shown, plan))}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Branded:
    folder = tmp_path_factory.mktemp("branded")
    tiny_fonts.emoji_font(folder / "fonts")
    settings = SMALL.model_copy(update={"font_folders": (folder / "fonts",)})
    mark((301, 197)).save(folder / "mark.png")
    asked = BrandKit(logo=folder / "mark.png", progress_bar=True)
    kit = read_kit(asked, Blobs(str(folder / "blobs"), folder / "copies"))
    kit = replace(kit, style=kit.style.model_copy(update={"without": WHOLE.without}))
    video = film(folder / "film.mp4")
    seen, places = perception(video), (folder / "out", folder / "cache")
    (one,) = render_all(video, [MARKED], seen, *places, settings, kit=kit)
    (other,) = render_all(video, [PLAIN], seen, *places, settings, kit=Kit(WHOLE))
    plan = edit_plan(MARKED, seen, settings, kit.style)
    wanted = bar.frames(plan)
    wanted |= marks.asked(plan, settings).frames(wanted)
    pictures, bare = (
        watch(each.path, seconds=0.1, wanted=wanted, covered=()).pictures for each in (one, other)
    )  # fmt: skip
    return Branded(Files(one.path, one.captions_srt, video, kit), plan, settings, pictures, bare)


def _effects(plan: EditPlan, change: Callable[[Effect], Effect]) -> EditPlan:
    """The plan with other effects on its output."""
    segments = (
        each.model_copy(update={"effects": tuple(change(one) for one in each.effects)}) for each in plan.segments
    )
    return plan.model_copy(update={"segments": tuple(segments)})


def _overlays(plan: EditPlan, change: Callable[[Overlay], Overlay]) -> EditPlan:
    segments = (
        each.model_copy(update={"overlays": tuple(change(one) for one in each.overlays)}) for each in plan.segments
    )
    return plan.model_copy(update={"segments": tuple(segments)})


def _boxed(kind: type[Effect], right: float, down: float) -> Callable[[Effect], Effect]:
    def moved(one: Effect) -> Effect:
        if not isinstance(one, Logo | ProgressBar) or not isinstance(one, kind):
            return one
        a, b, c, d = one.box
        return one.model_copy(update={"box": (a + right, b + down, c + right, d + down)})

    return moved


def test_a_real_render_keeps_all_promises_and_the_likeness_is_said(made: Branded) -> None:
    lines = {line.feature: line for line in inspect(made.files, made.plan, made.settings, open_eyes())}
    assert broken(lines) == {}
    for feature in ("logo_seen", "emoji_seen"):
        assert isinstance(lines[feature].value, float)
        assert lines[feature].value > 0.9
    assert str(lines["progress_bar"].value).startswith("in ")


def test_what_is_missing_from_the_film_is_refused(made: Branded) -> None:
    found = broken(made.judged(pictures=made.bare))
    assert set(found) == {"logo_seen", "emoji_seen", "progress_bar"}
    assert str(found["logo_seen"].value).startswith("likeness ")
    assert "no bar" in str(found["progress_bar"].value) or "0 pixels instead of" in str(found["progress_bar"].value)


@pytest.mark.parametrize("number", [0, -1], ids=["first", "last"])
def test_one_picture_without_them_is_enough(made: Branded, number: int) -> None:
    at = sorted(made.pictures)[number]
    found = broken(made.judged(pictures={**made.pictures, at: made.bare[at]}))
    assert {"logo_seen", *(["progress_bar"] if number else [])} <= set(found)  # at first it has two pixels
    assert found["logo_seen"].wanted.endswith(f"in picture {at}")


@pytest.mark.parametrize(("right", "down"), [(4, 0), (0, -4), (-8, 6)])
def test_a_logo_that_is_elsewhere_is_refused_and_it_says_where_it_was_found(
    made: Branded, right: int, down: int
) -> None:
    found = broken(made.judged(_effects(made.plan, _boxed(Logo, right, down))))
    assert set(found) == {"logo_seen"}
    assert f"fits best {-right:+d}, {-down:+d} pixels beside it" in str(found["logo_seen"].value)


@pytest.mark.parametrize(
    "paint",
    [
        lambda one: one[..., [2, 1, 0, 3]],
        lambda one: np.dstack([255 - one[..., :3], one[..., 3]]),
        lambda one: np.dstack([one[..., :3].mean(axis=-1, keepdims=True).repeat(3, axis=-1), one[..., 3]]),
    ],
    ids=["channels swapped", "inverted", "grey"],
)
def test_a_logo_in_other_colours_is_refused(made: Branded, paint: Callable[[Pixels], Pixels], tmp_path: Path) -> None:
    """The plan's logo is another one than the film's: its file shows other colours under the same name."""
    (name, file), *_ = made.files.kit.files.items()
    other = tmp_path / "other.png"
    Image.fromarray(paint(np.asarray(Image.open(file).convert("RGBA"))).astype(np.uint8)).save(other)
    found = broken(made.judged(kit=Kit(made.files.kit.style, {name: other})))
    assert set(found) == {"logo_seen"}


def test_a_logo_whose_file_is_gone_is_not_taken_for_granted(made: Branded) -> None:
    found = broken(made.judged(kit=Kit()))
    assert set(found) == {"logo_seen"}
    assert "missing_material" in str(found["logo_seen"].value)


def test_a_logo_that_nobody_can_tell_from_what_surrounds_it_is_refused_with_a_remedy(made: Branded) -> None:
    """A white one on nothing but white."""
    white = {number: np.full_like(picture, 250) for number, picture in made.pictures.items()}
    (name, file), *_ = made.files.kit.files.items()
    blank = file.parent / "blank.png"
    Image.new("RGBA", (301, 197), (250, 250, 250, 255)).save(blank)
    found = made.judged(pictures=white, kit=Kit(made.files.kit.style, {name: blank}))["logo_seen"]
    assert not found.passed
    assert "light outline" in found.wanted


@pytest.mark.parametrize("change", [{"colour": "#10c040"}, {"total_frames": 195}, {"total_frames": 210}])
def test_a_bar_of_another_colour_or_pace_is_refused(made: Branded, change: dict[str, object]) -> None:
    """The film has 201 pictures."""

    def changed(one: Effect) -> Effect:
        return one.model_copy(update=change) if isinstance(one, ProgressBar) else one

    assert set(broken(made.judged(_effects(made.plan, changed)))) == {"progress_bar"}


@pytest.mark.parametrize(("right", "down"), [(6, 0), (-6, 0), (0, 6), (0, -6)])
def test_a_bar_that_is_elsewhere_is_refused(made: Branded, right: int, down: int) -> None:
    assert set(broken(made.judged(_effects(made.plan, _boxed(ProgressBar, right, down))))) == {"progress_bar"}


def test_a_bar_that_stands_still_is_refused(made: Branded) -> None:
    numbers = sorted(made.pictures)
    late = {**made.pictures, numbers[-1]: made.pictures[numbers[len(numbers) // 2]]}
    assert "instead of" in str(broken(made.judged(pictures=late))["progress_bar"].value)


@pytest.mark.parametrize("role", ["hook", "cta"])
def test_an_emoji_that_is_elsewhere_or_another_one_is_refused(made: Branded, role: str) -> None:
    def moved(one: Overlay) -> Overlay:
        a, b, c, d = one.box
        return one.model_copy(update={"box": (a + 5, b, c + 5, d)}) if one.role == role else one

    def other(one: Overlay) -> Overlay:
        swapped = str.maketrans({FIRE: CUP, CUP: FIRE})
        lines = tuple(line.translate(swapped) for line in one.lines)
        return one.model_copy(update={"lines": lines}) if one.role == role else one

    aside = broken(made.judged(_overlays(made.plan, moved)))
    assert set(aside) == {"emoji_seen"}
    assert re.search(r"fits best -[56], [-+][01] pixels beside it", str(aside["emoji_seen"].value))
    assert set(broken(made.judged(_overlays(made.plan, other)))) == {"emoji_seen"}


def test_without_the_fonts_the_emoji_are_not_taken_for_granted(made: Branded) -> None:
    laid = marks.asked(made.plan, SMALL)
    lines = {line.feature: line for line in marks.judge(made.pictures, made.plan, laid, made.files.kit)}
    assert set(broken(lines)) == {"emoji_seen"}
    assert "flywheel fetch-fonts" in str(lines["emoji_seen"].value)


def test_half_a_film_is_refused_and_says_what_is_missing(made: Branded) -> None:
    half = {number: picture for number, picture in made.pictures.items() if number < 100}
    found = broken(made.judged(pictures=half))
    assert set(found) == {"logo_seen", "emoji_seen", "progress_bar"}
    assert all(str(line.value).startswith("the file has no picture ") for line in found.values())


def test_a_plan_without_them_has_nothing_to_keep(made: Branded) -> None:
    nothing = _overlays(
        _effects(made.plan, lambda one: one).model_copy(
            update={"segments": tuple(each.model_copy(update={"effects": ()}) for each in made.plan.segments)}
        ),
        lambda one: one.model_copy(update={"lines": ("Plain",)}),
    )
    lines = made.judged(nothing)
    assert broken(lines) == {}
    assert all(line.wanted.startswith("not applicable: ") for line in lines.values())
