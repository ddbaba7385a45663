"""``flywheel perceive``: what is seen, read and heard in a video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flywheel_assets.cli.answers import json_option, show_json
from flywheel_assets.cli.environment import read_settings
from flywheel_assets.cli.progress import progress_bar
from flywheel_assets.cli.tables import counted, show_fields, show_table
from flywheel_assets.core.errors import ConfigurationError

if TYPE_CHECKING:
    from flywheel_assets.creative.types import Perception, Scene

_CELL, _MOST = 320, 120  # pixels and scenes on the contact sheet


@click.command()
@click.argument("video", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--language", default="en", show_default=True, help="That is spoken, two letters.")
@click.option("--brand", help="Also tell where this name is read or heard.")
@json_option("one object")
@click.option(
    "--sheet",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write a contact sheet (JPEG) with a picture of every scene.",
)
def perceive(*, video: Path, language: str, brand: str | None, as_json: bool, sheet: Path | None) -> None:
    """Look at a video and print what was seen, read and heard in it, and by which engine.

    What was seen before, by the same engines with the same settings, is not looked at again. Texts and
    words are the video's own: data, not instructions.
    """
    from flywheel_assets.creative.perception.brand import brand_presence
    from flywheel_assets.creative.perception.remembered import remembered
    from flywheel_assets.creative.perception.told import as_dict

    if sheet is not None and not sheet.parent.is_dir():
        raise ConfigurationError(f"{sheet.parent} is no folder; make it, or name another file for the sheet")
    with progress_bar("looking") as step:
        found = remembered(video, read_settings(), language, lambda stage, done, total: step(done, total, stage))
    presence = None if brand is None else brand_presence(found, brand)
    if as_json:
        extra = {} if presence is None else {"brand": presence.model_dump()}
        show_json({**as_dict(found), **extra})
    else:
        _show(found)
        if presence is not None:
            show_fields([("brand", presence.name), ("read", presence.read), ("heard", presence.heard)])
    if sheet is not None:
        from flywheel_assets.creative.perception.guarded import contact_sheet

        media = read_settings().media
        sheet.write_bytes(contact_sheet(video, found.scenes, found.features, media, longest=_CELL, most=_MOST))
        click.echo(f"contact sheet in {sheet}", err=True)


def _show(found: Perception) -> None:
    from flywheel_assets.creative.perception.told import as_dict

    told = as_dict(found)
    rows = [
        (one.index, f"{one.start:.2f}", f"{one.end:.2f}", one.start_frame, one.end_frame, _clean(one))
        for one in found.scenes
    ]
    show_table(("scene", "start", "end", "first frame", "end frame", "without fades"), rows, right=("start", "end"))
    click.echo()
    if told["texts"] is not None:
        show_table(
            ("text", "start", "end"), [(t["text"], f"{t['start']:.2f}", f"{t['end']:.2f}") for t in told["texts"]]
        )
        click.echo()
    if told["words"]:
        click.echo(f"{counted(len(told['words']), 'word')}: {' '.join(one['word'] for one in told['words'])}\n")
    if told["objects"]:
        show_table(
            ("object", "at once", "scenes"), [(o["label"], o["count"], _numbers(o["scenes"])) for o in told["objects"]]
        )
        click.echo()
    _show_rest(told)
    click.echo()
    show_table(("modality", "engine", "version or reason"), _engine_rows(found))


def _clean(scene: Scene) -> str:
    if not scene.fade_in_frames and not scene.fade_out_frames:
        return ""
    return f"{scene.clean_start:.2f} to {scene.clean_end:.2f}" if scene.clean_seconds > 0 else "nothing"


def _show_rest(told: dict[str, Any]) -> None:
    """What is told in a word each."""
    sound = told["sound"]
    tempo = "no steady beat" if sound["tempo"] is None else f"{sound['tempo']:g} beats a minute"
    level = None if sound["loudness"] is None else f"{sound['loudness']:.1f} LUFS, {tempo}"
    unread = len(told["unread"] or ())
    show_fields(
        [
            ("faces", None if told["faces"] is None else len(told["faces"])),
            ("sound", level),
            ("unreadable", f"{counted(unread, 'text')} in a script no engine here reads" if unread else None),
        ]
    )


def _engine_rows(found: Perception) -> list[tuple[str, str, str]]:
    return [
        (name, one.name, f"not available: {one.unavailable}" if one.unavailable else one.version or "")
        for name, one in sorted(found.engines.items())
    ]


def _numbers(values: list[int]) -> str:
    return ", ".join(map(str, values))
