"""Pages that promise: the tests they name."""

from __future__ import annotations

import re
from pathlib import Path

NAMED = re.compile(r"\[`(\w+)::(\w+)`\]\(\.\./(tests/[\w/]+\.py)\)")


def named(page: Path) -> set[str]:
    """Every test on a page, as pytest calls it."""
    found = NAMED.findall(page.read_text(encoding="utf-8"))
    assert all(Path(path).stem == stem for stem, _, path in found), "a link leads to another file than it says"
    return {f"{path}::{name}" for _, name, path in found}
