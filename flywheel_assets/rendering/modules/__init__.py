"""The render modules by name, in the order in which they shape, draw and sound."""

from __future__ import annotations

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering.modules.audio_enhancement import AudioEnhancement
from flywheel_assets.rendering.modules.auto_captions import AutoCaptions
from flywheel_assets.rendering.modules.base import PlanContext, RenderModule
from flywheel_assets.rendering.modules.brand_overlay import BrandOverlay
from flywheel_assets.rendering.modules.color_grading import ColorGrading
from flywheel_assets.rendering.modules.cover_frame import CoverFrame
from flywheel_assets.rendering.modules.cta_end_card import CtaEndCard
from flywheel_assets.rendering.modules.hook_title import HookTitle
from flywheel_assets.rendering.modules.music_bed import MusicBed
from flywheel_assets.rendering.modules.pattern_interrupt import PatternInterrupt
from flywheel_assets.rendering.modules.scene_transitions import SceneTransitions
from flywheel_assets.rendering.modules.silence_trim import SilenceTrim
from flywheel_assets.rendering.modules.smart_reframe import SmartReframe
from flywheel_assets.rendering.modules.stabilize import Stabilize
from flywheel_assets.rendering.style import Style
from flywheel_assets.rendering.types import Overlay

__all__ = ["REGISTRY", "PlanContext", "RenderModule", "chosen", "line_spacing", "module"]

REGISTRY: dict[str, RenderModule] = {
    found.name: found
    for found in (
        Stabilize(),
        SilenceTrim(),
        SceneTransitions(),
        MusicBed(),
        ColorGrading(),
        SmartReframe(),
        PatternInterrupt(),
        AutoCaptions(),
        HookTitle(),
        CtaEndCard(),
        BrandOverlay(),
        AudioEnhancement(),
        CoverFrame(),
    )
}
# Without them there is no picture and no sound that a platform takes.
_NEEDED = frozenset({SmartReframe.name, AudioEnhancement.name})


def module(name: str) -> RenderModule:
    """The module of that name.

    Raises:
        RenderFailed: there is none.
    """
    try:
        return REGISTRY[name]
    except KeyError:
        raise RenderFailed(f"render module {name!r} is not registered; known are {', '.join(REGISTRY)}") from None


def line_spacing(overlay: Overlay) -> float:
    """Distance of the lines its module draws, em; captions have one line."""
    return float(getattr(module(overlay.module).defaults, "spacing", 1.0))


def chosen(style: Style) -> tuple[RenderModule, ...]:
    """The modules that a style leaves in, in order.

    Raises:
        RenderFailed: it names one that is not registered, or leaves out one that cannot be.
    """
    for name in style.without:
        if module(name).name in _NEEDED:
            raise RenderFailed(f"render module {name!r} cannot be left out: no file can be made without it")
    return tuple(found for name, found in REGISTRY.items() if name not in style.without)
