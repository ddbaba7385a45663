"""The edit plan of a variation: a pure function of blueprint, perception and settings."""

from __future__ import annotations

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.core.ids import digest
from flywheel_assets.creative.types import Blueprint, Perception
from flywheel_assets.rendering import modules, timeline
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.fonts import clean
from flywheel_assets.rendering.modules.audio_enhancement import AudioEnhancement
from flywheel_assets.rendering.modules.base import PlanContext
from flywheel_assets.rendering.modules.cta_end_card import CtaEndCard
from flywheel_assets.rendering.modules.smart_reframe import SmartReframe
from flywheel_assets.rendering.types import EditPlan, Overlay, Segment
from flywheel_assets.settings import Rendering

_SECONDS_PER_GOP = 2  # the longest the platform advises


def edit_plan(blueprint: Blueprint, perception: Perception, settings: Rendering) -> EditPlan:
    """What a variation shows and says, to the frame.

    The blueprint's key is not part of it: two drafts that would look the same are one file.

    Raises:
        RenderFailed: an unknown scene, an empty text, a text too long to read, a character without a glyph.
    """
    context = _context(blueprint, perception, settings)
    overlays = tuple(found for module in modules.REGISTRY.values() for found in module.overlays(context))
    values = {
        "video_sha256": perception.video_sha256,
        "width": settings.width,
        "height": settings.height,
        "fps": settings.fps,
        "source_fps": perception.fps,
        "segments": _segments(context, overlays),
        "audio": AudioEnhancement().plan(context),
        "captions_unavailable": _captions_unavailable(context),
        "module_versions": modules.versions(),
        "encoder": encoder_arguments(settings),
    }
    draft = EditPlan.model_validate({**values, "plan_hash": "draft"})
    levels = [settings.loudness_lufs, settings.true_peak_dbtp]
    content = digest([draft.model_dump(mode="json", exclude={"plan_hash"}), levels])
    return draft.model_copy(update={"plan_hash": content})


def encoder_arguments(settings: Rendering) -> tuple[str, ...]:
    """Final video settings, the same for every segment, so that segments can be joined without re-encoding.

    One encoder thread a process: the output does not depend on the machine, and processes run side by side.
    """
    return (
        "-c:v", "libx264", "-preset", "veryfast", "-crf", str(settings.crf), "-profile:v", "high",
        "-pix_fmt", "yuv420p", "-g", str(_SECONDS_PER_GOP * settings.fps), "-bf", "2", "-threads:v", "1",
        "-x264-params", "open-gop=0:stitchable=1", *timescale(settings.fps),
    )  # fmt: skip


def timescale(fps: int) -> tuple[str, ...]:
    """Clock of the file, with a whole number of ticks a frame.

    It serves the track and the edit list; the edit list's usual millisecond would shift every joint.
    """
    ticks = str(fps * 512)
    return "-video_track_timescale", ticks, "-movie_timescale", ticks


def _context(blueprint: Blueprint, perception: Perception, settings: Rendering) -> PlanContext:
    for field, text in (("hook", blueprint.hook.text), ("call to action", blueprint.call_to_action)):
        if not clean(text):
            raise RenderFailed(f"blueprint {blueprint.key}: empty_text: its {field} is empty; write one")
    canvas = Canvas.of(settings)
    shots = timeline.shots(blueprint, perception, canvas)
    card_start = shots[-1].end
    return PlanContext(
        blueprint=blueprint,
        perception=perception,
        canvas=canvas,
        picture=SmartReframe().place(perception.width, perception.height, canvas),
        shots=shots,
        hook_end=timeline.hook_end(shots, canvas),
        card_start=card_start,
        card_end=card_start + CtaEndCard().frames(canvas),
    )


def _segments(context: PlanContext, overlays: tuple[Overlay, ...]) -> tuple[Segment, ...]:
    """Shots cut where the hook ends, so that all but the opening is shared between variations, then the card."""
    pieces = timeline.pieces(context.shots, context.hook_end)
    return (*(_scene(piece, context, overlays) for piece in pieces), _end_card(context, overlays))


def _scene(piece: timeline.Shot, context: PlanContext, overlays: tuple[Overlay, ...]) -> Segment:
    whole = next(shot for shot in context.shots if shot.scene == piece.scene)
    fps = context.canvas.fps
    last = piece.end == whole.end
    return Segment(
        kind="scene",
        scene_index=piece.scene.index,
        source_start=round(piece.scene.start + (piece.start - whole.start) / fps, 6),
        source_end=round(piece.scene.end if last else piece.scene.start + (piece.end - whole.start) / fps, 6),
        frames=piece.frames,
        picture=context.picture,
        overlays=timeline.overlays_within(overlays, piece.start, piece.end),
    )


def _end_card(context: PlanContext, overlays: tuple[Overlay, ...]) -> Segment:
    scene = CtaEndCard().scene(context.perception)
    middle = round((scene.start + scene.end) / 2, 6)
    return Segment(
        kind="end_card",
        scene_index=None,
        source_start=middle,
        source_end=round(scene.end, 6),
        frames=context.card_end - context.card_start,
        picture=context.picture,
        overlays=timeline.overlays_within(overlays, context.card_start, context.card_end),
    )


def _captions_unavailable(context: PlanContext) -> str | None:
    """Why speech is unknown in at least one played scene; None when it was looked for in all."""
    engine = context.perception.engines.get("speech")
    if engine is None:
        return "no speech engine is recorded for this video"
    if engine.unavailable:
        return engine.unavailable
    unknown = [
        shot.scene.index
        for shot in context.shots
        if (f := context.features(shot.scene.index)) is None or f.words is None
    ]
    return f"speech was not looked for in scenes {unknown}" if unknown else None
