"""Before anything is planned for an account, Meta is asked whether it is the one of the account file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from flywheel_assets.assets.publishing import publish_plan
from flywheel_assets.core.errors import ChangeRefused, ConfigurationError
from flywheel_assets.store.tables import creatives, publish_plans, videos
from tests.drop_bench import BRIEF
from tests.executor_bench import Bench

CREATIVE = "c_0123456789ab"


@pytest.fixture
def request_without_renders(bench: Bench) -> None:
    with bench.store.engine.begin() as connection:
        video = {"sha256": "0" * 64, "uri": "file:///raw.mp4", "name": "raw.mp4", "bytes": 1, "probe": {}}
        connection.execute(videos.insert().values(video))
        whose = {"account_id": bench.account.account_id, "video_sha256": "0" * 64, "brief": BRIEF}
        connection.execute(creatives.insert().values(creative_id=CREATIVE, **whose))


def plan(bench: Bench) -> Any:
    with dg.build_asset_context(partition_key=CREATIVE) as context:
        return publish_plan(context, store=bench.store, safe_meta_executor=bench.executor())


@pytest.mark.usefixtures("request_without_renders")
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"status": 2, "active": False}, r"disabled \(account_status 2\)"),
        ({"currency": "EUR"}, "it pays in EUR, the account file says USD"),
        ({"time_zone": "Europe/Berlin"}, "its days are those of Europe/Berlin"),
    ],
)
def test_nothing_is_planned_for_an_account_that_is_not_the_one_of_its_file(
    bench: Bench, changed: dict[str, Any], said: str
) -> None:
    bench.platform.info = replace(bench.platform.info, **changed)
    with pytest.raises(ConfigurationError, match=said):
        plan(bench)
    assert bench.rows(publish_plans) == []


@pytest.mark.usefixtures("request_without_renders")
def test_a_sound_account_gets_as_far_as_its_plan(bench: Bench) -> None:
    with pytest.raises(ChangeRefused):
        plan(bench)
