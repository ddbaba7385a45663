from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.core.errors import ConfigurationError, RenderFailed
from flywheel_assets.creative.types import SeenFace
from flywheel_assets.rendering.canvas import Canvas, overlap
from flywheel_assets.rendering.cube import read_cube
from flywheel_assets.rendering.effects import Effect, Fit, Grade, Logo, Material, Picture, ProgressBar, PunchIn
from flywheel_assets.rendering.modules.base import PlanContext
from flywheel_assets.rendering.modules.brand_overlay import require_safe
from flywheel_assets.rendering.modules.pattern_interrupt import PatternInterrupt
from flywheel_assets.rendering.placements import REELS, inside
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.style import Style
from flywheel_assets.rendering.timeline import Shot, Span, in_order
from flywheel_assets.rendering.types import EditPlan, Mix
from flywheel_assets.settings import Rendering
from tests.look_bench import blueprint, cube, perception

SETTINGS = Rendering()
# Hard cuts: where shots mix is another module's, and moves what plays after it.
CUTS = Style(without=frozenset({"scene_transitions"}))
SAFE = REELS.safe_box(1080, 1920)
LOGO = Picture(name="logo.png", sha256="1" * 64, width=400, height=380)
LOOK = Material(name="look.cube", sha256="2" * 64)


def _clips(plan: EditPlan) -> list[tuple[int, int, tuple[Effect, ...]]]:
    """First output frame, scene and effects of each scene's segment."""
    found, start = [], 0
    for segment in plan.segments:
        if segment.kind != "end_card":
            found.append((start, segment.clips[0].scene_index, segment.clips[0].effects))
        start += segment.frames
    return found


def _grades(plan: EditPlan) -> list[Grade]:
    return [effect for _, _, effects in _clips(plan) for effect in effects if isinstance(effect, Grade)]


def _jumps(plan: EditPlan) -> list[tuple[int, int]]:
    """Output frames seen from near; a jump that a segment's edge cuts is one."""
    found: list[tuple[int, int]] = []
    for start, _, effects in _clips(plan):
        for effect in effects:
            if isinstance(effect, PunchIn):
                first, end = start + effect.start_frame, start + effect.end_frame
                if found and found[-1][1] == first:
                    first = found.pop()[0]
                found.append((first, end))
    return found


def _logos(plan: EditPlan) -> list[Logo]:
    return [effect for segment in plan.segments for effect in segment.effects if isinstance(effect, Logo)]


# --- color_grading --------------------------------------------------------------------------------


def test_a_calm_scene_is_graded_in_full_before_it_is_enlarged() -> None:
    plan = edit_plan(blueprint(0), perception([90]), SETTINGS)
    effects = plan.segments[0].clips[0].effects
    assert effects[0] == Grade(brightness=0, contrast=1.06, saturation=1.12)
    assert effects[1].kind == "fit"
    assert all(effect.kind == "backdrop" for effect in plan.segments[-1].clips[0].effects)


@pytest.mark.parametrize(("brightness", "saturation"), [(0.95, 0.4), (0.5, 0.9), (0.82, 0.7)])
def test_a_bright_or_colourful_scene_gets_less(brightness: float, saturation: float) -> None:
    (calm,) = set(_grades(edit_plan(blueprint(0), perception([90]), SETTINGS)))
    plan = edit_plan(blueprint(0), perception([90], brightness=brightness, saturation=saturation), SETTINGS)
    (grade,) = set(_grades(plan))
    assert 1 <= grade.contrast <= calm.contrast
    assert 1 <= grade.saturation <= calm.saturation
    assert (grade.contrast, grade.saturation) != (calm.contrast, calm.saturation)


def test_a_dark_scene_is_lifted_and_one_that_needs_nothing_is_left_alone() -> None:
    (dark,) = set(_grades(edit_plan(blueprint(0), perception([90], brightness=0.1), SETTINGS)))
    assert dark.brightness == 0.03
    assert _grades(edit_plan(blueprint(0), perception([90], brightness=0.95, saturation=0.9), SETTINGS)) == []


