"""The `renders` asset on a real store: what an account asks for is in its files, and a person sees the timelines."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from pathlib import Path

import dagster as dg
import pytest
from PIL import Image
from sqlalchemy import select

from flywheel_assets.core.account import Account, BrandKit
from flywheel_assets.rendering.modules.brand_overlay import BrandOverlay
from flywheel_assets.settings import Rendering
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import renders as rows
from tests.look_bench import CREATIVE, blueprint, film, keep_judged, mark, painted, seen, verdict

# `assets.common` silences this when it is first imported, and pytest forgets that with the test that imported it.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `backfill_policy`")


def test_the_brand_kit_reaches_the_files_and_the_timelines_the_metadata(
    store: Store, account: Account, tmp_path: Path
) -> None:
    from flywheel_assets.assets.renders import renders

    mark((90, 60)).save(tmp_path / "logo.png")
    video = film(tmp_path / "film.mp4", [painted(1), painted(2)], [30, 30])
    small = Store(
        store.settings.model_copy(update={"rendering": Rendering(width=270, height=480)}), store.engine, store.blobs
    )
    with store.engine.begin() as connection:
        branded = account.model_copy(update={"brand_kit": BrandKit(logo=tmp_path / "logo.png")})
        save_account(connection, branded, "sandbox")
        judged = [verdict(blueprint(0, 1)), verdict(blueprint(1, 0, key="v02"))]
        keep_judged(connection, account.account_id, seen(video, [30, 30]), store.blobs.put(video).uri, *judged)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        instance.add_dynamic_partitions("creatives", [CREATIVE])
        made = dg.materialize([renders], instance=instance, partition_key=CREATIVE, resources={"store": small})
    (event,) = made.asset_materializations_for_node("renders")
    encoded = re.fullmatch(
        r"!\[[^]]+\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", str(event.metadata["timelines"].value)
    )
    assert encoded is not None
    with Image.open(BytesIO(base64.b64decode(encoded[1]))) as picture:
        assert picture.size == (1240, 60 + 2 * 92)
    with store.engine.connect() as connection:
        kept = connection.execute(select(rows.c.details, rows.c.quality).order_by(rows.c.key)).all()
    assert [one.details["module_versions"].get("brand_overlay") for one in kept] == [BrandOverlay.version] * 2
    # The gate has the kit as well: with it the logo is found in the files, without it nobody could.
    found = [line for one in kept for line in one.quality if line["feature"] == "logo_seen"]
    assert [(line["passed"], line["value"] > 0.8) for line in found] == [(True, True)] * 2
