"""`flywheel plan show`: what it prints of an approved creative, what a program reads, and how a refusal looks."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from flywheel_assets.core.account import Account, BrandKit
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.survey.kept import remembered
from flywheel_assets.rendering.types import EditPlan
from flywheel_assets.settings import Settings
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.store import Store
from tests.look_bench import CREATIVE, blueprint, film, keep_judged, mark, painted, perception, seen, verdict

SEEN = perception([150, 60], words={0: [("Fresh", 0.2, 0.5), ("coffee", 0.5, 0.9)]})
BLUEPRINTS = (blueprint(0, 1), blueprint(1, 0, hook="Stop waiting for a repair", key="v02"))


class Flywheel:
    """The program within this process, at the test's installation."""

    def __init__(self, settings: Settings) -> None:
        self._environment = {
            "FLYWHEEL_HOME": str(settings.root),
            "FLYWHEEL_DATABASE_URL": str(settings.database_url),
        }

    def __call__(self, *arguments: str) -> Result:
        from flywheel_assets.cli import main

        result = CliRunner(env=self._environment).invoke(main, ["plan", "show", *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result


@pytest.fixture
def flywheel(settings: Settings, store: Store, account: Account, tmp_path: Path) -> Flywheel:
    mark((90, 60)).save(tmp_path / "logo.png")
    with store.engine.begin() as connection:
        branded = account.model_copy(update={"brand_kit": BrandKit(logo=tmp_path / "logo.png")})
        save_account(connection, branded, "sandbox")
        judged = [verdict(one) for one in BLUEPRINTS] + [verdict(blueprint(0, key="v03"), approved=False)]
        keep_judged(connection, account.account_id, SEEN, "file:///film.mp4", *judged)
    return Flywheel(settings)


def test_the_segments_of_every_approved_variation_are_shown(flywheel: Flywheel) -> None:
    result = flywheel(CREATIVE)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert "v01  Tired of cold coffee?" in lines[0]
    assert [line.split()[:4] for line in lines if "end card" in line] == [
        ["6.67", "8.87", "end", "card"],  # a third of a second less: its scenes mix
        ["7.00", "9.20", "end", "card"],
    ]
    opening = next(line for line in lines if line.split()[:2] == ["0.00", "2.50"])
    assert any("smart_reframe: scene 0" in line and "not surveyed" in line for line in lines)  # its file is not kept
    for words in ("scene 0", "0.00–2.50", "contrast 1.06", "fit, logo", "hook: Tired of cold coffee?", "Fresh coffee"):
        assert words in opening
    assert "1.12x" in result.stdout
    assert "v03" not in result.stdout


def test_a_program_gets_whole_plans_and_a_person_a_picture(flywheel: Flywheel, tmp_path: Path) -> None:
    result = flywheel(CREATIVE, "--json", "--variation", "v02", "--picture", str(tmp_path / "plan.png"))
    assert result.exit_code == 0
    (told,) = json.loads(result.stdout)["plans"]
    plan = EditPlan.model_validate(told["plan"])
    assert told["variation"] == "v02"
    assert [one["frames"] for one in told["segments"]] == [segment.frames for segment in plan.segments]
    assert plan.segments[0].effects[0].kind == "logo"
    bare = edit_plan(BLUEPRINTS[1], SEEN, Settings().rendering)
    assert plan.plan_hash != bare.plan_hash
    with Image.open(BytesIO((tmp_path / "plan.png").read_bytes())) as picture:
        assert picture.width == 1240
        assert len(picture.convert("RGB").getcolors(100_000) or ()) > 6
    assert (tmp_path / "plan.png").stat().st_size < 100_000


def test_what_is_not_there_is_told(flywheel: Flywheel, tmp_path: Path) -> None:
    cases = {
        ("c_ffffffffffff",): "creative c_ffffffffffff is not known",
        (CREATIVE, "--variation", "v09"): "has no variation v09; it has v01, v02",
        (CREATIVE, "--picture", str(tmp_path / "no" / "plan.png")): "is no folder",
    }
    for arguments, words in cases.items():
        result = flywheel(*arguments)
        assert result.exit_code == 3
        assert words in result.stderr


def test_a_video_at_hand_is_planned_as_it_will_be_rendered(
    settings: Settings, store: Store, account: Account, tmp_path: Path
) -> None:
    video = film(tmp_path / "film.mp4", [painted(1), painted(2)], [30, 30])
    perception = seen(video, [30, 30])
    with store.engine.begin() as connection:
        keep_judged(connection, account.account_id, perception, store.blobs.put(video).uri, verdict(BLUEPRINTS[0]))
    result = Flywheel(settings)(CREATIVE, "--json")
    assert result.exit_code == 0
    (told,) = json.loads(result.stdout)["plans"]
    survey = remembered(video, perception, [0, 1], settings.weights_path, cache=settings.root / "cache" / "surveys")
    assert told["plan"]["plan_hash"] == edit_plan(
        BLUEPRINTS[0], perception, settings.rendering, None, survey
    ).plan_hash  # fmt: skip
    assert "stabilize" not in told["plan"]["unavailable"]
