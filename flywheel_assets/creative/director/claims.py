"""Claims an advert may not make, as dated data with the reason.

Drawn from Meta's advertising standards (unacceptable business practices, misleading claims, personal
attributes) and the advertising codes of the US and the UK, as they stood on `AS_OF`; review once a year.
"""

from __future__ import annotations

import re
from datetime import date

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.creative.types import Brief

AS_OF = date(2026, 11, 1)

_NO_PROMISE = "promises a result nobody can be sure of"
_NO_RANK = "claims a rank that needs a named, current source"
_HEALTH = "a health claim that needs clinical evidence"
_MONEY = "an income claim that reads as a get-rich scheme"
_PRESSURE = "false urgency"
_PERSONAL = "tells the viewer something private about themselves"

BANNED: tuple[tuple[str, str], ...] = (
    (r"\bguarant\w*", _NO_PROMISE),
    (r"\bmiracle\w*", _NO_PROMISE),
    (r"\brisk[- ]?free\b", _NO_PROMISE),
    (r"\bno[- ]risk\b", _NO_PROMISE),
    (r"\bnever fails?\b", _NO_PROMISE),
    (r"\b100 ?% (?:safe|effective|success|secure|natural)\b", _NO_PROMISE),
    (r"\binstant results?\b", _NO_PROMISE),
    (r"#\s?1\b", _NO_RANK),
    (r"\b(?:number one|no\.? ?1)\b", _NO_RANK),
    (r"\b(?:world's|world’s|country's|country’s) (?:best|leading)\b", _NO_RANK),
    (r"\bbest in the (?:world|country|business)\b", _NO_RANK),
    (r"\bcheapest\b", _NO_RANK),
    (r"\bcures?\b", _HEALTH),
    (r"\bno side[- ]effects?\b", _HEALTH),
    (r"\bclinically proven\b", _HEALTH),
    (r"\bpain[- ]free\b", _HEALTH),
    (r"\bget rich\b", _MONEY),
    (r"\b(?:easy|fast|quick) (?:money|cash)\b", _MONEY),
    (r"\bfinancial freedom\b", _MONEY),
    (r"\bonce[- ]in[- ]a[- ]lifetime\b", _PRESSURE),
    (r"\blast chance\b", _PRESSURE),
    (r"\bact (?:now|fast)\b", _PRESSURE),
    (r"\b(?:are you|you are|you're|you’re) (?:overweight|fat|depressed|bankrupt|disabled|divorced|diabetic)\b", _PERSONAL),
)  # fmt: skip
_PATTERNS = tuple((re.compile(pattern, re.IGNORECASE), reason) for pattern, reason in BANNED)


def claims_in(text: str, brand: str = "") -> tuple[str, ...]:
    """Each banned claim in ``text`` as "'words': reason"; the brand's own name is not a claim."""
    said = text.replace(brand, " ") if brand else text
    return tuple(f"'{match[0]}' {reason}" for pattern, reason in _PATTERNS if (match := pattern.search(said)))


def refuse_claims(brief: Brief) -> None:
    """Stop before a banned claim in the brief reaches a hook, an end card or the body copy.

    Raises:
        ConfigurationError: naming every slot and claim.
    """
    slots = brief.model_dump(exclude={"brand", "landing_url", "language"}, exclude_none=True)
    found = [f"{slot}: {claim}" for slot, text in slots.items() for claim in claims_in(text, brief.brand)]
    if found:
        raise ConfigurationError(
            f"brief of {brief.brand!r} makes claims an advert may not make ({'; '.join(found)}); reword these slots"
        )
