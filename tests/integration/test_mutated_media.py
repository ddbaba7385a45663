"""Three hundred damaged films: each is taken and can be perceived, or refused by name. None breaks its process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.mutants_of_media import DAMAGES, write_mutants

ROOT = Path(__file__).resolve().parents[2]
COUNT, SEED = 300, 1
# As `probe` promises them, and `too_much_memory`, which its parent makes of an answer without memory.
RULES = {
    "empty_file", "not_a_video", "no_video_stream", "unknown_codec", "too_many_streams", "too_short", "too_long",
    "too_many_pixels", "too_many_frames", "no_times", "damaged",
}  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("mutants")
    write_mutants(folder, COUNT, SEED)
    command = [sys.executable, "-m", "tests.mutants_of_media", str(folder)]
    done = subprocess.run(command, capture_output=True, check=False, cwd=ROOT, timeout=600)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def _rule(answer: dict[str, Any]) -> str | None:
    """Of a typed refusal with reason and remedy; None for anything else."""
    if "out_of_memory" in answer:
        return "too_much_memory"
    if "rejected" not in answer:
        return None
    _, rule, reason, remedy = answer["rejected"]
    return rule if rule in RULES and reason and remedy else None


def test_every_mutant_has_a_typed_outcome(told: list[dict[str, Any]]) -> None:
    assert len(told) == COUNT
    odd = {one["name"]: one["look"] for one in told if "result" not in one["look"] and _rule(one["look"]) is None}
    assert odd == {}


def test_what_is_taken_can_be_perceived_or_is_refused_as_damaged(told: list[dict[str, Any]]) -> None:
    taken = [one for one in told if "result" in one["look"]]
    odd = {one["name"]: one["decode"] for one in taken if "result" not in one["decode"] and not _rule(one["decode"])}
    assert odd == {}
    whole = [one for one in taken if one["decode"].get("result", 0) > 0]
    assert len(whole) > COUNT // 10, "hardly a mutant is taken: the damage is too coarse to test anything"


def test_every_kind_of_damage_is_refused_now_and_then(told: list[dict[str, Any]]) -> None:
    refused = {one["name"].split("-")[1] for one in told if "result" not in one["look"]}
    assert refused == {damage.__name__ for damage in DAMAGES}