def test_a_look_is_part_of_the_plan_and_comes_without_a_measure_too() -> None:
    known = perception([90])
    plan = edit_plan(blueprint(0), known, SETTINGS, Style(look=LOOK))
    assert {grade.look for grade in _grades(plan)} == {LOOK}
    assert plan.plan_hash != edit_plan(blueprint(0), known, SETTINGS).plan_hash
    unknown = known.model_copy(update={"features": ()})
    assert "color_grading" in edit_plan(blueprint(0), unknown, SETTINGS).unavailable
    (grade,) = set(_grades(edit_plan(blueprint(0), unknown, SETTINGS, Style(look=LOOK))))
    assert (grade.contrast, grade.saturation, grade.look) == (1, 1, LOOK)


# --- looks from files -----------------------------------------------------------------------------


def test_a_cube_is_read_and_written_plainly() -> None:
    text = cube(2, lambda r, g, b: (b, g, r)).replace("\n", "\r\n").replace("LUT", "# from a program\r\nLUT", 1)
    found = read_cube(("\ufeff" + text).encode(), "warm.cube")
    assert (found.size, found.low, found.high) == (2, (0, 0, 0), (1, 1, 1))
    assert found.rows[1] == (0, 0, 1)
    assert read_cube(found.text().encode(), "again") == found


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "not_a_cube"),
        ("PK\x03\x04 not text", "not_a_cube"),
        (cube(3, lambda r, g, b: (r, g, b))[:-40], "damaged_cube"),
        (cube(3, lambda r, g, b: (r, g, b)).rsplit("\n", 2)[0], "needs 27 lines of colours, it has 26"),
        (cube(2, lambda r, g, b: (r, b, g * float("nan"))), "line 3: damaged_cube.*not three numbers"),
        (cube(2, lambda r, g, b: (r, b, g * 1e9)), "not three numbers"),
        ("LUT_3D_SIZE 900\n", "'900', wanted 2 to 65"),
        ("LUT_1D_SIZE 2\n0 0 0\n1 1 1\n", "not_a_cube"),
        ("DOMAIN_MIN 1 0 0\n" + cube(2, lambda r, g, b: (r, g, b)), "DOMAIN_MIN .* is not below"),
    ],
)
def test_a_damaged_cube_is_refused(text: str, rule: str) -> None:
    with pytest.raises(ConfigurationError, match=rule):
        read_cube(text.encode(), "look.cube")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_refused(data: bytes) -> None:
    try:
        found = read_cube(data, "look.cube")
    except ConfigurationError:
        return
    assert len(found.rows) == found.size**3


# --- pattern_interrupt ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frames", "jumps"),
    [(90, []), (120, []), (123, [(75, 123)]), (210, [(105, 210)]), (240, [(80, 160)]), (330, [(83, 166), (249, 330)])],
)
def test_a_long_shot_jumps_in_and_out_by_turns(frames: int, jumps: list[tuple[int, int]]) -> None:
    assert _jumps(edit_plan(blueprint(0), perception([frames]), SETTINGS)) == jumps


@given(st.lists(st.integers(10, 900), min_size=1, max_size=9))
def test_jumps_are_few_far_apart_and_never_on_the_end_card(lengths: list[int]) -> None:
    plan = edit_plan(blueprint(*range(len(lengths))), perception(lengths), SETTINGS, CUTS)
    jumps = _jumps(plan)
    starts = [start for start, _ in jumps]
    assert all(later - first >= 450 for first, later in zip(starts, starts[3:], strict=False))
    edges = [sum(lengths[:i]) for i in range(len(lengths) + 1)]
    for start, end in jumps:
        first, after = next((a, b) for a, b in pairwise(edges) if a <= start < b)
        assert after - first > 120
        assert start - first >= 75
        assert 30 <= end - start <= 105
        assert end <= after
    assert all(effect.kind != "punch_in" for effect in plan.segments[-1].clips[0].effects)


