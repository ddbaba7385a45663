"""What a launch leaves standing, how a tired creative gets its successor, and what the loops' triggers ask for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import func, select

from flywheel_assets.clients.meta_insights import AdHour
from flywheel_assets.clients.meta_reach import AdReach
from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import TransientError
from flywheel_assets.core.hours import HOUR, floor_hour
from flywheel_assets.creative.asking import ask
from flywheel_assets.creative.options import Options
from flywheel_assets.creative.protocols import Winner
from flywheel_assets.creative.repository import ancestors_hooks, load_verdicts, save_drafts, save_verdicts
from flywheel_assets.creative.types import Blueprint, Brief, Hook, Verdict
from flywheel_assets.execution.plans import save_plan
from flywheel_assets.execution.structure import changes_of
from flywheel_assets.settings import FIRST_HOUR
from flywheel_assets.store import tables
from flywheel_assets.store.store import Store
from tests.drop_bench import BRIEF, DropBench, video
from tests.executor_bench import Bench
from tests.integration.conftest import TwinClock
from tests.integration.test_learning_cycle import World
from tests.integration.test_one_plan import plan

# `assets.common` silences this when it is first imported, and pytest forgets that with the test that imported it.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `backfill_policy`")

_UNDER_WAY = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")
_ENDED = ("SUCCESS", "FAILURE", "CANCELED")
_HOUR_KEY = "%Y-%m-%d-%H:%M"
_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@pytest.fixture(scope="module")
def shared_instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """Making one takes a second, so the tests share it and leave it empty."""
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance:
        yield instance


@pytest.fixture
def drops(store: Store, account: Account, shared_instance: dg.DagsterInstance) -> Iterator[DropBench]:
    store.settings.drop_path.mkdir(parents=True)
    yield DropBench(store, account, shared_instance)
    for run in shared_instance.get_runs():
        shared_instance.delete_run(run.run_id)
    for key in shared_instance.get_dynamic_partitions("creatives"):
        shared_instance.delete_dynamic_partition("creatives", key)


@pytest.fixture
def world(store: Store, account: Account) -> World:
    return World(store, account)


# --- what was launched stands ---------------------------------------------------------------------

_STAGES = {
    "creative_drafts": {"enough_hooks"},
    "council_verdicts": {"something_approved"},
    "renders": {"something_passed", "every_render_passed", "enough_variations"},
    "publish_plan": {"within_the_plan"},
}
_ROWS_OF = (tables.hooks, tables.creative_drafts, tables.council_verdicts, tables.renders, tables.publish_plans)


class NoWinners:
    """An account that has not won yet."""

    def similar(self, query: Brief, k: int) -> Sequence[Winner]:
        del query, k
        return ()


def _launched(world: World, bench: Bench) -> str:
    """A creative with a row in every table of its stages, made by hand, and a change in the queue."""
    key = world.publish(1, ads=2)
    with world.store.engine.begin() as connection:
        blueprints = [verdict.blueprint for verdict in load_verdicts(connection, key)]
        save_drafts(connection, key, [blueprint.hook for blueprint in blueprints], blueprints)
        render = {"uri": "file:///r.mp4", "cover_uri": "file:///r.jpg", "plan_hash": "p", "width": 1080, "height": 1920}
        rest = {"frames": 1, "seconds": 1.0, "passed": True, "quality": {}, "details": {"made": "by hand"}}
        connection.execute(tables.renders.insert().values(creative_id=key, key="v00", **render, **rest))
        connection.execute(tables.publish_plans.insert().values(creative_id=key, digest="d", plan={"made": "by hand"}))
    bench.enqueue(bench.pause(f"{key}/v00/adset", campaign_ref=f"{key}/campaign"))
    return key


def _stage_rows(world: World) -> dict[str, str]:
    return {table.name: json.dumps(world.rows(table), default=str, sort_keys=True) for table in _ROWS_OF}


@pytest.mark.parametrize("status", ["pending", "applied", "cancelled", "dead"])
def test_stages_made_again_after_the_launch_leave_every_row_and_say_it_stands(
    drops: DropBench, world: World, bench: Bench, status: str
) -> None:
    from flywheel_assets.assets import drafting, publishing, renders

    key = _launched(world, bench)
    with world.store.engine.begin() as connection:
        connection.execute(tables.pending_ad_changes.update().values(status=status))
    before = _stage_rows(world)
    assert all(rows != "[]" for rows in before.values())
    drops.instance.add_dynamic_partitions("creatives", [key])
    result = dg.materialize(
        [drafting.creative_drafts, drafting.council_verdicts, renders.renders, publishing.publish_plan],
        instance=drops.instance,
        partition_key=key,
        resources={"store": world.store, "winner_retriever": NoWinners(), "safe_meta_executor": bench.executor()},
    )
    assert result.success
    assert _stage_rows(world) == before
    for stage, checks in _STAGES.items():
        (made,) = result.asset_materializations_for_node(stage)
        assert made.partition == key
        assert made.metadata["summary"].value == "stands: its ads were asked for"
        assert made.metadata["stands"].value is True
        found = {one.check_name: one for one in result.get_asset_check_evaluations() if one.asset_key.path == [stage]}
        assert set(found) == checks
        assert all(one.passed for one in found.values())
        assert {one.metadata["found"].value for one in found.values()} == {"as it was when its ads were asked for"}
    assert world.count(tables.pending_ad_changes) == 1


def test_a_run_that_was_overtaken_by_other_wishes_launches_nothing_and_the_one_that_was_asked_for_does(
    drops: DropBench, world: World, bench: Bench, tmp_path: Path
) -> None:
    from flywheel_assets.assets import publishing

    key = world.publish(1, ads=1)
    with world.store.engine.begin() as connection:
        assert ask(connection, key, Options(variations=9), lambda _: False).answer == "queued"
        save_plan(connection, plan(bench, tmp_path, key), "digest")
    drops.instance.add_dynamic_partitions("creatives", [key])

    def published(run_key: str | None) -> object:
        result = dg.materialize(
            [publishing.publish_changes],
            instance=drops.instance,
            partition_key=key,
            resources={"store": world.store},
            tags={} if run_key is None else {"dagster/run_key": run_key},
        )
        (made,) = result.asset_materializations_for_node("publish_changes")
        return made.metadata["summary"].value

    for overtaken in (f"{key}:0", None):
        assert published(overtaken) == "left to the run that was asked for since"
        assert world.count(tables.pending_ad_changes) == 0
    queued = len(changes_of(plan(bench, tmp_path, key), bench.account))
    assert published(f"{key}:1") == f"{queued} changes pending"
    assert world.count(tables.pending_ad_changes) == queued


def test_a_creative_without_changes_of_its_own_does_not_stand(world: World, bench: Bench) -> None:
    from flywheel_assets.assets.common import standing

    launched, other = _launched(world, bench), world.publish(2)
    assert standing(world.store, launched) is not None
    assert standing(world.store, other) is None


# --- lines of the creatives before ----------------------------------------------------------------


def _generation(world: World, parent: str, number: int, lines: Mapping[str, bool]) -> str:
    """A creative of that parent; its verdicts are the lines, each approved or not."""
    verdicts = [_said(at, line, approved=approved) for at, (line, approved) in enumerate(lines.items())]
    key = f"c_generation{number}"
    with world.store.engine.begin() as connection:
        made_of = select(tables.creatives).where(tables.creatives.c.creative_id == parent)
        row = connection.execute(made_of).mappings().one()
        child = {name: row[name] for name in ("video_sha256", "account_id", "brief")}
        connection.execute(
            tables.creatives.insert().values(creative_id=key, generation=number, parent_id=parent, **child)
        )
        save_verdicts(connection, key, verdicts)
    return key


def _said(at: int, line: str, *, approved: bool) -> Verdict:
    blueprint = Blueprint(
        key=f"v{at:02}",
        hook=Hook(index=at, family="pain", text=line),
        scene_order=(0,),
        promise="Bright Cup: fresh coffee.",
        call_to_action="Book your free tasting",
        brand="Bright Cup",
    )
    return Verdict(blueprint=blueprint, turn=0, score=90.0 if approved else 10.0, approved=approved, votes=())


def test_lines_of_all_ancestors_are_known_and_only_the_approved_ones(world: World) -> None:
    first = world.publish(1, ads=0)
    with world.store.engine.begin() as connection:
        verdicts = [_said(0, "First line", approved=True), _said(1, "Refused line", approved=False)]
        save_verdicts(connection, first, verdicts)
    second = _generation(world, first, 1, {"Second line": True, "Another refused": False})
    third = _generation(world, second, 2, {"Third line": True})
    sister = _generation(world, first, 3, {"Line of a sister": True})
    with world.store.engine.connect() as connection:
        assert ancestors_hooks(connection, first) == frozenset()
        assert ancestors_hooks(connection, second) == {"First line"}
        assert ancestors_hooks(connection, third) == {"First line", "Second line"}
        assert ancestors_hooks(connection, sister) == {"First line"}


# --- creative_refresh -----------------------------------------------------------------------------


@pytest.fixture
def refresh() -> dg.SensorDefinition:
    from flywheel_assets.sensors import creative_refresh

    return creative_refresh


def _tire(world: World, parent: str, *ads: str) -> None:
    rows = [
        {
            "account_id": world.account.account_id,
            "ad_id": ad,
            "parent_creative_id": parent,
            "reason": "clicks fall",
            "decay_factor": 0.5,
        }
        for ad in ads
    ]
    with world.store.engine.begin() as connection:
        connection.execute(tables.creative_refresh_requests.insert(), rows)


def _answers(world: World) -> dict[str, str | None]:
    """The generation that was opened, by ad."""
    return {row["ad_id"]: row["creative_id"] for row in world.rows(tables.creative_refresh_requests)}


def test_without_a_tired_ad_no_generation_is_opened(
    drops: DropBench, world: World, refresh: dg.SensorDefinition
) -> None:
    world.publish(1)
    assert drops.tick(refresh).skip_message == "no ad asks for a refresh"
    assert world.count(tables.creatives) == 1


def test_two_tired_ads_of_one_parent_start_one_run(
    drops: DropBench, world: World, refresh: dg.SensorDefinition
) -> None:
    parent = world.publish(1)
    _tire(world, parent, "100", "101")
    tick = drops.tick(refresh)
    (request,) = tick.run_requests or []
    child = str(request.partition_key)
    assert request.run_key == f"{child}:1"
    assert drops.instance.get_dynamic_partitions("creatives") == [child]
    (asked,) = tick.dynamic_partitions_requests or []
    assert (asked.partitions_def_name, list(asked.partition_keys)) == ("creatives", [child])
    assert _answers(world) == {"100": child, "101": child}
    (opened,) = (row for row in world.rows(tables.creatives) if row["creative_id"] != parent)
    assert (opened["creative_id"], opened["parent_id"], opened["generation"]) == (child, parent, 1)
    assert drops.tick(refresh).skip_message == "no ad asks for a refresh"


def test_tired_ads_of_two_parents_start_a_run_each(
    drops: DropBench, world: World, refresh: dg.SensorDefinition
) -> None:
    parents = {"100": world.publish(1), "200": world.publish(2)}
    for ad, parent in parents.items():
        _tire(world, parent, ad)
    keys = [request.partition_key for request in drops.tick(refresh).run_requests or []]
    answers = _answers(world)
    assert keys == [answers["100"], answers["200"]]
    assert len(set(keys)) == 2
    assert sorted(drops.instance.get_dynamic_partitions("creatives")) == sorted(map(str, keys))


@pytest.mark.parametrize("status", [*_UNDER_WAY, *_ENDED])
def test_an_ad_that_tires_after_its_siblings_starts_nothing(
    drops: DropBench, world: World, refresh: dg.SensorDefinition, status: str
) -> None:
    parent = world.publish(1)
    _tire(world, parent, "100", "101")
    (request,) = drops.tick(refresh).run_requests or []
    child = str(request.partition_key)
    drops.start_run("creative_generation", dg.DagsterRunStatus[status], child)
    _tire(world, parent, "102")
    later = drops.tick(refresh)
    assert not later.run_requests
    assert later.skip_message == f"{child} was asked for before"
    assert _answers(world)["102"] == child
    assert world.count(tables.creatives) == 2
    assert drops.tick(refresh).skip_message == "no ad asks for a refresh"


def test_a_generation_whose_tick_died_is_asked_for_by_the_intake(
    drops: DropBench, world: World, bench: Bench, refresh: dg.SensorDefinition
) -> None:
    from flywheel_assets.sensors import uploads

    parent = world.publish(1)
    bench.enqueue(bench.pause(f"{parent}/v00/adset", campaign_ref=f"{parent}/campaign"))
    _tire(world, parent, "100")
    (lost,) = drops.tick(refresh).run_requests or []
    drops.cursor = None
    (again,) = drops.tick(uploads).run_requests or []
    assert (again.partition_key, again.run_key) == (lost.partition_key, lost.run_key)


# --- hubspot_events -------------------------------------------------------------------------------


@pytest.fixture
def inbox() -> dg.SensorDefinition:
    from flywheel_assets.sensors import hubspot_events

    return hubspot_events


def _event(store: Store, number: int) -> int:
    """An event that nobody has handled; its row."""
    row = {
        "portal_id": 1,
        "subscription_id": 2,
        "event_id": number,
        "object_id": 3,
        "subscription_type": "deal.propertyChange",
        "occurred_at": func.flywheel_now(),
        "payload": {},
        "source": "webhook",
    }
    with store.engine.begin() as connection:
        statement = tables.hubspot_events.insert().values(row).returning(tables.hubspot_events.c.id)
        return int(connection.execute(statement).scalar_one())


def _handle(store: Store, *rows: int) -> None:
    with store.engine.begin() as connection:
        mine = tables.hubspot_events.c.id.in_(rows)
        connection.execute(tables.hubspot_events.update().where(mine).values(handled_at=func.flywheel_now()))


def test_revenue_is_asked_for_until_every_event_is_handled(drops: DropBench, inbox: dg.SensorDefinition) -> None:
    assert drops.tick(inbox).skip_message == "every event was handled"
    first, second = _event(drops.store, 1), _event(drops.store, 2)
    for handled, newest in (((), second), ((second,), first)):
        _handle(drops.store, *handled)
        (request,) = drops.tick(inbox).run_requests or []
        assert (request.run_key, request.tags["flywheel/inbox"]) == (None, str(newest))
    _handle(drops.store, first)
    tick = drops.tick(inbox)
    assert tick.skip_message == "every event was handled"
    assert not tick.run_requests


@pytest.mark.parametrize("status", _UNDER_WAY)
def test_no_second_revenue_run_is_asked_for(drops: DropBench, inbox: dg.SensorDefinition, status: str) -> None:
    _event(drops.store, 1)
    drops.start_run("revenue_feedback", dg.DagsterRunStatus[status])
    tick = drops.tick(inbox)
    assert tick.skip_message == "a run is under way"
    assert not tick.run_requests


@pytest.mark.parametrize("status", _ENDED)
def test_an_event_that_a_run_left_behind_is_asked_for_again(
    drops: DropBench, inbox: dg.SensorDefinition, status: str
) -> None:
    row = _event(drops.store, 1)
    assert drops.tick(inbox).run_requests
    drops.start_run("revenue_feedback", dg.DagsterRunStatus[status])
    (request,) = drops.tick(inbox).run_requests or []
    assert (request.run_key, request.tags["flywheel/inbox"]) == (None, str(row))


def test_a_run_of_another_job_does_not_hold_the_inbox_up(drops: DropBench, inbox: dg.SensorDefinition) -> None:
    _event(drops.store, 1)
    drops.start_run("drain_ad_changes", dg.DagsterRunStatus.STARTED)
    assert drops.tick(inbox).run_requests


# --- nightly_restatement --------------------------------------------------------------------------


@dataclass
class Reports:
    """The platform's reports: one ad with ten impressions in each of these hours, or no answer at all."""

    hours: Sequence[datetime]
    down: bool = False
    asked: list[tuple[date, date]] = field(default_factory=list)

    def insights(self, since: date, until: date, *, time_zone: str, currency: str) -> Sequence[AdHour]:
        del time_zone, currency
        self.asked.append((since, until))
        if self.down:
            raise TransientError("the platform is away")
        return [AdHour(ad_id="100", hour=hour, impressions=10, clicks=1, leads=0, spend=250) for hour in self.hours]

    def reach(self, since: date, until: date) -> Sequence[AdReach]:
        del since, until
        return []


