"""The rubric: a perfect plan above 85, a blank one below 50, each element worth about its weight."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_assets.creative.council.rubric import LINES, judge
from flywheel_assets.creative.types import (
    Blueprint,
    Brief,
    Engine,
    Hook,
    Perception,
    Scene,
    SceneFeatures,
    ScreenText,
    SeenFace,
    SeenObject,
    Vote,
    Word,
)

BRIEF = Brief(
    brand="Bright Cup", product="office coffee service", audience="office managers", pain="a broken coffee machine",
    pain_doing="waiting for a repair", outcome="fresh coffee every morning", outcome_do="start the day fresh",
    call_to_action="Book your free tasting", landing_url="https://example.com", offer="First month free",
)  # fmt: skip
SPEECH = ("Bright Cup brings fresh coffee", "every single morning at eight", "your team will notice soon")
FACE = SeenFace(time=0.5, box=(0.3, 0.2, 0.6, 0.5), confidence=0.9)
PERSON = SeenObject(label="person", time=0.5, box=(0.2, 0.1, 0.7, 0.9), confidence=0.9)


def footage(
    lengths: tuple[float, ...] = (2.0,) * 7, *, said: bool | None = True, person: bool | None = True
) -> Perception:
    """Scenes of the given lengths, seconds; the first moves most. None means the modality was not looked at."""
    scenes, features, start = [], [], 0.0
    for index, seconds in enumerate(lengths):
        end = start + seconds
        scenes.append(
            Scene(index=index, start_frame=round(start * 30), end_frame=round(end * 30), start=start, end=end)
        )
        line = SPEECH[index % len(SPEECH)].split()
        words = tuple(
            Word(text=word, start=start + 0.39 * i, end=start + 0.39 * i + 0.35, probability=0.9)
            for i, word in enumerate(line)
        )
        seen = PERSON.model_copy(update={"time": start + 0.5})
        features.append(
            SceneFeatures(
                index=index, brightness=0.5, saturation=0.5, motion=0.02 + 0.08 * (index == 0), sharpness=300,
                words=None if said is None else words if said else (),
                objects=None if person is None else (seen,) if person else (), texts=None if said is None else (),
            )
        )  # fmt: skip
        start = end
    return Perception(
        video_sha256="0" * 64, fps=30, frame_count=round(start * 30), width=720, height=1280, has_audio=True,
        scenes=tuple(scenes), features=tuple(features),
        engines={"objects": Engine(name="yolo", unavailable=None if person is not None else "no weights")},
    )  # fmt: skip


PLAN = Blueprint(
    key="v01",
    hook=Hook(index=0, family="pain_question", text="Tired of waiting for a repair?"),
    scene_order=tuple(range(7)),
    promise="Bright Cup: fresh coffee every morning, without waiting for a repair.",
    call_to_action="Book your free tasting",
    offer="First month free",
    brand="Bright Cup",
)
BLANK = PLAN.model_copy(
    update={
        "hook": Hook(index=0, family="none", text="Check this out now!"),
        "scene_order": (1,),
        "promise": "",
        "call_to_action": "Learn more",
        "offer": None,
    }
)


def score(plan: Blueprint, seen: Perception | None = None) -> float:
    found = judge(plan, BRIEF, seen or footage()).score
    assert found is not None
    return found


def line(vote: Vote, feature: str) -> tuple[float, float, str]:
    return next((x.points, x.out_of, x.evidence) for x in vote.lines if x.feature == feature)


def test_the_perfect_plan_reaches_a_hundred_and_no_more() -> None:
    vote = judge(PLAN, BRIEF, footage())
    assert vote.score is not None
    assert 85 < vote.score <= 100
    assert vote.score == pytest.approx(100, abs=1.5)
    assert math.fsum(x.out_of for x in vote.lines) == pytest.approx(100)


@pytest.mark.parametrize(
    "seen",
    [footage(), footage((3.5, 4.0, 5.0, 3.0, 4.5, 3.5)), footage(person=False), footage(said=None, person=None)],
    ids=["perfect footage", "slow footage", "nobody to see", "nothing looked at"],
)
def test_the_blank_template_stays_below_fifty(seen: Perception) -> None:
    assert score(BLANK, seen) < 50


@pytest.mark.parametrize(
    ("feature", "changes"),
    [
        ("hook readable in time", {"hook": Hook(index=0, family="x", text="Tired " + "of waiting for a repair " * 3 + "?")}),
        ("quality of the hook", {"hook": Hook(index=0, family="x", text="Check out this amazing thing!")}),
        ("one message", {"promise": "Nothing in common"}),
        ("brand by 5 s", {"brand": "Other"}),
        ("call to action", {"call_to_action": ""}),
        ("offer or proof", {"offer": None}),
        ("offer or proof", {"offer": "Everything free for ever"}),
    ],
)  # fmt: skip
def test_taking_one_element_out_of_the_plan_costs_about_its_weight(feature: str, changes: dict[str, object]) -> None:
    seen = footage(said=False) if feature == "brand by 5 s" else footage()
    before, after = judge(PLAN, BRIEF, seen), judge(PLAN.model_copy(update=changes), BRIEF, seen)
    points, out_of, _ = line(before, feature)
    assert line(after, feature)[0] < 0.65 * points
    assert before.score is not None
    assert after.score is not None
    assert before.score - after.score >= 0.35 * out_of
    neighbours = {"hook readable in time": 12, "quality of the hook": 8}  # a bad hook also breaks the message
    assert before.score - after.score <= out_of + neighbours.get(feature, 0.5)


@pytest.mark.parametrize(
    ("feature", "seen", "order", "neighbours"),
    [
        ("person or product within 2 s", footage(person=False), tuple(range(7)), 0.5),
        ("motion of the opening", footage(), (1, 0, 2, 3, 4, 5, 6), 0.5),
        (
            "cuts in the first 5 s",
            footage((6.0, 2.0, 2.0, 2.0)),
            tuple(range(4)),
            3.5,
        ),  # a slow first shot is also long
        ("length of shots", footage((2.4, 2.4, 12.0)), tuple(range(3)), 0.5),
    ],
)
def test_taking_one_element_out_of_the_footage_costs_about_its_weight(
    feature: str, seen: Perception, order: tuple[int, ...], neighbours: float
) -> None:
    before = judge(PLAN, BRIEF, footage())
    after = judge(PLAN.model_copy(update={"scene_order": order}), BRIEF, seen)
    assert before.score is not None
    assert after.score is not None
    out_of = line(before, feature)[1]
    assert 0.7 * out_of <= before.score - after.score <= out_of + neighbours


def test_speech_cut_at_the_edges_or_unsure_lowers_caption_coverage() -> None:
    seen = footage()
    unsure = [
        scene.model_copy(update={"words": tuple(w.model_copy(update={"probability": 0.2}) for w in scene.words or ())})
        for scene in seen.features
    ]
    cut = [
        scene.model_copy(update={"words": tuple(w.model_copy(update={"end": w.end + 3}) for w in scene.words or ())})
        for scene in seen.features
    ]
    for features in (unsure, cut):
        vote = judge(PLAN, BRIEF, seen.model_copy(update={"features": tuple(features)}))
        assert line(vote, "caption coverage")[0] == 0


@pytest.mark.parametrize(
    ("seen", "left_out"),
    [
        (footage(person=None), {"person or product within 2 s"}),
        (footage(said=None), {"caption coverage", "reading and speaking speed"}),
        (footage(said=False), {"caption coverage", "reading and speaking speed"}),
    ],
    ids=["objects", "speech", "nobody speaks"],
)
def test_what_cannot_be_known_is_left_out_and_said(seen: Perception, left_out: set[str]) -> None:
    vote = judge(PLAN, BRIEF, seen)
    assert {x.feature for x in vote.lines if x.out_of == 0} == left_out
    assert all(x.evidence.startswith("left out: ") for x in vote.lines if x.out_of == 0)
    assert math.fsum(x.out_of for x in vote.lines) == pytest.approx(100)
    assert vote.reason.endswith(f"left out: {', '.join(name for name in LINES if name in left_out)}")


SUBJECT = "person or product within 2 s"


def _opening(seen: Perception, *faces: SeenFace | None) -> tuple[float, float, str]:
    """The line about the subject when the opening shows these faces; None: nobody looked for any."""
    looked = None if None in faces else tuple(face for face in faces if face)
    first = seen.features[0].model_copy(update={"faces": looked})
    return line(judge(PLAN, BRIEF, seen.model_copy(update={"features": (first, *seen.features[1:])})), SUBJECT)


@pytest.mark.parametrize("person", [None, False, True], ids=["no objects", "nobody", "somebody"])
def test_a_large_face_early_is_a_subject_whether_or_not_objects_were_looked_for(person: bool | None) -> None:
    points, out_of, evidence = _opening(footage(person=person), FACE)
    assert (points, out_of > 0) == (out_of, True)
    assert evidence == "face within 2 s"


@pytest.mark.parametrize(
    "face",
    [FACE.model_copy(update={"time": 2.1}), FACE.model_copy(update={"box": (0.4, 0.4, 0.6, 0.6)})],
    ids=["late", "small"],
)
def test_without_an_early_large_face_it_is_for_the_objects_to_tell(face: SeenFace) -> None:
    assert _opening(footage(person=True), face)[2] == "person within 2 s"
    points, out_of, _ = _opening(footage(person=False), face)
    assert points == 0
    assert out_of > 0
    _, unknown, evidence = _opening(footage(person=None), face)
    assert unknown == 0
    assert evidence == "left out: no face of 5 % of the frame within 2 s; objects not available: no weights"


def test_where_nobody_looked_for_faces_persons_and_products_still_count() -> None:
    assert _opening(footage(person=True), None)[2] == "person within 2 s"
    points, out_of, _ = _opening(footage(person=False), None)
    assert points == 0
    assert out_of > 0


def test_the_reason_of_a_missing_engine_is_repeated() -> None:
    assert line(judge(PLAN, BRIEF, footage(person=None)), "person or product within 2 s")[2].endswith("no weights")


def test_a_brand_read_heard_or_in_the_hook_beats_an_overlay_alone() -> None:
    quiet = footage(said=False)
    first = quiet.features[0]
    sign = ScreenText(text="BRIGHT CUP", start=1.0, end=2.0, box=(0, 0, 1, 0.2), confidence=0.9)
    shown = quiet.model_copy(update={"features": (first.model_copy(update={"texts": (sign,)}), *quiet.features[1:])})
    hooked = PLAN.model_copy(update={"hook": Hook(index=0, family="x", text="Meet Bright Cup, office managers.")})
    full = line(judge(PLAN, BRIEF, footage()), "brand by 5 s")[0] / 8
    assert line(judge(PLAN, BRIEF, quiet), "brand by 5 s")[2].startswith("overlaid only")
    assert line(judge(PLAN, BRIEF, shown), "brand by 5 s")[2].startswith("read or heard")
    assert line(judge(hooked, BRIEF, quiet), "brand by 5 s")[2] == "named in the hook"
    assert full > 1


def test_a_plan_with_a_scene_the_video_lacks_is_an_error() -> None:
    with pytest.raises(KeyError):
        judge(PLAN.model_copy(update={"scene_order": (99,)}), BRIEF, footage())


@given(
    st.lists(st.floats(0.3, 20), min_size=1, max_size=8).flatmap(
        lambda lengths: st.tuples(st.just(tuple(lengths)), st.permutations(range(len(lengths))))
    ),
    st.tuples(st.text(max_size=60), st.text(max_size=40)),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, True, False]),
)
@settings(max_examples=80, deadline=None)
def test_every_score_lies_between_0_and_100(
    cut: tuple[tuple[float, ...], list[int]], said_on_screen: tuple[str, str], said: bool | None, person: bool | None
) -> None:
    (lengths, order), (hook, action) = cut, said_on_screen
    changes = {
        "scene_order": tuple(order),
        "hook": Hook(index=0, family="x", text=hook),
        "call_to_action": action,
    }
    plan = PLAN.model_copy(update=changes)
    vote = judge(plan, BRIEF, footage(lengths, said=said, person=person))
    assert vote.score is not None
    assert 0 <= vote.score <= 100
    assert all(0 <= x.points <= x.out_of + 1e-9 for x in vote.lines)
