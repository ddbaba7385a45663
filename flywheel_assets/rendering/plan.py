"""The edit plan of a variation: a pure function of blueprint, perception and settings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.core.ids import digest
from flywheel_assets.creative.types import Blueprint, Perception
from flywheel_assets.rendering import modules, timeline
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.cutting import Cutting
from flywheel_assets.rendering.fonts import clean
from flywheel_assets.rendering.modules.audio_enhancement import AudioEnhancement
from flywheel_assets.rendering.modules.base import PlanContext, RenderModule
from flywheel_assets.rendering.modules.brand_overlay import require_safe
from flywheel_assets.rendering.modules.cover_frame import CoverFrame, early
from flywheel_assets.rendering.modules.cta_end_card import CtaEndCard
from flywheel_assets.rendering.modules.smart_reframe import SmartReframe
from flywheel_assets.rendering.style import Style
from flywheel_assets.rendering.survey.types import Survey
from flywheel_assets.rendering.types import AudioPlan, EditPlan
from flywheel_assets.settings import Rendering

_SECONDS_PER_GOP = 2  # the longest the platform advises


def edit_plan(
    blueprint: Blueprint,
    perception: Perception,
    settings: Rendering,
    style: Style | None = None,
    survey: Survey | None = None,
) -> EditPlan:
    """What a variation shows and says, to the frame.

    The blueprint's key is not part of it: two drafts that would look the same are one file. Of the survey only the
    played scenes count; without one nothing is cropped or steadied, and the cover is an early picture.

    Raises:
        RenderFailed: an unknown scene, an empty text, a text too long to read, a character without a glyph,
            something outside the safe box.
    """
    context = _bare(blueprint, perception, settings, style or Style(), survey)
    everyone = modules.chosen(context.style)
    unavailable = {found.name: why for found in everyone if (why := found.lacks(context))}
    working = [found for found in everyone if found.name not in unavailable]
    for found in working:
        context = replace(context, shots=timeline.in_order(found.shape(context)))
    context = replace(context, framings=SmartReframe().framings(context))
    covers = any(found.name == CoverFrame.name for found in working)
    overlays = tuple(overlay for found in working for overlay in found.overlays(context))
    context = replace(context, overlays=overlays)
    segments = Cutting(context, tuple(working), overlays).segments()
    require_safe(blueprint.key, segments, context.canvas)
    values = {
        "video_sha256": perception.video_sha256,
        "width": settings.width,
        "height": settings.height,
        "fps": settings.fps,
        "placement": context.canvas.placement.name,
        "source_fps": perception.fps,
        "segments": segments,
        "audio": _sound(working, context),
        "cover_frame": CoverFrame().frame(context) if covers else early(context),
        "unavailable": unavailable,
        "module_versions": {found.name: found.version for found in working},
        "fonts": context.canvas.typefaces.digests((found.text, found.font) for found in overlays),
        "encoder": encoder_arguments(settings),
        "notes": {f"{found.name}: {what}": why for found in working for what, why in found.notes(context).items()},
    }
    draft = EditPlan.model_validate({**values, "plan_hash": "draft"})
    made_with: list[float | str] = [settings.loudness_lufs, settings.true_peak_dbtp]
    if settings.backend != "ffmpeg":  # left out where it is, so that films made before it counted keep their names
        made_with.append(settings.backend)
    content = digest([draft.model_dump(mode="json", exclude={"plan_hash", "notes"}), made_with])
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


def _bare(
    blueprint: Blueprint, perception: Perception, settings: Rendering, style: Style, survey: Survey | None
) -> PlanContext:
    """Before any module has had its say."""
    for field, text in (("hook", blueprint.hook.text), ("call to action", blueprint.call_to_action)):
        if not clean(text):
            raise RenderFailed(f"blueprint {blueprint.key}: empty_text: its {field} is empty; write one")
    canvas = Canvas.of(settings)
    return PlanContext(
        blueprint=blueprint,
        perception=perception,
        style=style,
        canvas=canvas,
        shots=timeline.shots(blueprint, perception, canvas),
        card_frames=0 if CtaEndCard.name in style.without else CtaEndCard().frames(canvas),
        framings={},
        survey=survey,
    )


def _sound(working: Iterable[RenderModule], context: PlanContext) -> AudioPlan:
    plan = AudioEnhancement().plan(context)
    for found in working:
        plan = found.sound(plan, context)
    return plan
