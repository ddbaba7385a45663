"""Where sentences end, in any script, and when an English one asks."""

from __future__ import annotations

import pytest

from flywheel_assets.core.sentences import closing_mark, pauses_after
from flywheel_assets.creative.director.language import asks


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("again.", "."), ("again?", "?"), ("again?!", "?"), ("again!?", "?"), ("“again?”", "?"), ('again." ', "."),
        ("(again)", ""), ("(again.)", "."), ("again", ""), ("", ""), ("...", "."), ("1.5", ""), ("بارد؟", "؟"),
        ("سرد۔", "۔"), ("冷的。", "。"), ("冷的吗？」", "？"), ("冷たい！", "！"), ("ठंडी।", "।"), ("ត្រជាក់។", "។"),
        ("အေးသည်။", "။"), ("ቀዝቃዛ።", "።"), ("soon…", "…"),
    ],
)  # fmt: skip
def test_the_closing_mark_is_found_behind_any_word_and_before_quotation_marks(text: str, mark: str) -> None:
    assert closing_mark(text) == mark
    assert pauses_after(text) == bool(mark)


@pytest.mark.parametrize("text", ["coffee;", "κρύος;", "قهوة؛", "咖啡：", "咖啡；”"])
def test_a_half_stop_gives_pause_and_closes_nothing(text: str) -> None:
    assert pauses_after(text)
    assert closing_mark(text) == ""


@pytest.mark.parametrize("text", ["machine,", "咖啡、", "قهوة،", "wait -"])
def test_a_comma_gives_no_pause(text: str) -> None:
    assert not pauses_after(text)


@pytest.mark.parametrize(
    "text",
    [
        "is your office coffee machine broken again.", "Do you hate cold coffee", "Don’t you hate cold coffee.",
        "What is your coffee like.", "Why do the best offices call us", "Have you had your coffee", "Can this be fresh",
    ],
)  # fmt: skip
def test_verb_before_subject_asks(text: str) -> None:
    assert asks(text)


@pytest.mark.parametrize(
    "text",
    [
        "Do it now.", "Do your best.", "Have a seat.", "Should you need help, call us.", "What a morning.", "Why", "",
        "How we fixed it.", "When it rains we come.", "Will is our best barista.", "Don't the", "Your machine is broken.",
    ],
)  # fmt: skip
def test_orders_and_statements_do_not_ask(text: str) -> None:
    assert not asks(text)
