"""The page that promises: every test it names is there and would run, and every fault of the catalogue is in its table."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.chaos.mutants import ROOT, load
from tests.pages import NAMED, named

PAGE = ROOT / "docs" / "safety.md"


def test_every_promise_names_a_test() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## The promises")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if re.match(r"\| \d+ ", line)]
    assert [int(row.split("|")[1]) for row in rows] == list(range(1, len(rows) + 1))
    assert len(rows) >= 20
    assert all(NAMED.search(row) for row in rows)


def test_every_test_named_on_the_page_is_collected() -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *sorted(named(PAGE))]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    collected = {line.partition("[")[0] for line in run.stdout.splitlines() if "::" in line}
    assert collected == named(PAGE)


def test_every_fault_of_the_catalogue_is_in_the_table_and_was_caught() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("<!-- mutants -->")[2].partition("<!-- /mutants -->")[0]
    rows = table.strip().splitlines()[2:]
    assert {row.split("|")[1].strip() for row in rows} == {mutant.breaks for mutant in load()}
    assert all(NAMED.search(row) for row in rows)
