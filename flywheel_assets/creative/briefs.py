"""A brief from outside, checked before anything is made of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unicodedata import category

from pydantic import ValidationError

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.creative.director.claims import refuse_claims
from flywheel_assets.creative.director.hooks import refuse_language
from flywheel_assets.creative.types import Brief
from flywheel_assets.store.documents import Fault, explain, faults

# Unicode's control characters and halves of pairs: no screen shows them and no database stores them.
_NOT_TEXT = ("Cc", "Cs")


def checked_brief(raw: Any) -> Brief:
    """The brief.

    Raises:
        ConfigurationError: a field is missing or wrong, holds control characters, makes a banned claim, or is in a
            language there are no formulas for.
    """
    try:
        brief = Brief.model_validate(raw)
    except ValidationError as error:
        raise ConfigurationError(explain(error)) from None
    if wrong := list(_wrong_words(brief)):
        raise ConfigurationError("; ".join(fault.reason for fault in wrong))
    return brief


def brief_faults(raw: Any) -> list[Fault]:
    """Everything for which `checked_brief` would refuse it, by field."""
    try:
        return list(_wrong_words(Brief.model_validate(raw)))
    except ValidationError as error:
        return [fault if fault.place else Fault((), f"document: {fault.reason}") for fault in faults(error)]


def _wrong_words(brief: Brief) -> Iterator[Fault]:
    for field, value in brief:
        if isinstance(value, str) and any(category(letter) in _NOT_TEXT for letter in value):
            yield Fault((), f"{field} holds a line break or another control character")
    for refuse, fields in ((refuse_claims, ()), (refuse_language, ("language",))):
        try:
            refuse(brief)
        except ConfigurationError as error:
            yield Fault(fields, str(error))


def described(brief: Brief) -> dict[str, Any]:
    """The brief as it is stored, and as it is part of a creative's name."""
    return brief.model_dump(mode="json", exclude_none=True)
