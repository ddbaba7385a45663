"""Parameters as the installed SDK describes them: every call is covered, and values are checked however deep."""

from __future__ import annotations

from typing import Any

import pytest

from flywheel_assets.sandbox.meta.errors import GraphError
from flywheel_assets.sandbox.meta.shapes import check_shape
from flywheel_assets.sandbox.meta.validate import decode, schema

CALLS = [f"{verb} {kind}" for verb in ("create", "update") for kind in ("campaign", "adset", "ad", "adcreative")]


@pytest.mark.parametrize("call", [*CALLS, "create advideo", "create adimage", "order insights", "read insights"])
def test_every_call_knows_the_sdk_s_parameters_and_no_other(call: str) -> None:
    known = schema(call)
    assert known.types
    enums = {kind.removeprefix("list<").removesuffix(">") for kind in known.types.values() if "_enum" in kind}
    assert enums <= set(known.enums)
    assert all(known.enums[name] for name in enums)
    with pytest.raises(GraphError, match="not_a_parameter"):
        decode(call, {"not_a_parameter": "1"})


def test_an_ad_has_no_budget_in_the_sdk_and_an_ad_set_has() -> None:
    assert "daily_budget" not in schema("update ad").types
    assert decode("update adset", {"daily_budget": "500"}) == {"daily_budget": 500}


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("string", ["a", 7], [True, None, ["a"], {}]),
        ("unsigned int", [0, "7"], [-1, "-1", "x", 1.5, True, []]),
        ("int", [-1, "-7"], ["1.0", True, None]),
        ("float", [1, 2.5], ["2.5", True]),
        ("bool", [True, 0, "false"], ["yes", 2, [], {}]),
        ("datetime", ["2026-11-02", 1762000000], [None, []]),
        ("map", [{}, {"a": 1}], [[], "a"]),
        ("map<string, int>", [{"a": 1}], [[]]),
        ("list", [[], [1, "a"]], ["a", {}]),
        ("list<string>", [["a"]], [[None], "a"]),
        ("list<list<unsigned int>>", [[[1], []]], [[1], [["x"]]]),
        ("mood_enum", ["GLAD"], ["ANGRY", ["GLAD"], None]),
        ("list<mood_enum>", [["GLAD"]], [["ANGRY"], [["GLAD"]]]),
        ("TargetingGeoLocation", [{"countries": ["DE"]}], [{"moods": []}, {"countries": [None]}, []]),
        ("SomethingTheSdkNames", [1, "a", {}], []),
    ],
)
def test_a_value_is_of_its_type_or_refused(kind: str, good: list[Any], bad: list[Any]) -> None:
    enums = {"mood_enum": frozenset({"GLAD"})}
    for value in good:
        check_shape("p", value, kind, enums)
    for value in bad:
        with pytest.raises(GraphError, match=r"Param p"):
            check_shape("p", value, kind, enums)


def test_a_refusal_names_the_way_to_the_value() -> None:
    wrong = {"geo_locations": {"cities": [{"key": "1"}, {"key": "2", "radius": "far", "colour": 1}]}}
    with pytest.raises(GraphError, match=r"targeting\.geo_locations\.cities\[1\]"):
        check_shape("targeting", wrong, "Targeting", {})