def test_where_a_shot_jumps_does_not_depend_on_what_plays_around_it() -> None:
    known = perception([240, 60, 60])
    one = edit_plan(blueprint(0, 1), known, SETTINGS, CUTS)
    two = edit_plan(blueprint(1, 2, 0), known, SETTINGS, CUTS)
    assert [end - start for start, end in _jumps(one)] == [80]
    assert _jumps(two) == [(start + 120, end + 120) for start, end in _jumps(one)]


@pytest.mark.parametrize(
    ("box", "scale"),
    [
        ((0.2, 0.4, 0.8, 0.5), 1.12),  # well inside
        ((0.07, 0.7, 0.6, 0.8), 1.09),  # stays clear of the edge from a little less near
        ((0.04, 0.7, 0.6, 0.8), None),
        ((0.2, 0.0, 0.6, 0.05), None),
    ],
)
def test_no_jump_cuts_off_text(box: tuple[float, float, float, float], scale: float | None) -> None:
    plan = edit_plan(blueprint(0), perception([210], texts={0: [(box, 4.0, 5.0)]}), SETTINGS, CUTS)
    found = [e.scale for _, _, effects in _clips(plan) for e in effects if isinstance(e, PunchIn)]
    assert found == ([] if scale is None else [scale])
    early = edit_plan(blueprint(0), perception([210], texts={0: [(box, 0.5, 3.0)]}), SETTINGS, CUTS)
    assert len(_jumps(early)) == 1


@pytest.mark.parametrize("blend", [0, 9, 12])
def test_a_jump_is_back_well_before_a_shot_mixes_with_the_next_and_ends_at_a_joint(blend: int) -> None:
    known = perception([330, 90])
    first, second = known.scenes
    spans = Span(0.0, 5.5, 165), Span(5.5, 11.0, 165)
    mix = Mix(kind="fade") if blend else None
    shots = in_order([Shot(first, spans, 0, blend, mix), Shot(second, (Span(11.0, 14.0, 90),), 0)])
    framing = Fit(box=(0, 514, 1080, 1122))
    context = PlanContext(blueprint(0, 1), known, Style(), Canvas.of(SETTINGS), shots, 66, {0: framing, 1: framing})
    found = [
        (one.start_frame, one.end_frame)
        for one in PatternInterrupt().on_shot(shots[0], context)
        if isinstance(one, PunchIn)
    ]
    assert found[0] == (83, 165)
    if blend:
        assert found[1:] == [(165 + 75, 330 - blend - 30)]
    else:
        assert found[1:] == [(165 + 83, 330)]


# --- brand_overlay --------------------------------------------------------------------------------


def test_without_logo_and_bar_there_is_nothing_to_draw() -> None:
    plan = edit_plan(blueprint(0), perception([90]), SETTINGS)
    assert plan.unavailable["brand_overlay"] == "no logo is given"
    assert "brand_overlay" in edit_plan(blueprint(0), perception([90]), SETTINGS, Style(logo=LOGO)).module_versions


@given(
    st.sampled_from([(1280, 720), (1920, 800), (640, 480), (720, 720), (720, 900), (720, 1280)]),
    st.integers(1, 8).map(lambda words: " ".join(["brightest"] * words)),
    st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)),
    st.booleans(),
)
def test_a_logo_of_any_shape_hides_no_title_and_no_caption(
    size: tuple[int, int], hook: str, shape: tuple[float, float], bar: bool
) -> None:
    logo = Picture(name="logo.png", sha256="1" * 64, width=int(shape[0] * 100), height=int(shape[1] * 100))
    words = [("Everybody's", 0.1, 0.5), ("Wednesdays", 0.5, 1.0), ("short", 2.0, 2.2)]
    known = perception([90, 60], size=size, words={0: words})
    plan = edit_plan(blueprint(0, 1, hook=hook), known, SETTINGS, Style(logo=logo, progress_bar=bar))
    for segment in plan.segments:
        for effect in segment.effects:
            if isinstance(effect, Logo | ProgressBar):
                assert inside(effect.box, SAFE)
                assert all(overlap(effect.box, overlay.box) == 0 for overlay in segment.overlays)


