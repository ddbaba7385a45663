"""A spoiled network between the executor and the platform: whatever is lost, late or cut, each change has one effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from flywheel_assets.core.changes import AdChange
from tests.chaos.campaigns import ACCOUNTS
from tests.chaos.checkers import violations
from tests.chaos.line import Died, Line
from tests.chaos.proxy import Kind, Proxy, Spoil
from tests.chaos.world import new_world

_EDGES = ("campaigns", "adsets", "adimages", "adcreatives", "ads")
_CREATES = ("create_campaign", "create_adset", "upload_image", "create_creative", "create_ad", "upload_video")
_UPDATES = ("set_budget", "set_status", "set_name", "set_targeting")


@pytest.fixture
def line(database_url: URL, tmp_path: Path) -> Iterator[Line]:
    with new_world(tmp_path, database_url) as world, Proxy(world.url) as proxy:
        yield Line(world, proxy, tmp_path)


def one_of_each(line: Line) -> list[AdChange]:
    """Ten writes of ten kinds; the updates are of four ad sets."""
    return [*line.wishes.four_updates(), *line.wishes.launch(ACCOUNTS[0])]


def spoils_of_each(line: Line, kind: Kind) -> list[Spoil]:
    """The same for the first write of every kind."""
    creates = [(f"POST /v26.0/{ACCOUNTS[0].account_id}/{edge}?",) for edge in _EDGES]
    upload = (f"POST /v26.0/{ACCOUNTS[0].account_id}/advideos?", "finish")
    updates = [(f"POST /v26.0/{remote_id}/",) for remote_id in line.world.remote_ids(ACCOUNTS[0])[:4]]
    return [Spoil(kind, needles, seconds=0.1) for needles in [*creates, upload, *updates]]


@pytest.mark.parametrize(
    ("kind", "first"),
    [("reset", "not_applied"), ("swallow", "reconciled"), ("cut", "reconciled"), ("delay", "applied")],
)
def test_a_fault_on_every_kind_of_write_leaves_one_effect_of_each(line: Line, kind: Kind, first: str) -> None:
    line.proxy.order(*spoils_of_each(line, kind))
    line.world.enqueue(one_of_each(line))
    line.drain()
    assert line.proxy.met == [kind] * 10
    assert {name: ended[0] for name, ended in line.endings().items()} == dict.fromkeys((*_CREATES, *_UPDATES), first)
    assert violations(line.world.evidence()) == []
    # The launch's last change, the activation of its campaign, is a second change of status.
    assert line.effects() == Counter({**dict.fromkeys((*_CREATES, *_UPDATES), 1), "set_status": 2})


def test_creates_that_land_after_their_worker_gave_up_are_found_and_not_repeated(line: Line) -> None:
    line.proxy.order(*spoils_of_each(line, "hold")[:-4])
    line.world.enqueue(line.wishes.launch(ACCOUNTS[0]))
    while len(line.proxy.met) < 6:
        line.world.forward(18)
        line.drain_due()
        line.proxy.release_held()
    line.drain()
    assert [line.endings()[name] for name in _CREATES] == [["reconciled"]] * 6
    assert violations(line.world.evidence()) == []


def test_a_create_that_lands_after_its_dead_worker_lost_the_lease_is_found_and_not_repeated(line: Line) -> None:
    line.world.enqueue(line.wishes.launch(ACCOUNTS[0])[:1])
    line.proxy.order(Spoil("hold", ("POST", "/campaigns?")))
    line.world.forward(18)
    with pytest.raises(Died):
        line.die_before_the_answer()
    line.lose_leases()
    assert line.drain_due() == []  # it is given the time to settle first
    line.proxy.release_held()
    line.drain()
    assert line.endings() == {"create_campaign": ["reconciled"]}
    assert violations(line.world.evidence()) == []


def test_an_upload_cut_in_the_middle_goes_on_where_it_was_cut(line: Line) -> None:
    line.proxy.order(Spoil("cut", ("POST", "/advideos?", "transfer"), skip=2))
    line.world.enqueue([line.film(megabytes=4)])
    line.drain()
    assert line.proxy.met == ["cut"]
    calls = Counter(row["params"]["upload_phase"] for row in line.world.state.journal() if row["method"] == "POST")
    # Four chunks, one of which is offered again.
    assert calls == {"start": 1, "transfer": 5, "finish": 1}
    assert violations(line.world.evidence()) == []
    assert line.stored_hashes() == [line.sent_hash]


def test_what_the_network_doubles_nobody_can_prevent_but_the_journal_tells(line: Line) -> None:
    line.proxy.order(Spoil("duplicate", ("POST", "/campaigns?")), Spoil("duplicate", ("POST", "daily_budget=")))
    line.world.enqueue([*line.wishes.launch(ACCOUNTS[0])[:1], line.wishes.four_updates()[0]])
    line.drain()
    assert line.proxy.met == ["duplicate"] * 2
    # Our audit knows of one each, because one each is what we did ...
    assert line.endings() == {"create_campaign": ["applied"], "set_budget": ["applied"]}
    # ... and whoever holds it against the journal finds the second campaign and the second, equal, budget.
    assert line.effects() == {"create_campaign": 2, "set_budget": 2}
    found = sorted(broken.split(" of ")[0] for broken in violations(line.world.evidence()))
    first, second = line.ids_of("create_campaign")
    budget = line.world.remote_ids(ACCOUNTS[0])[0]
    assert found == [
        f"I1: {ACCOUNTS[0].account_id}/n1/campaign exists 2 times: ['{first}', '{second}']",
        f"I2: create_campaign {second}",
        f"I2: set_budget {budget}",
    ]


def test_updates_that_land_after_their_worker_gave_up_are_found_and_not_repeated(line: Line) -> None:
    line.proxy.order(*spoils_of_each(line, "hold")[-4:])
    line.world.enqueue(line.wishes.four_updates())
    line.world.forward(18)
    assert line.drain_due() == ["unknown"] * 4
    assert line.drain_due() == []  # they are given the time to settle first
    line.proxy.release_held()
    line.drain()
    assert line.endings() == {kind: ["reconciled"] for kind in _UPDATES}
    assert line.effects() == dict.fromkeys(_UPDATES, 1)
    assert violations(line.world.evidence()) == []


def test_an_update_that_lands_later_than_any_wait_for_it_leaves_the_value_that_the_audit_shows(line: Line) -> None:
    line.proxy.order(*spoils_of_each(line, "hold")[-4:])
    line.world.enqueue(line.wishes.four_updates())
    line.drain()
    assert sorted(line.proxy.met) == ["hold"] * 4
    line.proxy.release_held()
    assert {name: ended[-1] for name, ended in line.endings().items()} == dict.fromkeys(_UPDATES, "applied")
    # The late ones repeat what stands; only the journal shows that each was carried out twice.
    assert line.effects() == dict.fromkeys(_UPDATES, 2)
    found = [broken.split()[:2] for broken in violations(line.world.evidence())]
    assert sorted(found) == [["I2:", name] for name in sorted(_UPDATES)]
