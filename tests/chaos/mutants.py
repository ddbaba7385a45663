"""Do the tests have teeth? Breaks the executor on purpose, one fault at a time, and requires a test to fail.

    python -m tests.chaos.mutants [--only NAME ...] [--by TEST ...] [--json | --markdown FILE]

Each file in `tests/chaos/mutants/` is one fault: exact texts and what takes their place, and the tests
that should notice. It is applied to a copy of the package and its tests; those tests run first, then
all others of the executor; with `--by` those tests alone are asked. A text that is not found exactly once is an error, and so is a fault that
keeps the tests from running: neither proves anything. Ends with 0 when every fault was caught.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = Path(__file__).with_suffix("")
_COPIED = ("flywheel_assets", "tests", "samples", "pyproject.toml", "README.md", "LICENSE")
_AT_ONCE = 2
# Of a whole run of one fault; a fault that makes the tests hang was noticed, but by nobody who says what is wrong.
_TIMEOUT_SECONDS = 420
_FAILED = re.compile(r"^FAILED (\S+::\w+)", re.MULTILINE)  # without its parameters
_RAN_AND_FAILED = 1  # pytest's exit code; 2 and above mean that the tests could not be run
_BEGIN, _END = "<!-- mutants -->", "<!-- /mutants -->"


class BadMutant(Exception):
    """A fault that cannot be applied, or that proves nothing."""


@dataclass(frozen=True)
class Edit:
    """One exact text and what takes its place."""

    file: str
    find: str
    put: str


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes:
        breaks: what is wrong with it, in a sentence.
        tests: files or tests that should notice, the likeliest first.
    """

    name: str
    breaks: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """Whether a fault was caught, and by which test."""

    name: str
    breaks: str
    caught_by: str | None
    trouble: str | None = None


def load(folder: Path = CATALOGUE) -> tuple[Mutant, ...]:
    """Every fault of the catalogue, by name."""
    return tuple(_read(path) for path in sorted(folder.glob("*.toml")))


def _read(path: Path) -> Mutant:
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    edits = tuple(Edit(**edit) for edit in found["edits"])
    return Mutant(path.stem, found["breaks"], edits, tuple(found["tests"]))


def apply(mutant: Mutant, root: Path) -> None:
    """Put the fault into the tree below ``root``, all of it or none.

    Raises:
        BadMutant: a text is missing, is there more than once, or would stay as it is.
    """
    texts: dict[Path, str] = {}
    for edit in mutant.edits:
        path = root / edit.file
        if path not in texts:
            if not path.is_file():
                raise BadMutant(f"{mutant.name}: {edit.file} does not exist")
            texts[path] = path.read_text(encoding="utf-8")
        number = texts[path].count(edit.find)
        if number != 1 or edit.find == edit.put:
            raise BadMutant(f"{mutant.name}: its text is found {number} times in {edit.file}, not once: {edit.find!r}")
        texts[path] = texts[path].replace(edit.find, edit.put)
    for path, changed in texts.items():
        path.write_text(changed, encoding="utf-8")


def others(root: Path) -> tuple[str, ...]:
    """Every test of the executor in a tree, quick ones first."""
    units = ("tests/unit/test_limits.py", "tests/unit/test_velocity.py", "tests/unit/test_audit.py")
    files = sorted(path.relative_to(root).as_posix() for path in (root / "tests/integration").glob("test_executor*.py"))
    rest = ("tests/integration/test_enqueue.py", "tests/integration/test_worlds.py", "tests/chaos/test_machine.py")
    return (*units, *files, *rest)


@contextmanager
def copy_of(tree: Path) -> Iterator[Path]:
    """A tree to break: the package, its tests and what these read."""
    with tempfile.TemporaryDirectory(prefix="fw-mutant-") as folder:
        for name in _COPIED:
            source = tree / name
            if source.is_dir():
                shutil.copytree(source, Path(folder) / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.is_file():
                shutil.copy(source, folder)
        yield Path(folder)


def failing_test(root: Path, tests: Sequence[str]) -> str | None:
    """The first test that fails in a tree, None when none does.

    Raises:
        BadMutant: they could not be run.
    """
    # The tree's own package comes before the installed one; the first failure as it comes is enough.
    environment = {**os.environ, "PYTHONPATH": str(root), "FLYWHEEL_CHAOS_RAW": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", *tests]
    try:
        run = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise BadMutant(f"the tests had not ended after {late.timeout:.0f} s") from late
    if run.returncode == 0:
        return None
    failed = _FAILED.search(run.stdout)
    if run.returncode != _RAN_AND_FAILED or failed is None:
        raise BadMutant(f"the tests could not be run: {(run.stdout + run.stderr)[-2000:]}")
    return failed.group(1)


def judge(mutant: Mutant, tree: Path, by: Sequence[str] = ()) -> Verdict:
    """Apply one fault to a fresh copy of a tree and look for the test that notices, among ``by`` if that names any."""
    try:
        with copy_of(tree) as root:
            apply(mutant, root)
            caught = failing_test(root, by or mutant.tests)
            if caught is None and not by:
                caught = failing_test(root, [test for test in others(root) if test not in mutant.tests])
    except BadMutant as trouble:
        return Verdict(mutant.name, mutant.breaks, None, str(trouble))
    return Verdict(mutant.name, mutant.breaks, caught, None if caught else "survived: no test has noticed")


def require_sound(tests: Sequence[str], tree: Path) -> None:
    """Without any fault the same tests pass: else a failing test would prove nothing.

    Raises:
        BadMutant: one fails.
    """
    if failed := failing_test(tree, tests):
        raise BadMutant(f"{failed} fails without any fault")


def table(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as a table in Markdown."""
    rows = [f"| {one.breaks} | {_link(one.caught_by)} |" for one in verdicts]
    return "\n".join(["| What is broken | Which test notices |", "|---|---|", *rows])


def _link(test: str | None) -> str:
    if test is None:
        return "**nothing**"
    file, _, name = test.partition("::")
    return f"[`{Path(file).stem}::{name}`](../{file})"


def renew(page: Path, verdicts: Sequence[Verdict]) -> None:
    """Put the table between its two marks in a page."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise BadMutant(f"{page} has no marks {_BEGIN} and {_END} to put the table between")
    page.write_text(f"{before}{begin}\n{table(verdicts)}\n{end}{after}", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    mutants = [one for one in load() if not options.only or one.name in options.only]
    if unknown := set(options.only) - {one.name for one in mutants}:
        raise SystemExit(f"no such fault: {', '.join(sorted(unknown))}; known are {', '.join(m.name for m in load())}")
    # All are judged on the tree as it is now, whoever edits it meanwhile.
    with copy_of(ROOT) as tree:
        require_sound(options.by or sorted({test for one in mutants for test in one.tests}), tree)
        verdicts = _judge_all(mutants, tree, options.by)
    if options.json:
        sys.stdout.write(json.dumps([asdict(one) for one in verdicts], indent=2) + "\n")
    if options.markdown:
        renew(options.markdown, verdicts)
    return 0 if all(one.caught_by for one in verdicts) else 1


def _judge_all(mutants: Sequence[Mutant], tree: Path, by: Sequence[str]) -> list[Verdict]:
    verdicts = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for verdict in pool.map(lambda mutant: judge(mutant, tree, by), mutants):
            verdicts.append(verdict)
            sys.stderr.write(f"{verdict.name}: {verdict.caught_by or verdict.trouble}\n")
    return verdicts


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these faults only")
    parser.add_argument(
        "--by", nargs="+", default=[], metavar="TEST", help="ask these tests alone, e.g. the state machine"
    )
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="renew the table in this page")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
