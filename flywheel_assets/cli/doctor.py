"""``flywheel doctor``: what this installation has, what it lacks, and what to do about it."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click
from rich.console import Console
from rich.text import Text

from flywheel_assets.cli.answers import json_option, show_json
from flywheel_assets.cli.environment import read_settings
from flywheel_assets.monitoring.doctor import Finding, examine

_MARKS = {"ok": ("ok", "green"), "lacks": ("lacks", "yellow"), "fault": ("FAULT", "bold red")}
_NAME = 30


@click.command()
@json_option("one array")
def doctor(as_json: bool) -> None:
    """Look at settings, credentials, database, disk, ports, programs and engines.

    Nothing is changed and no platform is called. Ends with 0 when nothing that was asked for is
    missing, else with 1. What is only `lacks` works without, with less.
    """
    settings = read_settings()
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    findings: list[Finding] = []
    for finding in examine(settings):
        findings.append(finding)
        if not as_json:
            _tell(console, finding)
    if as_json:
        show_json([asdict(finding) for finding in findings])
    if any(finding.state == "fault" for finding in findings):
        sys.exit(1)


def _tell(console: Console, finding: Finding) -> None:
    mark, style = _MARKS[finding.state]
    console.print(Text.assemble((f"{mark:6}", style), f"{finding.subject:{_NAME}}", finding.found))
    if finding.remedy:
        console.print(Text(f"{'':{6 + _NAME}}→ {finding.remedy}", style="dim"))
