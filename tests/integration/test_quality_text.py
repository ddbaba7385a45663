"""What the gate reads back, on real files: words, places, scripts nobody can read, and the subtitles beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.rendering.quality import inspect
from flywheel_assets.rendering.types import EditPlan
from tests.gate_bench import HOOK, SAME_SOUND, SMALL, Good, broken, make_good

ARABIC = "\u0642\u0647\u0648\u0629 \u0628\u0627\u0631\u062f\u0629"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Good:
    return make_good(tmp_path_factory.mktemp("gate"))


_FEATURES = {
    "hook": "hook_read", "caption": "captions_read", "cta": "cta_read", "brand": "brand_read", "headline": "offer_read",
    "proof": "proof_read",
}  # fmt: skip


@pytest.mark.parametrize("role", _FEATURES)
def test_a_text_that_is_not_drawn_is_refused(good: Good, role: str) -> None:
    found = broken(good.judged(good.damaged(f"no_{role}", "-vf", good.painted(role, "gray"), *SAME_SOUND)))
    assert set(found) == {_FEATURES[role]}


def test_a_hook_that_stays_is_refused(good: Good) -> None:
    """The plan wants it gone at frame 30, the file shows it to frame 75."""
    segments = list(good.plan.segments)
    first = segments[0]
    shorter = [
        found.model_copy(update={"end_frame": 30}) if found.role == "hook" else found for found in first.overlays
    ]
    rest = [
        segment.model_copy(update={"overlays": tuple(each for each in segment.overlays if each.role != "hook")})
        for segment in segments[1:]
    ]
    plan = good.plan.model_copy(update={"segments": (first.model_copy(update={"overlays": tuple(shorter)}), *rest)})
    found = broken(good.judged(good.files, plan))
    assert set(found) == {"hook_gone"}
    assert HOOK in str(found["hook_gone"].value)


def _renamed(plan: EditPlan, role: str, lines: tuple[str, ...]) -> EditPlan:
    """The plan with other words for a role, wherever it is shown."""
    segments = [
        segment.model_copy(
            update={
                "overlays": tuple(
                    each.model_copy(update={"lines": lines}) if each.role == role else each for each in segment.overlays
                )
            }
        )
        for segment in plan.segments
    ]
    return plan.model_copy(update={"segments": tuple(segments)})


@pytest.mark.parametrize("role", ["hook", "cta"])
def test_other_words_than_the_plans_are_refused(good: Good, role: str) -> None:
    plan = _renamed(good.plan, role, ("Half price today",))
    found = broken(good.judged(good.files, plan))
    assert f"{role}_read" in found
    assert "Half price today" in found[f"{role}_read"].wanted


@pytest.mark.parametrize("role", ["hook", "cta", "caption"])
def test_a_script_nobody_can_read_is_said_and_its_pixels_are_judged(good: Good, role: str) -> None:
    feature = _FEATURES[role]
    plan = _renamed(good.plan, role, (ARABIC,))
    lines = good.judged(good.files, plan)
    assert lines[feature].passed
    assert lines[feature].wanted.startswith("not applicable: rapidocr does not read ARABIC")
    assert lines["hook_gone"].passed
    blank = broken(good.judged(good.damaged(f"blank_{role}", "-vf", good.painted(role, "gray"), *SAME_SOUND), plan))
    assert feature in blank
    assert "nothing is drawn" in str(blank[feature].value)


def test_without_a_reader_the_text_is_not_taken_for_granted(good: Good) -> None:
    lines = inspect(good.files, good.plan, SMALL, NotAvailable("rapidocr is not installed"))
    missing = broken({line.feature: line for line in lines})
    assert set(missing) == {
        "hook_read", "captions_read", "cta_read", "brand_read", "offer_read", "proof_read", "hook_gone",
        "text_in_safe_zone", "contrast",
    }  # fmt: skip
    assert missing["cta_read"].value == "not available: rapidocr is not installed"
    assert "install flywheel-assets" in missing["cta_read"].wanted


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda text: text.replace("daily", "dayly"), "says 'dayly'"),
        (lambda text: text.replace("00:00:00,", "00:00:01,", 1), "ms off"),
        (lambda text: text.replace(" --> ", " - "), "block 1"),
        (lambda text: text.split("\n\n", maxsplit=1)[1], "block 1"),
        (lambda text: text.rsplit("\n\n", maxsplit=1)[0], "2 cards"),
    ],
)
def test_subtitles_that_are_not_the_plans_are_refused(
    good: Good, change: Callable[[str], str], fault: str, tmp_path: Path
) -> None:
    assert good.files.captions is not None
    other = tmp_path / "other.srt"
    other.write_text(change(good.files.captions.read_text()))
    found = broken(good.judged(replace(good.files, captions=other)))
    assert set(found) == {"subtitles"}
    assert fault in str(found["subtitles"].value)
    assert set(broken(good.judged(replace(good.files, captions=None)))) == {"subtitles"}
