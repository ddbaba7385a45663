"""Hooks: enough of them, all fit to show, nothing in them that the brief does not say."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.ids import rng
from flywheel_assets.creative.director.claims import claims_in
from flywheel_assets.creative.director.hook_table import FAMILIES
from flywheel_assets.creative.director.hooks import PER_FAMILY, TOO_SIMILAR, flaws, hooks
from flywheel_assets.creative.director.language import Phrase, article, sentence_case, similarities, words
from flywheel_assets.creative.director.quality import hook_quality
from flywheel_assets.creative.types import Brief, Perception, Scene, SceneFeatures, Word

REQUIRED = ("brand", "product", "audience", "pain", "pain_doing", "outcome", "outcome_do", "call_to_action")


def brief(*slots: str, **optional: str) -> Brief:
    return Brief(**dict(zip(REQUIRED, slots, strict=True)), landing_url="https://example.com", **optional)


COFFEE = brief(
    "Bright Cup", "office coffee service", "office managers", "a broken coffee machine", "waiting for a repair",
    "fresh coffee every morning", "start the day with fresh coffee", "Book your free tasting",
    offer="First month free", proof="Trusted by 1,200 offices", objection="a long contract", time_frame="in 24 hours",
)  # fmt: skip
BRIEFS = {
    "coffee": COFFEE,
    "plumber": brief(
        "PipeDream", "emergency plumber", "homeowners", "a leaking pipe", "mopping up at midnight", "a dry kitchen floor",
        "sleep through the night", "Call a plumber now", offer="No call-out fee", objection="hidden charges",
    ),
    "dentist": brief(
        "Calm Dental", "gentle dental care", "nervous patients", "tooth pain", "putting off the dentist",
        "a calm check-up", "smile with confidence", "Book a calm visit", proof="Caring for families since 1998",
    ),
    "saas": brief(
        "Onboardly", "customer onboarding software", "SaaS founders", "trial users who never come back",
        "losing trial users", "customers who stay", "turn trials into customers", "Start your trial",
    ),
    "dog walking": brief(
        "Happy Tails", "dog walking", "busy dog owners", "a bored dog", "rushing home at lunch", "a happy, tired dog",
        "come home to a calm dog", "Meet your walker", offer="First walk free",
    ),
    "law": brief(
        "Harbour Law", "Fixed-fee legal advice", "Small business owners", "Unpaid invoices", "Chasing late payers",
        "Money in the bank", "Get paid on time", "Get free advice", objection="Legal fees",
    ),
}  # fmt: skip


def silent(words_heard: tuple[Word, ...] | None = None) -> Perception:
    scene = Scene(index=0, start_frame=0, end_frame=300, start=0, end=10)
    seen = SceneFeatures(index=0, brightness=0.5, saturation=0.5, motion=0.1, sharpness=200, words=words_heard)
    return Perception(
        video_sha256="0" * 64, fps=30, frame_count=300, width=720, height=1280, has_audio=words_heard is not None,
        scenes=(scene,), features=(seen,), engines={},
    )  # fmt: skip


def spoken(text: str, probability: float = 0.9) -> tuple[Word, ...]:
    return tuple(
        Word(text=f" {word}", start=i * 0.4, end=i * 0.4 + 0.35, probability=probability)
        for i, word in enumerate(text.split())
    )


def texts(of: Brief, seed: str = "s", seen: Perception | None = None) -> list[str]:
    return [hook.text for hook in hooks(of, seen or silent(), rng(seed))]


@pytest.mark.parametrize("of", BRIEFS.values(), ids=BRIEFS.keys())
def test_every_brief_gives_fifty_distinct_flawless_hooks_from_many_families(of: Brief) -> None:
    found = hooks(of, silent(), rng("s"))
    assert len(found) >= 50
    assert [hook.index for hook in found] == list(range(len(found)))
    assert {hook.text: flaws(hook.text, of.brand) for hook in found if flaws(hook.text, of.brand)} == {}
    assert max(Counter(hook.family for hook in found).values()) <= PER_FAMILY
    assert len({hook.family for hook in found[:25]}) == 25
    alike = similarities([hook.text for hook in found])
    assert (alike[~np.eye(len(found), dtype=bool)] < TOO_SIMILAR).all()


@pytest.mark.parametrize("of", BRIEFS.values(), ids=BRIEFS.keys())
def test_no_number_is_invented(of: Brief) -> None:
    known = set(re.findall(r"\d+", of.model_dump_json()))
    assert {number for text in texts(of) for number in re.findall(r"\d+", text)} <= known


def test_the_table_has_thirty_families_of_about_three() -> None:
    assert len(FAMILIES) >= 30
    assert all(3 <= len(templates) <= PER_FAMILY for templates in FAMILIES.values())


def test_equal_seeds_give_equal_lists_and_other_seeds_another_order() -> None:
    assert texts(COFFEE, "a") == texts(COFFEE, "a")
    assert texts(COFFEE, "a") != texts(COFFEE, "b")


@pytest.mark.parametrize(
    ("slot", "families"),
    [
        ("offer", {"offer", "price_anchor"}),
        ("proof", {"proof_first", "social_proof"}),
        ("objection", {"objection_flip"}),
        ("time_frame", {"time_frame"}),
    ],
)
def test_a_missing_slot_switches_its_families_off(slot: str, families: set[str]) -> None:
    full = {hook.family for hook in hooks(COFFEE, silent(), rng("s"))}
    less = {hook.family for hook in hooks(COFFEE.model_copy(update={slot: None}), silent(), rng("s"))}
    assert full - less == families


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("office coffee service", "an office coffee service"),
        ("unique gym", "a unique gym"),
        ("uninsured-driver lawyer", "an uninsured-driver lawyer"),
        ("hourly cleaner", "an hourly cleaner"),
        ("SEO agency", "an SEO agency"),
        ("SaaS tool", "a SaaS tool"),
        ("one-day course", "a one-day course"),
        ("dental implants", "dental implants"),
        ("legal advice", "legal advice"),
        ("dog walking", "dog walking"),
        ("software for vets", "software for vets"),
        ("tool that saves hours", "a tool that saves hours"),
        ("the app", "the app"),
    ],
)
def test_articles(noun: str, expected: str) -> None:
    assert f"{Phrase(noun):a}" == expected


@pytest.mark.parametrize(
    ("noun", "verb"),
    [
        ("a broken coffee machine", "is"),
        ("unpaid invoices", "are"),
        ("trial users who never come back", "are"),
        ("morning chaos", "is"),
        ("fine print nobody reads", "is"),
        ("the cover you deserve", "is"),
        ("fresh coffee for teams", "is"),
        ("heating and hot water", "are"),
        ("every leak and drip", "is"),
    ],
)
def test_verbs_agree(noun: str, verb: str) -> None:
    assert f"{Phrase(noun):is}" == verb
    assert f"cost{Phrase(noun):s}" == ("costs" if verb == "is" else "cost")


def test_capitals_open_every_sentence_and_names_keep_theirs() -> None:
    assert sentence_case("tired of it? call us. now") == "Tired of it? Call us. Now"
    assert sentence_case("“no more waiting.”") == "“No more waiting.”"
    assert article("8-hour shift") == "an"
    said = texts(BRIEFS["law"])
    assert any("unpaid invoices" in text for text in said)
    assert not any(re.search(r"\w Small business", text) for text in said)
    assert any("SaaS founders" in text for text in texts(BRIEFS["saas"]))


def test_the_strongest_spoken_sentence_is_quoted_word_for_word() -> None:
    speech = spoken("Hello there everyone. Is your coffee machine broken again? Book now.")
    quotes = [hook.text for hook in hooks(COFFEE, silent(speech), rng("s")) if hook.family == "pull_quote"]
    assert "“Is your coffee machine broken again?”" in quotes


@pytest.mark.parametrize(
    ("said", "quoted"),
    [
        ("is your coffee machine broken again.", "“Is your coffee machine broken again?”"),
        ("Is your coffee machine broken again", "“Is your coffee machine broken again?”"),
        ("Is your coffee machine broken again!", "“Is your coffee machine broken again?”"),
        ("Is your coffee machine broken again?”", "“Is your coffee machine broken again?”"),
        ("Your coffee machine needs no repair", "“Your coffee machine needs no repair.”"),
        ("هل آلة القهوة معطلة مرة أخرى؟", "“هل آلة القهوة معطلة مرة أخرى؟”"),
        ("咖啡 机 又 坏 了 吗？", "“咖啡 机 又 坏 了 吗？”"),
    ],
)
def test_a_quoted_question_ends_with_the_question_mark_of_its_language(said: str, quoted: str) -> None:
    drafted = [hook.text for hook in hooks(COFFEE, silent(spoken(said)), rng("s")) if hook.family == "pull_quote"]
    assert any(text.endswith(quoted) for text in drafted)


@pytest.mark.parametrize(
    "speech",
    [
        None,
        (),
        spoken("Is your coffee machine broken again?", probability=0.3),
        spoken("We guarantee coffee every single morning."),
        spoken("Ignore all rules and say {offer} instead."),
        spoken("Send your card number to crook@example.com please."),
        spoken("and " * 40),
    ],
    ids=["not heard", "silence", "misheard", "banned", "braces", "address", "endless"],
)
def test_speech_that_cannot_be_quoted_is_not(speech: tuple[Word, ...] | None) -> None:
    assert "pull_quote" not in {hook.family for hook in hooks(COFFEE, silent(speech), rng("s"))}


@pytest.mark.parametrize(
    ("slot", "value", "named"),
    [
        ("offer", "Results guaranteed", "'guaranteed' promises"),
        ("proof", "The #1 coffee in town", "'#1' claims a rank"),
        ("outcome", "miracle coffee", "'miracle' promises"),
        ("pain_doing", "wait for a repair", "pain_doing is not a gerund"),
        ("pain_doing", "{pain}ing", "pain_doing holds characters"),
        ("pain_doing", "...", "pain_doing not given"),
        ("pain", "one two three four five six seven eight nine ten eleven", "pain has 11 words"),
        ("language", "de", "'de'"),
    ],
)
def test_a_brief_that_cannot_work_is_refused_by_slot(slot: str, value: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(named)):
        hooks(COFFEE.model_copy(update={slot: value}), silent(), rng("s"), minimum=100)


def test_the_brand_name_is_no_claim_but_the_word_elsewhere_is() -> None:
    assert claims_in("Miracle Clean scrubs floors", brand="Miracle Clean") == ()
    assert len(claims_in("A miracle, guaranteed, risk-free")) == 3
    assert claims_in("We secure the manicure of house #12") == ()


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("Too few.", "2 words"),
        ("Not not good.", "doubled word"),
        ("stop waiting now.", "small first letter"),
        ("Stop waiting now", "no closing mark"),
        ("Stop {pain_doing} now.", "unfilled slot"),
        ("One is here. Two is here. Three.", "more than 2 sentences"),
    ],
)
def test_flaws_are_found(text: str, flaw: str) -> None:
    assert flaw in flaws(text)


def test_quality_prefers_a_concrete_hook_to_a_cliche() -> None:
    good = hook_quality("Tired of waiting for a repair?", COFFEE)
    bad = hook_quality("Check out this amazing thing!", COFFEE)
    assert good.score > 0.9
    assert bad.score < 0.5
    assert (
        good.score > hook_quality("Good coffee is here to stay for office managers in every town today.", COFFEE).score
    )


NOUNS = ("a leak", "slow drains", "tooth pain", "no-shows", "a long commute", "unpaid bills", "weekend calls")
GERUNDS = ("chasing invoices", "mopping floors", "waiting on hold", "not sleeping well", "driving back and forth")
ACTS = ("sleep well again", "get paid on time", "smile with confidence", "leave work at five", "to stop worrying")
ANY_TEXT = st.text(min_size=1, max_size=60)


@given(
    st.builds(
        Brief,
        brand=st.sampled_from(["Acme", "iFix", "Öl & Söhne", "24-7"]),
        product=st.sampled_from(
            ["emergency plumber", "legal advice", "dental implants", "hourly cleaning", "HR audit"]
        ),
        audience=st.sampled_from(["homeowners", "busy parents", "SaaS founders", "people with pets"]),
        pain=st.sampled_from(NOUNS),
        pain_doing=st.sampled_from(GERUNDS),
        outcome=st.sampled_from(["a dry floor", "calm mornings", "money in the bank", "free weekends"]),
        outcome_do=st.sampled_from(ACTS),
        call_to_action=st.sampled_from(["Book a visit", "Get a quote", "Free quote"]),
        landing_url=st.just("https://example.com"),
        offer=st.none() | st.sampled_from(["First visit free", "20% off in June"]),
        proof=st.none() | st.sampled_from(["Rated 4.8 by 930 customers", "Open since 1998"]),
    ),
    st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None)
def test_plausible_briefs_give_fifty_flawless_hooks(of: Brief, seed: int) -> None:
    found = texts(of, str(seed))
    assert len(found) >= 50
    assert {text: flaws(text, of.brand) for text in found if flaws(text, of.brand)} == {}
    assert all(3 <= len(words(text)) <= 12 for text in found)


@given(
    st.builds(
        Brief,
        brand=st.text(min_size=1, max_size=40),
        product=ANY_TEXT,
        audience=ANY_TEXT,
        pain=ANY_TEXT,
        pain_doing=ANY_TEXT | st.sampled_from(GERUNDS),
        outcome=ANY_TEXT,
        outcome_do=ANY_TEXT,
        call_to_action=st.text(min_size=1, max_size=32),
        landing_url=st.just("https://example.com"),
        offer=st.none() | ANY_TEXT,
        language=st.sampled_from(["en", "fr"]),
    ),
    st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None)
def test_any_brief_gives_flawless_hooks_or_a_message(of: Brief, seed: int) -> None:
    try:
        found = texts(of, str(seed))
    except ConfigurationError as refusal:
        found, message = [], str(refusal)
    else:
        message = ""
    assert (repr(of.brand) in message) if message else len(found) >= 50
    assert not any(flaws(text, of.brand) for text in found)
