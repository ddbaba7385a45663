"""``flywheel init`` and ``flywheel check``: files that start safe, and everything that is wrong with them at once."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from flywheel_assets.cli.environment import SETTINGS_FILE, read_settings
from flywheel_assets.cli.exits import Exit
from flywheel_assets.cli.templates import account_template, brief_template, settings_template, variables
from flywheel_assets.core.account import Account, BrandKit, Consent, HubSpot
from flywheel_assets.creative.briefs import checked_brief
from flywheel_assets.creative.types import Brief
from flywheel_assets.settings import Settings
from flywheel_assets.store.accounts import load_account
from tests.terminal import clean_environment, installed, invoke, refused


def uncommented(template: str) -> str:
    """With every line that may be taken in; lines with ## explain and stay out."""
    return re.sub(r"(?m)^# ", "", template)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    assert invoke("init", str(tmp_path)).exit_code == Exit.DONE
    return tmp_path


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def checked(folder: Path, code: Exit = Exit.FAILED) -> dict[str, tuple[str, int | None, str, str | None]]:
    """The problems by key: file, line, reason, what was meant."""
    result = invoke("check", "--json", str(folder))
    assert result.exit_code == code, result.output
    found = [json.loads(line) for line in result.stdout.splitlines()]
    told = {one["key"]: (Path(one["file"]).name, one["line"], one["reason"], one["meant"]) for one in found}
    assert len(told) == len(found)
    return told


def line_of(file: Path, beginning: str) -> int:
    return next(number for number, line in enumerate(file.read_text().splitlines(), 1) if line.startswith(beginning))


# --- the templates -------------------------------------------------------------------------------------


def test_what_is_written_is_in_order_and_starts_where_no_money_moves(written: Path) -> None:
    settings, account = read_settings(written), load_account(written / "account.yaml")
    assert settings.world == "sandbox"
    assert settings.account_file == Path("account.yaml")
    assert account.mode == "observe"
    assert not any(account.consent.model_dump().values())
    result = invoke("check", str(written))
    assert (result.exit_code, result.stdout) == (Exit.DONE, "")
    assert len(result.stderr.splitlines()) == 3
    assert all(line.endswith(": in order") for line in result.stderr.splitlines())


def test_only_the_owner_can_read_what_secrets_come_into(written: Path) -> None:
    assert (written / SETTINGS_FILE).stat().st_mode & 0o077 == 0


def test_a_template_says_nothing_but_the_place_of_the_account_file_that_did_not_hold_anyway(written: Path) -> None:
    said = read_settings(written).model_dump(exclude={"account_file"})
    assert said == Settings().model_dump(exclude={"account_file"})
    account = load_account(written / "account.yaml")
    optional = {name for name, field in Account.model_fields.items() if not field.is_required()}
    assert account.model_fields_set & optional == {"mode", "brand_kit"}  # the kit's paths start from the folder


