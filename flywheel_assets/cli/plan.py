"""``flywheel plan``: what a creative's variations show, and when, before or after they are rendered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flywheel_assets.cli.answers import json_option, show_json
from flywheel_assets.cli.environment import read_settings
from flywheel_assets.cli.tables import show_fields, show_table
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.store.store import Store

if TYPE_CHECKING:
    from flywheel_assets.creative.types import Blueprint, Perception
    from flywheel_assets.rendering.survey.types import Survey
    from flywheel_assets.rendering.types import EditPlan

_COLUMNS = ("start", "end", "shows", "source", "effects", "text")


@click.group()
def plan() -> None:
    """The edit plans of a creative's variations."""


@plan.command()
@click.argument("creative")
@click.option("--variation", help="Only this one, e.g. v03.")
@json_option("one object, with the plans in full,")
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the timelines of all of them as a PNG.",
)
def show(*, creative: str, variation: str | None, as_json: bool, picture: Path | None) -> None:
    """Print the segments of every approved variation: times, scene, source, effects, text.

    Nothing is rendered; the plans are what rendering them now would make.
    """
    from flywheel_assets.rendering.plan_picture import plan_picture

    if picture is not None and not picture.parent.is_dir():
        raise ConfigurationError(f"{picture.parent} is no folder; make it, or name another file for the picture")
    found = _plans(creative, variation)
    if as_json:
        show_json({"creative": creative, "plans": [_as_dict(blueprint, made) for blueprint, made in found]})
    else:
        for blueprint, made in found:
            _show(blueprint, made)
    if picture is not None:
        picture.write_bytes(plan_picture([(blueprint.key, made) for blueprint, made in found]))
        click.echo(f"timelines in {picture}", err=True)


def _plans(creative: str, variation: str | None) -> list[tuple[Blueprint, EditPlan]]:
    from flywheel_assets.creative import repository
    from flywheel_assets.creative.council.reflexion import variations
    from flywheel_assets.rendering.kit import read_kit
    from flywheel_assets.rendering.plan import edit_plan
    from flywheel_assets.rendering.ratios import framed, styled
    from flywheel_assets.store.accounts import get_account

    store = Store.open(read_settings())
    with store.engine.connect() as connection:
        request = repository.load_request(connection, creative)
        perception = repository.load_perception(connection, creative)
        verdicts = repository.load_verdicts(connection, creative)
        account = get_account(connection, request.account_id)
    options = request.options
    blueprints = variations(verdicts, perception, options.wanted(store.settings.creative))
    wanted = [one for one in blueprints if variation in {None, one.key}]
    if not wanted:
        known = ", ".join(sorted(one.key for one in blueprints)) or "none, its council has approved nothing yet"
        raise ConfigurationError(
            f"creative {creative} has no variation {variation or 'to show'}; it has {known}",
            next_step="name one it has, or no --variation",
        )
    style = styled(read_kit(account.brand_kit, store.blobs), options).style
    settings = framed(store.settings.rendering, options.ratios[0])
    survey = _survey(store, request.video_uri, wanted, perception)
    return [(one, edit_plan(one, perception, settings, style, survey)) for one in wanted]


def _survey(store: Store, video_uri: str, wanted: list[Blueprint], perception: Perception) -> Survey | None:
    """As rendering will see it; None, which the plan tells, where the video is no longer at hand."""
    from flywheel_assets.rendering.surveyed import surveyed

    try:
        source = store.blobs.local(video_uri)
    except FileNotFoundError:
        return None
    return surveyed(store, source, wanted, perception)


def _as_dict(blueprint: Blueprint, made: EditPlan) -> dict[str, object]:
    from flywheel_assets.rendering.plan_told import rows

    told = [row.as_dict() for row in rows(made)]
    return {"variation": blueprint.key, "segments": told, "plan": made.model_dump(mode="json")}


def _show(blueprint: Blueprint, made: EditPlan) -> None:
    from flywheel_assets.rendering.plan_told import rows

    size = f"{made.width}x{made.height}, {made.fps} a second"
    show_fields(
        [
            ("variation", f"{blueprint.key}  {blueprint.hook.text}"),
            ("plan", f"{made.plan_hash[:12]}: {made.frames / made.fps:.2f} s, {made.frames} frames, {size}"),
            *((f"no {name}", why) for name, why in made.unavailable.items()),
            *made.notes.items(),
        ]
    )
    told = [(f"{row.start:.2f}", f"{row.end:.2f}", row.shows, row.source, row.effects, row.text) for row in rows(made)]
    show_table(_COLUMNS, told, right=("start", "end", "source"))
    click.echo()
