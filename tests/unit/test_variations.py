"""Variations of what passed: as different as the material allows, never the same plan twice, never unjudged."""

from __future__ import annotations

from functools import cache
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flywheel_assets.core.ids import rng
from flywheel_assets.creative.council.gate import convene
from flywheel_assets.creative.council.reflexion import approved, review, told, variations
from flywheel_assets.creative.council.studio import Studio, orders_at_hand
from flywheel_assets.creative.council.variations import LONGEST, SHORTEST, _Bench, shortened, vary
from flywheel_assets.creative.council.variety import Look, in_words, most_different, same_plan, seconds
from flywheel_assets.creative.director.actions import actions, can_keep
from flywheel_assets.creative.director.draft import draft
from flywheel_assets.creative.director.hooks import flaws
from flywheel_assets.creative.types import Blueprint, Brief, Perception, Scene, SceneFeatures, ScenePrediction, Verdict
from flywheel_assets.settings import Creative
from tests.unit.test_council import BRIEF, DRAFTS, GATE, HOOKS, PREDICTED, SEEN, WEAK, Harsh, reviewed

GOOD = max((v for v in reviewed(*DRAFTS) if v.approved), key=lambda v: v.score or 0).blueprint
_LONG = "The Bright Cup Coffee Company Limited"  # too long for a call to action
AXES = {"hook", "opening", "order", "length", "call to action"}


@cache
def of_one(number: int = 5, **changed: float) -> tuple[Verdict, ...]:
    """The council's verdicts where one draft passed and so many variations are wanted."""
    return reviewed(GOOD, min_variations=number, max_variations=number, **changed)


def rendered(verdicts: tuple[Verdict, ...], most: int = 10) -> tuple[Blueprint, ...]:
    return variations(verdicts, SEEN, Creative(max_variations=most))


def looks(plans: tuple[Blueprint, ...]) -> list[Look]:
    return [Look.of(plan, SEEN) for plan in plans]


def film(*lengths: float) -> Perception:
    """A video of scenes of these lengths that nobody speaks in."""
    starts = [sum(lengths[:i]) for i in range(len(lengths) + 1)]
    scenes = tuple(
        Scene(index=i, start_frame=int(a * 30), end_frame=int(b * 30), start=a, end=b)
        for i, (a, b) in enumerate(pairwise(starts))
    )
    features = tuple(
        SceneFeatures(index=s.index, brightness=0.5, saturation=0.5, motion=(s.index * 7 % 5) / 50, sharpness=99)
        for s in scenes
    )
    return SEEN.model_copy(update={"scenes": scenes, "features": features})


def predicted(rates: list[float]) -> tuple[ScenePrediction, ...]:
    return tuple(
        ScenePrediction(index=i, rank=i + 1, ctr=rate, strength=70, model="m", reasons=())
        for i, rate in enumerate(rates)
    )


# --- how many, and how different ------------------------------------------------------------------


@pytest.mark.parametrize("number", [5, 7, 10])
def test_one_approved_draft_becomes_as_many_as_are_wanted(number: int) -> None:
    plans = rendered(of_one(number))
    assert len(plans) == number
    assert [plan.key for plan in plans if plan.parent is None] == [GOOD.key]
    assert {plan.parent for plan in plans if plan.key != GOOD.key} == {GOOD.key}
    assert len({plan.key for plan in plans}) == number


def test_the_variations_of_one_draft_differ_in_everything_that_can_differ() -> None:
    plans = rendered(of_one())
    found = looks(plans)
    assert {axis for one, other in combinations(found, 2) for axis in one.differs_in(other)} == AXES
    assert len({look.hook for look in found}) == len({look.family for look in found}) == 5
    assert len({look.order for look in found}) == 5
    assert len({look.order[0] for look in found}) == 3  # as many scenes as open well
    assert len({look.action for look in found}) == 5
    assert min(len(one.differs_in(other)) for one, other in combinations(found, 2)) >= 3


