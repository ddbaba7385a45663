from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from flywheel_assets.creative.types import Perception
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.types import EditPlan, Render
from tests import coded_films
from tests.coded_films import RATE, TINY, Array, Script, Spoken

STARTS = (0.9, 1.3, 2.6, 4.4, 6.2, 6.6, 8.9, 10.1, 12.3, 13.9, 15.0, 17.2)
WORDS = tuple(Spoken("word", start, start + 0.3, 500.0 + 150 * place) for place, start in enumerate(STARTS))


@dataclass(frozen=True)
class Cut:
    """A talking head with long pauses, without them."""

    plan: EditPlan
    render: Render
    perception: Perception
    sound: Array

    def output_time(self, source: float) -> float:
        """When a source time plays, by the plan's own segments."""
        frame = 0
        for segment in self.plan.segments:
            clip = segment.clips[0]
            if segment.kind == "scene" and clip.source_start - 1e-6 <= source < clip.source_end:
                return frame / 30 + source - clip.source_start
            frame += segment.frames
        raise AssertionError(f"{source} does not play")


@pytest.fixture(scope="module", params=["30", "25", "30000/1001", "24", "60"])
def cut(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Cut:
    folder = tmp_path_factory.mktemp("talk")
    fps = Fraction(request.param)
    script = Script(scenes=(round(18 * fps),), words=WORDS, fps=fps)
    video = coded_films.film(folder / "talk.mkv", script)
    seen = coded_films.perception(video, script)
    blueprint = coded_films.blueprint(1, 0)
    render = render_all(video, [blueprint], seen, folder / "out", folder / "cache", TINY)[0]
    return Cut(edit_plan(blueprint, seen, TINY), render, seen, coded_films.sound(render.path))


def test_many_jumps_lose_no_frame_and_shrink_the_pauses_as_planned(cut: Cut) -> None:
    spans = cut.plan.audio.spans
    assert len(spans) == 10  # of twelve words, two pairs are close together
    assert len(coded_films.pictures(cut.render.path)) == cut.render.frames == cut.plan.frames
    assert sum(span.frames for span in spans) == cut.plan.frames - 66
    for before, after in pairwise(WORDS):
        pause = cut.output_time(after.start) - cut.output_time(before.end)
        if after.start - before.end <= 0.45:
            assert pause == pytest.approx(after.start - before.end, abs=1 / 30)
        else:
            # 0.15 s after and 0.10 s before, 0.12 s for a begin found late, whole pictures of the source
            assert 0.37 - 1 / 30 <= pause <= 0.37 + 2 / float(cut.perception.fps) + 1 / 30


def test_every_word_survives_at_its_planned_time(cut: Cut) -> None:
    for word in WORDS:
        at = cut.output_time(word.start)
        whole = cut.sound[round(at * RATE) : round((at + 0.3) * RATE)]
        tone = coded_films.band(whole, word.pitch, 20)
        quarters = [coded_films.decibels(part) for part in np.array_split(tone, 6)]
        assert min(quarters) > max(quarters) - 6


def test_pictures_and_sound_stay_within_a_frame_over_all_jumps(cut: Cut) -> None:
    """At the frame in which a tone sets in, the picture is the one that was shown when it set in in the source."""
    shown = coded_films.pictures(cut.render.path)
    late = []
    for word in WORDS:
        tone = np.abs(coded_films.band(cut.sound, word.pitch, 60))
        heard = int(np.argmax(tone > 0.3 * tone.max())) / RATE
        place = int(heard * 30)
        seen = coded_films.number(shown[place], cut.plan) / cut.perception.fps
        late.append((heard - word.start) - (place / 30 - seen))
    assert max(map(abs, late)) < 1 / 30
    assert abs(np.mean(late[6:]) - np.mean(late[:6])) < 1 / 60
