"""``flywheel …``: one file a command group."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from flywheel_assets import __version__
from flywheel_assets.cli.exits import Exit
from flywheel_assets.cli.failures import Interrupted, ended

# Imported when it is asked for: what stops spend must not wait for, or fail with, what the demo needs.
_COMMANDS = {
    "init": "init.init",
    "check": "check.check",
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
    """Loads a command when it is used, and ends on an error with two lines and its exit code, not with a traceback."""

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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _COMMANDS and not args[0].startswith("-"):
            meant = get_close_matches(args[0], _COMMANDS, n=1)
            hint = f" Did you mean {meant[0]}?" if meant else ""
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            step = "call it again; what was finished is not done twice"
            raise Interrupted("interrupted by Ctrl-C", next_step=step) from None

    def main(self, args: Sequence[str] | None = None, **more: Any) -> Any:  # type: ignore[override]  # by name, as all do
        """Run, and end the process with one of `Exit`; click's own ways of ending are not used."""
        if not more.pop("standalone_mode", True):
            return super().main(args, standalone_mode=False, **more)
        given = sys.argv[1:] if args is None else list(args)
        try:
            code = super().main(given, standalone_mode=False, **more)
        except Exception as error:  # noqa: BLE001 - the outermost place; what nobody expected is told with its traceback
            code = ended(error, as_json="--json" in given)
        sys.exit(code if isinstance(code, int) else Exit.DONE)


@click.group("flywheel", cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="flywheel")
def main() -> None:
    """One raw video in, tested ads and moving budgets out, every change through one safe executor."""
