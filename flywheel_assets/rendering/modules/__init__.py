"""The render modules by name, in the order in which they are drawn."""

from __future__ import annotations

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering.modules.audio_enhancement import AudioEnhancement
from flywheel_assets.rendering.modules.auto_captions import AutoCaptions
from flywheel_assets.rendering.modules.base import PlanContext, RenderModule
from flywheel_assets.rendering.modules.cta_end_card import CtaEndCard
from flywheel_assets.rendering.modules.hook_title import HookTitle
from flywheel_assets.rendering.modules.smart_reframe import SmartReframe

__all__ = ["REGISTRY", "PlanContext", "RenderModule", "module", "versions"]

REGISTRY: dict[str, RenderModule] = {
    found.name: found for found in (SmartReframe(), AutoCaptions(), HookTitle(), CtaEndCard(), AudioEnhancement())
}


def module(name: str) -> RenderModule:
    """The module of that name.

    Raises:
        RenderFailed: there is none.
    """
    try:
        return REGISTRY[name]
    except KeyError:
        raise RenderFailed(f"render module {name!r} is not registered; known are {', '.join(REGISTRY)}") from None


def versions() -> dict[str, str]:
    """Version of each module."""
    return {name: found.version for name, found in REGISTRY.items()}
