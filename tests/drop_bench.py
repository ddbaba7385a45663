"""A drop folder on a bench: real files put into it, real ticks of its sensor, and the rows they leave."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import imageio_ffmpeg
import yaml
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from sqlalchemy import Row, select

from flywheel_assets.core.account import Account
from flywheel_assets.creative.intake import Dropped, Intake, dropped_files, take_in
from flywheel_assets.store.blobs import Blobs
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import uploads

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
SAMPLE = SAMPLES / "raw_ad.mp4"
BRIEF: dict[str, Any] = yaml.safe_load(SAMPLE.with_suffix(".brief.yaml").read_text(encoding="utf-8"))


@cache
def video(hertz: int = 440) -> bytes:
    """An MP4 of 1.2 seconds, 128 by 72; another tone is another file. 0 Hz has no sound at all."""
    picture = ("-f", "lavfi", "-i", "testsrc=size=128x72:rate=10:duration=1.2")
    sound = ("-f", "lavfi", "-i", f"sine=frequency={hertz}:duration=1.2") if hertz else ()
    fragmented = ("-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "-")  # a pipe cannot be rewound
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *picture, *sound, "-pix_fmt", "yuv420p", *fragmented]
    return subprocess.run(command, capture_output=True, check=True).stdout


@dataclass
class DropBench:
    """Drop folder, store and account of one test, and the Dagster instance its sensors tick on."""

    store: Store
    account: Account
    _instance: dg.DagsterInstance | None = None
    cursor: str | None = None
    ticks: list[dg.SensorExecutionData] = field(default_factory=list)

    @property
    def instance(self) -> dg.DagsterInstance:
        assert self._instance is not None, "this bench was made without a Dagster instance"
        return self._instance

    @property
    def folder(self) -> Path:
        return self.store.settings.drop_path

    def drop(self, name: str, content: bytes, brief: Mapping[str, Any] | str | None = None) -> Path:
        """Put a file into the folder, by default with the sample's brief beside it."""
        path = self.folder / name
        path.write_bytes(content)
        self.write_brief(name, BRIEF if brief is None else brief)
        return path

    def write_brief(self, name: str, brief: Mapping[str, Any] | str) -> None:
        beside = self.folder / f"{Path(name).stem}.brief.yaml"
        beside.write_text(brief if isinstance(brief, str) else yaml.safe_dump(dict(brief)), encoding="utf-8")

    def drop_sample(self) -> Path:
        for source in (SAMPLE.with_suffix(".brief.yaml"), SAMPLE):
            shutil.copyfile(source, self.folder / source.name)
        return self.folder / SAMPLE.name

    def seen(self, name: str) -> Dropped:
        """The file as the folder shows it now."""
        (file,) = (one for one in dropped_files(self.folder) if one.name == name)
        return file

    def take_in(self, name: str) -> Intake:
        return take_in(self.store, self.folder, self.seen(name), self.account)

    def limited(self, *, blobs: Blobs | None = None, **media: int) -> DropBench:
        """The same folder of an installation with other limits or another storage."""
        settings = self.store.settings
        settings = settings.model_copy(update={"media": settings.media.model_copy(update=media)})
        return replace(self, store=replace(self.store, settings=settings, blobs=blobs or self.store.blobs))

    def rows(self) -> list[Row[Any]]:
        """Every upload, in the order of its row."""
        with self.store.engine.connect() as connection:
            return list(connection.execute(select(uploads).order_by(uploads.c.id)))

    def tick(self, sensor: dg.SensorDefinition) -> dg.SensorExecutionData:
        """One evaluation with the cursor the last one left, as the daemon makes it; partitions are added."""
        with self._context(sensor) as context:
            result = sensor.evaluate_tick(context)
        self.cursor = result.cursor
        for request in result.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        self.ticks.append(result)
        return result

    def start_run(
        self, job: str, status: dg.DagsterRunStatus, creative_id: str | None = None, run_key: str | None = None
    ) -> str:
        """A run in the instance's storage, in that status."""
        tags = {} if creative_id is None else {"dagster/partition": creative_id}
        tags |= {} if run_key is None else {"dagster/run_key": run_key}
        # A queued run has to say where it came from, which the other statuses do not ask for.
        place = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("flywheel"), "__repository__")
        origin = RemoteJobOrigin(place, job)
        run = dg.DagsterRun(job_name=job, run_id=str(uuid4()), status=status, tags=tags, remote_job_origin=origin)
        self.instance.add_run(run)
        return run.run_id

    @contextmanager
    def _context(self, sensor: dg.SensorDefinition) -> Iterator[dg.SensorEvaluationContext]:
        from flywheel_assets.definitions import build_defs

        given = {"store": self.store, "account": self.account}
        resources = {name: given[name] for name in sensor.required_resource_keys}
        with dg.build_sensor_context(
            self.instance,
            self.cursor,
            definitions=build_defs(self.store.settings),
            resources=resources,
            instance_ref=self.instance.get_ref(),
        ) as context:
            yield context
