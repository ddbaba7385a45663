"""A storm cannot be stopped and looked at, so what is needed to see it again is kept when it goes wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".flywheel-chaos"


@contextmanager
def kept_if_it_fails(name: str, seed: int, folder: Path = FOLDER) -> Iterator[None]:
    """Write down the seed and the error of a block that fails, and how to see it again; forget it once it passes."""
    kept = folder / f"{name}-{seed}.txt"
    try:
        yield
    except BaseException as error:
        test = os.environ["PYTEST_CURRENT_TEST"].partition("[")[0].partition(" ")[0]
        again = f"FLYWHEEL_CHAOS_SEED={seed} pytest {test}"
        folder.mkdir(exist_ok=True)
        kept.write_text(f"{again}\n\n{type(error).__name__}: {error}\n", encoding="utf-8")
        error.add_note(f"kept in {kept}; again: {again}")
        raise
    kept.unlink(missing_ok=True)


def kept_seeds(name: str, folder: Path = FOLDER) -> list[int]:
    """Seeds with which it failed and has not passed since."""
    return sorted(int(path.stem.rpartition("-")[2]) for path in folder.glob(f"{name}-*.txt"))
