"""Renders as rows: made, measured and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.options import Options, Ratio
from flywheel_assets.creative.types import Blueprint, Perception
from flywheel_assets.rendering import room
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.quality import Eyes, Files, inspect, open_eyes
from flywheel_assets.rendering.ratios import framed, styled
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.style import Kit
from flywheel_assets.rendering.surveyed import surveyed
from flywheel_assets.rendering.types import EditPlan, QualityLine, Render
from flywheel_assets.store.rows import replace_rows
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import renders

_AS_EVER = Options()


@dataclass(frozen=True)
class Finished:
    """A render, where it is kept, what was measured on it, and its plan. Of the shapes of one variation, the first leads."""

    render: Render
    uri: str
    cover_uri: str
    quality: tuple[QualityLine, ...]
    plan: EditPlan
    ratio: Ratio = "9:16"
    leads: bool = True

    @property
    def passed(self) -> bool:
        """Every promise was kept."""
        return all(line.passed for line in self.quality)

    @property
    def faults(self) -> list[str]:
        """The promises that were not."""
        return [f"{line.feature}: {line.value}, wanted {line.wanted}" for line in self.quality if not line.passed]

    def row(self) -> dict[str, Any]:
        """One line for a person."""
        one = self.render
        return {
            "variation": one.key,
            "ratio": self.ratio,
            "file": one.path.name,
            "size": f"{one.width}x{one.height}",
            "seconds": round(one.seconds, 2),
            "LUFS": one.loudness_lufs,
            "passed": self.passed,
            "faults": "; ".join(self.faults),
            "plan": one.plan_hash[:12],
        }


def render_and_inspect(
    store: Store,
    video_uri: str,
    blueprints: Sequence[Blueprint],
    perception: Perception,
    *,
    options: Options = _AS_EVER,
    kit: Kit | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[Finished, ...]:
    """Render the blueprints in each shape, put the files into blob storage, and measure each.

    Raises:
        RenderFailed: a file could not be made at all.
        StorageFull: a disk has no room for one.
    """
    source, root = store.blobs.local(video_uri), store.settings.root
    folders, done = (root / "renders", root / "cache" / "segments"), len(blueprints) * len(options.ratios)
    eyes = _eyes()  # one for all: variations share pictures, and each is read once
    finished: list[Finished] = []
    kit, survey = styled(kit or Kit(), options), surveyed(store, source, blueprints, perception)
    for ratio in options.ratios:
        settings = framed(store.settings.rendering, ratio)
        made = render_all(source, blueprints, perception, *folders, settings, progress, kit=kit, survey=survey)
        for blueprint, render in zip(blueprints, made, strict=True):
            plan = edit_plan(blueprint, perception, settings, kit.style, survey)
            uri, cover = _kept(render.path, store), _kept(render.cover_path, store)
            quality = inspect(Files(render.path, render.captions_srt, source, kit), plan, settings, eyes)
            finished.append(Finished(render, uri, cover, quality, plan, ratio, leads=ratio == options.ratios[0]))
            if progress:
                progress("inspected", len(finished), done)
    return tuple(finished)


def _kept(path: Path, store: Store) -> str:
    with room.told(f"copy of {path.name}", store.settings.root):
        return store.blobs.put(path).uri


def verdict(finished: Sequence[Finished]) -> str:
    """How many passed, and which file broke which promise and why."""
    passed = sum(one.passed for one in finished)
    faults = [
        f"{one.render.key} ({one.render.path.name}): {'; '.join(one.faults)}" for one in finished if not one.passed
    ]
    return "\n".join([f"{passed} of {len(finished)} renders passed", *faults])


def _eyes() -> Eyes | NotAvailable:
    try:
        return open_eyes()
    except NotAvailable as reason:
        return reason


def save_renders(connection: Connection, creative_id: str, finished: Sequence[Finished]) -> None:
    """Replace the renders of a creative."""
    rows = [
        {
            "key": one.render.key,
            "ratio": one.ratio,
            "leads": one.leads,
            "uri": one.uri,
            "cover_uri": one.cover_uri,
            "plan_hash": one.render.plan_hash,
            "width": one.render.width,
            "height": one.render.height,
            "frames": one.render.frames,
            "seconds": one.render.seconds,
            "passed": one.passed,
            "quality": [line.model_dump(mode="json") for line in one.quality],
            "details": one.render.model_dump(mode="json"),
        }
        for one in finished
    ]
    replace_rows(connection, renders, creative_id, rows)


@dataclass(frozen=True)
class StoredRender:
    """What publishing needs of a render that passed."""

    key: str
    uri: str
    cover_uri: str


def load_passed(connection: Connection, creative_id: str) -> tuple[StoredRender, ...]:
    """The renders of a creative that kept every promise, by key, in the shape that is published."""
    table = renders.c
    kept = (table.creative_id == creative_id, table.passed, table.leads)
    query = select(table.key, table.uri, table.cover_uri).where(*kept)
    return tuple(StoredRender(*row) for row in connection.execute(query.order_by(table.key)))
