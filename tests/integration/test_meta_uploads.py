"""Videos in chunks: what goes wrong within one upload, and going on in another process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flywheel_assets.clients.meta import MetaClient
from flywheel_assets.core.errors import AmbiguousOutcome, PermanentError, TransientError
from flywheel_assets.core.uploads import UploadSession
from tests.meta_stand_in import stand_in

CONTENT = b"0123456789"
_STEP = 4


@dataclass
class Session:
    size: int
    content: bytes = b""

    def wanted(self) -> dict[str, str]:
        here = len(self.content)
        return {"start_offset": str(here), "end_offset": str(min(here + _STEP, self.size))}


@dataclass
class Uploads:
    """A video edge.

    Attributes:
        exact: takes only chunks of the length it asked for, as the twin does; else any that starts right.
        losses: chunks still to be lost, each answered with the offsets wanted.
        forgets: says after a chunk that it has everything.
        answers: what the next requests of a phase get instead.
        log: phase and start of every request.
        videos: title and content of what was finished, by video id.
    """

    exact: bool = True
    losses: int = 0
    forgets: bool = False
    answers: dict[str, list[Response]] = field(default_factory=dict)
    log: list[tuple[str, int | None]] = field(default_factory=list)
    sessions: dict[str, Session] = field(default_factory=dict)
    videos: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    async def __call__(self, request: Request) -> Response:
        async with request.form() as form:
            phase = str(form["upload_phase"])
            start = int(str(form["start_offset"])) if "start_offset" in form else None
            self.log.append((phase, start))
            if ordered := self.answers.get(phase):
                return ordered.pop(0)
            if phase == "start":
                return self._start(int(str(form["file_size"])))
            key = str(form["upload_session_id"])
            if key not in self.sessions:
                return refusal("Upload session does not exist")
            if phase == "finish":
                return self._finish(key, str(form["title"]))
            assert start is not None
            return self._take(self.sessions[key], start, await form["video_file_chunk"].read())  # type: ignore[union-attr]  # an uploaded file

    def phases(self) -> list[str]:
        return [phase for phase, _ in self.log]

    def _start(self, size: int) -> Response:
        key = f"s{self.phases().count('start')}"
        self.sessions[key] = Session(size)
        return JSONResponse({"upload_session_id": key, "video_id": f"v{key}", **self.sessions[key].wanted()})

    def _take(self, session: Session, start: int, chunk: bytes) -> Response:
        wanted = session.wanted()
        length = int(wanted["end_offset"]) - len(session.content)
        if self.losses > 0 or start != len(session.content) or (self.exact and len(chunk) != length):
            self.losses -= 1
            return refusal("again", code=6000, error_subcode=1363037, error_data=wanted)
        session.content += chunk
        return JSONResponse({"start_offset": "4", "end_offset": "4"} if self.forgets else session.wanted())

    def _finish(self, key: str, title: str) -> Response:
        if len(self.sessions[key].content) != self.sessions[key].size:
            return refusal("The upload is not complete")
        self.videos[f"v{key}"] = (title, self.sessions.pop(key).content)
        return JSONResponse({"success": True})


def refusal(message: str, *, code: int = 100, **more: Any) -> Response:
    return JSONResponse({"error": {"message": message, "code": code, **more}}, status_code=400)


class Killed(BaseException):
    """What stops an upload in the middle."""


@dataclass
class Desk:
    """A client, the edge it talks to and a file; `uploads` may be exchanged."""

    client: MetaClient
    video: Path
    uploads: Uploads

    def send(self, resume: UploadSession | None = None) -> str:
        return self.client.upload_video(self.video, "V", resume=resume)

    def interrupted(self, at: int, resume: UploadSession | None = None) -> UploadSession:
        """What was kept of an upload that died once the platform had confirmed ``at`` bytes."""
        kept: list[UploadSession] = []

        def keep(session: UploadSession) -> None:
            kept.append(session)
            if session.next_byte >= at:
                raise Killed

        with pytest.raises(Killed):
            self.client.upload_video(self.video, "V", resume=resume, progress=keep)
        return kept[-1]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    video, desk = tmp_path / "v.mp4", None
    video.write_bytes(CONTENT)

    async def answer(request: Request) -> Response:
        assert desk is not None
        return await desk.uploads(request)

    with stand_in(answer) as client:
        desk = Desk(client, video, Uploads())
        yield desk


def test_an_upload_goes_on_where_the_platform_says(desk: Desk) -> None:
    desk.uploads = Uploads(losses=5)
    assert desk.send() == "vs1"
    assert desk.uploads.videos == {"vs1": ("V", CONTENT)}


@pytest.mark.parametrize(
    ("uploads", "rule"), [(Uploads(losses=6), "no progress"), (Uploads(forgets=True), "before the end")]
)
def test_an_upload_gives_up_instead_of_looping(desk: Desk, uploads: Uploads, rule: str) -> None:
    desk.uploads = uploads
    with pytest.raises(TransientError, match=rule):
        desk.send()


def test_the_start_and_every_confirmed_chunk_are_reported(desk: Desk) -> None:
    desk.uploads = Uploads(losses=1)  # a chunk that was lost is not confirmed
    reported: list[UploadSession] = []
    desk.client.upload_video(desk.video, "V", progress=reported.append)
    assert reported == [UploadSession("s1", "vs1", 10, at) for at in (0, 4, 8, 10)]


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("at", [0, 4, 8, 10])
def test_an_interrupted_upload_goes_on_at_the_byte_it_had_reached(desk: Desk, at: int, exact: bool) -> None:
    desk.uploads = Uploads(exact=exact)
    kept = desk.interrupted(at)
    before = len(desk.uploads.log)
    assert kept == UploadSession("s1", "vs1", 10, at)
    assert desk.send(resume=kept) == "vs1"
    assert desk.uploads.videos == {"vs1": ("V", CONTENT)}
    again = desk.uploads.log[before:]
    assert all(phase != "start" and (start is None or start >= at) for phase, start in again)


@pytest.mark.parametrize("kept_byte", [0, 8])
def test_a_kept_place_that_is_not_the_platforms_is_corrected_by_it(desk: Desk, kept_byte: int) -> None:
    kept = replace(desk.interrupted(4), next_byte=kept_byte)
    assert desk.send(resume=kept) == "vs1"
    assert desk.uploads.videos == {"vs1": ("V", CONTENT)}


@pytest.mark.parametrize("at", [4, 10])
def test_a_session_the_platform_has_forgotten_is_started_afresh(desk: Desk, at: int) -> None:
    kept = desk.interrupted(at)
    desk.uploads.sessions.clear()
    assert desk.send(resume=kept) == "vs2"
    assert desk.uploads.videos == {"vs2": ("V", CONTENT)}


def test_a_session_that_makes_no_progress_is_left_for_a_fresh_one(desk: Desk) -> None:
    kept = desk.interrupted(4)
    desk.uploads.losses = 6
    assert desk.send(resume=kept) == "vs2"


@pytest.mark.parametrize("odd", [{"size": 11}, {"next_byte": 11}, {"next_byte": -1}])
def test_a_session_of_another_file_is_not_continued(desk: Desk, odd: dict[str, int]) -> None:
    kept = replace(desk.interrupted(4), **odd)
    before = len(desk.uploads.log)
    assert desk.send(resume=kept) == "vs2"
    assert desk.uploads.phases()[before] == "start"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Response("", 503), TransientError),
        (refusal("busy", code=2), TransientError),
        (refusal("again", code=6000, error_subcode=1363037), TransientError),
    ],
)
def test_a_passing_fault_of_a_resumed_upload_keeps_the_session(
    desk: Desk, answer: Response, error: type[Exception]
) -> None:
    kept = desk.interrupted(4)
    desk.uploads.answers["transfer"] = [answer]
    with pytest.raises(error):
        desk.send(resume=kept)
    assert desk.send(resume=kept) == "vs1"
    assert desk.uploads.phases().count("start") == 1


def test_a_video_that_is_refused_at_the_end_is_not_sent_a_second_time(desk: Desk) -> None:
    kept = desk.interrupted(4)
    desk.uploads.answers["finish"] = [refusal("not a video")]
    with pytest.raises(PermanentError, match="not a video"):
        desk.send(resume=kept)
    assert desk.uploads.phases().count("start") == 1


def test_an_unclear_finish_of_a_resumed_upload_is_ambiguous(desk: Desk) -> None:
    kept = desk.interrupted(10)
    desk.uploads.answers["finish"] = [Response("", 502)]
    with pytest.raises(AmbiguousOutcome):
        desk.send(resume=kept)
    assert desk.uploads.phases().count("start") == 1


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stops=st.lists(st.sampled_from([0, 4, 8, 10]), max_size=5), exact=st.booleans(), losses=st.integers(0, 5))
def test_however_often_it_is_interrupted_one_whole_video_comes_of_it(
    desk: Desk, stops: list[int], exact: bool, losses: int
) -> None:
    desk.uploads = Uploads(exact=exact, losses=losses)
    kept: UploadSession | None = None
    for stop in sorted(stops):
        with suppress(pytest.fail.Exception):  # a session that is past this place is not interrupted there
            kept = desk.interrupted(stop, kept)
        if desk.uploads.videos:
            break
    if not desk.uploads.videos:
        desk.send(resume=kept)
    assert desk.uploads.videos == {"vs1": ("V", CONTENT)}
    assert desk.uploads.phases().count("start") == 1
