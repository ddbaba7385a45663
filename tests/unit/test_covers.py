"""Which of a survey's pictures becomes the cover."""

from __future__ import annotations

from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.creative.types import Engine
from flywheel_assets.rendering.survey.covers import best_still
from flywheel_assets.rendering.survey.types import SceneSurvey, Still, Survey


def _still(time: float, *, sharpness: float = 100, brightness: float = 0.5, face: float | None = 0.0,
           motion: float | None = 0.0, fading: bool = False) -> Still:  # fmt: skip
    edge = min(time % 4, 4 - time % 4)
    return Still(
        time=time, sharpness=sharpness, brightness=brightness, face=face, motion=motion, fading=fading, edge=edge
    )


def _survey(*scenes: tuple[Still, ...]) -> Survey:
    """Scenes of four seconds each."""
    return Survey(
        video_sha256="0" * 64, version="1", fps=30, faces=Engine(name="by hand"),
        scenes=tuple(
            SceneSurvey(
                index=index, start=4.0 * index, end=4.0 * index + 4, subject=(), subject_kind=None, shake=None,
                luma=(0, 0.5, 1), clipped=0, saturation=0.5, stills=stills,
            )
            for index, stills in enumerate(scenes)
        ),
    )  # fmt: skip


def _time(survey: Survey, played: list[int]) -> float | None:
    cover = best_still(survey, played)
    return None if cover is None else cover.time


def test_a_face_is_preferred_to_a_sharper_picture_without_one() -> None:
    stills = (_still(1, sharpness=300), _still(2, sharpness=200, face=0.05), _still(3, sharpness=100))
    assert _time(_survey(stills), [0]) == 2


def test_but_not_a_blurred_face() -> None:
    stills = (_still(1, sharpness=300), _still(2, sharpness=200), _still(3, sharpness=50, face=0.3))
    assert _time(_survey(stills), [0]) == 1


def test_a_face_need_not_be_as_sharp_as_the_writing_of_another_scene() -> None:
    card = tuple(_still(at, sharpness=1000) for at in (1, 2, 3))
    people = (_still(5, sharpness=650, face=0.05), _still(6, sharpness=600, face=0.05), _still(7, sharpness=100))
    assert _time(_survey(card, people), [0, 1]) == 5
    plain = tuple(still.model_copy(update={"face": None}) for still in people)
    assert _time(_survey(card, plain), [0, 1]) == 1


def test_a_soft_scene_is_not_taken_for_being_calm_and_well_lit() -> None:
    sharp = tuple(_still(at, sharpness=1000, motion=0.1, brightness=0.9) for at in (1, 2, 3))
    soft = tuple(_still(at, sharpness=50) for at in (5, 6))
    assert _time(_survey(sharp, soft), [0, 1]) == 1


def test_of_two_equal_pictures_the_calm_one_is_taken() -> None:
    assert _time(_survey((_still(1, motion=0.05), _still(2, motion=0.0), _still(3, motion=0.05))), [0]) == 2


def test_nothing_near_a_cut_nor_dark_nor_burnt_out_nor_fading_is_taken() -> None:
    stills = (
        _still(0.1, sharpness=900), _still(1, sharpness=900, brightness=0.02), _still(2, sharpness=900, fading=True),
        _still(2.4, sharpness=10), _still(2.8, sharpness=900, brightness=0.99), _still(3.9, sharpness=900),
    )  # fmt: skip
    assert _time(_survey(stills), [0]) == 2.4


def test_only_played_scenes_and_spans_count() -> None:
    survey = _survey((_still(1, sharpness=900),), (_still(5), _still(6, sharpness=500)))
    assert _time(survey, [1]) == 6
    cover = best_still(survey, {1: (4.0, 6.1)})
    assert cover is not None
    assert (cover.scene, cover.time) == (1, 5)
    assert best_still(survey, []) is None


def test_a_source_without_anything_fit_to_show_has_no_cover() -> None:
    assert _time(_survey((_still(0.1), _still(2, brightness=0.01))), [0]) is None


@given(
    st.lists(
        st.tuples(
            st.floats(0, 4000), st.floats(0, 1), st.none() | st.floats(0, 1), st.none() | st.floats(0, 1), st.booleans()
        ),
        min_size=1,
        max_size=20,
    )
)
def test_whatever_is_chosen_is_allowed_and_as_sharp_as_half_of_its_scene(
    drawn: list[tuple[float, float, float | None, float | None, bool]],
) -> None:
    stills = tuple(
        _still(round(at * 0.2, 3), sharpness=sharp, brightness=bright, face=face, motion=motion, fading=fading)
        for at, (sharp, bright, face, motion, fading) in enumerate(drawn)
    )
    allowed = [s for s in stills if not s.fading and 0.08 <= s.brightness <= 0.95 and s.edge > 5 / 24]
    cover = best_still(_survey(stills), [0])
    assert (cover is None) == (not allowed)
    if cover is not None:
        (chosen,) = [still for still in stills if still.time == cover.time]
        assert chosen in allowed
        assert chosen.sharpness >= median(still.sharpness for still in allowed)