def test_every_variation_passed_the_same_gate_with_a_vote_of_every_judge() -> None:
    verdicts = of_one(10)
    judged = {verdict.blueprint: verdict for verdict in verdicts}
    for plan in rendered(verdicts):
        assert judged[plan].approved
        assert (judged[plan].score or 0) > GATE
        assert {vote.judge for vote in judged[plan].votes} == {"rubric", "ctr model"}


def test_eight_approved_drafts_are_all_rendered_and_nothing_is_varied() -> None:
    verdicts = reviewed(*DRAFTS)
    assert all(verdict.blueprint.parent is None for verdict in verdicts)
    assert rendered(verdicts) == approved(verdicts)
    assert len(rendered(verdicts)) == 8


def test_where_more_were_approved_than_are_wanted_the_best_and_the_most_different_are_taken() -> None:
    verdicts = reviewed(*DRAFTS)
    best_first = approved(verdicts)
    chosen = rendered(verdicts, 5)
    assert chosen[0] == best_first[0]
    assert list(chosen) == [plan for plan in best_first if plan in chosen]

    def nearest(plans: tuple[Blueprint, ...]) -> float:
        return min(one.difference(other) for one, other in combinations(looks(plans), 2))

    assert len(chosen) == 5
    assert nearest(chosen) >= nearest(best_first[:5])


def test_a_plan_that_two_drafts_share_is_one_variation() -> None:
    again = GOOD.model_copy(update={"key": "v44", "learned_from": ("ad_1",)})
    assert same_plan(GOOD, again)
    verdicts = reviewed(GOOD, again, min_variations=2)
    first, other = rendered(verdicts)
    assert {GOOD.key, "v44"} < {verdict.blueprint.key for verdict in verdicts if verdict.approved}
    assert {first.key, other.key} & {GOOD.key, "v44"} == {GOOD.key}
    assert not same_plan(first, other)


def test_with_several_approved_drafts_they_take_turns() -> None:
    plans = reviewed(DRAFTS[2], DRAFTS[3], min_variations=6)
    parents = [verdict.blueprint.parent for verdict in plans if verdict.blueprint.parent]
    assert parents == ["v04", "v03", "v04", "v03"]


def test_nothing_approved_gives_nothing_and_the_reason() -> None:
    verdicts = reviewed(WEAK, approval_score=99.9)
    assert rendered(verdicts) == ()
    reason = told(verdicts, Creative(approval_score=99.9))
    assert reason.startswith("none of 1 drafts passed 99.9: the best, v01, has ")
    assert " and loses most by " in reason
    assert told((), Creative()) == "none of 0 drafts passed 85: there was nothing to judge"


def test_without_a_quorum_the_reason_is_the_missing_judges() -> None:
    verdicts = review(DRAFTS[:2], BRIEF, SEEN, (), HOOKS, Creative(), rng("r"))
    assert told(verdicts, Creative()) == "none of 2 drafts passed 85: too few judges could score them"


def test_what_passed_is_told_with_what_was_varied() -> None:
    assert told(of_one(), Creative()) == "1 of 1 drafts passed 85, 4 variations of them too"
    assert told(reviewed(*DRAFTS), Creative()) == "8 of 8 drafts passed 85"


def test_variations_that_a_further_judge_refuses_are_not_rendered_and_it_is_said() -> None:
    class NoVariation(Harsh):
        def __call__(self, blueprint: Blueprint) -> object:  # type: ignore[override]
            self.score = 10.0 if blueprint.parent else 99.0
            return super().__call__(blueprint)

    verdicts = reviewed(GOOD, judges=(NoVariation(None),))  # type: ignore[arg-type]
    tried = sum(verdict.blueprint.parent is not None for verdict in verdicts)
    assert 4 <= tried <= 16
    assert rendered(verdicts) == (GOOD,)
    assert told(verdicts, Creative()) == (
        f"1 of 1 drafts passed 85; 5 are wanted, {tried} further variations were refused"
    )


