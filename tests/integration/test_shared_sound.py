from __future__ import annotations

from pathlib import Path

import pytest

from flywheel_assets.creative.types import Blueprint, Perception
from flywheel_assets.rendering import audio
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.ratios import framed
from flywheel_assets.rendering.style import Kit, Style
from flywheel_assets.settings import Rendering
from tests import coded_films
from tests.coded_films import TINY, Script

BLUEPRINT = coded_films.blueprint(1, 0, 1)


class House:
    """A film without sound, whose silent tracks are made at once and named as any other."""

    def __init__(self, folder: Path) -> None:
        script = Script(scenes=(45, 45, 60), has_audio=False)
        self._film = coded_films.film(folder / "mute.mkv", script)
        self._seen: Perception = coded_films.perception(self._film, script)
        self._cache = folder / "cache"

    def track(self, blueprint: Blueprint = BLUEPRINT, settings: Rendering = TINY, style: Style | None = None) -> Path:
        kit = Kit(style or Style())
        plan = edit_plan(blueprint, self._seen, settings, kit.style)
        return audio.finished_track(self._film, plan, kit, self._cache, settings)[0]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_new_hook_and_another_shape_take_the_track_that_is_there(house: House) -> None:
    first = house.track()
    made = first.stat().st_mtime_ns
    hook = BLUEPRINT.hook.model_copy(update={"text": "One call, fresh coffee"})
    renamed = BLUEPRINT.model_copy(update={"key": "v09", "hook": hook, "call_to_action": "Call us", "offer": None})
    assert house.track(renamed) == first
    assert house.track(settings=framed(TINY, "1:1")) == first
    assert first.stat().st_mtime_ns == made


def test_whatever_is_heard_otherwise_has_a_track_of_its_own(house: House) -> None:
    others = (
        house.track(coded_films.blueprint(1, 1, 0)),
        house.track(coded_films.blueprint(1, 0, 1, 2)),
        house.track(settings=TINY.model_copy(update={"loudness_lufs": -16.0})),
        house.track(settings=TINY.model_copy(update={"true_peak_dbtp": -2.0})),
        house.track(settings=TINY.model_copy(update={"fps": 25})),
        house.track(style=Style(without=frozenset({"cta_end_card"}))),
        house.track(style=Style(music="pulse")),
    )
    assert len({house.track(), *others}) == 1 + len(others)


def test_a_track_or_record_that_is_damaged_or_gone_is_made_again(house: House) -> None:
    track = house.track()
    whole, record = track.read_bytes(), track.with_suffix(".json")
    for harmed in (track, record):
        for content in (b"", harmed.read_bytes()[:-20], None):
            if content is None:
                harmed.unlink()
            else:
                harmed.write_bytes(content)
            assert house.track().read_bytes() == whole
            assert record.is_file()