@pytest.mark.parametrize(
    ("width", "height", "wide", "high"),
    [(400, 400, 86, 86), (301, 97, 124, 40), (1200, 100, 216, 18), (100, 1000, 11, 112)],
)
def test_a_logo_keeps_its_shape(width: int, height: int, wide: int, high: int) -> None:
    logo = Picture(name="logo.png", sha256="1" * 64, width=width, height=height)
    left, top, right, bottom = _logos(edit_plan(blueprint(0), perception([60]), SETTINGS, Style(logo=logo)))[0].box
    assert right - left == pytest.approx(wide, abs=2)
    assert bottom - top == pytest.approx(high, abs=2)


def test_the_logo_goes_where_the_source_has_no_text() -> None:
    corner = (0.8, 0.0, 1.0, 0.25)
    clear = edit_plan(blueprint(0), perception([60]), SETTINGS, Style(logo=LOGO))
    busy = edit_plan(blueprint(0), perception([60], texts={0: [(corner, 0, 2)]}), SETTINGS, Style(logo=LOGO))
    text = (0.8 * 1080, 514.0, 1080.0, 514 + 0.25 * 608)
    assert overlap(_logos(clear)[0].box, text) > 0
    assert overlap(_logos(busy)[0].box, text) == 0


def test_the_logo_goes_where_nobody_looks_out_of_the_picture() -> None:
    known = perception([60])
    face = SeenFace(time=1, box=(0.7, 0.0, 1.0, 0.6), confidence=0.9)
    peopled = known.model_copy(update={"features": (known.features[0].model_copy(update={"faces": (face,)}),)})
    (logo,) = {one.box for one in _logos(edit_plan(blueprint(0), peopled, SETTINGS, Style(logo=LOGO)))[:1]}
    assert overlap(logo, (0.7 * 1080, 514.0, 1080.0, 514 + 0.6 * 608)) == 0


def test_variations_share_their_scenes_with_a_logo_and_nothing_with_a_bar() -> None:
    known = perception([120, 90, 90])
    order = [(0, 1, 2), (0, 2, 1)]
    with_logo = [edit_plan(blueprint(*one), known, SETTINGS, CUTS.model_copy(update={"logo": LOGO})) for one in order]
    assert with_logo[0].segments[2] == with_logo[1].segments[3]
    with_bar = [
        edit_plan(blueprint(*one), known, SETTINGS, CUTS.model_copy(update={"progress_bar": True})) for one in order
    ]
    assert with_bar[0].segments[2] != with_bar[1].segments[3]


def test_the_bar_fills_from_the_first_frame_to_the_last() -> None:
    plan = edit_plan(blueprint(0, 1), perception([90, 60]), SETTINGS, Style(progress_bar=True))
    bars = [effect for segment in plan.segments for effect in segment.effects if isinstance(effect, ProgressBar)]
    begins = [sum(segment.frames for segment in plan.segments[:i]) for i in range(len(plan.segments))]
    assert [bar.start_frame for bar in bars] == begins
    assert {bar.total_frames for bar in bars} == {plan.frames}


def test_what_leaves_the_safe_box_is_refused() -> None:
    plan = edit_plan(blueprint(0), perception([90]), SETTINGS, Style(logo=LOGO))
    canvas = Canvas.of(SETTINGS)
    require_safe("v01", plan.segments, canvas)
    logo = _logos(plan)[0].model_copy(update={"box": (0, 600, 86, 680)})
    moved = plan.segments[0].model_copy(update={"effects": (logo,)})
    with pytest.raises(RenderFailed, match=r"v01: outside_safe_zone: its logo at 0, 600, 86, 680 leaves the box"):
        require_safe("v01", [moved], canvas)
    text = plan.segments[0].overlays[0].model_copy(update={"box": (100, 1200, 900, 1300)})
    with pytest.raises(RenderFailed, match="its hook at"):
        require_safe("v01", [plan.segments[0].model_copy(update={"overlays": (text,)})], canvas)
