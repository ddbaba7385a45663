"""Where an unfinished upload stands: what is kept so that another process can go on with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class UploadSession:
    """One chunked upload as the platform has confirmed it.

    How long the next chunk may be is not part of it: that is the platform's to say, and it says so
    again when a resumed chunk does not suit it.

    Attributes:
        session_id: the platform's name for the upload.
        video_id: what the video will be called once it is finished.
        size: bytes of the file that the session was started for.
        next_byte: first byte the platform has not confirmed; ``size`` when only the finish is missing.
    """

    session_id: str
    video_id: str
    size: int
    next_byte: int

    def fits(self, size: int) -> bool:
        """Whether a file of ``size`` bytes can be the one this session was started for."""
        return self.size == size and 0 <= self.next_byte <= size


def not_kept(_: UploadSession) -> None:
    """For a caller that would start an interrupted upload from the beginning."""
