"""``flywheel …``: one file a command group."""

import sys

import click

from flywheel_assets import __version__
from flywheel_assets.core.errors import FlywheelError


class _Commands(click.Group):
    """Ends on a deliberate error with its message and what to do, not with a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except FlywheelError as error:
            click.echo(f"flywheel: {error}", err=True)
            sys.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="flywheel")
def main() -> None:
    """One raw video in, tested ads and moving budgets out, every change through one safe executor."""


def _register() -> None:
    from flywheel_assets.cli import changes, demo, freeze, gateway, up, weights, where, worker

    main.add_command(demo.demo)
    main.add_command(up.up)
    main.add_command(gateway.gateway)
    main.add_command(freeze.freeze)
    main.add_command(freeze.resume)
    main.add_command(freeze.stop_spend)
    main.add_command(changes.changes)
    main.add_command(worker.worker)
    main.add_command(weights.fetch_weights)
    main.add_command(where.where)


_register()
