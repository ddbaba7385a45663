"""Where a video enters: a file in the drop folder becomes a creative request or a rejection that says why.

Every file leaves a row in `uploads`, so nothing that was dropped can vanish silently.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Exists, exists, false, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import ConfigurationError, IntakeRejected
from flywheel_assets.core.ids import campaign_of, creative_id
from flywheel_assets.creative.briefs import checked_brief, described
from flywheel_assets.creative.door import PASSING, looked_at, plain_file, refuse_without_room, shown
from flywheel_assets.creative.door import store as keep
from flywheel_assets.creative.perception.probe import Probe
from flywheel_assets.creative.types import Brief
from flywheel_assets.store.blobs import Stored
from flywheel_assets.store.documents import read_yaml
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import creatives, pending_ad_changes, uploads, videos

SOURCE = "drop_folder"
_BRIEF_SUFFIX = ".brief.yaml"
# A row that stands until the reason is gone; every other stands for good.
_PASSES = func.coalesce(uploads.c.rule.in_(PASSING), false())
# Names under which browsers and sync tools write a file that is not finished.
_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".tmp")
_BRIEF_BYTES = 65_536  # of a brief; the sample's has 700


@dataclass(frozen=True)
class Dropped:
    """A file in the drop folder as it looks now. Size and time tell one state of it from the next."""

    name: str
    size: int
    modified_ns: int

    @property
    def shown(self) -> str:
        """The name as text that a database can hold."""
        return shown(self.name)


@dataclass(frozen=True)
class Intake:
    """What became of a dropped file. ``run`` is the attempt to start, None when there is nothing to do."""

    name: str
    status: str
    message: str
    creative_id: str | None = None
    run: int | None = None


def dropped_files(folder: Path) -> tuple[Dropped, ...]:
    """Files a person dropped, by name; briefs, hidden files and unfinished downloads are not among them."""
    if not folder.is_dir():
        return ()
    looks = [_look(entry) for entry in sorted(folder.iterdir()) if _is_drop(entry)]
    return tuple(file for file in looks if file is not None)


def _look(entry: Path) -> Dropped | None:
    try:
        stat = entry.lstat()
    except FileNotFoundError:  # taken away or renamed since the folder was listed
        return None
    # The change time also moves when a file is copied in with its old date or made readable.
    return Dropped(entry.name, stat.st_size, stat.st_ctime_ns)


def _is_drop(entry: Path) -> bool:
    name = entry.name.lower()
    return not (entry.is_dir() or name.startswith(".") or name.endswith((_BRIEF_SUFFIX, *_UNFINISHED)))


def unknown(connection: Connection, files: Iterable[Dropped]) -> tuple[Dropped, ...]:
    """Those files, in the state they are in now, that have no row yet, or one that says nothing about the file."""
    wanted = tuple(files)
    keys = [(SOURCE, file.shown, file.size, file.modified_ns) for file in wanted]
    columns = tuple_(uploads.c.source, uploads.c.name, uploads.c.size, uploads.c.modified_ns)
    query = select(uploads.c.name, uploads.c.size, uploads.c.modified_ns).where(columns.in_(keys), ~_PASSES)
    rows = connection.execute(query)
    known = {(row.name, row.size, row.modified_ns) for row in rows}
    return tuple(file for file in wanted if (file.shown, file.size, file.modified_ns) not in known)


def take_in(store: Store, folder: Path, file: Dropped, account: Account) -> Intake:
    """Check one file, store it, and open or resume its creative request. Never raises for what a user can drop."""
    try:
        path = plain_file(folder, file.name)
        refuse_without_room(store.blobs, file.name, file.size, store.settings.media.spare_mb)
        first = looked_at(path, store.settings.media)
        brief = read_brief(path, account)
        stored = keep(store.blobs, path)
    except FileNotFoundError:
        if (folder / file.name).exists():
            raise
        return Intake(file.shown, "gone", f"{file.shown} was taken away while it was being read")
    except IntakeRejected as rejection:
        with store.engine.begin() as connection:
            _record(connection, file, status="rejected", rejection=rejection)
        return Intake(file.shown, "rejected", str(rejection))
    if _look(path) != file:
        return Intake(file.shown, "changed", f"{file.shown} was changed while it was being read; it is looked at again")
    with store.engine.begin() as connection:
        return _request(connection, file, stored, first=first, brief=brief, account=account)


def read_brief(video: Path, account: Account) -> Brief:
    """The brief beside the video, else the account's default.

    Raises:
        IntakeRejected: ``no_brief`` or ``bad_brief``.
    """
    beside = video.with_name(video.stem + _BRIEF_SUFFIX)
    again = f"Write {beside.name} (see samples/raw_ad.brief.yaml) and drop the video again."
    if os.path.lexists(beside):
        _plain_brief(video, beside, again)
        try:
            raw: Any = read_yaml(beside)
        except ConfigurationError as error:
            raise IntakeRejected(video.name, "bad_brief", str(error), again) from None
    elif account.default_brief is not None:
        raw = account.default_brief
    else:
        raise IntakeRejected(
            video.name, "no_brief", f"there is no {beside.name} and the account has no default_brief", again
        )
    try:
        return checked_brief(raw)
    except ConfigurationError as error:
        raise IntakeRejected(video.name, "bad_brief", str(error), again) from None


def _plain_brief(video: Path, beside: Path, again: str) -> None:
    """Refuse what is read without end, or is somebody else's file: a refusal may quote what it says."""
    if beside.is_symlink() or not beside.is_file():
        raise IntakeRejected(video.name, "bad_brief", f"{beside.name} is no regular file", again)
    if (size := beside.stat().st_size) > _BRIEF_BYTES:
        reason = f"{beside.name} has {size:,} bytes, the limit is {_BRIEF_BYTES:,}"
        raise IntakeRejected(video.name, "bad_brief", reason, again)


