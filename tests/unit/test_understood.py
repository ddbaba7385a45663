"""Words heard with little certainty: a sentence is shown as it was heard or not at all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.creative.council.rubric import judge
from flywheel_assets.creative.sentences import sentences, understood
from flywheel_assets.creative.types import Perception, Word
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.quality.expected import texts
from flywheel_assets.rendering.types import EditPlan
from tests.unit.test_edit_plan import SETTINGS, WHOLE, _blueprint, _perception
from tests.unit.test_rubric import BRIEF, PLAN, footage, line

SAID = "We do not charge anything. Ba uh gel wop. Call today."
UNSURE = {"not": 0.3, "Ba": 0.4, "uh": 0.7, "gel": 0.2, "wop.": 0.4}


def _spoken(**unsure: float) -> Perception:
    """The lines above, three words a second, words surely heard unless said otherwise."""
    words = [(text, 0.3 * place, 0.3 * place + 0.25) for place, text in enumerate(SAID.split())]
    seen = _perception([150], {0: words})
    known = {**UNSURE, **unsure}
    heard = tuple(
        word.model_copy(update={"probability": known.get(word.text, 0.9)}) for word in seen.features[0].words or ()
    )
    return seen.model_copy(update={"features": (seen.features[0].model_copy(update={"words": heard}),)})


def _shown(plan: EditPlan) -> str:
    return " ".join(found.text for found in texts(plan) if found.role == "caption")


def test_an_unsure_word_stays_in_its_sentence_and_a_sentence_nobody_understood_is_left_out() -> None:
    """Without the doubtful 'not' the advert would promise the opposite."""
    plan = edit_plan(_blueprint(0), _spoken(), SETTINGS, WHOLE)
    assert _shown(plan) == "We do not charge anything. Call today."
    assert plan.notes["auto_captions: scene 0"] == "4 words are not shown, their sentences were not understood"


def test_where_all_was_understood_all_is_shown_and_there_is_nothing_to_note() -> None:
    plan = edit_plan(_blueprint(0), _spoken(Ba=0.9, gel=0.9), SETTINGS, WHOLE)
    assert _shown(plan) == SAID
    assert not any(name.startswith("auto_captions") for name in plan.notes)


def test_the_sound_of_what_was_not_understood_is_played_all_the_same() -> None:
    one, other = (edit_plan(_blueprint(0), seen, SETTINGS, WHOLE) for seen in (_spoken(), _spoken(Ba=0.9, gel=0.9)))
    assert one.audio.spans == other.audio.spans


def test_the_rubric_counts_the_words_that_are_shown() -> None:
    seen = footage()

    def coverage(place: int, probability: float) -> float:
        """With the word of that place in every line heard so surely."""
        features = tuple(
            one.model_copy(
                update={
                    "words": tuple(
                        word.model_copy(update={"probability": probability}) if place in {at, -1} else word
                        for at, word in enumerate(one.words or ())
                    )
                }
            )
            for one in seen.features
        )
        points, out_of, _ = line(judge(PLAN, BRIEF, seen.model_copy(update={"features": features})), "caption coverage")
        return points / out_of

    assert coverage(1, 0.2) == 1
    assert coverage(-1, 0.45) == 0


@given(st.lists(st.tuples(st.text(max_size=8), st.floats(0, 60), st.floats(0, 1)), max_size=30))
def test_every_word_is_in_one_sentence_and_sentences_are_kept_or_left_out_whole(
    heard: list[tuple[str, float, float]],
) -> None:
    words = sorted(
        (Word(text=t, start=a, end=a + 0.2, probability=p) for t, a, p in heard), key=lambda word: word.start
    )
    groups = sentences(words)
    assert [word for group in groups for word in group] == words
    kept = understood(words)
    assert list(kept) == [
        word for group in groups if sum(w.probability for w in group) / len(group) >= 0.5 for word in group
    ]
