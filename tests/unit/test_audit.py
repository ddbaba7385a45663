"""Reading the platform's journal: what counts as an effect, and what a gap is."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from flywheel_assets.execution.audit import compared, journal_effects


def call(path: str, answer: Any, *, applied: bool = True, method: str = "POST", **params: str) -> dict[str, Any]:
    return {"method": method, "path": path, "params": params, "answer": answer, "applied": applied}


UPLOAD = [
    call("act_1/advideos", {"upload_session_id": "7", "video_id": "42"}, upload_phase="start"),
    call("act_1/advideos", {"start_offset": "9", "end_offset": "9"}, upload_phase="transfer", upload_session_id="7"),
    call("act_1/advideos", {"success": True}, upload_phase="finish", upload_session_id="7"),
]


@pytest.mark.parametrize(
    ("calls", "effects"),
    [
        ([call("act_1/campaigns", {"id": "11"})], {"11": 1}),
        ([call("11/", {"success": True})], {"11": 1}),
        ([call("11", {"success": True}), call("11/", {"success": True})], {"11": 2}),
        ([call("11", {"error": {"code": 100}}, applied=False)], {}),
        ([call("act_1/campaigns", None, applied=False)], {}),
        ([call("11", {"id": "11"}, method="GET", applied=False)], {}),
        ([call("11", {"success": True}, method="PERSON")], {}),
        (UPLOAD, {"42": 1}),
        (UPLOAD[:2], {}),
        ([call("act_1/adimages", {"images": {"i.jpg": {"hash": "ab"}}})], {"ab": 1}),
        ([call("act_1/adimages", {"images": {"i.jpg": {"hash": "ab"}}}, applied=False)], {"ab": 1}),
    ],
    ids=[
        "created",
        "changed",
        "changed twice",
        "refused",
        "lost before",
        "read",
        "a person's edit",
        "uploaded",
        "an upload without its finish",
        "image",
        "the same image again",
    ],
)
def test_what_counts_as_an_effect(calls: list[dict[str, Any]], effects: dict[str, int]) -> None:
    assert journal_effects(calls) == Counter(effects)


@pytest.mark.parametrize(
    ("audited", "journal", "number"),
    [
        ({}, {}, 0),
        ({"1": 2, "2": 1}, {"2": 1, "1": 2}, 0),
        ({"1": 1}, {}, 1),
        ({}, {"1": 1}, 1),
        ({"1": 1}, {"1": 3}, 2),
        ({"1": 1}, {"2": 1}, 2),
    ],
)
def test_a_gap_is_an_effect_that_only_one_side_has(
    audited: dict[str, int], journal: dict[str, int], number: int
) -> None:
    assert compared(Counter(audited), Counter(), Counter(journal)).gaps == number


@pytest.mark.parametrize(
    ("unsettled", "journal", "gaps", "overtaken"),
    [
        ({"1": 1}, {"1": 1}, 0, 0),  # it did not land
        ({"1": 1}, {"1": 2}, 0, 1),
        ({"1": 1}, {"1": 3}, 1, 1),  # two landed, and only one of them is on record
        ({"2": 1}, {"1": 2}, 1, 0),  # that of another object explains nothing
        ({"1": 1}, {}, 1, 0),  # what never happened was not overtaken
    ],
)
def test_what_our_history_says_may_have_happened_is_no_gap_if_it_did(
    unsettled: dict[str, int], journal: dict[str, int], gaps: int, overtaken: int
) -> None:
    found = compared(Counter({"1": 1}), Counter(unsettled), Counter(journal))
    assert (found.gaps, found.overtaken.total()) == (gaps, overtaken)
