"""The approved blueprints as finished files."""

from base64 import b64encode

import dagster as dg

from flywheel_assets.assets.common import CREATIVES, OWNERS, check, log_progress, materialized, standing, table
from flywheel_assets.assets.drafting import council_verdicts
from flywheel_assets.creative import repository
from flywheel_assets.creative.council.reflexion import approved
from flywheel_assets.rendering import repository as rendered
from flywheel_assets.rendering.kit import read_kit
from flywheel_assets.rendering.plan_picture import plan_picture
from flywheel_assets.rendering.strip import strip
from flywheel_assets.store.accounts import get_account
from flywheel_assets.store.store import Store

_CHECKS = [
    dg.AssetCheckSpec("something_passed", asset="renders", blocking=True),
    dg.AssetCheckSpec("every_render_passed", asset="renders", blocking=False),
    dg.AssetCheckSpec("enough_variations", asset="renders", blocking=False),
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
    """One vertical video an approved blueprint, measured on the finished file; a failed one is not published."""
    key, settings = context.partition_key, store.settings
    if stands := standing(store, key, [spec.name for spec in _CHECKS]):
        return stands
    with store.engine.connect() as connection:
        request = repository.load_request(connection, key)
        perception = repository.load_perception(connection, key)
        blueprints = approved(repository.load_verdicts(connection, key), settings.creative)
        kit = read_kit(get_account(connection, request.account_id).brand_kit, store.blobs)
    finished = rendered.render_and_inspect(
        store, request.video_uri, blueprints, perception, kit=kit, progress=log_progress(context)
    )
    with store.engine.begin() as connection:
        rendered.save_renders(connection, key, finished)
    failed = {one.render.key: one.faults for one in finished if not one.passed}
    passed, wanted = len(finished) - len(failed), settings.creative.min_variations
    metadata = {
        "files": table(one.row() for one in finished),
        "covers": dg.MetadataValue.md(_picture(strip([one.render.cover_path for one in finished]), "jpeg")),
        "timelines": dg.MetadataValue.md(
            _picture(plan_picture([(one.render.key, one.plan) for one in finished]), "png")
        ),
        "folder": dg.MetadataValue.path(str(finished[0].render.path.parent)),
        "passed": passed,
        "segments_encoded": sum(one.render.segments_encoded for one in finished),
        "segments_reused": sum(one.render.segments_reused for one in finished),
    }
    checks = [
        check("something_passed", passed=passed > 0, found=rendered.verdict(finished)),
        check("every_render_passed", passed=not failed, found=str(failed or "all passed"), blocking=False),
        check("enough_variations", passed=passed >= wanted, found=f"{passed} of {wanted} wanted", blocking=False),
    ]
    seconds = sum(one.render.seconds for one in finished)
    return materialized(store, f"{passed} videos, {seconds:.0f} s in all", metadata, checks)


def _picture(picture: bytes, form: str) -> str:
    return f"![picture](data:image/{form};base64,{b64encode(picture).decode()})"
