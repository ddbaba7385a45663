"""Creative DNA, its vectors, and the patterns counted from it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.clients.embeddings import DIMENSIONS, WordLlamaEmbedder, unit_rows
from flywheel_assets.creative.types import (
    Blueprint,
    Brief,
    Engine,
    Hook,
    Perception,
    Scene,
    SceneFeatures,
    ScreenText,
    SeenObject,
)
from flywheel_assets.learning.dna import brief_text, dna_of
from flywheel_assets.learning.knowledge import Specimen, elements_of, evidence
from flywheel_assets.learning.published import Delivered
from flywheel_assets.learning.shared import SHARED_KINDS, Pattern, common

NOW = datetime(2026, 5, 1, tzinfo=UTC)
EMBEDDER = WordLlamaEmbedder()
BOX = (0.0, 0.0, 0.5, 0.5)
BLUEPRINT = Blueprint(
    key="v01",
    hook=Hook(index=0, family="question", text="Is the coffee machine broken again?"),
    scene_order=(1, 0),
    promise="Bright Cup: fresh coffee every morning.",
    call_to_action="Book your free tasting",
    offer="Free tasting",
    brand="Bright Cup",
)
BRIEF = Brief(
    brand="Bright Cup",
    product="office coffee service",
    audience="office managers",
    pain="a broken coffee machine",
    pain_doing="waiting for a repair",
    outcome="fresh coffee every morning",
    outcome_do="start the day with fresh coffee",
    call_to_action="Book your free tasting",
    landing_url="https://example.org",
)


def perception(**opening: Any) -> Perception:
    plain: dict[str, Any] = {"brightness": 0.5, "saturation": 0.3, "motion": 0.1, "sharpness": 500.0}
    return Perception(
        video_sha256="a" * 64,
        fps=30,
        frame_count=180,
        width=1080,
        height=1920,
        has_audio=True,
        scenes=tuple(
            Scene(index=i, start_frame=60 * i, end_frame=60 * i + 60, start=2.0 * i, end=2.0 * i + 2) for i in range(3)
        ),
        features=tuple(
            SceneFeatures.model_validate({"index": i, **plain, **(opening if i == 1 else {})}) for i in range(3)
        ),
        engines={"scenes": Engine(name="made")},
    )


def seen(*labels: str) -> tuple[SeenObject, ...]:
    return tuple(SeenObject(label=label, time=2.1, box=BOX, confidence=0.9) for label in labels)


# --- the record -------------------------------------------------------------------------------------


def test_a_record_tells_the_elements_of_the_opening_scene() -> None:
    text = (ScreenText(text="hello", start=2.2, end=3.0, box=BOX, confidence=1),)
    found = dna_of(BLUEPRINT, perception(objects=seen("cup", "person", "cup"), brightness=0.9, motion=0.4, texts=text))
    assert found.opening_objects == ("cup", "person")
    assert found.looks == ("bright", "fast", "text")
    assert (found.hook_family, found.offer, found.proof) == ("question", "Free tasting", None)


def test_pictures_nobody_looked_at_are_unknown() -> None:
    assert dna_of(BLUEPRINT, None).opening_objects is None
    assert dna_of(BLUEPRINT, None).looks == ()
    assert dna_of(BLUEPRINT, perception()).opening_objects is None
    assert dna_of(BLUEPRINT, perception(objects=())).opening_objects == ()


def test_the_text_holds_what_is_said_and_shown_and_nothing_else() -> None:
    found = dna_of(BLUEPRINT, perception(objects=seen("cup"))).text()
    assert found == "Is the coffee machine broken again?. Book your free tasting. Free tasting. cup"


def test_the_brief_is_told_in_its_own_words() -> None:
    assert brief_text(BRIEF).startswith("a broken coffee machine. fresh coffee every morning")
    assert "None" not in brief_text(BRIEF)


# --- vectors ----------------------------------------------------------------------------------------


def test_like_texts_lie_closer_than_unlike_ones() -> None:
    rows = EMBEDDER.embed([brief_text(BRIEF), dna_of(BLUEPRINT, None).text(), "Car insurance for young drivers"])
    assert rows.shape == (3, DIMENSIONS)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    near, far = float(rows[0] @ rows[1]), float(rows[0] @ rows[2])
    assert near > 0.5
    assert far < 0.3


def test_the_embedder_names_its_weights_and_gives_the_same_vector_twice() -> None:
    assert EMBEDDER.name.startswith("wordllama-l2_supercat-256 ")
    assert EMBEDDER.name == WordLlamaEmbedder().name
    assert np.array_equal(EMBEDDER.embed(["coffee"]), WordLlamaEmbedder().embed(["coffee"]))


def test_no_texts_are_no_rows_and_an_empty_text_is_refused() -> None:
    assert EMBEDDER.embed([]).shape == (0, DIMENSIONS)
    with pytest.raises(ValueError, match="empty text"):
        EMBEDDER.embed(["coffee", "  "])


def test_a_vector_without_direction_is_refused() -> None:
    with pytest.raises(ValueError, match="no direction"):
        unit_rows(np.zeros((1, 3), dtype=np.float32))
    with pytest.raises(ValueError, match="no direction"):
        unit_rows(np.array([[np.nan, 1.0]], dtype=np.float32))


@given(st.text(alphabet="abc déあ😀.!?0", min_size=1).filter(str.strip))
def test_any_text_with_something_in_it_has_a_unit_vector(text: str) -> None:
    assert np.linalg.norm(EMBEDDER.embed([text])) == pytest.approx(1, abs=1e-4)


# --- patterns ---------------------------------------------------------------------------------------


def specimen(number: int, family: str, *, clicks: int, won: bool) -> Specimen:
    sums = Delivered(1000, clicks, 0, 100, NOW, NOW, 0, 0, 0)
    return Specimen(f"ad{number}", frozenset({("hook_family", family), ("look", "bright")}), sums, won)


SPECIMENS = [
    specimen(1, "question", clicks=20, won=True),
    specimen(2, "question", clicks=20, won=True),
    specimen(3, "number", clicks=10, won=False),
    specimen(4, "number", clicks=10, won=False),
]


def test_evidence_counts_and_compares_with_the_others() -> None:
    found = evidence(SPECIMENS, frozenset({("hook_family", "question")}))
    assert (found["ads"], found["winners"], found["clicks"]) == (2, 2, 40)
    assert found["ctr_lift"] == pytest.approx(1.0)
    assert found["winner_lift"] == pytest.approx((2.5 / 3) / (0.5 / 3) - 1)
    assert found["lead_lift"] is None


def test_what_every_ad_has_cannot_be_compared() -> None:
    found = evidence(SPECIMENS, frozenset({("look", "bright")}))
    assert (found["ads"], found["ctr_lift"], found["winner_lift"]) == (4, None, None)


def test_elements_leave_out_what_is_unknown() -> None:
    found = elements_of(dna_of(BLUEPRINT, None))
    assert found == {
        ("hook_family", "question"),
        ("call_to_action", "Book your free tasting"),
        ("offer", "Free tasting"),
    }


def pattern(account: int, value: str, lift: float | None) -> Pattern:
    return Pattern(
        f"act_{account}", "look", value, {"ads": 3, "ctr_lift": lift, "lead_lift": None, "winner_lift": None}
    )


def test_a_pattern_of_enough_accounts_is_shared_with_its_mean() -> None:
    rows = [pattern(1, "bright", 1.0), pattern(2, "bright", 0.0), pattern(3, "bright", None), pattern(1, "dark", 0.0)]
    (found,) = common(rows, 3)
    assert (found["value"], found["accounts"], found["ads"]) == ("bright", 3, 9)
    assert found["metrics"]["ctr_lift"] == pytest.approx(2**0.5 - 1)
    assert found["metrics"]["lead_lift"] is None


def test_one_account_with_many_ads_is_one_account() -> None:
    assert common([pattern(1, "bright", 0.0)] * 5, 2) == []


def test_nothing_that_somebody_wrote_is_of_a_shared_kind() -> None:
    assert not {"call_to_action", "offer", "proof"} & set(SHARED_KINDS)