def test_a_video_of_one_scene_is_varied_by_what_is_said() -> None:
    seen = film(9.0)
    only = GOOD.model_copy(update={"scene_order": (0,)})
    verdicts = review([only], BRIEF, seen, predicted([0.012]), HOOKS, Creative(approval_score=60), rng("one"))
    plans = variations(verdicts, seen, Creative())
    assert len(plans) == 5
    assert {plan.scene_order for plan in plans} == {(0,)}
    assert len({plan.hook.text for plan in plans}) == 5


def test_without_another_line_to_open_with_the_order_and_the_ask_are_varied() -> None:
    verdicts = review([GOOD], BRIEF, SEEN, PREDICTED, [GOOD.hook], Creative(), rng("one line"))
    plans = rendered(verdicts)
    assert len(plans) == 5
    assert {plan.hook.text for plan in plans} == {GOOD.hook.text}
    assert len({(plan.scene_order, plan.call_to_action) for plan in plans}) == 5


def test_where_hardly_anything_passes_what_is_near_the_approved_plan_is_found() -> None:
    best = max((verdict for verdict in of_one(10) if verdict.approved), key=lambda verdict: verdict.score or 0)
    plan, gate = best.blueprint.model_copy(update={"key": "v01", "parent": None}), (best.score or 0) - 0.05
    verdicts = reviewed(plan, approval_score=gate, reflexion_turns=0)
    assert gate > GATE + 5
    assert len(rendered(verdicts)) == 5


def test_where_no_variation_would_pass_nobody_is_asked_and_it_is_said() -> None:
    """One scene, one line, and nothing else that may be asked."""
    seen, only = film(3.0), GOOD.model_copy(update={"scene_order": (0,)})
    odd = BRIEF.model_copy(update={"call_to_action": "Free tasting", "brand": _LONG, "product": "a cure"})
    plan = only.model_copy(update={"call_to_action": "Free tasting", "brand": _LONG})
    easy = Creative(approval_score=40)
    verdicts = review([plan], odd, seen, predicted([0.012]), [plan.hook], easy, rng("none"))
    assert [verdict.approved for verdict in verdicts] == [True]
    assert told(verdicts, easy) == "1 of 1 drafts passed 40; 5 are wanted, no other variation would pass"


def test_keys_end_at_v99() -> None:
    verdicts = reviewed(GOOD.model_copy(update={"key": "v97"}))
    assert [verdict.blueprint.key for verdict in verdicts] == ["v97", "v98", "v99"]


def test_equal_seeds_give_equal_variations() -> None:
    assert reviewed(GOOD, min_variations=8) == reviewed(GOOD, min_variations=8)


# --- what may be said -----------------------------------------------------------------------------


def test_a_variation_says_nothing_that_was_not_checked() -> None:
    lines = {hook.text for hook in HOOKS} | {GOOD.hook.text}
    for plan in rendered(of_one(10)):
        assert plan.hook.text in lines
        assert flaws(plan.hook.text, BRIEF.brand) == ()
        assert plan.call_to_action == BRIEF.call_to_action or can_keep(plan.call_to_action, BRIEF)
        assert (plan.offer, plan.proof, plan.brand) == (GOOD.offer, GOOD.proof, GOOD.brand)


def test_the_calls_to_action_are_those_the_brief_can_keep() -> None:
    assert actions(BRIEF) == (
        "Book your free tasting",
        "Book your free tasting today",
        "Try Bright Cup",
        "Choose Bright Cup",
        "Get an office coffee service",
    )


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"call_to_action": "Book now"}, "Book now today"),
        ({"call_to_action": "Our free tasting"}, "Our free tasting today"),
        ({"call_to_action": "Book your tasting at our place"}, "Book your tasting at our place today"),
        ({"brand": "The Bright Cup Coffee Company Ltd"}, "Try The Bright Cup Coffee Company Ltd"),
        ({"product": "a cure for Mondays"}, "Get a cure for Mondays"),
    ],
)
def test_a_call_to_action_that_is_no_sentence_or_too_long_is_not_made(changed: dict[str, str], missing: str) -> None:
    made = actions(BRIEF.model_copy(update=changed))
    assert made[0] == changed.get("call_to_action", BRIEF.call_to_action)
    assert missing not in made
    assert len(made) < len(actions(BRIEF)) or "call_to_action" not in changed


