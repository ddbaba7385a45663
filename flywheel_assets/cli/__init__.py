"""``flywheel …``: one file a command group."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from flywheel_assets import __version__
from flywheel_assets.core.errors import FlywheelError

# Imported when it is asked for: what stops spend must not wait for, or fail with, what the demo needs.
_COMMANDS = {
    "demo": "demo.demo",
    "up": "up.up",
    "worker": "worker.worker",
    "gateway": "gateway.gateway",
    "changes": "changes.changes",
    "freeze": "freeze.freeze",
    "resume": "freeze.resume",
    "stop-spend": "freeze.stop_spend",
    "fetch-weights": "weights.fetch_weights",
    "fetch-fonts": "fonts.fetch_fonts",
    "where": "where.where",
    "doctor": "doctor.doctor",
    "intake": "intake.intake",
    "simulate": "simulate.simulate",
    "backtest": "backtest.backtest",
    "perceive": "perceive.perceive",
    "plan": "plan.plan",
}


class _Commands(click.Group):
    """Loads a command when it is used, and ends on a deliberate error with its message, not with a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name].partition(".")
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), attribute)
        return command

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
