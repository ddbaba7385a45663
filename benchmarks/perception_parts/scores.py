"""Error rates."""

from __future__ import annotations

from collections.abc import Sequence


def edits(one: Sequence[object], other: Sequence[object]) -> int:
    """Insertions, deletions and replacements that lead from one to the other."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b)))
    return row[-1]


def words(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    plain = "".join(letter if letter.isalnum() or letter in " '" else " " for letter in text.lower())
    return plain.split()
