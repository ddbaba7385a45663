"""One executor of this process at one end of the fault proxy, the world at the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import NoReturn

from sqlalchemy import text

from flywheel_assets.clients.meta import MetaClient
from flywheel_assets.core.changes import AdChange, UploadVideo
from flywheel_assets.execution.drain import drain
from flywheel_assets.execution.worker import SafeExecutor
from tests.chaos.campaigns import ACCOUNTS, campaign_ref
from tests.chaos.proxy import Proxy
from tests.chaos.wire import tell_before_the_answer
from tests.chaos.wishes import Wishes
from tests.chaos.world import World

_TIMEOUT = 0.5  # real seconds that a call without an answer costs a test
# No breaker: what is spoiled is spoiled on purpose. Leases only end where a test says so.
_LIMITS = {"lease_seconds": 60.0, "breaker_failures": 1000}


class Died(BaseException):
    """Ends a worker of this process like a kill: nothing between here and the test catches it."""


class Line:
    """What a test of the network does and looks at."""

    def __init__(self, world: World, proxy: Proxy, folder: Path) -> None:
        self.world, self.proxy, self._folder = world, proxy, folder
        self.wishes = Wishes(world, folder, Random(1))  # noqa: S311 - dice, no secret
        self.sent_hash = ""

    @contextmanager
    def _executor(self, told: Callable[[], None] = lambda: None) -> Iterator[SafeExecutor]:
        with MetaClient(ACCOUNTS[0].account_id, "sandbox", None, self.proxy.url, _TIMEOUT) as client:
            tell_before_the_answer(client, told)
            store, safety = self.world.store, self.world.safety.model_copy(update=_LIMITS)
            yield SafeExecutor(store.engine, lambda _: client, store.blobs, safety, "w1")

    def drain(self) -> None:
        """Everything there is, moving the twin's clock."""
        with self._executor() as executor:
            for _ in drain(executor):
                pass

    def drain_due(self) -> list[str]:
        """What is due now, without moving the clock; how each step ended."""
        with self._executor() as executor:
            return [step.outcome for step in executor.drain()]

    def die_before_the_answer(self) -> None:
        """Send one write and die while it is under way."""
        with self._executor(_die) as executor:
            executor.run_one()

    def lose_leases(self) -> None:
        """Let the time of every dead worker be up."""
        late = "update pending_ad_changes set lease_until = clock_timestamp() - interval '1 s' where lease_until is not null"
        self.world.transact(lambda connection: connection.execute(text(late)))

    def film(self, megabytes: int) -> AdChange:
        """The upload of a video that takes as many chunks."""
        path, campaign = self._folder / "long.mp4", campaign_ref(ACCOUNTS[0], 0)
        path.write_bytes(self.wishes.dice.randbytes(megabytes * 1024 * 1024))
        self.sent_hash = sha256(path.read_bytes()).hexdigest()
        spec = UploadVideo(name="long", uri=self.world.store.blobs.put(path).uri)
        return self.wishes.change(ACCOUNTS[0], campaign, f"{campaign.removesuffix('campaign')}long/video", spec)

    def stored_hashes(self) -> list[str]:
        """What the platform has of every video."""
        return [one["data"]["sha256"] for one in self.world.state.objects() if one["kind"] == "advideo"]

    def endings(self) -> dict[str, list[str]]:
        """How the attempts of each kind ended, in order."""
        ended: dict[str, list[str]] = {}
        for row in self.world.evidence().history:
            ended.setdefault(row["change_type"], []).append(row["status"])
        return ended

    def effects(self) -> Counter[str]:
        """How many effects of each kind the platform's journal shows."""
        return Counter(one.kind for one in self.world.evidence().effects)

    def ids_of(self, kind: str) -> list[str | None]:
        """Remote ids of these effects, oldest first."""
        return [one.remote_id for one in self.world.evidence().effects if one.kind == kind]


def _die() -> NoReturn:
    raise Died
