"""Dagster's pages after a launch and a refused video, in a browser: what a marketer looks at is there and readable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from flywheel_assets.core.errors import FlywheelError
from tests.acceptance.launch import ROOT, Home, Ran
from tests.acceptance.ui import Visit, chromium, webserver
from tests.acceptance.world import World, living_world
from tests.drop_bench import BRIEF, DropBench, video

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.needs_chromium,
    # Dagster looks for the fields of a resource that has none in the way an older pydantic kept them.
    pytest.mark.filterwarnings("ignore:The `__fields__` attribute"),
]

_STORY = [
    "source_video", "scenes", "scene_features", "scene…_predictions", "creative_drafts", "council_verdicts", "renders",
    "publish_plan", "publish_changes",
]  # fmt: skip
_BROKEN = re.compile(r"failed to load|unexpected error|could not be loaded|something went wrong", re.IGNORECASE)


@pytest.fixture(scope="module")
def home(untouched_home: Home) -> Iterator[Home]:
    own = untouched_home.copy()
    yield own
    own.remove()


@pytest.fixture(scope="module")
def world(home: Home) -> Iterator[World]:
    with living_world(home, (ROOT / "samples" / "account.yaml").read_text(encoding="utf-8")) as opened:
        yield opened


@pytest.fixture(scope="module")
def refused(world: World) -> str:
    """A test card of a second that somebody dropped in: no advert can be made of it, and the council says so."""
    DropBench(world.store, world.account).drop("card.mp4", video(), BRIEF)
    (asked,) = world.platform.tick("uploads", times=2).run_requests or []
    assert asked.partition_key is not None
    with pytest.raises(FlywheelError, match="job creative_generation failed"):
        world.platform.run("creative_generation", asked.partition_key)
    return str(asked.partition_key)


@pytest.fixture(scope="module")
def _ui(home: Home, refused: str) -> Iterator[tuple[str, Browser]]:
    assert refused
    with webserver(home) as address, chromium() as browser:
        yield address, browser


@pytest.fixture
def visit(_ui: tuple[str, Browser]) -> Iterator[Visit]:
    address, browser = _ui
    with browser.new_context(viewport={"width": 1600, "height": 1000}) as context:
        yield Visit(context.new_page(), address)


def _nothing_is_wrong(visit: Visit) -> None:
    assert visit.complaints == []
    assert _BROKEN.search(visit.text()) is None


def test_the_lineage_shows_all_groups_and_that_revenue_decides_budgets(visit: Visit) -> None:
    visit.open("/asset-groups")
    left = visit.nodes("creative", "delivery", "revenue", "budget", "learning")
    assert left["revenue"] < left["budget"]
    assert len(left) == 5
    assert visit.edges() == 1
    _nothing_is_wrong(visit)


def test_a_group_shows_its_stages_one_after_the_other(visit: Visit) -> None:
    visit.open("/locations/__repository__@flywheel/asset-groups/creative/lineage")
    left = visit.nodes(*_STORY)
    assert all(left[one] < left[other] for one, other in pairwise(_STORY))
    assert visit.edges() >= len(_STORY) - 1
    _nothing_is_wrong(visit)


def test_a_partition_of_renders_shows_its_posters_and_what_differs(visit: Visit, first_run: Ran) -> None:
    creative = first_run.answer["creative_id"]
    visit.open(f"/assets/renders?view=partitions&partition={creative}")
    metadata = visit.page.get_by_role("row").filter(has=visit.page.get_by_text("creative_id", exact=True))
    metadata.get_by_text(creative).wait_for()
    shown = visit.text()
    hooks = [one["hook"] for one in first_run.answer["renders"]]
    assert len(hooks) >= 5
    assert [hook for hook in hooks if hook not in shown] == []
    assert {"Materialized", "variations", "differs", "call to action", "seconds"} <= set(re.split(r"[\n\t]", shown))
    width, height = visit.picture("covers")
    assert width > len(hooks) * 100
    assert height > 200
    _nothing_is_wrong(visit)


def test_a_failed_check_shows_what_it_asks_for_and_what_was_found(visit: Visit, world: World) -> None:
    passed, why = world.check("council_verdicts", "something_approved")
    assert not passed
    visit.open("/assets/council_verdicts?view=checks&checkDetail=something_approved")
    visit.page.get_by_text(why, exact=True).wait_for()
    shown = visit.text()
    assert "Failed" in shown
    assert "This is a blocking asset check." in shown
    assert "The council approved at least one draft; otherwise nothing is rendered." in shown
    assert why.startswith("none of 8 drafts passed 85: the best, ")
    _nothing_is_wrong(visit)


def test_the_refused_video_stops_before_it_is_rendered(visit: Visit, refused: str) -> None:
    visit.open(f"/assets/renders?view=partitions&partition={refused}")
    visit.page.get_by_text("No metadata entries").wait_for()
    assert refused in visit.text()
    _nothing_is_wrong(visit)


def test_a_visitor_notices_what_goes_wrong_behind_the_page(visit: Visit) -> None:
    visit.open("/server_info")
    with visit.page.expect_event("pageerror"):
        visit.page.evaluate("setTimeout(() => { throw new Error('broken') })")
    visit.page.evaluate("console.error('loud')")
    with visit.page.expect_event("requestfailed"):
        visit.page.evaluate("fetch('http://example.com/').catch(() => null)")
    told = "\n".join(visit.complaints)
    assert "JavaScript: broken" in told
    assert "console: loud" in told
    assert "asked of another host: http://example.com/" in told
