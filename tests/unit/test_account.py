"""The account file: the sample is right, and every mistake is told in one line that names the file and the field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.money import MINOR_DIGITS, Money
from flywheel_assets.store.accounts import load_account
from flywheel_assets.store.documents import read_yaml

_SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "account.yaml"


def _refused(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_account(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def _with(folder: Path, **changed: Any) -> Path:
    """The sample with some fields replaced; None takes one away."""
    fields = yaml.safe_load(_SAMPLE.read_text(encoding="utf-8")) | changed
    path = folder / "account.yaml"
    kept = {name: value for name, value in fields.items() if value is not None}
    path.write_text(yaml.safe_dump(kept), encoding="utf-8")
    return path


def test_the_sample_is_an_account() -> None:
    account = load_account(_SAMPLE)
    assert account.mode == "auto"
    plan, ceiling = account.money(account.daily_plan), account.money(account.ad_set_ceiling)
    assert plan.currency == ceiling.currency == "USD"
    assert plan.minor > ceiling.minor > 0
    assert account.consent.model_dump() == dict.fromkeys(account.consent.model_dump(), False)


def test_an_account_starts_by_watching_and_consents_to_nothing(tmp_path: Path) -> None:
    account = load_account(_with(tmp_path, mode=None, consent=None))
    assert account.mode == "observe"
    assert not any(account.consent.model_dump().values())


def test_pools_are_kept_in_the_database_as_they_are_written(tmp_path: Path) -> None:
    pools = [{"name": "old", "objects": ["c_1"], "share": 0.3}, {"name": "new", "objects": ["c_2/v01"], "at_most": 0.5}]
    account = load_account(_with(tmp_path, pools=pools, opt_outs=["c_3"], policy="blended", fatigue_k=1e-6))
    assert Account.model_validate(account.model_dump(mode="json")) == account
    assert [(pool.least, pool.most) for pool in account.pools] == [(0.3, 0.3), (0.0, 0.5)]


def test_a_missing_file_says_how_to_name_another(tmp_path: Path) -> None:
    assert "does not exist; set FLYWHEEL_ACCOUNT_FILE" in _refused(tmp_path / "account.yaml")


def test_a_folder_is_no_account(tmp_path: Path) -> None:
    assert "cannot be read" in _refused(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["name: [open", "a: b: c", "\tname: x", "when: 2026-13-45", "[" * 20_000, "name: \x07"],
    ids=["open list", "two colons", "tab", "month 13", "deep", "bell"],
)
def test_what_is_not_yaml_is_told_with_its_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "account.yaml"
    path.write_text(text, encoding="utf-8")
    assert "is not YAML" in _refused(path)


@pytest.mark.parametrize("content", [b"", b"- one\n- two\n", b"just words"])
def test_a_document_without_fields_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "account.yaml"
    path.write_bytes(content)
    assert "document: " in _refused(path)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"currency": "XYZ"}, "currency 'XYZ' is not supported"),
        ({"time_zone": "Nowhere/City"}, "time_zone"),
        ({"time_zone": "America"}, "time_zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
        ({"mode": "yolo"}, "mode: "),
        ({"acount_id": "act_1"}, "acount_id: Extra inputs"),
        ({"account_id": "1000000001"}, "account_id: "),
        ({"page_id": None}, "page_id: Field required"),
        ({"targeting": {}}, "targeting: "),
        ({"new_creative_share": 1.5}, "new_creative_share: "),
        ({"consent": {"everything": True}}, "consent.everything: "),
        ({"daily_plan": "lots"}, "daily_plan: 'lots'"),
        ({"ad_set_floor": "9.999"}, "ad_set_floor: "),
        ({"ad_set_floor": "0"}, "ad_set_floor 0 must be above 0"),
        ({"ad_set_ceiling": "5.00"}, "ad_set_ceiling 5.00"),
        ({"policy": "best"}, "policy: "),
        ({"fatigue_k": -1}, "fatigue_k: "),
        ({"pools": [{"name": "a", "objects": []}]}, "pools.0.objects: "),
        ({"pools": [{"name": "a", "objects": ["c_1"], "share": 0.5, "at_least": 0.1}]}, "give a share, or at_least"),
        ({"pools": [{"name": "a", "objects": ["c_1"], "at_least": 0.5, "at_most": 0.1}]}, "at_least 0.5 is above"),
        (
            {"pools": [{"name": "a", "objects": ["c_1"]}, {"name": "b", "objects": ["c_1"]}]},
            "c_1 is in the pools a and b",
        ),
        ({"pools": [{"name": "a", "objects": ["c_1"]}, {"name": "a", "objects": ["c_2"]}]}, "two pools have one name"),
        (
            {"pools": [{"name": name, "objects": [name], "share": 0.6} for name in ("c_1", "c_2")]},
            "pools ask for 120% of the plan together",
        ),
        ({"currency": "JPY"}, "ad_set_floor: 10.50 JPY is finer than its minor unit"),
    ],
    ids=str,
)
def test_a_wrong_field_is_named(tmp_path: Path, changed: dict[str, Any], named: str) -> None:
    whole = {"daily_plan": "250", "ad_set_floor": "10.50", "ad_set_ceiling": "120"}
    assert named in _refused(_with(tmp_path, **(whole | changed)))


def test_every_wrong_field_is_named_at_once(tmp_path: Path) -> None:
    message = _refused(_with(tmp_path, mode="yolo", page_id="Bright Cup", objectve="x"))
    assert all(field in message for field in ("mode", "page_id", "objectve"))


@given(
    content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
)
def test_no_content_of_a_file_raises_anything_else(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    try:
        read_yaml(path)
    except ConfigurationError as error:
        assert "\n" not in str(error)  # noqa: PT017 - most contents are YAML, and that is no failure


@given(st.integers(1, 10**9), st.sampled_from(sorted(MINOR_DIGITS)))
def test_an_amount_reads_back_as_it_was_written(minor: int, currency: str) -> None:
    account = load_account(_SAMPLE).model_copy(update={"currency": currency})
    money = Money(minor, currency)
    assert account.money(str(money).removesuffix(f" {currency}")) == money
