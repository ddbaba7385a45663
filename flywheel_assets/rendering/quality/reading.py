"""Promises about the text: it is read back, it lies in the safe zone, it stands out, and the hook leaves.

What counts is what was read and where, never where the plan meant to put it; the plan only says what to look for and
in which picture.
"""

from __future__ import annotations

from dataclasses import dataclass

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.video import Image
from flywheel_assets.rendering.effects import Box
from flywheel_assets.rendering.palette import MIN_CONTRAST
from flywheel_assets.rendering.placements import inside
from flywheel_assets.rendering.quality import contrast
from flywheel_assets.rendering.quality.expected import Asked, asked
from flywheel_assets.rendering.quality.eyes import Eyes
from flywheel_assets.rendering.quality.lines import line, not_applicable, show, worst
from flywheel_assets.rendering.quality.matching import SURE, Match, find
from flywheel_assets.rendering.quality.stand_in import drawn, vanished
from flywheel_assets.rendering.types import EditPlan, QualityLine, Role

_FEATURES: dict[Role, str] = {
    "hook": "hook_read", "caption": "captions_read", "cta": "cta_read", "brand": "brand_read",
    "headline": "offer_read", "proof": "proof_read",
}  # fmt: skip
_MODULES: dict[Role, str] = {"hook": "hook_title", "caption": "auto_captions", "cta": "cta_end_card"}
_MARGIN = 0.5  # of its height, around the box in which a text is looked for first


@dataclass(frozen=True)
class Look:
    """One planned text and what was found of it.

    Attributes:
        match: None where the text cannot be read.
        boxes: of the letters that were read; of one that cannot be, the plan's.
    """

    asked: Asked
    match: Match | None
    line: QualityLine
    boxes: tuple[Box, ...]


def frames(plan: EditPlan, eyes: Eyes | NotAvailable) -> frozenset[int]:
    """The pictures `judge` needs."""
    if isinstance(eyes, NotAvailable):
        return frozenset()
    found = asked(plan)
    compared = {one.outside for one in found if one.outside is not None and eyes.cannot_read(one.text)}
    after = {_after(one, plan) for one in found if one.role == "hook"}
    return frozenset({one.frame for one in found} | compared | after)


def judge(pictures: dict[int, Image], plan: EditPlan, safe: Box, eyes: Eyes | NotAvailable) -> tuple[QualityLine, ...]:
    """The lines about text."""
    if isinstance(eyes, NotAvailable):
        wanted = "read back by a text engine; install flywheel-assets with its dependencies"
        features = (*_FEATURES.values(), "hook_gone", "text_in_safe_zone", "contrast")
        return tuple(line(name, passed=False, value=f"not available: {eyes}", wanted=wanted) for name in features)
    looks = [_look(found, pictures, plan, eyes) for found in asked(plan)]
    read = (_role(role, looks, plan) for role in _FEATURES)
    return (*read, _gone(looks, pictures, plan, eyes), _safe(looks, safe), _contrast(looks, pictures))


def _look(found: Asked, pictures: dict[int, Image], plan: EditPlan, eyes: Eyes) -> Look:
    feature, picture = _FEATURES[found.role], pictures.get(found.frame)
    if picture is None:
        missing = line(feature, passed=False, value=f"the file has no picture {found.frame}", wanted=repr(found.text))
        return Look(found, None, missing, ())
    if reason := eyes.cannot_read(found.text):
        return _unread(found, picture, pictures, plan, reason)
    match = _match(found, picture, eyes)
    value = round(match.likeness, 3) if match.sure else f"{match.text!r} ({match.likeness:.2f})"
    wanted = f"{found.text!r} with a likeness of {SURE} in picture {found.frame}"
    return Look(found, match, line(feature, passed=match.sure, value=value, wanted=wanted), match.boxes)