def _request(
    connection: Connection, file: Dropped, stored: Stored, *, first: Probe, brief: Brief, account: Account
) -> Intake:
    """Open the creative request of a stored video, or find it: the same video and brief resume."""
    words = described(brief)
    key = creative_id(stored.sha256, words)
    _keep_video(connection, file, stored, first)
    opened = insert(creatives).values(
        creative_id=key, video_sha256=stored.sha256, account_id=account.account_id, brief=words
    )
    fresh = connection.execute(opened.on_conflict_do_nothing(index_elements=["creative_id"])).rowcount == 1
    done = connection.execute(select(_is_launched(literal(key)))).scalar_one()
    _record(connection, file, status="accepted" if fresh else "duplicate", creative_id=key, sha256=stored.sha256)
    if done:
        return Intake(file.name, "duplicate", f"{file.name} is already {key}, which is finished; nothing to do", key)
    verb = "is" if fresh else "resumes"
    return Intake(file.name, "accepted", f"{file.name} {verb} {key}", key, next_attempt(connection, key))


def next_attempt(connection: Connection, key: str) -> int:
    """Number of the run that is asked for now; part of its run key, so that a lost run can be asked for again."""
    counted = creatives.update().where(creatives.c.creative_id == key).values(attempts=creatives.c.attempts + 1)
    return int(connection.execute(counted.returning(creatives.c.attempts)).scalar_one())


def unfinished(connection: Connection, limit: int) -> tuple[Intake, ...]:
    """Requests whose ads were never asked for, newest first, with the attempt they are at.

    A process that dies between taking a file in and starting its run leaves one behind. What was asked for over
    HTTP is started by a sensor of its own.
    """
    request = creatives.c
    query = (
        select(request.creative_id, request.attempts, videos.c.name)
        .join_from(creatives, videos)
        .where(~_is_launched(request.creative_id))
        .where(request.asked_run.is_(None))
        .order_by(request.requested_at.desc())
        .limit(limit)
    )
    return tuple(
        Intake(row.name, "accepted", f"{row.creative_id} has no run", row.creative_id, row.attempts)
        for row in connection.execute(query)
    )


def _is_launched(key: ColumnElement[str]) -> Exists:
    """Whether its ads were asked for. A plan alone is not enough: its run may have died before it queued anything."""
    return exists().where(pending_ad_changes.c.campaign_ref == key.concat(campaign_of("")))


def _keep_video(connection: Connection, file: Dropped, stored: Stored, first: Probe) -> None:
    row = {
        "sha256": stored.sha256,
        "uri": stored.uri,
        "name": file.name,
        "bytes": stored.bytes,
        "probe": first.model_dump(mode="json"),
    }
    connection.execute(insert(videos).values(row).on_conflict_do_nothing(index_elements=["sha256"]))


def _record(
    connection: Connection,
    file: Dropped,
    *,
    status: str,
    rejection: IntakeRejected | None = None,
    **more: str,
) -> None:
    row = {"name": file.shown, "source": SOURCE, "size": file.size, "modified_ns": file.modified_ns, "status": status}
    said: dict[str, str | None] = {"rule": None, "reason": None, "remedy": None}
    if rejection is not None:
        said = {"rule": rejection.rule, "reason": rejection.reason, "remedy": rejection.remedy}
    now = {"status": status, **said, **more}
    statement = insert(uploads).values(row | now)
    again = statement.on_conflict_do_update(
        index_elements=["source", "name", "size", "modified_ns"], set_=now, where=_PASSES
    )
    connection.execute(again)
