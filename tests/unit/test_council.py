"""The council: quorum, strictly above 85, at most three turns, and nothing approved unjudged."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.ids import rng
from flywheel_assets.creative.council.gate import cast_vote, convene, quorum
from flywheel_assets.creative.council.performance import vote_from_prediction
from flywheel_assets.creative.council.reflexion import approved, review
from flywheel_assets.creative.council.remedies import REMEDIES
from flywheel_assets.creative.council.rubric import LINES
from flywheel_assets.creative.director.draft import draft
from flywheel_assets.creative.director.hooks import hooks
from flywheel_assets.creative.protocols import Judge
from flywheel_assets.creative.types import (
    Blueprint,
    Brief,
    Hook,
    Perception,
    Scene,
    SceneFeatures,
    ScenePrediction,
    ScreenText,
    SeenObject,
    Verdict,
    Vote,
    Word,
)
from flywheel_assets.learning.cold_start import ColdStartCtr
from flywheel_assets.settings import Creative

SAMPLES = Path(__file__).parents[2] / "samples"
BRIEF = Brief.model_validate(yaml.safe_load((SAMPLES / "raw_ad.brief.yaml").read_text()))
MOTION = (0.06, 0.018, 0.019, 0.009, 0.038, 0.021, 0.002)  # as measured in the sample, scene by scene
GATE = 85.0


def sample(*, with_objects: bool = False, with_texts: bool = True) -> Perception:
    """The sample advert as its truth file describes it: what perfect engines would report."""
    truth = json.loads((SAMPLES / "raw_ad.truth.json").read_text())
    edges = [0, *truth["cuts"], truth["frame_count"]]
    scenes, features = [], []
    for index, (first, last) in enumerate(pairwise(edges)):
        start, end = first / truth["fps"], last / truth["fps"]
        scenes.append(Scene(index=index, start_frame=first, end_frame=last, start=start, end=end))
        words = tuple(
            Word(text=word["word"], start=word["start"], end=word["end"], probability=0.9)
            for word in truth["words"]
            if start <= word["start"] < end
        )
        texts = tuple(
            ScreenText(text=t["text"], start=t["start"], end=t["end"], box=(0.1, 0.1, 0.9, 0.2), confidence=0.9)
            for t in truth["texts"]
            if with_texts and start <= t["start"] < end
        )
        seen = tuple(
            SeenObject(label=o["label"], time=max(start, o["start"]), box=(0.2, 0.2, 0.8, 0.8), confidence=0.9)
            for o in truth["objects"]
            if o["start"] < end - 0.1 and o["end"] > start + 0.1
        )
        features.append(
            SceneFeatures(
                index=index, brightness=0.5, saturation=0.5, motion=MOTION[index % len(MOTION)], sharpness=900,
                words=words, texts=texts, objects=seen if with_objects else None,
            )
        )  # fmt: skip
    return Perception(
        video_sha256="0" * 64, fps=truth["fps"], frame_count=truth["frame_count"], width=1280, height=720,
        has_audio=True, scenes=tuple(scenes), features=tuple(features), engines={},
    )  # fmt: skip


SEEN = sample()
PREDICTED = ColdStartCtr().predict(SEEN)
HOOKS = hooks(BRIEF, SEEN, rng("hooks"))
DRAFTS = draft(BRIEF, SEEN, PREDICTED, HOOKS, rng("drafts"), 8)
WEAK = Blueprint(
    key="v01",
    hook=Hook(index=900, family="none", text="Check out this amazing thing!"),
    scene_order=(3, 5),
    promise="Nothing in common",
    call_to_action="Learn more",
    brand="",
)


def reviewed(*plans: Blueprint, judges: tuple[Judge, ...] = (), **changed: float) -> tuple[Verdict, ...]:
    return review(plans, BRIEF, SEEN, PREDICTED, HOOKS, Creative(**changed), rng("review"), judges)


def vote(score: float | None, weight: float = 1.0, judge: str = "a") -> Vote:
    return cast_vote(judge, score, weight, "because")


def council(*scores: float | None) -> list[Vote]:
    return [vote(score, judge=f"judge {i}") for i, score in enumerate(scores)]


# --- the gate -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "score", "is_approved"),
    [
        ((85.0, 85.0), 85.0, False),
        ((85.0, 85.1), 85.05, True),
        ((100.0, 70.0), 85.0, False),
        ((84.0, 84.0), 84.0, False),
        ((90.0,), None, False),
        ((90.0, None), None, False),
        ((90.0, 90.0, None), 90.0, True),
        ((90.0, 90.0, None, None), 90.0, True),
        ((90.0, 90.0, None, None, None), None, False),
        ((), None, False),
    ],
)
def test_the_gate(scores: tuple[float | None, ...], score: float | None, *, is_approved: bool) -> None:
    verdict = convene(WEAK, council(*scores), GATE)
    assert verdict.score == score
    assert verdict.approved is is_approved


def test_scores_of_exactly_85_stay_refused_under_any_weights() -> None:
    votes = [vote(85.0, weight, judge=str(weight)) for weight in (0.1, 0.2, 0.7, 1 / 3, 70 / 370)]
    assert convene(WEAK, votes, GATE).approved is False


def test_weights_count() -> None:
    assert convene(WEAK, [vote(90, 3, "a"), vote(70, 1, "b")], GATE).score == 85.0


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, -0.1, 100.1])
def test_a_score_that_is_none_becomes_an_abstention_with_its_reason(score: float) -> None:
    cast = vote(score)
    assert cast.score is None
    assert cast.weight == 0
    assert "outside 0 to 100" in cast.reason


@pytest.mark.parametrize("weight", [0.0, -1.0, math.nan, math.inf])
def test_a_vote_without_a_sound_weight_is_an_abstention(weight: float) -> None:
    assert vote(99, weight).score is None


def test_a_vote_forged_past_validation_is_checked_again() -> None:
    forged = Vote.model_construct(judge="b", score=math.nan, weight=1.0, reason="forged", lines=())
    verdict = convene(WEAK, [vote(99), forged], GATE)
    assert verdict.score is None
    assert verdict.votes[1].score is None


def test_one_judge_has_one_seat() -> None:
    with pytest.raises(ConfigurationError, match="a voted twice"):
        convene(WEAK, [vote(99), vote(99)], GATE)


def test_the_quorum_is_half_and_at_least_two() -> None:
    assert [quorum(n) for n in range(7)] == [2, 2, 2, 2, 2, 3, 3]


@given(st.lists(st.tuples(st.none() | st.floats(), st.floats()), max_size=8))
def test_whatever_judges_answer_the_gate_holds(answers: list[tuple[float | None, float]]) -> None:
    verdict = convene(WEAK, [vote(s, w, judge=str(i)) for i, (s, w) in enumerate(answers)], GATE)
    scored = [v.score for v in verdict.votes if v.score is not None]
    assert verdict.approved == (verdict.score is not None and verdict.score > GATE)
    assert (verdict.score is None) == (len(scored) < quorum(len(answers)))
    assert verdict.score is None or min(scored) - 1e-6 <= verdict.score <= max(scored) + 1e-6


# --- the performance judge ------------------------------------------------------------------------


def prediction(ctr: float, strength: float = 70) -> ScenePrediction:
    return ScenePrediction(index=3, rank=1, ctr=ctr, strength=strength, model="m", reasons=())


def test_the_ctr_vote_is_a_percentile_of_its_prior() -> None:
    scores = [vote_from_prediction(WEAK, [prediction(ctr)]).score or 0 for ctr in (0.007, 0.009, 0.01, 0.0115, 0.013)]
    assert scores == sorted(scores)
    assert scores[0] < 1
    assert scores[2] == pytest.approx(50)
    assert scores[3] > 85
    assert scores[4] < 100


def test_a_cold_model_weighs_little_and_a_proven_one_nearly_a_seat() -> None:
    cold, proven = (vote_from_prediction(WEAK, [prediction(0.01, s)]).weight for s in (70, 3000))
    assert cold == pytest.approx(0.07, abs=0.01)
    assert proven == pytest.approx(0.75, abs=0.01)


def test_without_a_prediction_for_its_opening_the_model_abstains_and_nothing_passes() -> None:
    assert vote_from_prediction(WEAK.model_copy(update={"scene_order": (1,)}), [prediction(0.01)]).score is None
    verdicts = review(DRAFTS, BRIEF, SEEN, (), HOOKS, Creative(), rng("r"))
    assert {verdict.score for verdict in verdicts} == {None}
    assert [verdict.turn for verdict in verdicts] == [0] * len(DRAFTS)
    assert approved(verdicts) == ()


# --- reflexion ------------------------------------------------------------------------------------


def shares(verdict: Verdict) -> dict[str, float]:
    lines = [line for one in verdict.votes for line in one.lines if line.out_of]
    return {line.feature: line.points / line.out_of for line in lines}


def turns_of(verdicts: tuple[Verdict, ...], key: str) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.blueprint.key == key]


def test_every_line_has_a_remedy() -> None:
    assert set(LINES) < set(REMEDIES)


def test_a_weak_draft_is_rewritten_from_its_lowest_line_for_three_turns() -> None:
    path = turns_of(reviewed(WEAK), "v01")
    assert [verdict.turn for verdict in path] == [0, 1, 2, 3]
    assert path[-1].reflection is None
    named = (path[0].reflection or "").split(" has ")[0]
    assert shares(path[0])[named] == min(shares(path[0]).values())
    assert (path[-1].score or 0) > (path[0].score or 0) + 15


@pytest.mark.parametrize(
    ("changes", "feature"),
    [
        ({"hook": Hook(index=900, family="none", text="Check out this amazing thing!")}, "quality of the hook"),
        ({"call_to_action": "Learn more"}, "call to action"),
        ({"offer": None, "proof": None}, "offer or proof"),
        ({"brand": ""}, "brand by 5 s"),
        ({"scene_order": (3, 5)}, "motion of the opening"),
    ],
)
def test_each_remedy_mends_what_it_names_and_leaves_the_rest(changes: dict[str, object], feature: str) -> None:
    plan = DRAFTS[0].model_copy(update=changes)
    path = turns_of(reviewed(plan, approval_score=99.9), plan.key)
    rewritten = [(before, after) for before, after in pairwise(path) if (before.reflection or "").startswith(feature)]
    assert rewritten
    before, after = (verdict.blueprint.model_dump() for verdict in rewritten[0])
    touched = {name for name in before if before[name] != after[name]}
    assert touched <= {"hook", "promise"} or touched <= {"offer", "proof"} or len(touched) == 1


def test_no_rewrite_is_taken_that_does_not_raise_both_the_named_line_and_the_score() -> None:
    verdicts = reviewed(*DRAFTS, WEAK.model_copy(update={"key": "v09"}), approval_score=99.9)
    steps = 0
    for key in {verdict.blueprint.key for verdict in verdicts}:
        for before, after in pairwise(turns_of(verdicts, key)):
            feature = (before.reflection or "").split(" has ")[0]
            assert shares(after)[feature] > shares(before)[feature]
            assert (after.score or 0) > (before.score or 0)
            steps += 1
    assert steps >= len(DRAFTS)


def test_a_draft_that_nothing_can_raise_ends_early() -> None:
    best = max(reviewed(WEAK, approval_score=99.9), key=lambda verdict: verdict.score or 0).blueprint
    while (path := reviewed(best, approval_score=99.9))[-1].blueprint != best:
        best = path[-1].blueprint
    assert [verdict.reflection for verdict in path] == [None]


def test_a_setting_cannot_buy_more_than_three_turns() -> None:
    assert [verdict.turn for verdict in reviewed(WEAK, approval_score=99.9, reflexion_turns=9)] == [0, 1, 2, 3]
    assert [verdict.turn for verdict in reviewed(WEAK, approval_score=99.9, reflexion_turns=1)] == [0, 1]


def test_an_approved_draft_is_left_alone() -> None:
    verdicts = reviewed(*DRAFTS)
    for key in {verdict.blueprint.key for verdict in verdicts}:
        path = turns_of(verdicts, key)
        assert not any(verdict.approved for verdict in path[:-1])


@pytest.mark.parametrize(
    "seen",
    [sample(), sample(with_objects=True), sample(with_texts=False)],
    ids=["as is", "objects seen", "no text"],
)
@pytest.mark.parametrize("seed", ["a", "b", "c"])
def test_an_honest_brief_with_a_decent_video_gives_five_distinct_variations(seed: str, seen: Perception) -> None:
    predicted = ColdStartCtr().predict(seen)
    lines = hooks(BRIEF, seen, rng(seed))
    drafts = draft(BRIEF, seen, predicted, lines, rng(seed), 8)
    verdicts = review(drafts, BRIEF, seen, predicted, lines, Creative(), rng(seed))
    passed = approved(verdicts)
    assert 5 <= len(passed) <= 10
    assert len({plan.hook.text for plan in passed}) == len(passed)


def test_one_approved_draft_is_varied_until_five_pass_the_same_gate() -> None:
    good = next(v.blueprint for v in reviewed(*DRAFTS) if v.approved)
    verdicts = reviewed(good.model_copy(update={"key": "v08"}))
    passed = approved(verdicts)
    assert len(passed) == 5
    varied = [plan for plan in passed if plan.key != "v08"]
    assert sorted(plan.key for plan in varied) == [v.blueprint.key for v in verdicts if v.blueprint.parent][-4:]
    assert min(plan.key for plan in varied) >= "v09"
    assert {plan.parent for plan in varied} == {"v08"}
    assert len({plan.hook.text for plan in passed}) == 5
    assert len({plan.scene_order for plan in passed}) == 5
    judged = {v.blueprint.key: v for v in verdicts}
    assert all(len(judged[plan.key].votes) == 2 for plan in passed)


def test_nothing_is_varied_when_nothing_passed() -> None:
    assert {v.blueprint.key for v in reviewed(WEAK, approval_score=99.9)} == {"v01"}


class Harsh:
    """A further judge that gives every draft the same score and remembers what it saw."""

    def __init__(self, score: float | None) -> None:
        self.score = score
        self.seen: list[Blueprint] = []

    def __call__(self, blueprint: Blueprint) -> Vote:
        self.seen.append(blueprint)
        return cast_vote("harsh", self.score, 1.0, "says so")


def test_further_judges_sit_on_every_turn_and_can_refuse() -> None:
    harsh = Harsh(10.0)
    verdicts = reviewed(*DRAFTS, judges=(harsh,))
    assert harsh.seen == [verdict.blueprint for verdict in verdicts]
    assert approved(verdicts) == ()
    assert approved(reviewed(*DRAFTS, judges=(Harsh(None),))) == approved(reviewed(*DRAFTS))


def test_variations_stop_when_a_judge_keeps_refusing() -> None:
    class OnlyDrafts(Harsh):
        def __call__(self, blueprint: Blueprint) -> Vote:
            self.score = 10.0 if blueprint.parent else 99.0
            return super().__call__(blueprint)

    verdicts = reviewed(DRAFTS[0], judges=(OnlyDrafts(None),))
    assert [plan.key for plan in approved(verdicts)] == ["v01"]
    assert sum(v.blueprint.parent is not None for v in verdicts) == 16


def test_approved_gives_the_best_first() -> None:
    verdicts = reviewed(*DRAFTS)
    last = {v.blueprint.key: v.score or 0 for v in verdicts}
    scores = [last[plan.key] for plan in approved(verdicts)]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) >= 5


def test_equal_seeds_give_equal_verdicts() -> None:
    assert reviewed(*DRAFTS) == reviewed(*DRAFTS)


@given(
    st.lists(st.floats(0.4, 9), min_size=1, max_size=7),
    st.lists(st.floats(0.004, 0.03), min_size=7, max_size=7),
    st.sampled_from([0, 1, 3, 9]),
    st.integers(0, 999),
)
@settings(max_examples=15, deadline=None)
def test_no_video_gets_more_than_three_turns_or_passes_at_85(
    lengths: list[float], rates: list[float], turns: int, seed: int
) -> None:
    starts = [sum(lengths[:i]) for i in range(len(lengths) + 1)]
    scenes = tuple(
        Scene(index=i, start_frame=int(a * 30), end_frame=int(b * 30), start=a, end=b)
        for i, (a, b) in enumerate(pairwise(starts))
    )
    features = tuple(
        SceneFeatures(index=s.index, brightness=0.5, saturation=0.5, motion=(s.index * 7 % 5) / 50, sharpness=99)
        for s in scenes
    )
    seen = SEEN.model_copy(update={"scenes": scenes, "features": features})
    predicted = tuple(
        ScenePrediction(index=s.index, rank=s.index + 1, ctr=rates[s.index], strength=70, model="m", reasons=())
        for s in scenes
    )
    drafts = draft(BRIEF, seen, predicted, HOOKS, rng(seed), 3)
    verdicts = review(drafts, BRIEF, seen, predicted, HOOKS, Creative(reflexion_turns=turns), rng(seed))
    assert max(verdict.turn for verdict in verdicts) <= min(turns, 3)
    assert all(verdict.approved == ((verdict.score or 0) > GATE) for verdict in verdicts)
    assert len({v.blueprint.key for v in verdicts if v.approved}) == len(approved(verdicts))