def test_a_line_taken_from_another_plan_brings_what_that_plan_learned() -> None:
    donor = DRAFTS[2].model_copy(update={"key": "v02", "learned_from": ("ad_9",)})
    pair = (GOOD.model_copy(update={"key": "v01", "learned_from": ()}), donor)
    verdicts = review(pair, BRIEF, SEEN, PREDICTED, [one.hook for one in pair], Creative(), rng("donor"))
    varied = [v.blueprint for v in verdicts if v.blueprint.parent]
    assert {plan.learned_from for plan in varied} == {(), ("ad_9",)}
    assert all((plan.learned_from == ("ad_9",)) == (plan.hook == donor.hook) for plan in varied)
    (taken,) = _Bench(pair, studio())._made(pair[0], [(donor.hook, GOOD.scene_order, "Try Bright Cup")])
    assert (taken.parent, taken.hook, taken.learned_from) == ("v01", donor.hook, ("ad_9",))
    assert taken.promise == donor.promise


# --- length ---------------------------------------------------------------------------------------


def studio(seen: Perception = SEEN, rates: tuple[ScenePrediction, ...] = PREDICTED) -> Studio:
    return Studio(BRIEF, seen, tuple(rates), HOOKS, orders_at_hand(seen, rates, rng("s")), GATE)


def test_shortening_drops_the_weakest_scenes_and_keeps_opening_and_close() -> None:
    seen = film(3, 3, 3, 3, 3, 3)
    at_hand = studio(seen, predicted([0.01, 0.03, 0.01, 0.02, 0.04, 0.01]))
    assert list(shortened((0, 1, 2, 3, 4, 5), at_hand)) == [(0, 1, 3, 4, 5), (0, 1, 4, 5), (0, 4, 5), (0, 5)]


def test_a_scene_without_a_prediction_is_the_weakest() -> None:
    at_hand = studio(film(3, 3, 3, 3), predicted([0.01, 0.001])[:2])
    assert next(shortened((0, 1, 2, 3), at_hand)) == (0, 1, 3)


@given(st.lists(st.floats(0.4, 9), min_size=3, max_size=7))
@examples(max_examples=40, deadline=None)
def test_whatever_is_shortened_lasts_six_to_fifteen_seconds(lengths: list[float]) -> None:
    at_hand = studio(film(*lengths), predicted([0.01] * len(lengths)))
    order = tuple(range(len(lengths)))
    for short in shortened(order, at_hand):
        assert SHORTEST - 1e-6 <= seconds(short, at_hand.perception) <= LONGEST + 1e-6
        assert (short[0], short[-1]) == (order[0], order[-1])
        assert set(short) < set(order)


# --- choosing and telling -------------------------------------------------------------------------


def test_half_a_second_is_no_other_length_and_a_second_is() -> None:
    plain = Look("Hook.", "f", (0, 1), "Ask", 10.0)
    assert plain.differs_in(Look("Hook.", "f", (0, 1), "Ask", 10.9)) == ()
    assert plain.differs_in(Look("Hook.", "f", (0, 1), "Ask", 11.0)) == ("length",)
    assert plain.differs_in(Look("Other.", "f", (1, 0), "Do", 10.0)) == ("hook", "opening", "order", "call to action")
    assert plain.difference(Look("Other.", "g", (0, 1), "Ask", 10.0)) == 1.5


def test_a_plan_that_is_like_the_best_gives_way_to_one_that_is_not() -> None:
    near = GOOD.model_copy(update={"key": "v02", "call_to_action": "Try Bright Cup"})
    far = DRAFTS[0].model_copy(update={"key": "v03", "call_to_action": "Choose Bright Cup"})
    assert [plan.key for plan in most_different([GOOD, near, far], SEEN, 2)] == [GOOD.key, "v03"]


def test_of_equally_distant_plans_the_better_one_is_taken() -> None:
    near = [GOOD.model_copy(update={"key": f"v0{n}", "call_to_action": f"Try {n}"}) for n in range(1, 5)]
    assert [plan.key for plan in most_different(near, SEEN, 2)] == ["v01", "v02"]
    assert most_different(near, SEEN, 0) == ()


