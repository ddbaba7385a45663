"""Names that survive a crash: content hashes, creative ids, tags and seeded generators."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(value: Any) -> str:
    """Hex SHA-256 of a JSON-serialisable value, independent of key order."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def creative_id(video_sha256: str, brief: dict[str, Any], generation: int = 0) -> str:
    """Partition key of a creative request: the same video and brief resume, they do not repeat."""
    return f"c_{digest([video_sha256, brief, generation])[:12]}"


def campaign_of(creative_id: str) -> str:
    """Local name of a creative's campaign."""
    return f"{creative_id}/campaign"


def rng(*parts: str | int) -> np.random.Generator:
    """A generator that depends on nothing but ``parts``: equal parts, equal draws."""
    words = np.frombuffer(hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest(), dtype=np.uint32)
    return np.random.default_rng(words.tolist())