def _unread(found: Asked, picture: Image, pictures: dict[int, Image], plan: EditPlan, reason: str) -> Look:
    covered = tuple(each.box for each in plan.overlays if each.start_frame <= found.frame < each.end_frame)
    without = None if found.outside is None else pictures.get(found.outside)
    there = drawn(picture, found.box, without, covered)
    wanted = f"not applicable: {reason}; in its stead something has to be drawn in {show(found.box)}"
    value = None if there else f"nothing is drawn for {found.text!r} in picture {found.frame}"
    return Look(found, None, line(_FEATURES[found.role], passed=there, value=value, wanted=wanted), (found.box,))


def _match(found: Asked, picture: Image, eyes: Eyes) -> Match:
    """Looked for where it should be, which costs least, then in the whole picture, then there with a magnifying glass."""
    near = _near(found.box)
    best = Match("", 0.0, ())
    for part, enlarged in ((near, False), (None, False), (near, True)):
        seen = eyes.read(picture, part, enlarged=enlarged)
        best = max(best, find(found.lines, seen, found.box), key=lambda one: one.likeness)
        if best.sure:
            break
    return best


def _near(box: Box) -> Box:
    margin = _MARGIN * (box[3] - box[1])
    return box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin


def _role(role: Role, looks: list[Look], plan: EditPlan) -> QualityLine:
    """The worst of the texts of a role; one that the plan leaves out with its module, or has no text for, is said to be."""
    found = [look.line for look in looks if look.asked.role == role]
    if found:
        return worst(found)
    module = _MODULES.get(role)
    if module is None:
        return not_applicable(_FEATURES[role], "the plan has none")
    if module in plan.unavailable or module not in plan.module_versions:
        return not_applicable(_FEATURES[role], plan.unavailable.get(module, f"{module} is left out"))
    if role == "caption":
        return not_applicable(_FEATURES[role], "nothing is said")
    return line(_FEATURES[role], passed=False, value="the plan has none", wanted=f"a {role} in the plan")


def _gone(looks: list[Look], pictures: dict[int, Image], plan: EditPlan, eyes: Eyes) -> QualityLine:
    """The hook is not read again where it was, a frame after its time."""
    hook = next((look for look in looks if look.asked.role == "hook"), None)
    if hook is None:
        return not_applicable("hook_gone", "the plan has no hook")
    after = _after(hook.asked, plan)
    wanted = f"not on the screen in picture {after}"
    picture, shown = pictures.get(after), pictures.get(hook.asked.frame)
    if picture is None or shown is None:
        return line("hook_gone", passed=False, value=f"the file has no picture {after}", wanted=wanted)
    if hook.match is None:
        gone = vanished(shown, picture, hook.asked.box)
        return line("hook_gone", passed=gone, value="gone" if gone else "its box looks the same", wanted=wanted)
    again = find(hook.asked.lines, eyes.read(picture, _near(hook.asked.box)), hook.asked.box)
    return line(
        "hook_gone", passed=not again.sure, value=f"{again.text!r} is read" if again.sure else "gone", wanted=wanted
    )


def _after(hook: Asked, plan: EditPlan) -> int:
    return min(hook.end + 1, plan.frames - 1)


def _safe(looks: list[Look], safe: Box) -> QualityLine:
    """The letters that were read against the box that stays clear of the platform's buttons."""
    outside = [(look.asked.role, box) for look in looks for box in look.boxes if not inside(box, safe)]
    value = "; ".join(f"{role} at {show(box)}" for role, box in outside) or "all"
    return line("text_in_safe_zone", passed=not outside, value=value, wanted=f"inside {show(safe)}")


def _contrast(looks: list[Look], pictures: dict[int, Image]) -> QualityLine:
    wanted = f"at least {MIN_CONTRAST:g} between letters and what surrounds them"
    found = [
        (contrast.measure(pictures[look.asked.frame], box).contrast, look.asked.role)
        for look in looks
        for box in look.boxes
    ]
    if not looks:
        return not_applicable("contrast", "the plan has no text")
    if not found:
        return line("contrast", passed=False, value="no text was found", wanted=wanted)
    least, role = min(found)
    passed = least >= MIN_CONTRAST
    return line("contrast", passed=passed, value=round(least, 2) if passed else f"{least:.2f} ({role})", wanted=wanted)
