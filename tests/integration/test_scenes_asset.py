"""The `scenes` asset on a real store: its rows, and the contact sheet a person judges the cuts by."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import cv2
import dagster as dg
import numpy as np
import pytest

from flywheel_assets.core.account import Account
from flywheel_assets.creative import repository
from flywheel_assets.store.store import Store
from tests.drop_bench import DropBench

# `assets.common` silences this when it is first imported, and pytest forgets that with the test that imported it.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `backfill_policy`")


TRUTH = Path(__file__).parents[2] / "samples" / "raw_ad.truth.json"


def test_the_sheet_in_the_metadata_shows_every_scene_of_the_sample(
    store: Store, account: Account, tmp_path: Path
) -> None:
    from flywheel_assets.assets import perception

    store.settings.drop_path.mkdir(parents=True)
    bench = DropBench(store, account)
    key = bench.take_in(bench.drop_sample().name).creative_id
    assert key is not None
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        instance.add_dynamic_partitions("creatives", [key])
        made = dg.materialize(
            [perception.source_video, perception.scenes],
            instance=instance,
            partition_key=key,
            resources={"store": store},
        )
    with store.engine.connect() as connection:
        scenes = repository.load_scenes(connection, key)
    assert [scene.start_frame for scene in scenes[:3]] == [0, 89, 180]
    (dissolve,) = json.loads(TRUTH.read_text())["dissolves"]
    assert dissolve["start_frame"] - 6 <= scenes[2].clean_frames[1] <= dissolve["start_frame"] + 1
    assert dissolve["end_frame"] - 1 <= scenes[3].clean_frames[0] <= dissolve["end_frame"] + 6
    assert scenes[2].clean_end == pytest.approx(scenes[2].clean_frames[1] / 30, abs=1e-5)
    (event,) = made.asset_materializations_for_node("scenes")
    shown = str(event.metadata["contact_sheet"].value)
    encoded = re.fullmatch(r"!\[[^]]+\]\(data:image/jpeg;base64,([A-Za-z0-9+/=]+)\)", shown)
    assert encoded is not None
    assert len(shown) < 133_000
    sheet = cv2.imdecode(np.frombuffer(base64.b64decode(encoded[1]), np.uint8), cv2.IMREAD_COLOR)
    assert sheet is not None
    assert sheet.shape == (2 * (90 + 16 + 6) + 6, 4 * 166 + 6, 3)  # eight scenes, four in a row
