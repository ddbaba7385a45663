"""The approved blueprints as finished files."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import dagster as dg

from flywheel_assets.assets.common import CREATIVES, OWNERS, check, log_progress, materialized, standing, table
from flywheel_assets.assets.drafting import council_verdicts
from flywheel_assets.creative import repository
from flywheel_assets.creative.council.reflexion import told, variations
from flywheel_assets.creative.council.variety import in_words
from flywheel_assets.rendering import repository as rendered
from flywheel_assets.rendering.kit import read_kit
from flywheel_assets.rendering.plan_picture import plan_picture
from flywheel_assets.rendering.strip import strip
from flywheel_assets.store.accounts import get_account
from flywheel_assets.store.store import Store

_CHECKS = [
    dg.AssetCheckSpec(
        "something_passed",
        asset="renders",
        blocking=True,
        description="At least one video passed the quality gate; otherwise nothing is published.",
    ),
    dg.AssetCheckSpec(
        "every_render_passed",
        asset="renders",
        blocking=False,
        description="Every video passed the quality gate; one that did not is kept and never published.",
    ),
    dg.AssetCheckSpec(
        "enough_variations",
        asset="renders",
        blocking=False,
        description="As many videos passed as were asked for, five unless a request says otherwise.",
    ),
]


@dg.asset(
    group_name="creative",
    partitions_def=CREATIVES,
    owners=OWNERS,
    kinds={"ffmpeg"},
    deps=[council_verdicts],
    check_specs=_CHECKS,
)
def renders(context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]) -> dg.MaterializeResult:
    """The approved ads as finished videos, five to ten of them; each is measured, and one that fails is never published."""
    key, settings = context.partition_key, store.settings
    if stands := standing(store, key, [spec.name for spec in _CHECKS]):
        return stands
    with store.engine.connect() as connection:
        request = repository.load_request(connection, key)
        perception = repository.load_perception(connection, key)
        verdicts = repository.load_verdicts(connection, key)
        kit = read_kit(get_account(connection, request.account_id).brand_kit, store.blobs)
    wanted = request.options.wanted(settings.creative)
    blueprints = variations(verdicts, perception, wanted)
    finished = rendered.render_and_inspect(
        store,
        request.video_uri,
        blueprints,
        perception,
        options=request.options,
        kit=kit,
        progress=log_progress(context),
    )
    with store.engine.begin() as connection:
        rendered.save_renders(connection, key, finished)
    why, least = told(verdicts, wanted), wanted.min_variations
    failed = {f"{one.render.key} {one.ratio}": one.faults for one in finished if not one.passed}
    passed = sum(one.passed and one.leads for one in finished)
    found = f"{passed} of {len(blueprints)} variations passed" if blueprints else f"nothing is rendered: {why}"
    checks = [
        check("something_passed", passed=passed > 0, found=rendered.verdict(finished) if finished else found),
        check("every_render_passed", passed=not failed, found=str(failed or "all passed"), blocking=False),
        check("enough_variations", passed=passed >= least, found=f"{passed} of {least}: {why}", blocking=False),
    ]
    rows = table(in_words(blueprints, perception))
    metadata = {"creative_id": key, **_pictures(finished), "variations": rows, "passed": passed, **_of_files(finished)}
    seconds = sum(one.render.seconds for one in finished if one.leads)
    return materialized(store, f"{passed} videos, {seconds:.0f} s in all", metadata, checks)


def _pictures(finished: Sequence[rendered.Finished]) -> dict[str, dg.MetadataValue]:
    leading = [one for one in finished if one.leads]
    if not leading:
        return {}
    covers = strip([one.render.cover_path for one in leading])
    timelines = plan_picture([(one.render.key, one.plan) for one in leading])
    return {
        "covers": dg.MetadataValue.md(_picture(covers, "jpeg")),
        "timelines": dg.MetadataValue.md(_picture(timelines, "png")),
    }


def _of_files(finished: Sequence[rendered.Finished]) -> dict[str, Any]:
    if not finished:
        return {}
    return {
        "files": table(one.row() for one in finished),
        "folder": dg.MetadataValue.path(str(finished[0].render.path.parent)),
        "module_versions": dg.MetadataValue.json(finished[0].render.module_versions),
        "segments_encoded": sum(one.render.segments_encoded for one in finished),
        "segments_reused": sum(one.render.segments_reused for one in finished),
    }


def _picture(picture: bytes, form: str) -> str:
    return f"![picture](data:image/{form};base64,{b64encode(picture).decode()})"
