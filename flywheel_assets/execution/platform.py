"""What the executor needs of an ad platform. `clients.meta.MetaClient` is one; tests have their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from flywheel_assets.clients.meta_activities import Activity
from flywheel_assets.clients.meta_money import AccountInfo, BudgetOwner
from flywheel_assets.core.money import Money
from flywheel_assets.core.uploads import UploadSession, not_kept

VideoStatus = Literal["processing", "ready", "error"]
CreateEdge = Literal["campaigns", "adsets", "adcreatives", "ads"]
Edge = Literal["campaigns", "adsets", "advideos", "adimages", "adcreatives", "ads"]


class AdPlatform(Protocol):
    """One ad account at a platform. Every failure is a `core.errors.RemoteError`; writes are never retried inside."""

    @property
    def usage(self) -> float | None:
        """Highest used share of the platform's own quotas, percent, as its last answer said; None when it said nothing."""
        ...

    def minimum_daily_budget(self) -> Money:
        """The smallest daily budget that the platform takes for an ad set of the account."""
        ...

    def create(self, edge: CreateEdge, params: Mapping[str, Any]) -> str:
        """Create an object and return its id."""
        ...

    def upload_video(
        self,
        path: Path,
        name: str,
        *,
        resume: UploadSession | None = None,
        progress: Callable[[UploadSession], None] = not_kept,
    ) -> str:
        """Upload a video and return its id.

        Args:
            path: the file.
            name: its title at the platform.
            resume: go on with this session; a new one is started where the platform no longer knows
                it or it is of another file.
            progress: called after the start and after every confirmed chunk; what it raises ends the
                upload there and passes through.
        """
        ...

    def upload_image(self, path: Path, name: str) -> str:
        """Upload an image and return its hash."""
        ...

    def update(self, remote_id: str, params: Mapping[str, Any]) -> None:
        """Change fields of an object."""
        ...

    def read(self, remote_id: str, fields: Sequence[str]) -> dict[str, Any]:
        """Read fields of an object."""
        ...

    def find(self, edge: Edge, tag: str) -> list[dict[str, Any]]:
        """Objects whose name holds ``tag``."""
        ...

    def activities(self, since: datetime, until: datetime) -> list[Activity]:
        """Changes of the account's objects by anybody, oldest first; an entry may appear some time after its change."""
        ...

    def account_info(self) -> AccountInfo:
        """The account as the platform has it."""
        ...

    def budget_owner(self, adset_id: str) -> BudgetOwner:
        """Whose budget pays for an ad set: its own or its campaign's."""
        ...

    def video_status(self, video_id: str) -> VideoStatus:
        """How far the platform is with a video."""
        ...