def _asked_range(drops: DropBench, store: Store) -> tuple[str, str]:
    """First and last hour of the one run that the schedule asks for."""
    from flywheel_assets.jobs.schedules import nightly_restatement_schedule

    with dg.build_schedule_context(drops.instance, resources={"store": store}) as context:
        (request,) = nightly_restatement_schedule.evaluate_tick(context).run_requests or []
    assert request.partition_key is None
    return request.tags[_RANGE[0]], request.tags[_RANGE[1]]


def _restating(store: Store, days: int) -> Store:
    budget = store.settings.budget.model_copy(update={"restate_days": days})
    return replace(store, settings=store.settings.model_copy(update={"budget": budget}))


def test_a_night_restates_its_trailing_days(drops: DropBench, clock: TwinClock) -> None:
    last = floor_hour(clock.now()) - HOUR
    first = last - timedelta(days=2)
    asked = _asked_range(drops, _restating(drops.store, 2))
    assert asked == (first.strftime(_HOUR_KEY), last.strftime(_HOUR_KEY))


def test_a_night_restates_nothing_before_the_first_hour(drops: DropBench, clock: TwinClock) -> None:
    last = floor_hour(clock.now()) - HOUR
    asked = _asked_range(drops, _restating(drops.store, (last - FIRST_HOUR).days + 5))
    assert asked == (FIRST_HOUR.strftime(_HOUR_KEY), last.strftime(_HOUR_KEY))


