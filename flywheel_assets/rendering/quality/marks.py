"""Promises about the pictures laid over the film: the brand's mark and emoji are seen, in their place and their colours."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.creative.perception.video import Image
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.effects import Box, Logo
from flywheel_assets.rendering.quality import laid
from flywheel_assets.rendering.quality.expected import boxes_at
from flywheel_assets.rendering.quality.laid import Laid
from flywheel_assets.rendering.quality.likeness import Likeness, compare
from flywheel_assets.rendering.quality.lines import line, not_applicable, worst
from flywheel_assets.rendering.style import Kit
from flywheel_assets.rendering.typefaces import Typefaces
from flywheel_assets.rendering.types import EditPlan, QualityLine
from flywheel_assets.settings import Rendering

# Measured on the sample's scenes at 540 and 1080 pixels with six marks, of one colour and of many, thin and solid: there
# at least 0.84 and at most 45 levels off, missing at most 0.17, in swapped colours 0.59, four pixels off found four off.
_LIKE, _OFF, _ASIDE = 0.75, 56, 2
_STANDS_OUT = 16  # levels; a mark that differs less from what surrounds it can be told by nobody


@dataclass(frozen=True)
class Asked:
    """What is looked for; `fault` says why it cannot be known."""

    logos: tuple[Laid, ...]
    stickers: tuple[Laid, ...]
    canvas: Canvas
    fault: str | None = None

    def frames(self, known: frozenset[int]) -> frozenset[int]:
        """The pictures that `judge` needs besides those known anyway."""
        return laid.frames((*self.logos, *self.stickers), known)


def asked(plan: EditPlan, settings: Rendering) -> Asked:
    """What the plan lays over the film, with the fonts of the settings."""
    logos = laid.logos(plan)
    try:
        canvas = replace(plan.canvas, typefaces=Typefaces.of(settings.font_folders))
        return Asked(logos, laid.stickers(plan, canvas), canvas)
    except RenderFailed as reason:
        return Asked(logos, (), plan.canvas, str(reason))


@dataclass(frozen=True)
class _Film:
    """What the marks are looked for in, and with."""

    pictures: dict[int, Image]
    texts: tuple[tuple[int, int, Box], ...]
    canvas: Canvas
    kit: Kit


def judge(pictures: dict[int, Image], plan: EditPlan, wanted: Asked, kit: Kit) -> tuple[QualityLine, ...]:
    """The lines about what was laid on, each looked for in all pictures in which it should be."""
    # Our text may lie over the logo, where there was no room beside it; emoji are part of it.
    logo = _logo(_Film(pictures, boxes_at(plan), wanted.canvas, kit), plan, wanted)
    return logo, _emoji(_Film(pictures, (), wanted.canvas, kit), wanted)


def _logo(film: _Film, plan: EditPlan, wanted: Asked) -> QualityLine:
    if not wanted.logos:
        return not_applicable("logo_seen", plan.unavailable.get("brand_overlay", "the plan has none"))
    found = [look for one in wanted.logos if (look := _look("logo_seen", one, film))]
    if not found:
        return line(
            "logo_seen", passed=False, value="it differs from what surrounds it in no picture that was looked at",
            wanted="a logo that stands out; give one with a light outline, or on a panel of its own",
        )  # fmt: skip
    return worst(found)


def _emoji(film: _Film, wanted: Asked) -> QualityLine:
    if wanted.fault:
        return line("emoji_seen", passed=False, value=wanted.fault, wanted="the fonts the plan was made with")
    if not wanted.stickers:
        return not_applicable("emoji_seen", "no text has one")
    found = [look for one in wanted.stickers if (look := _look("emoji_seen", one, film))]
    return worst(found) if found else not_applicable("emoji_seen", "it has the colours of what surrounds it")


def _look(feature: str, one: Laid, film: _Film) -> QualityLine | None:
    """The worst of the pictures in which it should be; None where it stands out in none of them."""
    name = "the logo" if isinstance(one.what, Logo) else f"emoji {one.what.sequence}"
    place = f"{name} at {one.corner[0]}, {one.corner[1]}"
    if one.start not in film.pictures:
        return line(feature, passed=False, value=f"the file has no picture {one.start}", wanted=place)
    try:
        mark = laid.mark(one, film.kit, film.canvas)
    except RenderFailed as reason:
        return line(feature, passed=False, value=str(reason), wanted=place)
    looks = {
        number: compare(picture, one.corner, mark, [box for start, end, box in film.texts if start <= number < end])
        for number, picture in sorted(film.pictures.items())
        if one.start <= number < one.end
    }
    told = {number: look for number, look in looks.items() if look.strength >= _STANDS_OUT}
    if not told:
        return None
    number = min(told, key=lambda number: (_there(told[number]), told[number].like))
    return line(
        feature, passed=_there(told[number]), value=_value(told[number]),
        wanted=f"{place} with a likeness of {_LIKE} in picture {number}",
    )  # fmt: skip


def _there(look: Likeness) -> bool:
    return look.like >= _LIKE and look.off <= _OFF and max(map(abs, look.shift)) <= _ASIDE


def _value(look: Likeness) -> float | str:
    if _there(look):
        return round(look.like, 3)
    right, down = look.shift
    aside = f", fits best {right:+d}, {down:+d} pixels beside it" if max(map(abs, look.shift)) > _ASIDE else ""
    return f"likeness {look.like:.2f}, {look.off:.0f} levels off{aside}"
