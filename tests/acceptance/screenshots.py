"""The README's pictures of Dagster's UI, taken of a home in which `flywheel demo` has run.

python -m tests.acceptance.screenshots [--home .flywheel]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import dagster as dg
from PIL import Image

from tests.acceptance.launch import ROOT, Home, free_port
from tests.acceptance.ui import Visit, chromium, webserver

PICTURES = ROOT / "docs" / "pictures"
_SIZE = (1400, 800)
_CREATIVE = "/locations/__repository__@flywheel/asset-groups/creative/lineage"
_LARGEST = 250_000  # bytes of one picture


def _newest(instance: dg.DagsterInstance, asset: str) -> str:
    """The partition that was materialised last."""
    event = instance.get_latest_materialization_event(dg.AssetKey(asset))
    if event is None or event.asset_materialization is None or event.asset_materialization.partition is None:
        raise SystemExit(f"{asset} has no partition here; run `flywheel demo` in this home first")
    return event.asset_materialization.partition


def _lineage(visit: Visit, _: dg.DagsterInstance) -> None:
    visit.page.set_viewport_size({"width": _SIZE[0], "height": 420})
    visit.open(_CREATIVE)
    visit.nodes("source_video")
    visit.page.get_by_text("Hide navigation").click()
    visit.open(_CREATIVE)  # drawn anew, to fill the room there is now
    visit.nodes("source_video", "publish_changes")


def _renders(visit: Visit, instance: dg.DagsterInstance) -> None:
    visit.open(f"/assets/renders?view=partitions&partition={_newest(instance, 'renders')}")
    visit.picture("covers")


def _budgets(visit: Visit, _: dg.DagsterInstance) -> None:
    visit.page.set_viewport_size({"width": _SIZE[0], "height": 1000})
    visit.open("/assets/budget_allocations")
    visit.page.get_by_text("recommendations", exact=True).wait_for()


def _check(visit: Visit, _: dg.DagsterInstance) -> None:
    visit.page.set_viewport_size({"width": _SIZE[0], "height": 520})
    visit.open("/assets/synthetic_revenue?view=checks&checkDetail=every_deal_valued")
    visit.page.get_by_text("deals have a value").wait_for()


_PAGES: dict[str, Callable[[Visit, dg.DagsterInstance], None]] = {
    "lineage": _lineage,
    "renders": _renders,
    "budgets": _budgets,
    "failed-check": _check,
}


def _keep(name: str, png: bytes) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.webp"
    with Image.open(BytesIO(png)) as picture:
        picture.convert("RGB").save(path, quality=82, method=6)
    if (size := path.stat().st_size) > _LARGEST:
        raise SystemExit(f"{path} has {size} bytes, more than {_LARGEST}; show less on it")
    print(f"{path.relative_to(ROOT)}  {size / 1000:.0f} kB")  # noqa: T201 - a script


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, default=ROOT / ".flywheel")
    home = Home(parser.parse_args().home.absolute(), free_port())
    with home.store(), home.instance() as instance, webserver(home) as address, chromium() as browser:
        for name, show in _PAGES.items():
            with browser.new_context(viewport={"width": _SIZE[0], "height": _SIZE[1]}) as context:
                visit = Visit(context.new_page(), address)
                show(visit, instance)
                visit.settle()
                _keep(name, visit.page.screenshot())
                if visit.complaints:
                    raise SystemExit(f"{name}: {visit.complaints}")


if __name__ == "__main__":
    main()