def _restate(drops: DropBench, source: Reports) -> dg.ExecuteInProcessResult:
    from flywheel_assets.definitions import build_defs

    given: dict[str, Any] = {"store": drops.store, "account": drops.account, "insights_source": source}
    job = build_defs(drops.store.settings, given).resolve_job_def("nightly_restatement")
    first, last = (hour.strftime(_HOUR_KEY) for hour in (source.hours[0], source.hours[-1]))
    return job.execute_in_process(instance=drops.instance, tags=dict(zip(_RANGE, (first, last), strict=True)))


def _three_closed(clock: TwinClock) -> list[datetime]:
    return [floor_hour(clock.now()) - HOUR * back for back in (3, 2, 1)]


def test_a_backfill_of_hours_is_one_run() -> None:
    from flywheel_assets.assets import budget

    hourly = (budget.ad_insights, budget.ad_states, budget.budget_allocations, budget.budget_changes)
    assert [asset.backfill_policy for asset in hourly] == [dg.BackfillPolicy.single_run()] * len(hourly)


def test_three_hours_are_restated_by_one_run(drops: DropBench, clock: TwinClock, world: World) -> None:
    source = Reports(_three_closed(clock))
    result = _restate(drops, source)
    assert result.success
    assert drops.instance.get_runs_count() == 1
    made = result.asset_materializations_for_node("ad_insights")
    keys = [hour.strftime(_HOUR_KEY) for hour in source.hours]
    assert sorted(str(one.partition) for one in made) == keys
    assert drops.instance.get_materialized_partitions(dg.AssetKey("ad_insights")) >= set(keys)
    assert len(source.asked) == 1
    assert sorted(row["hour"] for row in world.rows(tables.ad_insights)) == source.hours
    (answered,) = result.get_asset_check_evaluations()
    assert (answered.check_name, answered.passed) == ("platform_answered", True)