def test_the_table_says_what_differs_from_what() -> None:
    plans = rendered(of_one())
    rows = in_words(plans, SEEN)
    assert [row["variation"] for row in rows] == [plan.key for plan in plans]
    own = next(row for row in rows if row["variation"] == GOOD.key)
    varied = [row for row in rows if row["variation"] != GOOD.key]
    assert own["parent"] == ""
    assert {row["parent"] for row in varied} == {GOOD.key}
    assert all(str(row["differs"]).startswith(f"from {GOOD.key} in hook") for row in varied)
    assert all(
        row["seconds"] == round(seconds(plan.scene_order, SEEN), 1) for row, plan in zip(rows, plans, strict=True)
    )


# --- properties -----------------------------------------------------------------------------------


@given(
    st.lists(st.floats(0.4, 9), min_size=1, max_size=7),
    st.lists(st.floats(0.004, 0.03), min_size=7, max_size=7),
    st.floats(50, 90),
    st.integers(1, 4),
    st.integers(5, 10),
    st.integers(0, 999),
)
@examples(max_examples=12, deadline=None)
def test_for_any_video_no_plan_comes_twice_and_none_below_the_gate(  # noqa: PLR0917 - what Hypothesis draws
    lengths: list[float], rates: list[float], gate: float, drafted: int, number: int, seed: int
) -> None:
    seen, rated = film(*lengths), predicted(rates[: len(lengths)])
    wanted = Creative(approval_score=gate, min_variations=number, max_variations=number, reflexion_turns=0)
    drafts = draft(BRIEF, seen, rated, HOOKS, rng(seed), drafted)
    verdicts = review(drafts, BRIEF, seen, rated, HOOKS, wanted, rng(seed))
    plans = variations(verdicts, seen, wanted)
    assert all(verdict.approved for verdict in verdicts if verdict.blueprint.parent)  # none is judged in vain
    scores = {verdict.blueprint: verdict.score for verdict in verdicts}
    passed = {verdict.blueprint.key for verdict in verdicts if verdict.approved and not verdict.blueprint.parent}
    assert len(plans) <= number
    assert bool(plans) == bool(passed)
    assert not any(same_plan(one, other) for one, other in combinations(plans, 2))
    assert len({plan.key for plan in plans}) == len(plans)
    assert all((scores[plan] or 0) > gate for plan in plans)
    assert all(plan.parent is None or plan.parent in passed for plan in plans)
    assert all(can_keep(plan.call_to_action, BRIEF) for plan in plans)
    assert all(set(plan.scene_order) <= {scene.index for scene in seen.scenes} for plan in plans)


def test_drafts_are_told_by_what_sets_them_apart_from_the_best_draft() -> None:
    rows = in_words(rendered(reviewed(*DRAFTS, min_variations=10)), SEEN)
    drafts = [row for row in rows if not row["parent"]]
    assert len(rows) == 10
    assert drafts[0]["differs"] == ""
    assert all(str(row["differs"]).startswith(f"from {drafts[0]['variation']} in ") for row in drafts[1:])
    assert in_words([GOOD.model_copy(update={"parent": "v00"})], SEEN)[0]["differs"] == ""


def test_vary_asks_nobody_where_nothing_is_wanted_or_nothing_passed() -> None:
    asked: list[Blueprint] = []

    def judge(blueprint: Blueprint) -> Verdict:
        asked.append(blueprint)
        return convene(blueprint, [], GATE)

    assert list(vary([], 8, studio(), judge, 5)) == []
    assert list(vary([GOOD], 8, studio(), judge, 0)) == []
    assert asked == []


def test_a_brief_without_a_usable_call_to_action_keeps_its_own() -> None:
    odd = Brief.model_validate({**BRIEF.model_dump(), "call_to_action": "Free tasting", "brand": "Miracle Cure"})
    assert actions(odd)[0] == "Free tasting"
