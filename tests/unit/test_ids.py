"""Names that survive a crash: the same everywhere, every time."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.core.ids import creative_id, digest, file_sha256, rng
from flywheel_assets.execution.objects import new_tag

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)
VIDEO = "a" * 64


def test_a_files_hash_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(b"film" * 100_000)
    assert file_sha256(path) == hashlib.sha256(b"film" * 100_000).hexdigest()


@given(st.dictionaries(st.text(max_size=6), json_values, max_size=6))
def test_a_digest_does_not_depend_on_the_order_of_keys(value: dict[str, Any]) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))


def test_a_digest_depends_on_everything_else() -> None:
    values: list[Any] = [[], {}, "", None, 0, False, "0", [1, 2], [2, 1], [[1], 2], ["1", 2], {"a": 1}, {"a": "1"}, "ä"]
    assert len({digest(value) for value in values}) == len(values)


def test_a_creative_id_is_a_valid_partition_key_and_the_same_for_the_same_request() -> None:
    key = creative_id(VIDEO, {"brand": "Bright Cup", "offer": "free week"})
    assert re.fullmatch(r"c_[0-9a-f]{12}", key)
    assert key == creative_id(VIDEO, {"offer": "free week", "brand": "Bright Cup"})
    others = {creative_id("b" * 64, {}), creative_id(VIDEO, {}), creative_id(VIDEO, {}, 1), key}
    assert len(others) == 4


def test_equal_parts_draw_equal_numbers_and_others_do_not() -> None:
    assert rng("a", 1).uniform(size=4).tolist() == rng("a", 1).uniform(size=4).tolist()
    first = {float(rng(*parts).uniform()) for parts in (("a", 1), ("a", 2), ("b", 1), ("a1",), ("a", "1", ""))}
    assert len(first) == 5


def test_parts_are_kept_apart() -> None:
    assert rng("ab", "c").uniform() != rng("a", "bc").uniform()


def test_another_process_draws_the_same() -> None:
    """Python's own hash of a string changes from process to process; ours must not."""
    script = (
        "from flywheel_assets.core.ids import rng, digest; print(rng('fuzz', 7).uniform(), digest({'b': 1, 'a': [2]}))"
    )
    found = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    assert found == [str(rng("fuzz", 7).uniform()), digest({"a": [2], "b": 1})]


def test_a_tag_is_the_same_for_every_attempt_and_differs_between_worlds_and_objects() -> None:
    tags = {new_tag(world, ref) for world in ("sandbox", "live") for ref in ("c1/v1/ad", "c1/v2/ad", "c2/v1/ad")}
    assert len(tags) == 6
    assert new_tag("live", "c1/v1/ad") in tags
    assert all(re.fullmatch(r"fw-[0-9a-f]{10}", tag) for tag in tags)
