"""Each unique segment is encoded once, into a folder where the name of a file says what is in it.

So variations, re-runs and refreshes share what they have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering import probe, recorded
from flywheel_assets.rendering.backends import Recipe
from flywheel_assets.rendering.style import Kit
from flywheel_assets.settings import Rendering


def encode_all(  # noqa: PLR0917 - the agreed signature; callers name what is not obvious
    source: Path,
    recipes: Iterable[Recipe],
    cache: Path,
    kit: Kit,
    settings: Rendering,
    progress: Callable[[int, int], None],
) -> frozenset[str]:
    """Encode what the cache lacks; the keys of what was encoded now.

    Raises:
        RenderFailed: a segment could not be encoded. The finished ones stay for the next attempt.
    """
    needed = {found.key: found for found in recipes}  # variations share them: each is looked at once
    missing = {key: found for key, found in needed.items() if recorded.read(path_of(key, cache)) is None}
    progress(0, len(missing))
    with ThreadPoolExecutor(settings.workers, thread_name_prefix="segment") as pool:
        jobs = [pool.submit(_encode, source, found, cache, kit, settings.timeout_seconds) for found in missing.values()]
        try:
            for done, job in enumerate(as_completed(jobs), start=1):
                job.result()
                progress(done, len(missing))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return frozenset(missing)


def missing_frames(recipes: Iterable[Recipe], cache: Path) -> int:
    """How many pictures are to be encoded; a damaged segment is not noticed here."""
    return sum({one.key: one.frames for one in recipes if not path_of(one.key, cache).is_file()}.values())


def path_of(key: str, cache: Path) -> Path:
    """Where a segment lies."""
    return cache / f"{key}.mp4"


def _encode(source: Path, found: Recipe, cache: Path, kit: Kit, timeout: float) -> None:
    def make(part: Path) -> None:
        found.encode(source, part, kit, timeout)
        made = probe.count_frames(part)
        if made != found.frames:
            raise RenderFailed(
                f"{found.subject}: frame_count: {made} frames came out, the plan wants {found.frames}; "
                "the source is shorter than its analysis says, analyse it again"
            )

    recorded.write(path_of(found.key, cache), make)
