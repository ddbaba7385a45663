"""The command line as tests call it, and the two lines that a refusal consists of."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from flywheel_assets.cli.exits import Exit

PROGRAM = str(Path(sys.executable).with_name("flywheel"))


def clean_environment(**variables: str) -> dict[str, str]:
    """This process's environment with these variables and none of ours."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("FLYWHEEL_")}
    return others | variables


def installed(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """The installed program, in a process of its own."""
    return subprocess.run(
        [PROGRAM, *arguments],
        env=clean_environment(**environment),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def invoke(*arguments: str, **environment: str) -> Result:
    """The same within this process."""
    from flywheel_assets.cli import main

    ours: dict[str, str | None] = {name: None for name in os.environ if name.startswith("FLYWHEEL_")}
    result = CliRunner(env=ours | environment).invoke(main, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def refused(result: Result, code: Exit) -> str:
    """What is wrong and what to do about it: exactly two lines, and nothing on standard output."""
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    return two_lines(result.stderr)


def two_lines(stderr: str) -> str:
    """A refusal's two lines as one."""
    what, step = stderr.splitlines()
    assert what.startswith("flywheel: ")
    assert step.startswith("next: ")
    return f"{what.removeprefix('flywheel: ')}; {step.removeprefix('next: ')}"
