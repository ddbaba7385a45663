"""The rubric judge: 0 to 100, every line measured from the plan and from what was seen and heard.

Weights follow the ABCD order of Google's creative guidance and published headline and attention studies;
they are priors that delivered results may refit. Lines that exist only after rendering (share of frames with
the brand, loudness, safe zones: 13 points) belong to the render's quality gate. Their points, and those of
lines that cannot be measured for this video, are spread over the rest in proportion.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from flywheel_assets.creative.council import measures
from flywheel_assets.creative.council.measures import Draft, Measure
from flywheel_assets.creative.types import Blueprint, Brief, Perception, RubricLine, Vote

JUDGE = "rubric"

LINES: dict[str, tuple[float, Callable[[Draft], Measure]]] = {
    "hook readable in time": (12, measures.hook_readable),
    "cuts in the first 5 s": (8, measures.opening_pace),
    "motion of the opening": (5, measures.opening_motion),
    "person or product within 2 s": (7, measures.early_subject),
    "quality of the hook": (10, measures.hook_words),
    "brand by 5 s": (8, measures.early_brand),
    "caption coverage": (8, measures.caption_coverage),
    "reading and speaking speed": (5, measures.reading_speed),
    "one message": (6, measures.one_message),
    "length of shots": (5, measures.shot_lengths),
    "call to action": (8, measures.closing_action),
    "offer or proof": (5, measures.offer_or_proof),
}


def judge(blueprint: Blueprint, brief: Brief, perception: Perception) -> Vote:
    """Score of one plan. A line that cannot be measured is worth nothing, and its evidence says why.

    Raises:
        KeyError: the plan names a scene the video does not have.
    """
    draft = Draft(blueprint, brief, perception)
    found = {feature: (weight, measure(draft)) for feature, (weight, measure) in LINES.items()}
    scale = 100 / math.fsum(weight for weight, measure in found.values() if measure.share is not None)
    lines = tuple(_line(feature, weight * scale, measure) for feature, (weight, measure) in found.items())
    left_out = [line.feature for line in lines if line.out_of == 0]
    return Vote(
        judge=JUDGE,
        score=min(100.0, math.fsum(line.points for line in lines)),
        weight=1.0,
        reason=f"{len(lines) - len(left_out)} lines measured"
        + (f"; left out: {', '.join(left_out)}" if left_out else ""),
        lines=lines,
    )


def _line(feature: str, out_of: float, measure: Measure) -> RubricLine:
    if measure.share is None:
        return RubricLine(feature=feature, points=0, out_of=0, evidence=f"left out: {measure.evidence}")
    return RubricLine(feature=feature, points=out_of * measure.share, out_of=out_of, evidence=measure.evidence)
