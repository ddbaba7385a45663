"""Shapes of nested values, e.g. of a targeting, read from the installed SDK's classes.

Looser than the SDK where Meta is: an id may be a number or text, a number may be text of digits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from flywheel_assets.sandbox.meta.errors import GraphError

Enums = Mapping[str, frozenset[str]]

# Named by reference or spelled out elsewhere: `rules` says which parts of them the twin takes.
_OPAQUE = frozenset({"map", "Object", "AdSet", "AdCreative"})


def sdk_class(place: str) -> Any:
    """The SDK's class at e.g. ``adset.AdSet``."""
    module, name = place.split(".")
    return getattr(import_module(f"facebook_business.adobjects.{module}"), name)


def enum_values(values: Iterable[Any]) -> frozenset[str]:
    """The SDK hands out a class's whole dictionary; its module name is not a value."""
    return frozenset(v for v in values if isinstance(v, str) and not v.startswith("facebook_business."))


def one_of(name: str, value: Any, allowed: frozenset[str]) -> str:
    """The value, when it is among the allowed ones."""
    if not isinstance(value, str) or value not in allowed:
        raise GraphError(f"Param {name} must be one of {{{', '.join(sorted(allowed))}}}, got {value!r}")
    return value


def check_shape(name: str, value: Any, kind: str, enums: Enums) -> None:
    """Refuse a value that is not of the SDK's type, however deep; ``name`` is the way to it, for the refusal."""
    if kind in enums:
        one_of(name, value, enums[kind])
    elif kind == "list" or kind.startswith("list<"):
        inner = kind.removeprefix("list").removeprefix("<").removesuffix(">")
        for index, item in enumerate(_typed(name, value, list, kind)):
            check_shape(f"{name}[{index}]", item, inner, enums)
    elif plain := _PLAIN.get(kind):
        if not plain(value):
            raise _wrong(name, kind, value)
    elif kind in _OPAQUE or kind.startswith("map<"):
        _typed(name, value, dict, kind)
    elif known := _object(kind):
        _check_object(name, _typed(name, value, dict, kind), kind, known)


def _check_object(name: str, value: Mapping[str, Any], kind: str, known: tuple[Mapping[str, str], Enums]) -> None:
    types, enums = known
    for key, item in value.items():
        if key not in types:
            raise GraphError(f"Param {name} has {key}, which is not a field of {kind}")
        check_shape(f"{name}.{key}", item, types[key], enums)


@cache
def _object(kind: str) -> tuple[Mapping[str, str], Enums] | None:
    """Fields and enums of one of the SDK's classes; None for a type that it names and does not have."""
    try:
        found = sdk_class(f"{kind.lower()}.{kind}")
    except (ModuleNotFoundError, AttributeError):
        return None
    own = {name: enum_values(vars(item).values()) for name, item in vars(found).items() if isinstance(item, type)}
    return dict(found._field_types), own  # noqa: SLF001 - the SDK offers its types nowhere else


def _typed(name: str, value: Any, expected: type, kind: str) -> Any:
    if not isinstance(value, expected):
        raise _wrong(name, kind, value)
    return value


def _wrong(name: str, kind: str, value: Any) -> GraphError:
    return GraphError(f"Param {name} must be of type {kind}, got {json.dumps(value)}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or _is_number(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    text = value.removeprefix("-") if isinstance(value, str) else ""
    return (isinstance(value, int) and not isinstance(value, bool)) or (text.isascii() and text.isdigit())


def _is_unsigned(value: Any) -> bool:
    return _is_whole(value) and int(value) >= 0


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, int | str) and value in {0, 1, "true", "false"})


_PLAIN: dict[str, Callable[[Any], bool]] = {
    "": lambda _: True,
    "string": _is_text,
    "datetime": _is_text,
    "file": _is_text,
    "unsigned int": _is_unsigned,
    "int": _is_whole,
    "float": _is_number,
    "bool": _is_boolean,
}
