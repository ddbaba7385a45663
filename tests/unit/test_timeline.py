"""Shots on the output's timeline, and the pieces they are encoded in."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.creative.types import Scene
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.effects import Crop, PunchIn
from flywheel_assets.rendering.timeline import Shot, Span, in_order, pieces
from flywheel_assets.rendering.types import Mix

CANVAS = Canvas(1080, 1920, 30)
FADE = Mix(kind="fade")


def _shot(*spans: tuple[int, int], blend: int = 0) -> Shot:
    """Spans given as source frames at the output's rate."""
    scene = Scene(
        index=0, start_frame=0, end_frame=spans[-1][1] + 9, start=0, end=(spans[-1][1] + 9) / CANVAS.fps
    )  # fmt: skip
    found = tuple(Span(a / 30, b / 30, b - a) for a, b in spans)
    return Shot(scene, found, 0, blend, FADE if blend else None)


@st.composite
def _played(draw: st.DrawFn) -> tuple[Shot, ...]:
    """Shots whose mixes fit into the spans that meet in them, with room for one picture between two mixes."""
    shots = []
    for _ in range(draw(st.integers(1, 5))):
        edges = sorted(draw(st.sets(st.integers(0, 300), min_size=2, max_size=6)))
        spans = [(a, b + 25) for a, b in zip(edges[::2], edges[1::2], strict=False)]
        apart = [(a + 30 * place, b + 30 * place) for place, (a, b) in enumerate(spans)]
        shots.append(_shot(*apart, blend=draw(st.sampled_from([0, 0, 9, 12]))))
    return in_order(shots)


@given(_played(), st.integers(0, 200))
def test_pieces_cover_every_frame_once_and_show_one_span_or_one_mix(played: tuple[Shot, ...], cut: int) -> None:
    found = pieces(played, cut)
    assert found[0].start == 0
    assert found[-1].end == played[-1].end
    assert all(one.end == other.start and one.start < one.end for one, other in pairwise(found))
    for piece in found:
        for shot in piece.shots:
            start, end = shot.source(piece.start, piece.end, CANVAS)
            assert end - start == pytest.approx((piece.end - piece.start) / 30, abs=1e-5)
            assert any(span.start - 1e-6 <= start < end <= span.end + 1e-6 for span in shot.spans)
    mixes = [piece for piece in found if len(piece.shots) > 1]
    assert [piece.end - piece.start for piece in mixes] == [shot.blend for shot in played if shot.blend]


@given(_played())
def test_a_source_time_is_found_on_the_output_where_it_plays(played: tuple[Shot, ...]) -> None:
    for shot in played:
        begin = shot.start
        for span in shot.spans:
            for frame in (0, span.frames - 1):
                assert shot.frame(span.start + frame / 30, CANVAS) == begin + frame
            begin += span.frames
        assert shot.frame(shot.spans[-1].end, CANVAS) == shot.end


def test_a_time_that_is_left_out_is_where_the_shot_goes_on() -> None:
    (shot,) = in_order([_shot((0, 30), (60, 90))])
    assert shot.frame(1.5, CANVAS) == 30
    assert shot.plays(0.5)
    assert not shot.plays(1.5)
    assert shot.joints == (30,)


def test_a_seam_divides_what_is_encoded_after_the_hook_and_nothing_else() -> None:
    one, other = in_order([replace(_shot((0, 60)), seams=(12,)), replace(_shot((0, 90)), seams=(10, 80))])
    found = pieces((one, other), 30)
    assert [(piece.start, piece.end) for piece in found] == [(0, 30), (30, 60), (60, 70), (70, 140), (140, 150)]
    assert other.source(60, 70, CANVAS) == (0.0, pytest.approx(10 / 30))
    assert other.joints == ()


def test_the_last_shot_mixes_with_nothing() -> None:
    one, other = in_order([_shot((0, 30), blend=9), _shot((0, 30), blend=9)])
    assert (one.end, other.start, other.blend, other.mix) == (30, 21, 0, None)


@given(
    st.lists(st.tuples(st.integers(0, 90), st.floats(0, 0.5)), min_size=1, max_size=6, unique_by=lambda p: p[0]),
    st.integers(0, 80),
    st.integers(1, 40),
)
def test_a_part_of_a_crop_path_shows_the_same_window(path: list[tuple[int, float]], start: int, length: int) -> None:
    crop = Crop(top=0, width=0.5, height=1, path=tuple(sorted(path)))
    part = crop.within(start, start + length)
    for frame in range(length):
        assert part.left(frame) == pytest.approx(crop.left(start + frame), abs=1e-9)


def test_a_timed_effect_is_cut_like_its_clip() -> None:
    punch = PunchIn(start_frame=10, end_frame=20, box=(0, 0, 1080, 1920), scale=1.1)
    assert punch.within(0, 10) is None
    assert punch.within(20, 30) is None
    assert punch.within(5, 15) == PunchIn(start_frame=5, end_frame=10, box=(0, 0, 1080, 1920), scale=1.1)
