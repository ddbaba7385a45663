"""How far the upload of a video has come, kept for the attempt after this one."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.core.uploads import UploadSession
from flywheel_assets.store.tables import upload_sessions


def load(connection: Connection, change_id: UUID) -> UploadSession | None:
    """Where an earlier attempt was cut off; None when there was none."""
    known = upload_sessions.c
    query = select(known.session_id, known.video_id, known.size, known.next_byte).where(known.change_id == change_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else UploadSession(*row)


def save(connection: Connection, change_id: UUID, session: UploadSession) -> None:
    """Remember what the platform has confirmed."""
    values = {
        "session_id": session.session_id,
        "video_id": session.video_id,
        "size": session.size,
        "next_byte": session.next_byte,
        "updated_real": func.clock_timestamp(),
    }
    statement = insert(upload_sessions).values(change_id=change_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["change_id"], set_=values))
