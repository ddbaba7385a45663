"""What the gate refused is kept with its reasons and never published."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import insert, select
from sqlalchemy.engine import URL

from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import StorageFull
from flywheel_assets.creative import repository
from flywheel_assets.creative.types import Blueprint, Hook, Verdict
from flywheel_assets.rendering.repository import load_passed, render_and_inspect, save_renders, verdict
from flywheel_assets.rendering.surveyed import surveyed
from flywheel_assets.settings import Settings
from flywheel_assets.store import tables
from flywheel_assets.store.store import Store
from tests.drop_bench import BRIEF
from tests.gate_bench import SMALL, film, perception
from tests.small_files import no_file_beyond

# `assets.common` silences this when it is first imported, and pytest forgets that with the test that imported it.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `backfill_policy`")

KEY = "c_000000000001"
UNREADABLE = "Il|1l|lI1|"  # drawn as it should be, and nobody can tell the letters from one another


@pytest.fixture
def settings(tmp_path: Path, database_url: URL) -> Settings:
    address = database_url.render_as_string(hide_password=False)
    return Settings(home=tmp_path / "home", world="sandbox", database_url=address, rendering=SMALL)


def _blueprint(key: str, brand: str) -> Blueprint:
    return Blueprint(
        key=key, hook=Hook(index=1, family="any", text="Tired of cold coffee?"), scene_order=(2, 0, 1), promise="Coffee.",
        call_to_action="Book your free tasting", brand=brand,
    )  # fmt: skip


@pytest.fixture
def video_uri(store: Store, account: Account, tmp_path: Path) -> str:
    """A creative with a film and its perception."""
    made = film(tmp_path / "film.mp4")
    seen, uri = perception(made), store.blobs.put(made).uri
    video = {"sha256": seen.video_sha256, "uri": uri, "name": made.name, "bytes": 1, "probe": {}}
    creative = {"creative_id": KEY, "video_sha256": seen.video_sha256, "brief": BRIEF}
    with store.engine.begin() as connection:
        connection.execute(insert(tables.videos).values(video))
        connection.execute(insert(tables.creatives).values(account_id=account.account_id, **creative))
        repository.save_perception(connection, KEY, seen, "digest")
    return uri


def test_a_refused_render_is_stored_with_its_reasons_and_not_published(store: Store, video_uri: str) -> None:
    with store.engine.connect() as connection:
        seen = repository.load_perception(connection, KEY)
    blueprints = [_blueprint("v01", "Bright Cup"), _blueprint("v02", UNREADABLE)]
    kept, refused = render_and_inspect(store, video_uri, blueprints, seen)
    assert len(list((store.settings.root / "cache" / "surveys").glob("*.json"))) == 3  # of each played scene
    assert kept.passed
    assert not refused.passed
    (fault,) = refused.faults
    assert fault.startswith("brand_read: ")
    assert f"wanted {UNREADABLE!r} with a likeness of 0.85" in fault
    with store.engine.begin() as connection:
        save_renders(connection, KEY, [kept, refused])
        assert [one.key for one in load_passed(connection, KEY)] == ["v01"]
        table = tables.renders.c
        quality = connection.execute(select(table.quality).where(table.key == "v02")).scalar_one()
    lines = json.loads(quality) if isinstance(quality, str) else quality
    assert [line["feature"] for line in lines if not line["passed"]] == ["brand_read"]
    told = verdict([kept, refused]).splitlines()
    assert told[0] == "1 of 2 renders passed"
    assert told[1] == f"v02 ({refused.render.path.name}): {fault}"
    assert verdict([kept]) == "1 of 1 renders passed"


def test_a_disk_without_room_for_a_survey_is_told_and_the_next_attempt_makes_it(store: Store, video_uri: str) -> None:
    with store.engine.connect() as connection:
        seen = repository.load_perception(connection, KEY)
    surveys, film = store.settings.root / "cache" / "surveys", store.blobs.local(video_uri)
    blueprint = _blueprint("v01", "Bright Cup").model_copy(update={"scene_order": (1,)})
    with (
        no_file_beyond(100),
        pytest.raises(StorageFull, match=r"\.json ended after 100 bytes: .*file_too_large: .* allows;"),
    ):
        render_and_inspect(store, video_uri, [blueprint], seen)
    assert list(surveys.iterdir()) == []
    assert surveyed(store, film, [blueprint], seen) is not None
    assert len(list(surveys.iterdir())) == 1


def test_where_all_are_refused_the_blocking_check_says_which_file_broke_which_promise(
    store: Store, video_uri: str, tmp_path: Path
) -> None:
    from flywheel_assets.assets.renders import renders

    assert video_uri
    answer = Verdict(blueprint=_blueprint("v01", UNREADABLE), turn=0, score=99, approved=True, votes=())
    with store.engine.begin() as connection:
        repository.save_verdicts(connection, KEY, [answer])
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        instance.add_dynamic_partitions("creatives", [KEY])
        result = dg.materialize(
            [renders], instance=instance, partition_key=KEY, resources={"store": store}, raise_on_error=False
        )
    checks = {one.check_name: one for one in result.get_asset_check_evaluations()}
    assert not checks["something_passed"].passed
    assert checks["something_passed"].severity == dg.AssetCheckSeverity.ERROR
    found = str(checks["something_passed"].metadata["found"].value)
    assert found.startswith("0 of ")
    assert ".mp4): brand_read: " in found
    with store.engine.connect() as connection:
        assert load_passed(connection, KEY) == ()
