"""Every way a call to Meta can fail, and what it means for the caller."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.clients.meta_errors import Reply, Silence, classify, unanswered
from flywheel_assets.clients.meta_usage import highest_percent, regain
from flywheel_assets.core.errors import (
    AmbiguousOutcome,
    AuthError,
    PermanentError,
    PolicyError,
    RemoteError,
    Throttled,
    TransientError,
)

CALL = "POST act_1/ads"


def refusal(code: Any, subcode: int | None = None, status: int = 400, **more: Any) -> Reply:
    headers = more.pop("headers", {})
    return Reply(status, headers, {"message": "words", "code": code, "error_subcode": subcode, **more})


def business(regain_minutes: float, tier: str = "development_access", **shares: float) -> dict[str, str]:
    entry = {"type": "ads_management", "estimated_time_to_regain_access": regain_minutes, **shares}
    return {"X-Business-Use-Case-Usage": json.dumps({"1": [{**entry, "ads_api_access_tier": tier}]})}


# code, subcode, HTTP status -> class on a write, class on a read
TABLE = [
    *[((code, None, 400), Throttled, Throttled) for code in (4, 17, 32, 613, 80000, 80004, 80006, 80008, 80009, 80014)],
    ((613, 1487632, 400), Throttled, Throttled),
    ((613, 1487742, 403), Throttled, Throttled),
    ((17, 2446079, 500), Throttled, Throttled),
    ((None, None, 429), Throttled, Throttled),
    ((100, 1885252, 400), Throttled, Throttled),
    *[((code, None, 400), TransientError, TransientError) for code in (1, 2, 104, 960)],
    ((1, 99, 400), TransientError, TransientError),
    ((2, None, 500), AmbiguousOutcome, TransientError),
    ((100, None, 503), AmbiguousOutcome, TransientError),
    ((100, 1487390, 400), TransientError, TransientError),
    *[((code, None, 401), AuthError, AuthError) for code in (10, 102, 190, 200, 294, 299)],
    ((190, 463, 500), AuthError, AuthError),
    ((368, None, 400), PolicyError, PolicyError),
    ((100, None, 400), PermanentError, PermanentError),
    ((100, 33, 400), PermanentError, PermanentError),
    ((100, 1885272, 400), PermanentError, PermanentError),
    ((100, 1885621, 400), PermanentError, PermanentError),
    ((2635, None, 400), PermanentError, PermanentError),
    ((80007, None, 400), PermanentError, PermanentError),
    ((300, None, 400), PermanentError, PermanentError),
    ((100, None, 200), PermanentError, PermanentError),
]


@pytest.mark.parametrize(("case", "on_write", "on_read"), TABLE)
def test_the_table(case: tuple[Any, int | None, int], on_write: type[RemoteError], on_read: type[RemoteError]) -> None:
    reply = refusal(*case)
    assert type(classify(CALL, reply, write=True)) is on_write
    assert type(classify(CALL, reply, write=False)) is on_read


def test_only_the_refusal_that_passes_half_the_time_is_called_flaky() -> None:
    replies = [refusal(100, 1487390), refusal(100, 1487390, is_transient=True), refusal(2), refusal(100, 1363037)]
    errors = [classify(CALL, reply, write=True) for reply in replies]
    assert [isinstance(one, TransientError) and one.flaky for one in errors] == [True, True, False, False]


@pytest.mark.parametrize("status", [200, 302, 404, 413, 500, 502])
def test_an_answer_without_an_error_object_leaves_a_write_unclear(status: int) -> None:
    reply = Reply(status, {}, None)
    assert type(classify(CALL, reply, write=True)) is AmbiguousOutcome
    assert type(classify(CALL, reply, write=False)) is TransientError


def test_meta_calling_a_refusal_transient_is_believed_unless_a_write_ended_in_a_server_error() -> None:
    assert type(classify(CALL, refusal(100, is_transient=True), write=True)) is TransientError
    assert type(classify(CALL, refusal(100, status=500, is_transient=True), write=True)) is AmbiguousOutcome


@pytest.mark.parametrize(
    ("sent", "write", "expected"),
    [
        (False, True, TransientError),
        (False, False, TransientError),
        (True, True, AmbiguousOutcome),
        (True, False, TransientError),
    ],
)
def test_silence(sent: bool, write: bool, expected: type[RemoteError]) -> None:
    assert type(unanswered(CALL, Silence(sent, "ReadTimeout"), write=write)) is expected


@pytest.mark.parametrize(
    ("reply", "wait", "scope"),
    [
        (refusal(613, 1487632), timedelta(hours=1), "object"),
        (refusal(17, 1487632), timedelta(hours=1), "object"),
        (refusal(100, 1885252), timedelta(minutes=1), "object"),
        (refusal(17), timedelta(minutes=5), "account"),
        (refusal(17, headers=business(0, "standard_access")), timedelta(minutes=1), "account"),
        (refusal(613, 1487742), timedelta(minutes=5), "account"),
        (refusal(80004, headers=business(23)), timedelta(minutes=23), "account"),
        (refusal(80004, headers={"Retry-After": "900"}), timedelta(minutes=15), "account"),
        (refusal(4, 1504022), timedelta(minutes=5), "app"),
    ],
)
def test_a_throttle_says_how_long_and_what_waits(reply: Reply, wait: timedelta, scope: str) -> None:
    error = classify(CALL, reply, write=True)
    assert isinstance(error, Throttled)
    assert (error.retry_after, error.scope) == (wait, scope)


def test_the_message_names_the_call_the_numbers_and_what_to_do() -> None:
    error = classify(CALL, refusal(100, 1885272, error_user_msg="too little", fbtrace_id="Ab1"), write=True)
    assert (error.code, error.subcode, error.trace_id) == (100, 1885272, "Ab1")
    for part in (CALL, "100/1885272", "too little", "correct the request"):
        assert part in str(error)


def test_a_code_written_as_text_counts() -> None:
    assert type(classify(CALL, refusal("190"), write=True)) is AuthError


def test_usage_is_the_highest_percentage_of_all_headers() -> None:
    headers = business(0, call_count=28, total_cputime=25.5)
    assert highest_percent(headers) == 28
    assert highest_percent({**headers, "x-app-usage": '{"call_count": 3, "total_time": 91}'}) == 91
    assert highest_percent({"x-ad-account-usage": '{"acc_id_util_pct": 9.67}'}) == 9.67
    assert highest_percent({"x-fb-ads-insights-throttle": '{"app_id_util_pct": 40, "acc_id_util_pct": 7}'}) == 40


def test_without_usage_headers_the_usage_is_unknown() -> None:
    assert highest_percent({"content-type": "application/json"}) is None
    assert regain({}) == timedelta(0)


@given(
    text=st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps),
    name=st.sampled_from(["x-business-use-case-usage", "x-app-usage", "x-ad-account-usage", "retry-after"]),
)
def test_a_broken_header_never_fails_the_call(text: str, name: str) -> None:
    assert regain({name: text}) >= timedelta(0)
    assert highest_percent({name: text}) is None or name != "retry-after"


_JSON = st.none() | st.booleans() | st.integers() | st.text()


@given(
    error=st.none() | st.dictionaries(st.sampled_from(["message", "code", "error_subcode", "is_transient"]), _JSON),
    status=st.integers(200, 599),
)
def test_every_answer_has_a_class_and_a_write_in_a_server_error_is_never_called_safe(
    error: dict[str, Any] | None, status: int
) -> None:
    verdict = classify(CALL, Reply(status, {}, error), write=True)
    assert isinstance(verdict, RemoteError)
    assert str(verdict).startswith(CALL)
    if status >= 500:
        assert not isinstance(verdict, TransientError | PermanentError)
