"""From an accepted upload to everything that was seen, read and heard in it."""

import base64

import dagster as dg

from flywheel_assets.assets.common import CREATIVES, OWNERS, check, log_progress, materialized, table
from flywheel_assets.creative import repository
from flywheel_assets.creative.perception import guarded, told
from flywheel_assets.creative.perception.brand import brand_presence
from flywheel_assets.creative.perception.perceive import settings_digest
from flywheel_assets.creative.types import Perception, Scene
from flywheel_assets.store.store import Store


@dg.asset(group_name="creative", partitions_def=CREATIVES, owners=OWNERS, kinds={"mp4"})
def source_video(context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]) -> dg.MaterializeResult:
    """The raw video of a creative request, stored by its content, with its brief."""
    with store.engine.connect() as connection:
        request = repository.load_request(connection, context.partition_key)
    path = store.blobs.local(request.video_uri)
    probe = request.probe
    summary = f"{request.video_name}: {probe['width']}x{probe['height']}, {probe['seconds']:.1f} s"
    metadata = {
        "file": dg.MetadataValue.path(str(path)),
        "sha256": request.video_sha256,
        "probe": dg.MetadataValue.json(probe),
        "brief": dg.MetadataValue.json(request.brief.model_dump(mode="json")),
        "sound": "yes" if probe["has_audio"] else "no: captions and speech features are not available",
    }
    return materialized(store, summary, metadata)


@dg.asset(group_name="creative", partitions_def=CREATIVES, owners=OWNERS, kinds={"opencv"}, deps=[source_video])
def scenes(context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]) -> dg.MaterializeResult:
    """The video's shots, with a contact sheet; the same pass over the frames sees its texts, faces and sound."""
    request, seen, reused = _seen(context, store)
    with store.engine.begin() as connection:
        repository.save_scenes(connection, context.partition_key, seen.scenes)
    video = store.blobs.local(request.video_uri)
    sheet = base64.b64encode(guarded.contact_sheet(video, seen.scenes, seen.features, store.settings.media)).decode()
    metadata = {
        "contact_sheet": dg.MetadataValue.md(f"![the middle of every scene](data:image/jpeg;base64,{sheet})"),
        "scenes": table(_row(scene) for scene in seen.scenes),
        "engine": dg.MetadataValue.json(seen.engines["scenes"].model_dump()),
        "count": len(seen.scenes),
        "reused": reused,
    }
    return materialized(store, f"{len(seen.scenes)} scenes{_reused(reused)}", metadata)


@dg.asset(
    group_name="creative",
    partitions_def=CREATIVES,
    owners=OWNERS,
    kinds={"onnx"},
    deps=[scenes],
    check_specs=[
        dg.AssetCheckSpec(
            "text_was_read",
            asset="scene_features",
            blocking=False,
            description="Somebody could look for text on screen; without an engine it is unknown, not absent.",
        )
    ],
)
def scene_features(context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]) -> dg.MaterializeResult:
    """Per scene: text on screen, speech, objects and people, faces, light, motion, sound. A missing engine says so."""
    request, perception, _ = _seen(context, store)
    with store.engine.begin() as connection:
        repository.save_perception(connection, context.partition_key, perception, _digest(store, request))
    text = perception.engines["text"]
    brand = brand_presence(perception, request.brief.brand)
    metadata = {
        "features": table(told.scene_rows(perception)),
        "engines": dg.MetadataValue.json(told.engines(perception)),
        "brand": dg.MetadataValue.json(brand.model_dump()),
    }
    found = text.unavailable or text.name
    checks = [check("text_was_read", passed=text.unavailable is None, found=found, blocking=False)]
    return materialized(store, told.summary(perception), metadata, checks)


def _seen(context: dg.AssetExecutionContext, store: Store) -> tuple[repository.CreativeRequest, Perception, bool]:
    """The partition's request, what there is to see in its video, and whether it had been seen before."""
    settings = store.settings
    with store.engine.connect() as connection:
        request = repository.load_request(connection, context.partition_key)
        digest = _digest(store, request)
        known = repository.cached_perception(connection, request.video_sha256, digest)
    if known is not None:
        return request, known, True
    perception = guarded.perceive(
        store.blobs.local(request.video_uri),
        video_sha256=request.video_sha256,
        media=settings.media,
        weights_dir=settings.weights_path,
        language=request.brief.language,
        wanted=settings.perception,
        progress=log_progress(context),
    )
    with store.engine.begin() as connection:
        repository.keep_perception(connection, perception, digest)
    return request, perception, False


def _row(scene: Scene) -> dict[str, str | int | float]:
    """A scene in seconds first; its frames, and where it is not mixed with its neighbours, behind."""
    return {
        "scene": scene.index,
        "from": scene.start,
        "to": scene.end,
        "seconds": scene.seconds,
        "alone": f"{scene.clean_start:.2f} to {scene.clean_end:.2f}",
        "frames": f"{scene.start_frame} to {scene.end_frame - 1}",
        "fade_in_frames": scene.fade_in_frames,
        "fade_out_frames": scene.fade_out_frames,
    }


def _digest(store: Store, request: repository.CreativeRequest) -> str:
    settings = store.settings
    return settings_digest(settings.media, request.brief.language, settings.weights_path, settings.perception)


def _reused(seen: bool) -> str:
    return " (seen before)" if seen else ""
