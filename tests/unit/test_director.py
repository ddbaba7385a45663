"""The director: drafts that differ, play 10 to 16 seconds, learn from winners and say nothing the brief does not."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.ids import rng
from flywheel_assets.creative.director.draft import draft, promise_for, ranked_openings
from flywheel_assets.creative.director.hooks import hooks
from flywheel_assets.creative.director.orders import LONGEST, SHORTEST, cuts_share, orders, shots_share
from flywheel_assets.creative.protocols import Winner
from flywheel_assets.creative.types import Brief, Hook, Perception, Scene, SceneFeatures, ScenePrediction

BRIEF = Brief(
    brand="Bright Cup", product="office coffee service", audience="office managers", pain="a broken coffee machine",
    pain_doing="waiting for a repair", outcome="fresh coffee every morning", outcome_do="start the day fresh",
    call_to_action="Book your free tasting", landing_url="https://example.com",
    offer="First month free", proof="Trusted by 1,200 offices",
)  # fmt: skip


def footage(*lengths: float) -> Perception:
    scenes, start = [], 0.0
    for index, seconds in enumerate(lengths):
        end = start + seconds
        scenes.append(Scene(index=index, start_frame=int(start * 30), end_frame=int(end * 30), start=start, end=end))
        start = end
    seen = [
        SceneFeatures(index=i, brightness=0.5, saturation=0.5, motion=0.1, sharpness=9) for i in range(len(lengths))
    ]
    return Perception(
        video_sha256="0" * 64, fps=30, frame_count=int(start * 30), width=1280, height=720, has_audio=False,
        scenes=tuple(scenes), features=tuple(seen), engines={},
    )  # fmt: skip


SEEN = footage(3.0, 3.0, 2.5, 4.5, 2.7, 3.7, 3.6)
HOOKS = hooks(BRIEF, SEEN, rng("hooks"))


def predicted(*ranked: int) -> tuple[ScenePrediction, ...]:
    return tuple(
        ScenePrediction(index=index, rank=rank, ctr=0.02 - rank / 1000, strength=70, model="test", reasons=())
        for rank, index in enumerate(ranked, 1)
    )


def winner(family: str, action: str = "Book your free tasting", text: str = "", similarity: float = 0.9) -> Winner:
    return Winner("ad_1", family, text, action, similarity)


def seconds(order: tuple[int, ...], seen: Perception) -> float:
    return sum(seen.scenes[index].seconds for index in order)


def test_drafts_differ_in_hook_family_opening_and_order() -> None:
    drafts = draft(BRIEF, SEEN, predicted(4, 0, 2, 1, 5, 3, 6), HOOKS, rng("d"), 8)
    assert [plan.key for plan in drafts] == [f"v{n:02d}" for n in range(1, 9)]
    assert len({plan.hook.family for plan in drafts}) == 8
    assert len({plan.scene_order for plan in drafts}) == 8
    assert drafts[0].scene_order[0] == 4
    assert {plan.scene_order[0] for plan in drafts} == {4, 0, 2}
    assert all(plan.parent is None for plan in drafts)


def test_the_story_follows_the_opening_in_its_own_order_for_10_to_16_seconds() -> None:
    for plan in draft(BRIEF, SEEN, predicted(4, 0, 2, 1, 5, 3, 6), HOOKS, rng("d"), 10):
        assert list(plan.scene_order[1:]) == sorted(plan.scene_order[1:])
        assert SHORTEST <= seconds(plan.scene_order, SEEN) <= LONGEST


def test_offer_and_proof_come_from_the_brief_and_take_turns() -> None:
    plans = draft(BRIEF, SEEN, predicted(0, 1), HOOKS, rng("d"), 4)
    assert [(plan.offer, plan.proof) for plan in plans] == [(BRIEF.offer, None), (None, BRIEF.proof)] * 2
    bare = BRIEF.model_copy(update={"offer": None, "proof": None})
    assert {(p.offer, p.proof) for p in draft(bare, SEEN, (), HOOKS, rng("d"), 4)} == {(None, None)}


def test_equal_seeds_draft_alike_and_others_differ() -> None:
    def made(seed: str) -> list[str]:
        return [plan.hook.text for plan in draft(BRIEF, SEEN, predicted(0), HOOKS, rng(seed), 8)]

    assert made("a") == made("a")
    assert made("a") != made("b")


def test_without_predictions_the_story_opens_and_its_close_never_does() -> None:
    assert ranked_openings(SEEN, ()) == [0, 1, 2, 3, 4, 5]
    assert ranked_openings(SEEN, predicted(6, 2)) == [2, 0, 1, 3, 4, 5]
    assert ranked_openings(footage(4, 5), ()) == [0, 1]


def test_a_family_that_won_is_drafted_first_with_its_call_to_action() -> None:
    won = winner("urgency", "Book your tasting today")
    plain = draft(BRIEF, SEEN, predicted(0, 1), HOOKS, rng("d"), 3)
    led = draft(BRIEF, SEEN, predicted(0, 1), HOOKS, rng("d"), 3, [won])
    assert "urgency" not in {plan.hook.family for plan in plain}
    assert led[0].hook.family == "urgency"
    assert led[0].call_to_action == "Book your tasting today"
    assert {plan.call_to_action for plan in led[1:]} == {BRIEF.call_to_action}


def test_the_wording_of_a_winner_picks_among_equal_hooks_of_its_family() -> None:
    pair = [
        Hook(index=0, family="f", text="Tired of waiting for a repair?"),
        Hook(index=1, family="f", text="Sick of a broken coffee machine?"),
    ]
    for hook in pair:
        assert draft(BRIEF, SEEN, (), pair, rng("d"), 1, [winner("f", text=hook.text)])[0].hook == hook


@pytest.mark.parametrize(
    "action",
    ["Get 50% off", "Free coffee forever", "Get results guaranteed", "Win a holiday", "x" * 40],
    ids=["unknown offer", "no verb", "banned", "unknown prize", "too long"],
)
def test_a_winners_call_to_action_that_this_brief_cannot_keep_is_left_out(action: str) -> None:
    made = draft(BRIEF, SEEN, (), HOOKS, rng("d"), 2, [winner("urgency", action)])
    assert made[0].hook.family == "urgency"
    assert {plan.call_to_action for plan in made} == {BRIEF.call_to_action}


def test_a_banned_claim_made_of_the_briefs_own_words_is_left_out() -> None:
    rich = BRIEF.model_copy(update={"outcome": "rich coffee every morning"})
    assert draft(rich, SEEN, (), HOOKS, rng("d"), 1, [winner("urgency", "Get rich coffee")])[0].call_to_action == (
        BRIEF.call_to_action
    )


def test_a_winner_unlike_this_brief_teaches_nothing() -> None:
    plain = draft(BRIEF, SEEN, (), HOOKS, rng("d"), 5)
    assert draft(BRIEF, SEEN, (), HOOKS, rng("d"), 5, [winner("urgency", similarity=-0.4)]) == plain


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.text)
def test_the_promise_is_one_short_line_of_the_briefs_own_words(hook: Hook) -> None:
    line = promise_for(hook, BRIEF)
    assert len(line) <= 125
    assert "Bright Cup" in line
    assert "{" not in line
    assert set(re.findall(r"\d+", line)) <= {"1", "200"}


def test_the_promise_follows_the_hook_even_when_slots_are_unusable() -> None:
    long = BRIEF.model_copy(update={"pain_doing": "wait", "pain": "p" * 60, "outcome": "o" * 60, "brand": "b" * 40})
    line = promise_for(HOOKS[0], long)
    assert "b" * 39 in line
    assert len(line) <= 125
    assert promise_for(Hook(index=0, family="x", text="Ask around. Trusted by 1,200 offices."), BRIEF).startswith(
        "Trusted by"
    )


@pytest.mark.parametrize(
    ("seen", "count", "message"),
    [(footage(), 1, "no scenes"), (SEEN, 1000, "need 1000 hooks"), (SEEN, 0, "0 drafts"), (SEEN, 61, "61 drafts")],
)
def test_what_cannot_be_drafted_is_refused(seen: Perception, count: int, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        draft(BRIEF, seen, (), HOOKS, rng("d"), count)


def test_a_banned_claim_never_reaches_a_draft() -> None:
    with pytest.raises(ConfigurationError, match="offer: 'guaranteed'"):
        draft(BRIEF.model_copy(update={"offer": "Fresh beans guaranteed"}), SEEN, (), HOOKS, rng("d"), 1)


def test_pace_is_read_from_whole_scenes() -> None:
    seen = footage(2, 2, 2, 2, 2)
    assert cuts_share((0, 1, 2, 3), seen) == 1
    assert cuts_share((0,), seen) == 0
    assert cuts_share((0, 1), footage(3, 8)) == 0.5
    assert cuts_share(tuple(range(9)), footage(*[0.5] * 9)) == 0
    assert shots_share((0, 1), seen) == 1
    assert shots_share((0,), seen) == 0
    assert shots_share((0, 1), footage(9, 9)) == 0


@given(st.lists(st.floats(0.25, 12), min_size=1, max_size=12), st.data())
@settings(max_examples=60, deadline=None)
def test_orders_open_as_asked_never_repeat_and_keep_as_near_to_10_to_16_s_as_they_can(
    lengths: list[float], data: st.DataObject
) -> None:
    seen = footage(*lengths)
    opening = data.draw(st.integers(0, len(lengths) - 1))
    found = orders(opening, seen, rng(data.draw(st.integers(0, 99))))
    assert len(set(found)) == len(found) >= 1
    for order in found:
        assert order[0] == opening
        assert list(order[1:]) == sorted(set(order[1:]) - {opening})
    totals = [seconds(order, seen) for order in found]
    off = [max(0.0, SHORTEST - total, total - LONGEST) for total in totals]
    assert max(off) - min(off) < 1e-5
    if sum(lengths) < SHORTEST:
        assert sorted(found[0]) == list(range(len(lengths)))
