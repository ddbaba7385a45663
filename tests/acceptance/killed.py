"""One life of an installation in which `demo` and `up` are killed at ten points, one after the other.

Each start has to come past the point at which the one before it was killed: what is taken up wrongly shows at the next.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.acceptance.killing import Program, Stage, answer_of, command_of, left_in
from tests.acceptance.outside import MetaOutside

_COUNTED = (
    "creatives", "perceptions", "scene_ctr_predictions", "creative_drafts", "council_verdicts", "renders",
    "publish_plans", "pending_ad_changes", "ad_change_history", "learning_cycles",
)  # fmt: skip
_PATIENCE = 30.0
_SEEN_AT = "select video_sha256, seen_at from perceptions"


@dataclass(frozen=True)
class Seen:
    """What was there right after a kill.

    Attributes:
        open_attempts: calls whose outcome nobody wrote.
        remote: objects at the platform.
        known: those of them whose id we know.
        left: commands of the programs that went on.
    """

    rows: Mapping[str, int]
    open_attempts: int
    remote: int
    known: int
    left: tuple[str, ...]


@dataclass
class Life:
    """What the ten kills came to, and what was there at the end."""

    seen: dict[str, Seen] = field(default_factory=dict)
    first_perception: list[Any] = field(default_factory=list)
    sockets: list[str] = field(default_factory=list)
    said_at_next_start: str = ""
    said_without_database: str = ""
    exit_without_database: int = 0
    answers: list[Mapping[str, Any]] = field(default_factory=list)
    writes: list[int] = field(default_factory=list)
    perceptions: list[Any] = field(default_factory=list)
    rows_at_end: Mapping[str, int] = field(default_factory=dict)
    statuses: set[str] = field(default_factory=set)
    objects: list[tuple[str, str]] = field(default_factory=list)
    run_statuses: list[str] = field(default_factory=list)
    open_attempts: int = -1
    exit_code: int = -1


def live(stage: Stage) -> Life:
    """The whole life."""
    life = Life()
    _beginning(stage, life)
    _with_dagster(stage, life)
    _launch(stage, life)
    _days(stage, life)
    _end(stage, life)
    return life


def _beginning(stage: Stage, life: Life) -> None:
    program = stage.demo(days=1)
    program.until(lambda: list(stage.data.parent.glob(f".{stage.data.name}-new-*/PG_VERSION")), "data half made")
    _killed(stage, life, "data half made", program)
    program = stage.demo(days=1)
    program.until(lambda: stage.number("creatives"), "a row of the intake")
    _killed(stage, life, "intake", program, group=True)


def _with_dagster(stage: Stage, life: Life) -> None:
    up = stage.up()
    up.until(lambda: stage.step_begun("scenes"), "perception under way")
    _killed(stage, life, "perception", up, with_all=True)
    with stage.closed("scene_ctr_predictions") as waited_for:
        up = stage.up()
        up.until(waited_for, "predictions about to be written")
        life.first_perception = stage.rows(_SEEN_AT)
        (worker,) = up.children("spawn_main")  # Dagster's process that executes the run
        worker.kill()
        life.seen["between perception and drafting"] = _look(stage)
    with stage.closed("council_verdicts") as waited_for:
        up.until(waited_for, "verdicts of the same `up`, in another run")
        (tether,) = up.children("flywheel_assets.cli.tether")
        tether.suspend()  # it cannot see what happens, and is killed with the one it watches
        up.process.kill()
        tether.kill()
        _killed(stage, life, "council", up)
        sockets = [file for file in stage.temporary.rglob("*") if file.is_socket()]
        life.sockets = [file.relative_to(stage.temporary).parts[0] for file in sockets]
    up = stage.up()
    up.until(lambda: "UI  " in up.stdout, "what it says when it runs")
    life.said_at_next_start = up.stderr
    os.kill(up.process.pid, signal.SIGINT)
    up.until(lambda: "stopping" in up.stderr, "what it says when it stops")
    _killed(stage, life, "shutdown", up, with_all=True)


def _launch(stage: Stage, life: Life) -> None:
    program = stage.demo(days=1)
    program.until(lambda: stage.number("council_verdicts") and program.children("libx264"), "ffmpeg rendering")
    _killed(stage, life, "rendering", program)
    with stage.closed("pending_ad_changes") as waited_for:
        program = stage.demo(days=1)
        program.until(waited_for, "changes about to be queued")
        _killed(stage, life, "between plan and changes", program)
    program = stage.demo(days=1)
    program.until(lambda: stage.number("pending_ad_changes"), "queued changes")
    with stage.closed("ad_objects") as waited_for:
        program.until(waited_for, "an object's id about to be written")
        _killed(stage, life, "executor's call", program)


def _days(stage: Stage, life: Life) -> None:
    program = stage.demo(days=1)
    program.until(lambda: stage.number("learning_cycles") > 1, "some hours")
    postmaster = int((stage.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
    life.seen["simulated hours"] = _look(stage)
    psutil.Process(postmaster).kill()
    life.exit_without_database, life.said_without_database = program.ended(), program.stderr


def _end(stage: Stage, life: Life) -> None:
    for _ in range(2):
        program = stage.demo(days=1)
        life.exit_code = program.ended()
        assert life.exit_code == 0, program.stderr
        life.answers.append(answer_of(program))
        life.writes.append(len(MetaOutside(_twin(stage)).writes()))
    with stage.home.store():
        at_end = _look(stage)
        life.rows_at_end, life.open_attempts = at_end.rows, at_end.open_attempts
        life.perceptions = stage.rows(_SEEN_AT)
        life.statuses = {row.status for row in stage.rows("select distinct status from pending_ad_changes")}
        life.objects = [tuple(row) for row in stage.rows("select tag, remote_id from ad_objects")]
        life.run_statuses = [row.status for row in stage.rows("select status from runs", "flywheel_dagster")]


def _killed(
    stage: Stage, life: Life, point: str, program: Program, *, group: bool = False, with_all: bool = False
) -> None:
    """Kill it and look; ``with_all`` gives what it started the time to end, which it needs no help for."""
    started = [one for one in left_in(stage.home) if "postgres" not in command_of(one)] if with_all else []
    program.kill(group=group)
    psutil.wait_procs(started, timeout=_PATIENCE)
    life.seen[point] = _look(stage)


def _look(stage: Stage) -> Seen:
    file = _twin(stage)
    return Seen(
        rows={table: stage.number(table) for table in _COUNTED},
        open_attempts=stage.number("ad_change_history where finished_at is null"),
        remote=len(MetaOutside(file).objects()) if file.exists() else 0,
        known=stage.number("ad_objects where remote_id is not null"),
        left=tuple(filter(None, map(command_of, left_in(stage.home)))),
    )


def _twin(stage: Stage) -> Path:
    return stage.home.root / "sandbox" / "meta.sqlite"
