"""Commented files for a person to fill in, made of the very models that read them.

A line that begins with ``##`` explains. A line that begins with one ``#`` is what holds unless it is said otherwise, or
an example where nothing holds: without its ``# `` it counts.
"""

from __future__ import annotations

import json
import os
import shlex
import textwrap
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import NoDecode

from flywheel_assets.core.account import Account
from flywheel_assets.creative.types import Brief
from flywheel_assets.settings import Settings

_WIDTH = 110
_HOW = (
    "Lines with ## explain. Lines with one # are what holds unless you say otherwise, or examples: take the # and the "
    "blank after it away to change or use one. Look with: flywheel check"
)


def settings_template() -> str:
    """The settings file: a new installation acts in the sandbox, on the account file beside it."""
    said = {"FLYWHEEL_WORLD": "sandbox", "FLYWHEEL_ACCOUNT_FILE": "account.yaml"}
    head = (
        "Settings of this installation, read by every flywheel command that is started in this folder; what is set in "
        f"the environment counts more. It may hold secrets: share it with nobody. {_HOW}"
    )
    lines = [*_prose(head), ""]
    for name, field, group in variables():
        if group is not None:
            lines += [*_prose(group), ""]
        lines += _prose(_about(field))
        lines += [f"{name}={said[name]}" if name in said else f"# {name}={_written(field)}", ""]
    return "\n".join(lines)


def account_template() -> str:
    """The account file: it decides and records, and sends nothing."""
    head = (
        "The ad account this installation works for. Amounts are in the account's currency, in quotes, as you would "
        f'write them: "120.00". {_HOW}'
    )
    said = {"mode": "observe"}
    return "\n".join([*_prose(head), "", *_fields(Account, said, {"default_brief": Brief}), ""])


def brief_template() -> str:
    """The brief beside a video."""
    head = (
        "What the video sells, to whom, and where a click leads. Copy this file beside your video under its name "
        "(my_video.mp4 -> my_video.brief.yaml). Hooks and scripts are written from these words, so each one follows "
        "the grammar its comment asks for. Hooks that need a line with # are not written without it; nothing is made up. "
        f"{_HOW}"
    )
    return "\n".join([*_prose(head), "", *_fields(Brief, {}, {}), ""])


def variables() -> Iterator[tuple[str, FieldInfo, str | None]]:
    """Every environment variable that `Settings` reads; the first of a group comes with what the group is about."""
    prefix = Settings.model_config.get("env_prefix", "")
    for name, field in Settings.model_fields.items():
        model = model_of(field.annotation)
        if model is None:
            yield f"{prefix}{name.upper()}", field, None
            continue
        about: str | None = " ".join((model.__doc__ or name).split())
        for inner, found in model.model_fields.items():
            yield f"{prefix}{name.upper()}__{inner.upper()}", found, about
            about = None


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation asks for, also where it may be left out."""
    if get_origin(annotation) in (Union, UnionType):
        (found, *_) = (*(one for one in get_args(annotation) if one is not NoneType), None)
        return model_of(found)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _fields(
    model: type[BaseModel], said: Mapping[str, Any], extra: Mapping[str, type[BaseModel]], mark: str = ""
) -> Iterator[str]:
    """Fields that must be given and those that are said stand as they are, all others behind ``# ``."""
    for name, field in model.model_fields.items():
        yield from _prose(_about(field), mark[2:])
        nested = extra.get(name) or model_of(field.annotation)
        if nested is not None:
            indent = f"{mark or '# '}  "
            yield f"{indent[:-2]}{name}:"
            yield from _fields(nested, {}, {}, indent)
        else:
            active = field.is_required() or name in said
            before = mark or ("" if active else "# ")
            yield from (f"{before}{line}" for line in _yaml(name, said.get(name, _value(field))))
        if not mark:
            yield ""


def _prose(text: str, indent: str = "") -> list[str]:
    return [f"## {indent}{line}" for line in textwrap.wrap(text, _WIDTH - len(indent))]


def _about(field: FieldInfo) -> str:
    told = field.description or ""
    words = list(_choices(field.annotation))
    return f"{told} One of: {', '.join(words)}." if any(word not in told for word in words) else told


def _choices(annotation: Any) -> Iterator[str]:
    for one in get_args(annotation):
        if isinstance(one, str):
            yield one
        else:
            yield from _choices(one)


def _value(field: FieldInfo) -> Any:
    """What holds where nothing is said, else an example."""
    default = field.get_default(call_default_factory=True, validated_data={})
    if field.examples and default in (None, PydanticUndefined, (), {}, []):
        return field.examples[0]
    if default is not None:
        return default
    return "a-secret" if SecretStr in get_args(field.annotation) else "a-value"


def _yaml(name: str, value: Any) -> list[str]:
    document = {name: _plain(value)}
    flow = None if isinstance(document[name], dict | list) else False
    told = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=flow)
    return str(told).splitlines()


def _written(field: FieldInfo) -> str:
    """As the environment has it, and so that a shell reads the line as the settings do."""
    value = _value(field)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        like_path = NoDecode in field.metadata
        value = os.pathsep.join(map(str, value)) if like_path else json.dumps(value, separators=(",", ":"))
    return shlex.quote(str(value))


def _plain(value: Any) -> Any:
    """Without our own types, which YAML would write by their names."""
    return json.loads(json.dumps(value, default=str))
