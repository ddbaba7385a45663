"""The gate itself: a finished file against its plan, one line a promise."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from flywheel_assets.core.errors import NotAvailable, RenderFailed
from flywheel_assets.rendering import probe
from flywheel_assets.rendering.quality import bar, marks, pictures, reading, sounds, streams
from flywheel_assets.rendering.quality.expected import boxes_at
from flywheel_assets.rendering.quality.eyes import Eyes
from flywheel_assets.rendering.quality.lines import line
from flywheel_assets.rendering.quality.sidecar import subtitles
from flywheel_assets.rendering.quality.watching import watch
from flywheel_assets.rendering.style import Kit
from flywheel_assets.rendering.types import EditPlan, QualityLine
from flywheel_assets.settings import Rendering


@dataclass(frozen=True)
class Files:
    """What is judged, and the source and the brand's files it was made from."""

    video: Path
    captions: Path | None
    source: Path
    kit: Kit = field(default_factory=Kit)


def inspect(
    files: Files,
    plan: EditPlan,
    settings: Rendering,
    eyes: Eyes | NotAvailable,
) -> tuple[QualityLine, ...]:
    """Measure a finished file against its plan, one line a promise; all lines passed means it may be published.

    Args:
        files: the video, its subtitles, its source and the brand's files.
        plan: what it should show and say, and where.
        settings: the levels it should have.
        eyes: who reads its text, or why nobody can; then the lines about text fail.
    """
    try:
        packets = probe.packets(files.video)
    except RenderFailed as reason:
        return (line("opens", passed=False, value=str(reason), wanted="a film"),)
    laid, wanted = marks.asked(plan, settings), reading.frames(plan, eyes) | bar.frames(plan)
    wanted |= laid.frames(wanted)
    seen = watch(files.video, seconds=float(packets.sound_span[1]), wanted=wanted, covered=boxes_at(plan))
    heard: tuple[QualityLine, ...] = ()
    if packets.sound:
        heard = (*sounds.level(files.video, plan, settings), sounds.in_step(seen.sound, plan, files.source))
    return (
        *streams.coded(packets, seen, plan),
        *streams.timed(packets, seen, plan),
        *streams.placed(files.video, packets, plan.canvas.placement),
        pictures.not_black(seen, plan),
        pictures.not_frozen(seen, plan, files.source),
        *heard,
        *reading.judge(seen.pictures, plan, plan.canvas.safe, eyes),
        *marks.judge(seen.pictures, plan, laid, files.kit),
        bar.judge(seen.pictures, plan),
        subtitles(files.captions, plan),
    )
