"""What the budget decision does not decide on: each with a message that names the place and the remedy."""

from __future__ import annotations

import json
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from select import select as select_readable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from starlette.applications import Starlette
from starlette.routing import Route

from flywheel_assets.budget import select
from flywheel_assets.budget.request import RequestRefused
from flywheel_assets.gateway.budget import SELECT_PATH, SelectBudgets
from flywheel_assets.serving import ThreadServer
from flywheel_assets.settings import Settings
from tests.unit.select_world import NOW, STAGES, ad, lived, request

NAN = float("nan")


def with_hours(**changed: list[Any]) -> dict[str, Any]:
    one = lived("a", hours=4)
    return request({**one, "hourly": {**one["hourly"], **changed}}, ad("b"), now_hour=NOW, stages=STAGES)


def with_deal(**changed: Any) -> dict[str, Any]:
    deal = {
        "deal_id": 1,
        "click_hour": NOW - 50,
        "stage": 1,
        "stage_entered_hour": NOW - 20,
        "lost": False,
        "amount": 9,
    }
    return request(ad("a", deals=[{**deal, **changed}]), ad("b"), now_hour=NOW, stages=STAGES)


REFUSED = {
    "no ads": (request(total=100.0), "ad_states is empty"),
    "no money": (request(ad(), total=0.0), "total_budget is 0: there is nothing to share"),
    "less than a cent": (request(ad(), total=0.004), "nothing to share"),
    "negative total": (request(ad(), total=-5.0), "total_budget: Input should be greater than or equal to 0"),
    "infinite total": (request(ad(), total=float("inf")), "total_budget: inf is not an amount"),
    "all paused": (request(ad("a", current_budget=0.0), ad("b", current_budget=0.0), total=9.0), "all 2 ads .* paused"),
    "same ad twice": (request(ad("a"), ad("b"), ad("a")), "ad a is in ad_states more than once"),
    "clicks without impressions": (request(ad(impressions=10, clicks=11)), r"\(ad a\): 11 clicks of 10 impressions"),
    "spend without impressions": (request(ad(impressions=0, clicks=0)), r"\(ad a\): 400 spent without an impression"),
    "NaN": (request(ad(spend=NAN)), r"ad_states.0.spend \(ad a\): nan is not an amount"),
    "negative": (request(ad(clicks=-1)), r"ad_states.0.clicks \(ad a\): .*greater than or equal to 0"),
    "text": (request(ad(clicks="12")), "'12' is not a number"),
    "truth": (request(ad(clicks=True)), "True is not a number"),
    "born in the future": (request(ad(age_hours=-1.0)), "ad_states.0.age_hours"),
    "missing field": (request({"ad_id": "a"}, total=5.0), r"ad_states.0.impressions \(ad a\): required and not there"),
    "unknown key": (request(ad(), budgte=1), "unknown key 'budgte'"),
    "unknown key of an ad": (request(ad(ctr=0.1)), r"unknown key 'ad_states.0.ctr' \(ad a\)"),
    "unknown key of hours": (with_hours(cpm=[1, 2, 3, 4]), "unknown key 'ad_states.0.hourly.cpm'"),
    "unknown key of a deal": (with_deal(owner="x"), "unknown key 'ad_states.0.deals.0.owner'"),
    "unknown policy": (request(ad(), policy="best"), "policy: Input should be 'blended_literal', 'blended' or 'funnel'"),
    "currencies": (request(ad("a", currency="USD"), ad("b", currency="EUR")), "amounts in EUR, USD: one decision"),
    "unknown currency": (request(ad("a", currency="XXX")), "currency 'XXX' is not supported"),
    "DNA of two lengths": (request(ad("a", dna=[1.0]), ad("b", dna=[1.0, 2.0])), r"dna has lengths \[1, 2\]"),
    "DNA with NaN": (request(ad("a", dna=[NAN])), "ad a: dna holds NaN"),
    "columns of two lengths": (with_hours(clicks=[1, 2]), "different lengths .*clicks 2"),
    "hours with text": (with_hours(clicks=["1", "2", "3", "4"]), "plain list of numbers"),
    "hours with null": (with_hours(clicks=[1, None, 3, 4]), "plain list of numbers"),
    "hours with NaN": (with_hours(spend=[1.0, NAN, 1.0, 1.0]), "ad a: hourly holds NaN"),
    "hours below zero": (with_hours(clicks=[1, -2, 3, 4]), "ad a: hourly holds .* a negative"),
    "hours of the future": (with_hours(hour=[NOW - 1, NOW, NOW + 1, NOW + 2]), f"ad a: hourly reaches beyond now_hour {NOW}"),
    "hours out of order": (with_hours(hour=[4, 3, 2, 1]), "ad a: hourly.hour must rise"),
    "an hour twice": (with_hours(hour=[1, 2, 2, 3]), "each hour once"),
    "deals without stages": (request(lived("a")), "ad a has deals, but `stages` does not say"),
    "an unknown stage": (with_deal(stage="signed"), r"ad a: a deal is in a stage that `stages` does not have \(lead,"),
    "a stage too many": (with_deal(stage=4), "does not have"),
    "a deal before its click": (with_deal(click_hour=NOW - 10), "ad a: a deal entered its stage before its click"),
    "a deal of the future": (with_deal(stage_entered_hour=NOW + 5), f"ad a: a deal lies in the future of now_hour {NOW}"),
    "a negative amount": (with_deal(amount=-1), "ad_states.0.deals.0.amount"),
    "one stage": (request(ad(), stages=["lead"]), "stages needs a first and a last one"),
    "chances without stages": (request(ad(), stage_win_probability=[0.1, 1.0]), "needs `stages`"),
    "too few chances": (request(ad(), stages=STAGES, stage_win_probability=[0.1]), "has 1 entries for 4 stages"),
    "impossible chance": (request(ad(), stages=STAGES, stage_win_probability=[2.0, 1, 1, 1]), "stage_win_probability.0"),
    "a number": ({"total_budget": 5, "ad_states": 7}, "ad_states: Input should be a valid tuple"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_nobody_can_answer_honestly_is_refused_with_the_reason(name: str) -> None:
    asked, message = REFUSED[name]
    with pytest.raises(RequestRefused, match=message):
        select(asked)


def test_a_deal_of_two_ads_is_refused() -> None:
    asked = with_deal()
    asked["ad_states"][1]["deals"] = asked["ad_states"][0]["deals"]
    with pytest.raises(RequestRefused, match="deal 1 is listed more than once"):
        select(asked)


def test_every_problem_is_told_and_not_only_the_first() -> None:
    with pytest.raises(RequestRefused) as told:
        select(request(ad("a", clicks=-1), ad("b", spend=NAN), surprise=1))
    assert len(told.value.problems) == 3
    for part in ("(ad a)", "(ad b)", "'surprise'"):
        assert part in str(told.value)


def test_what_looks_odd_but_can_be_is_answered() -> None:
    stages = {"now_hour": NOW, "stages": STAGES}
    for asked in (
        with_hours(),
        with_deal(),
        with_deal(stage="offer", amount=None),
        request(ad(), **stages),
        request(ad(current_budget=100.0)),
        request(ad("a", currency="JPY"), ad("b", currency="JPY"), total=301.0),
        request(ad("a", hourly={"hour": [], "impressions": [], "clicks": [], "spend": [], "leads": [], "budget": []})),
    ):
        answer = select(asked)
        assert sum(line.recommended_budget for line in answer.recommendations) == pytest.approx(asked["total_budget"])


def test_a_currency_without_cents_gets_whole_amounts() -> None:
    answer = select(request(*(ad(name, currency="JPY") for name in "abc"), total=1000.0))
    assert sorted(line.recommended_budget for line in answer.recommendations) == [333.0, 333.0, 334.0]


# --- over HTTP --------------------------------------------------------------------------------------


@contextmanager
def endpoint(megabytes: int) -> Iterator[str]:
    app = Starlette(routes=[Route(SELECT_PATH, SelectBudgets(megabytes).answer, methods=["POST"])])
    with ThreadServer(app, name="select") as server:
        yield f"{server.url}{SELECT_PATH}"


def test_the_endpoint_answers_like_the_function_and_refuses_with_every_reason() -> None:
    with endpoint(2) as url:
        asked = request(ad("a"), ad("b", clicks=300))
        good = requests.post(url, json=asked, timeout=30)
        assert (good.status_code, good.json()) == (200, select(asked).model_dump(mode="json"))
        bad = requests.post(url, json={**asked, "surprise": 1}, timeout=30)
        assert bad.status_code == 422
        assert bad.json()["problems"] == ["unknown key 'surprise'; remove it or check its spelling"]
        assert requests.post(url, data=b"{", timeout=30).status_code == 400
        assert requests.post(url, json=[1], timeout=30).status_code == 422
        many = {**asked, "ad_states": [lived(f"ad-{index}", hours=672) for index in range(60)], "stages": STAGES}
        answer = requests.post(url, json={**many, "now_hour": NOW}, timeout=60)  # larger than a webhook's megabyte
        assert answer.json()["num_ads"] == 60
        large = requests.post(url, data=b" " * 2_000_001, timeout=60)
        assert (large.status_code, "FLYWHEEL_SELECT_MEGABYTES" in large.text) == (413, True)


def test_the_default_room_takes_a_thousand_ads_with_four_weeks_of_hours_and_their_deals() -> None:
    column = list(range(1, 673))
    hourly = {"hour": column, **dict.fromkeys(("impressions", "clicks", "spend", "leads", "budget"), column)}
    deal = {"click_hour": 1.25, "stage": "won", "stage_entered_hour": 100.25, "lost": False, "amount": 1234.56}
    ads = [
        ad(f"ad-{index}", hourly=hourly, deals=[{"deal_id": f"{index}-{number}", **deal} for number in range(25)])
        for index in range(1000)
    ]
    body = json.dumps(request(*ads, total=1e5, stages=STAGES, now_hour=673, policy="blended_literal"))
    assert len(body) > 16_000_000
    with endpoint(Settings(_env_file=None).select_megabytes) as url:
        answer = requests.post(url, data=body, timeout=120)
    assert (answer.status_code, answer.json()["num_ads"]) == (200, 1000)


def test_bodies_that_wait_together_are_held_to_one_room_and_leave_it_when_they_go() -> None:
    good = request(ad("a"), ad("b"))
    with endpoint(1) as url:
        with unfinished(url, 600_000) as first, unfinished(url, 410_000) as second:
            refused = select_readable([first, second], [], [], 30)[0]
            assert len(refused) == 1  # one of them, and the other goes on
            answer = refused[0].recv(1000)
            assert b" 503 " in answer.split(b"\r\n")[0]
            assert b"retry-after" in answer.lower()
        assert until(lambda: requests.post(url, json=good, timeout=30), 200).json()["num_ads"] == 2


def unfinished(url: str, sent: int) -> socket.socket:
    """A request whose body never ends."""
    parts = urlsplit(url)
    line = socket.create_connection((parts.hostname, parts.port), timeout=30)
    line.sendall(f"POST {parts.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n".encode() + b" " * sent)
    return line


def until(ask: Callable[[], requests.Response], status: int) -> requests.Response:
    """The first answer of that status; the server reads and notices a hang-up in its own time."""
    end = time.monotonic() + 30
    while (answer := ask()).status_code != status:
        assert time.monotonic() < end, answer.text
    return answer


_EMPTY_LISTS = b"[" + b"[]," * 600_000 + b"[]]"
_UNKNOWN_KEYS = json.dumps({"total_budget": 1, "ad_states": [{f"k{index}": 1 for index in range(150_000)}]}).encode()
_WRONG_DEALS = b'{"total_budget":1,"ad_states":[{"ad_id":"a","deals":[' + b"{            }," * 110_000 + b"{}]}]}"
_MANY_ADS = b'{"total_budget":1,"ad_states":[' + b"1," * 800_000 + b"1]}"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (_EMPTY_LISTS, 400, "nearly all are empty"),
        (_UNKNOWN_KEYS, 422, "150,000 keys"),
        (_WRONG_DEALS, 422, "ad_states.0.deals.0.deal_id"),
        (_MANY_ADS, 422, "800,001 entries"),
    ],
)
def test_a_body_made_to_cost_memory_is_refused_at_little_cost(body: bytes, status: int, said: str) -> None:
    with endpoint(2) as url:
        tracemalloc.start()
        answer = requests.post(url, data=body, timeout=60)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (answer.status_code, said in answer.text) == (status, True), answer.text[:300]
    assert peak < 40_000_000 + 15 * len(body)