def test_every_commented_line_is_taken_by_the_real_loader_too(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text(uncommented(settings_template()))
    (tmp_path / "account.yaml").write_text(uncommented(account_template()))
    settings, account = read_settings(tmp_path), load_account(tmp_path / "account.yaml")
    assert settings.world == "sandbox"
    assert settings.meta_access_token is not None
    assert settings.safety == Settings().safety
    assert account.mode == "observe"
    assert account.hubspot is not None
    assert account.model_fields_set == set(Account.model_fields)
    assert checked_brief(account.default_brief).brand == "Bright Cup"
    brief = checked_brief(yaml.safe_load(uncommented(brief_template())))
    assert brief.model_fields_set == set(Brief.model_fields)


def test_a_shell_reads_every_commented_line_as_the_settings_do(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text(uncommented(settings_template()))
    edit(tmp_path / SETTINGS_FILE, "FLYWHEEL_HOME=.flywheel", f"FLYWHEEL_HOME={tmp_path}")
    code = "from flywheel_assets.settings import Settings; print(repr(Settings().model_dump()))"
    sourced = f"set -eua; . ./{SETTINGS_FILE}; exec '{sys.executable}' -c '{code}'"
    ran = subprocess.run(
        ["/bin/sh", "-c", sourced], cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    settings = read_settings(tmp_path)
    assert ran.stdout.strip() == repr(settings.model_dump())
    assert settings.rendering.font_folders[0] == Path("/usr/share/fonts")


@pytest.mark.parametrize(
    ("template", "models"),
    [(account_template(), (Account, HubSpot, Consent, BrandKit, Brief)), (brief_template(), (Brief,))],
    ids=["account", "brief"],
)
def test_every_field_is_in_its_template_below_what_it_is_for(
    template: str, models: tuple[type[BaseModel], ...]
) -> None:
    lines = template.splitlines()
    for name, field in ((name, field) for model in models for name, field in model.model_fields.items()):
        (before, *_) = [lines[at - 1] for at, line in enumerate(lines) if re.match(rf"(# +)?{name}:", line)]
        assert before.startswith("## "), name
        assert field.description, name


def test_every_variable_is_in_the_settings_file_below_what_it_is_for() -> None:
    lines = settings_template().splitlines()
    for name, field, _ in variables():
        (at,) = [at for at, line in enumerate(lines) if re.match(rf"(# )?{name}=", line)]
        assert lines[at - 1].startswith("## "), name
        assert field.description, name


# --- never overwriting ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [SETTINGS_FILE, "account.yaml", "my_video.brief.yaml"])
def test_what_exists_is_named_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    told = refused(invoke("init", str(tmp_path)), Exit.CONFIGURATION)
    assert f"{name} exists already; nothing was written" in told
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_a_link_that_leads_nowhere_is_not_written_through(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / "account.yaml").symlink_to(tmp_path / "elsewhere")
    refused(invoke("init", str(folder)), Exit.CONFIGURATION)
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = refused(invoke("init", str(tmp_path / "file" / "below")), Exit.CONFIGURATION)
    assert told.startswith(f"{tmp_path}/file/below cannot be used: Not a directory; make it usable")


# --- checking ------------------------------------------------------------------------------------------


def test_everything_that_is_wrong_is_told_at_once_with_its_line_and_what_was_meant(written: Path) -> None:
    env, account, brief = written / SETTINGS_FILE, written / "account.yaml", written / "my_video.brief.yaml"
    edit(env, "FLYWHEEL_WORLD=sandbox", "FLYWHEEL_WRLD=sandbox")
    edit(env, "# FLYWHEEL_SAFETY__FUZZ=0.03", "FLYWHEEL_SAFETY__FUZZ=7")
    edit(env, "# FLYWHEEL_GUARD__PACE=1.2", "FLYWHEEL_GUARD__PCE=1.2")
    edit(account, "mode: observe", "mood: observe")
    edit(account, "currency: USD", "currency: XYZ")
    edit(account, "America/New_York", "America/Nowhere")
    edit(
        account,
        "# hubspot:",
        "hubspot:\n  portl_id: 1\n  stages: {new: {win_probabilty: 1}, won: {win_probability: 2}}",
    )
    edit(account, "# pools:", "pools:\n- {name: x, objects: [c_1], shares: 1}")
    edit(account, "# default_brief:", "default_brief:\n  brnd: x")
    edit(brief, "brand: Bright Cup", "brand: ''")
    edit(brief, "call_to_action: Book your free tasting", "call_to_action: [Book]\ncal_to_action: Book")
    told = checked(written)
    extra = "nobody reads it"
    assert told["FLYWHEEL_WRLD"] == (SETTINGS_FILE, line_of(env, "FLYWHEEL_WRLD"), extra, "FLYWHEEL_WORLD")
    assert told["FLYWHEEL_SAFETY__FUZZ"][:2] == (SETTINGS_FILE, line_of(env, "FLYWHEEL_SAFETY__FUZZ"))
    assert told["FLYWHEEL_GUARD__PCE"][1:] == (line_of(env, "FLYWHEEL_GUARD__PCE"), extra, "FLYWHEEL_GUARD__PACE")
    assert told["mood"] == ("account.yaml", line_of(account, "mood"), extra, "mode")
    assert told["currency"][:2] == ("account.yaml", line_of(account, "currency"))
    assert told["time_zone"][2] == "'America/Nowhere' is not an IANA name such as Europe/Berlin"
    assert told["hubspot.portl_id"][1:] == (line_of(account, "hubspot") + 1, extra, "portal_id")
    assert told["hubspot.portal_id"][1:3] == (line_of(account, "hubspot"), "Field required")
    assert told["hubspot.stages.new.win_probabilty"][2:] == (extra, "win_probability")
    assert told["hubspot.stages.won.win_probability"][1] == line_of(account, "hubspot") + 2
    assert told["pools.0.shares"][1:] == (line_of(account, "pools") + 1, extra, "share")
    assert told["default_brief.brnd"][1:] == (line_of(account, "default_brief") + 1, extra, "brand")
    assert told["brand"][:2] == ("my_video.brief.yaml", line_of(brief, "brand"))
    assert told["call_to_action"][:2] == ("my_video.brief.yaml", line_of(brief, "call_to_action"))
    assert told["cal_to_action"][3] == "call_to_action"


def test_what_only_the_whole_shows_is_told_too(written: Path) -> None:
    edit(written / "account.yaml", "daily_plan: '150.00'", "daily_plan: lots\nname: twice")
    edit(written / "account.yaml", "ad_set_floor: '10.00'", "ad_set_floor: '100.00'")
    edit(written / "account.yaml", "# brand_kit:", "brand_kit:\n  logo: brand/none.svg")
    edit(written / "my_video.brief.yaml", "fresh coffee every morning", "a guaranteed cure")
    edit(written / "my_video.brief.yaml", "# language: en", "language: de")
    told = checked(written)
    assert told["daily_plan"][2] == "'lots' is not an amount of USD"
    assert told["ad_set_floor"][2].endswith("must be above 0 and at most ad_set_ceiling 60.00")
    assert told["name"][2] == "is written twice; the second one would count"
    assert "claims an advert may not make" in told[""][2]
    assert "hook formulas exist for 'en' only" in told["language"][2]
    edit(written / "account.yaml", "daily_plan: lots\nname: twice", "daily_plan: '150.00'")
    edit(written / "account.yaml", "ad_set_floor: '100.00'", "ad_set_floor: '10.00'")
    assert "no file " in checked(written)["brand_kit"][2]


def test_a_line_that_says_nothing_and_a_file_that_is_no_yaml_are_told(written: Path) -> None:
    env = written / SETTINGS_FILE
    env.write_text(env.read_text() + "just words\n")
    (written / "account.yaml").write_text("name: [open\n")
    result = invoke("check", str(written))
    assert result.exit_code == Exit.FAILED
    number = line_of(env, "just words")
    first, second = result.stdout.splitlines()
    assert first == f"{env}:{number}: line {number} is no NAME=value"
    assert second.startswith(f"{written}/account.yaml: is not YAML: ")
    assert result.stderr.endswith("2 problems; correct them and check again\n")


def test_a_settings_file_that_is_no_utf_8_is_told_and_the_other_files_are_still_looked_at(written: Path) -> None:
    (written / SETTINGS_FILE).write_bytes("FLYWHEEL_HOME=dépôt\n".encode("latin-1"))
    edit(written / "account.yaml", "mode: observe", "mood: observe")
    edit(written / "my_video.brief.yaml", "brand: Bright Cup", "brnd: Bright Cup")
    told = checked(written)
    assert told[""][2] == f"{written / SETTINGS_FILE} is no text in UTF-8; save it as UTF-8"
    assert told["mood"][0] == "account.yaml"
    assert told["brnd"][0] == "my_video.brief.yaml"
    assert where(written)["error"]["next"] == "save it as UTF-8"


def test_a_variable_that_nobody_reads_is_told_with_the_one_that_was_meant(written: Path) -> None:
    ours = {"FLYWHEEL_ACOUNT_FILE": "x.yaml", "FLYWHEEL_SAFETY__FUZ": "1", "flywheel_sed": "1", "flywheel_seed": "1"}
    ran = installed("check", cwd=written, **ours)
    assert ran.returncode == Exit.FAILED
    assert ran.stdout.splitlines() == [
        "environment: FLYWHEEL_SAFETY__FUZ: nobody reads it; did you mean FLYWHEEL_SAFETY__FUZZ?",
        "environment: FLYWHEEL_ACOUNT_FILE: nobody reads it; did you mean FLYWHEEL_ACCOUNT_FILE?",
        "environment: flywheel_sed: nobody reads it; did you mean FLYWHEEL_SEED?",
    ]


def test_a_name_of_the_settings_file_that_nobody_reads_is_told_also_without_our_prefix_or_a_value(
    tmp_path: Path,
) -> None:
    meant = {
        "DATABASE_URL=postgresql://me@127.0.0.1/ads": "FLYWHEEL_DATABASE_URL",
        "META_ACCESS_TOKEN=secret": "FLYWHEEL_META_ACCESS_TOKEN",
        "world=live": "FLYWHEEL_WORLD",
        "SAFETY__FUZZ=0.01": "FLYWHEEL_SAFETY__FUZZ",
        'SAFETY={"fuzz": 0.01}': "FLYWHEEL_SAFETY",
        "FLYWHEEL_DATABSE_URL=": "FLYWHEEL_DATABASE_URL",
        "FLYWHEEL_GUARD__PCE=": "FLYWHEEL_GUARD__PACE",
        "FLYWHEEL_HOME__FOLDER=x": "FLYWHEEL_DROP_FOLDER",
        "COLOUR=": None,
    }
    read = ["flywheel_seed=7", "Flywheel_Safety__Fuzz=0.01", 'FLYWHEEL_BUDGET={"confidence": 0.8}']
    lines = [*read, *meant]
    (tmp_path / SETTINGS_FILE).write_text("\n".join(lines))
    told = {key: one for key, one in checked(tmp_path).items() if one[0] == SETTINGS_FILE}
    assert told == {
        line.partition("=")[0].upper(): (SETTINGS_FILE, lines.index(line) + 1, "nobody reads it", name)
        for line, name in meant.items()
    }
    error = where(tmp_path)["error"]
    assert error["exit"] == "configuration"
    assert "WORLD: nobody reads it; did you mean FLYWHEEL_WORLD?" in error["message"]


def test_a_group_of_the_settings_file_may_be_json(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text('FLYWHEEL_BUDGET={"confidence": 0.8}\nflywheel_seed=7\n')
    settings = read_settings(tmp_path)
    assert (settings.budget.confidence, settings.seed) == (0.8, 7)


def test_an_alias_that_leads_back_to_itself_ends_the_check_and_not_its_patience(written: Path) -> None:
    account = written / "account.yaml"
    account.write_text(account.read_text() + "niche: &a [*a]\nbounds: &b {x: *b}\n")
    told = checked(written)
    assert told["niche"][:3] == ("account.yaml", line_of(account, "niche"), "Input should be a valid string")
    assert told["bounds.x.x"][2] == "nobody reads it"


def test_the_sample_of_the_repository_is_in_order(tmp_path: Path) -> None:
    samples = Path(__file__).parents[2] / "samples"
    (tmp_path / SETTINGS_FILE).write_text(f"FLYWHEEL_ACCOUNT_FILE={samples / 'account.yaml'}\n")
    assert checked(tmp_path, Exit.DONE) == {}


# --- the settings file is read -------------------------------------------------------------------------


def where(folder: Path, **environment: str) -> Any:
    ran = installed("where", "home", "--json", cwd=folder, **environment)
    return json.loads(ran.stdout or ran.stderr)


def test_commands_started_in_its_folder_read_the_settings_file_and_the_environment_counts_more(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text("FLYWHEEL_HOME=mine\n")
    assert where(tmp_path) == {"place": "home", "path": str(tmp_path / "mine")}
    assert where(tmp_path, FLYWHEEL_HOME="/srv/theirs")["path"] == "/srv/theirs"


def test_a_settings_file_with_a_fault_stops_every_command(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text("FLYWHEEL_HOME=mine\nFLYWHEEL_WRLD=live\nwords\n")
    error = where(tmp_path)["error"]
    assert error["exit"] == "configuration"
    assert "FLYWHEEL_WRLD: nobody reads it; did you mean FLYWHEEL_WORLD?" in error["message"]
    assert f"{SETTINGS_FILE} line 3 is no NAME=value" in error["message"]


def test_processes_that_are_started_get_what_the_settings_file_says(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text("FLYWHEEL_SEED=7\nFLYWHEEL_WORLD=live\n")
    code = (
        "import os\nfrom flywheel_assets.cli.environment import export_settings_file\nexport_settings_file()\n"
        "print(os.environ['FLYWHEEL_SEED'], os.environ['FLYWHEEL_WORLD'])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=clean_environment(FLYWHEEL_WORLD="sandbox"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "7 sandbox\n"


# The file, the environment, and one field of what both together mean.
BOTH: dict[str, tuple[str, dict[str, str], str, object]] = {
    "small letters in the file": ("flywheel_world=live", {"FLYWHEEL_WORLD": "sandbox"}, "world", "sandbox"),
    "small letters outside": ("FLYWHEEL_WORLD=live", {"flywheel_world": "sandbox"}, "world", "sandbox"),
    "small letters everywhere": ("flywheel_world=live", {"Flywheel_World": "sandbox"}, "world", "sandbox"),
    "small letters, nobody else": ("flywheel_seed=7", {}, "seed", 7),
    "a field": ("flywheel_safety__fuzz=0.05", {"FLYWHEEL_SAFETY__FUZZ": "0.01"}, "safety.fuzz", 0.01),
    "a group outside": ("FLYWHEEL_SAFETY__FUZZ=0.05", {"FLYWHEEL_SAFETY": '{"fuzz": 0.01}'}, "safety.fuzz", 0.01),
    "another field of a group outside": (
        "FLYWHEEL_SAFETY__FUZZ=0.05",
        {"flywheel_safety": '{"pause_reserve": 2}'},
        "safety.fuzz",
        0.05,
    ),
    "a group in both": (
        """FLYWHEEL_SAFETY='{"fuzz": 0.05, "pause_reserve": 2}'""",
        {"flywheel_safety": '{"fuzz": 0.01}'},
        "safety",
        {"fuzz": 0.01, "pause_reserve": 2},
    ),
    "a group in the file": ("""FLYWHEEL_SAFETY='{"fuzz": 0.05}'""", {"FLYWHEEL_SEED": "7"}, "safety.fuzz", 0.05),
}


def test_dagster_reads_the_very_settings_that_the_command_read_however_names_are_written(tmp_path: Path) -> None:
    code = (
        "import json, os, sys\nfrom pathlib import Path\n"
        "from flywheel_assets.cli.environment import export_settings_file, read_settings\n"
        "from flywheel_assets.settings import Settings\n"
        "said, environment = json.loads(sys.argv[1])\nbefore = dict(os.environ)\n"
        "for file, given in zip(said, environment):\n"
        "    Path('flywheel.env').write_text(file)\n"
        "    os.environ.clear()\n    os.environ.update(before | given)\n"
        "    print(read_settings().model_dump_json())\n    export_settings_file()\n"
        "    print(Settings().model_dump_json())\n"
    )
    cases = json.dumps([[file for file, *_ in BOTH.values()], [given for _, given, *_ in BOTH.values()]])
    ran = subprocess.run(
        [sys.executable, "-c", code, cases],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = ran.stdout.splitlines()
    for (case, (*_, field, meant)), command, dagster in zip(BOTH.items(), lines[::2], lines[1::2], strict=True):
        assert command == dagster, case
        found = json.loads(dagster)
        for name in field.split("."):
            found = found[name]
        assert (found | meant if isinstance(meant, dict) else meant) == found, case


def test_a_program_learns_what_was_written(tmp_path: Path) -> None:
    told = json.loads(invoke("init", "--json", str(tmp_path / "new")).stdout)
    assert sorted(told["written"]) == sorted(str(path) for path in (tmp_path / "new").iterdir())
