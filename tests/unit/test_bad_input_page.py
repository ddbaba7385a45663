"""The page of bad input: every line is proved by a test that is there, and no test of it is left out."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.pages import NAMED, named

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "bad-input.md"
OWN = (
    "test_bad_input",
    "test_odd_sources",
    "test_rubbish_at_the_door",
    "test_hostile_media",
    "test_mutated_media",
)  # all of whose tests are about what the page promises


def _tests(path: str) -> set[str]:
    module = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {
        f"{path}::{one.name}" for one in module.body if isinstance(one, ast.FunctionDef) and one.name[:5] == "test_"
    }


def test_every_line_names_a_test() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    rows = [row for row in rows if not row.startswith("| given ")]
    assert len(rows) >= 30
    assert [row for row in rows if not NAMED.search(row)] == []


def test_every_test_named_is_there() -> None:
    wanted = named(PAGE)
    there = {one for path in {name.partition("::")[0] for name in wanted} for one in _tests(path)}
    assert wanted - there == set()


def test_every_test_about_bad_input_is_on_the_page() -> None:
    there = {one for stem in OWN for one in _tests(f"tests/integration/{stem}.py")}
    assert there - named(PAGE) == set()
