"""Varied blueprints through the assets: judged, rendered in the shapes asked for, published and learned from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import insert, select, update

from flywheel_assets.core.account import Account
from flywheel_assets.core.ids import creative_id, rng
from flywheel_assets.creative import repository
from flywheel_assets.creative.briefs import checked_brief, described
from flywheel_assets.creative.director.draft import draft
from flywheel_assets.creative.director.hooks import hooks
from flywheel_assets.creative.types import Perception, ScenePrediction
from flywheel_assets.learning.dna import dna_of
from flywheel_assets.learning.published import published_ads
from flywheel_assets.settings import Creative, Rendering, Settings
from flywheel_assets.store import tables
from flywheel_assets.store.store import Store
from tests.drop_bench import BRIEF
from tests.executor_bench import Bench
from tests.integration.test_rendering import _film, _perception

# `assets.common` silences this when it is first imported, and pytest forgets that with the test that imported it.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `backfill_policy`")

# A film of five seconds has too little pace for the usual gate.
EASY, TINY = Creative(approval_score=60, drafts=1), Rendering(width=270, height=480)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as made:
        yield made


class Run:
    """A creative of a real film that was looked at and drafted, and the stages after that."""

    def __init__(self, store: Store, account: Account, bench: Bench, instance: dg.DagsterInstance, film: Path) -> None:
        self.store, self.account, self.bench, self.instance = store, account, bench, instance
        self.brief, self.seen = checked_brief(BRIEF), _perception(film, sound=True)
        self.key = creative_id(self.seen.video_sha256, described(self.brief))
        uri = store.blobs.put(film).uri
        video = {"sha256": self.seen.video_sha256, "uri": uri, "name": film.name, "bytes": 1, "probe": {}}
        with store.engine.begin() as connection:
            connection.execute(insert(tables.videos).values(video))
            row = {"creative_id": self.key, "video_sha256": self.seen.video_sha256, "brief": described(self.brief)}
            connection.execute(insert(tables.creatives).values(account_id=account.account_id, **row))
            repository.save_perception(connection, self.key, self.seen, "digest")
            rated = _rated(self.seen)
            repository.save_predictions(connection, self.key, rated)
            lines = hooks(self.brief, self.seen, rng("lines"))
            (one,) = draft(self.brief, self.seen, rated, lines, rng("draft"), 1)
            repository.save_drafts(connection, self.key, lines, [one])
        instance.add_dynamic_partitions("creatives", [self.key])

    def options(self, **options: Any) -> None:
        with self.store.engine.begin() as connection:
            connection.execute(update(tables.creatives).values(options=options))

    def make(self, *stages: str) -> dg.ExecuteInProcessResult:
        from flywheel_assets.assets import drafting, publishing, renders

        known = {
            "council_verdicts": drafting.council_verdicts,
            "renders": renders.renders,
            "publish_plan": publishing.publish_plan,
        }
        return dg.materialize(
            [known[stage] for stage in stages],
            instance=self.instance,
            partition_key=self.key,
            resources={"store": self.store, "safe_meta_executor": self.bench.executor()},
            raise_on_error=False,
        )

    def told(self, result: dg.ExecuteInProcessResult, stage: str) -> dict[str, Any]:
        (made,) = result.asset_materializations_for_node(stage)
        return {
            name: [record.data for record in entry.records] if isinstance(entry, dg.TableMetadataValue) else entry.value
            for name, entry in made.metadata.items()
        }

    def found(self, result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, str]]:
        return {
            one.check_name: (one.passed, str(one.metadata["found"].value))
            for one in result.get_asset_check_evaluations()
        }

    def rows(self, table: Any) -> list[dict[str, Any]]:
        with self.store.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]


def _rated(seen: Perception) -> list[ScenePrediction]:
    return [
        ScenePrediction(index=s.index, rank=s.index + 1, ctr=0.012 - s.index / 1000, strength=70, model="m", reasons=())
        for s in seen.scenes
    ]


@pytest.fixture
def run(  # noqa: PLR0917 - fixtures
    settings: Settings, store: Store, account: Account, bench: Bench, instance: dg.DagsterInstance, tmp_path: Path
) -> Iterator[Run]:
    easy = settings.model_copy(update={"creative": EASY, "rendering": TINY})
    film = _film(tmp_path / "film.mp4", sound=True)
    made = Run(Store(easy, store.engine, store.blobs), account, bench, instance, film)
    yield made
    instance.delete_dynamic_partition("creatives", made.key)


def test_one_approved_draft_becomes_five_files_and_a_table_of_what_differs(run: Run) -> None:
    result = run.make("council_verdicts", "renders")
    assert result.success
    told, found = run.told(result, "renders"), run.found(result)
    table = told["variations"]
    assert [row["parent"] for row in table].count("v01") == 4
    assert len({(row["hook"], row["order"], row["call to action"]) for row in table}) == 5
    assert all(str(row["differs"]).startswith("from v01 in hook") for row in table if row["parent"])
    rows = run.rows(tables.renders)
    assert {row["key"] for row in rows} == {row["variation"] for row in table}
    assert len({row["plan_hash"] for row in rows}) == 5
    assert len({(Path(told["folder"]) / record["file"]).read_bytes() for record in told["files"]}) == 5
    assert (told["creative_id"], set(told["module_versions"])) == (run.key, set(rows[0]["details"]["module_versions"]))
    assert found["something_approved"] == (True, "1 of 1 drafts passed 60, 4 variations of them too")
    assert found["enough_variations"][1].endswith("of 5: 1 of 1 drafts passed 60, 4 variations of them too")


def test_more_variations_and_further_shapes_are_made_where_they_are_asked_for(run: Run) -> None:
    run.options(variations=6, ratios=["1:1", "9:16"], captions="none")
    assert run.make("council_verdicts", "renders").success
    rows = run.rows(tables.renders)
    sizes = {(row["ratio"], row["width"], row["height"], row["leads"]) for row in rows}
    assert sizes == {("1:1", 270, 270, True), ("9:16", 270, 480, False)}
    assert len(rows) == 12
    assert len({row["key"] for row in rows}) == 6
    assert all("auto_captions" not in row["details"]["module_versions"] for row in rows)


def test_with_nothing_approved_nothing_is_rendered_and_the_check_says_why(run: Run) -> None:
    strict = run.store.settings.model_copy(update={"creative": Creative(approval_score=99.9, drafts=1)})
    run.store = Store(strict, run.store.engine, run.store.blobs)
    judged = run.make("council_verdicts")
    passed, why = run.found(judged)["something_approved"]
    assert not passed
    assert why.startswith("none of 1 drafts passed 99.9: the best, v01, has ")
    rendered = run.make("renders")
    assert run.found(rendered)["something_passed"] == (False, f"nothing is rendered: {why}")
    assert run.rows(tables.renders) == []
    assert not list((run.store.settings.root / "renders").glob("*"))


def test_varied_blueprints_are_published_and_learned_from_by_their_keys(run: Run) -> None:
    assert run.make("council_verdicts").success
    with run.store.engine.begin() as connection:
        final = repository.load_approved(connection, run.key)
        for key in final:
            render = {"uri": f"file:///{key}.mp4", "cover_uri": "file:///c.jpg", "plan_hash": key, "width": 1080}
            rest = {"height": 1920, "frames": 1, "seconds": 1.0, "passed": True, "quality": [], "details": {}}
            for ratio, leads in (("9:16", True), ("1:1", False)):
                row = {"creative_id": run.key, "key": key, "ratio": ratio, "leads": leads, **render, **rest}
                connection.execute(insert(tables.renders).values(row))
            ad = {"ref": f"{run.key}/{key}/ad", "world": "sandbox", "account_id": run.account.account_id, "kind": "ad"}
            more = {"campaign_ref": f"{run.key}/campaign", "tag": key, "remote_id": f"1{key}", "currency": "USD"}
            connection.execute(insert(tables.ad_objects).values(**ad, **more))
    assert run.make("publish_plan").success
    (plan,) = run.rows(tables.publish_plans)
    planned = {ad["variation"]["key"]: ad["variation"] for ad in (*plan["plan"]["launched"], *plan["plan"]["held"])}
    assert set(planned) == set(final)
    assert len(plan["plan"]["launched"]) + len(plan["plan"]["held"]) == len(final)  # one file each, in one shape
    assert len(final) == 5
    assert all(one["title"] == final[key].call_to_action for key, one in planned.items())
    assert all(one["message"] == final[key].promise for key, one in planned.items())
    with run.store.engine.connect() as connection:
        ads, problems = published_ads(connection, run.account.account_id)
    assert problems == ()
    assert {ad.key: ad.blueprint for ad in ads} == final
    assert len({dna_of(ad.blueprint, run.seen).hook_text for ad in ads}) == 5


def test_files_of_plans_that_are_not_approved_any_more_are_not_published(run: Run) -> None:
    assert run.make("council_verdicts").success
    render = {"uri": "file:///r.mp4", "cover_uri": "file:///c.jpg", "plan_hash": "p", "width": 1080, "height": 1920}
    rest = {"frames": 1, "seconds": 1.0, "passed": True, "quality": [], "details": {}}
    with run.store.engine.begin() as connection:
        connection.execute(insert(tables.renders).values(creative_id=run.key, key="v77", **render, **rest))
    result = run.make("publish_plan")
    assert not result.success
    failure = result.failure_data_for_node("publish_plan")
    assert failure is not None
    assert failure.error is not None
    assert failure.error.cause is not None
    assert "v77 was rendered of plans that are not approved now; materialise renders" in failure.error.cause.message
    assert run.rows(tables.publish_plans) == []