def test_a_platform_that_is_away_fails_the_check_and_not_the_run(
    drops: DropBench, clock: TwinClock, world: World
) -> None:
    result = _restate(drops, Reports(_three_closed(clock), down=True))
    assert result.success
    (answered,) = result.get_asset_check_evaluations()
    assert (answered.check_name, answered.passed, answered.blocking) == ("platform_answered", False, False)
    assert answered.severity == dg.AssetCheckSeverity.WARN
    assert "TransientError: the platform is away" in str(answered.metadata["found"].value)
    assert (world.count(tables.ad_insights), world.count(tables.insight_reads)) == (0, 0)


# --- briefs nobody may advertise with -------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"language": "de"}, "'de'"),
        ({"offer": "guaranteed savings"}, "offer: 'guaranteed'"),
        ({"outcome": "instant results"}, "outcome: 'instant results'"),
    ],
)
def test_a_brief_that_could_never_become_an_ad_is_rejected_at_the_door(
    drops: DropBench, changed: dict[str, str], named: str
) -> None:
    drops.drop("clip.mp4", video(), brief=BRIEF | changed)
    result = drops.take_in("clip.mp4")
    assert (result.status, result.creative_id, result.run) == ("rejected", None, None)
    (row,) = drops.rows()
    assert (row.status, row.rule) == ("rejected", "bad_brief")
    assert named in row.reason
    assert "clip.brief.yaml" in row.remedy
    with drops.store.engine.connect() as connection:
        assert connection.execute(select(tables.creatives)).all() == []
