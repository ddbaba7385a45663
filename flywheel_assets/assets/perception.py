"""From an accepted upload to everything that was seen, read and heard in it."""

import base64

import dagster as dg
from sqlalchemy import Connection

from flywheel_assets.assets.common import CREATIVES, OWNERS, check, log_progress, materialized, table
from flywheel_assets.creative import repository
from flywheel_assets.creative.perception.perceive import perceive, settings_digest
from flywheel_assets.creative.perception.scenes import detect_scenes
from flywheel_assets.creative.perception.scenes import engine as scene_engine
from flywheel_assets.creative.perception.sheet import contact_sheet
from flywheel_assets.creative.types import Perception
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
    """The scenes of the video, parted by cuts, dissolves and fades: half-open spans of frames, with a contact sheet."""
    key = context.partition_key
    with store.engine.connect() as connection:
        request = repository.load_request(connection, key)
        seen = _cached(store, connection, request)
    path = store.blobs.local(request.video_uri)
    found = seen.scenes if seen is not None else detect_scenes(path, store.settings.media, log_progress(context))
    with store.engine.begin() as connection:
        repository.save_scenes(connection, key, found)
    sheet = base64.b64encode(contact_sheet(path, found)).decode()
    metadata = {
        "contact_sheet": dg.MetadataValue.md(f"![the middle of every scene](data:image/jpeg;base64,{sheet})"),
        "scenes": table(scene.model_dump() | {"seconds": round(scene.seconds, 2)} for scene in found),
        "engine": dg.MetadataValue.json(scene_engine().model_dump()),
        "count": len(found),
        "reused": seen is not None,
    }
    return materialized(store, f"{len(found)} scenes{_reused(seen)}", metadata)


@dg.asset(
    group_name="creative",
    partitions_def=CREATIVES,
    owners=OWNERS,
    kinds={"onnx"},
    deps=[scenes],
    check_specs=[dg.AssetCheckSpec("text_was_read", asset="scene_features", blocking=False)],
)
def scene_features(context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]) -> dg.MaterializeResult:
    """Per scene: text on screen, speech, objects and people, light, motion. A missing engine says so."""
    key, settings = context.partition_key, store.settings
    with store.engine.connect() as connection:
        request = repository.load_request(connection, key)
        found = repository.load_scenes(connection, key)
        seen = _cached(store, connection, request)
    perception = seen or perceive(
        store.blobs.local(request.video_uri),
        video_sha256=request.video_sha256,
        scenes=found,
        media=settings.media,
        weights_dir=settings.weights_path,
        language=request.brief.language,
        progress=log_progress(context),
    )
    with store.engine.begin() as connection:
        repository.save_perception(connection, key, perception, _digest(store, request))
    engines = {name: one.model_dump(exclude_none=True) for name, one in perception.engines.items()}
    text = perception.engines["text"]
    metadata = {
        "features": table(_feature_rows(perception)),
        "engines": dg.MetadataValue.json(engines),
        "reused": seen is not None,
    }
    checks = [
        check("text_was_read", passed=text.unavailable is None, found=text.unavailable or text.name, blocking=False)
    ]
    return materialized(store, _seen_summary(perception) + _reused(seen), metadata, checks)


def _digest(store: Store, request: repository.CreativeRequest) -> str:
    return settings_digest(store.settings.media, request.brief.language, store.settings.weights_path)


def _cached(store: Store, connection: Connection, request: repository.CreativeRequest) -> Perception | None:
    return repository.cached_perception(connection, request.video_sha256, _digest(store, request))


def _reused(seen: Perception | None) -> str:
    return " (seen before)" if seen is not None else ""


def _feature_rows(perception: Perception) -> list[dict[str, object]]:
    def shown(values: tuple[str, ...] | None) -> str:
        return "not available" if values is None else " ".join(values)

    return [
        {
            "scene": one.index,
            "text": shown(None if one.texts is None else tuple(dict.fromkeys(text.text for text in one.texts))),
            "speech": shown(None if one.words is None else tuple(word.text for word in one.words)),
            "objects": shown(None if one.objects is None else tuple(dict.fromkeys(each.label for each in one.objects))),
            "brightness": round(one.brightness, 3),
            "motion": round(one.motion, 4),
        }
        for one in perception.features
    ]


def _seen_summary(perception: Perception) -> str:
    parts = []
    for name, attribute in (("text", "texts"), ("speech", "words"), ("objects", "objects")):
        if perception.engines[name].unavailable is not None:
            parts.append(f"{name} not available")
        else:
            count = sum(len(getattr(one, attribute)) for one in perception.features)
            parts.append(f"{count} {attribute}")
    return ", ".join(parts)
