"""The gate after rendering: every promise measured on the finished file. Nothing here is read from the render's record."""

from __future__ import annotations

from flywheel_assets.rendering.quality.eyes import Eyes, open_eyes
from flywheel_assets.rendering.quality.gate import Files, inspect

__all__ = ["Eyes", "Files", "inspect", "open_eyes"]
