"""Exports as people have them: CSV under many headings, read tolerantly in form and strictly in meaning."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from flywheel_assets.budget.backtest.history import HistoryRefused

_LARGEST = 500_000_000  # bytes; a year of hours of a thousand ads
_MARKS = str.maketrans("", "", " \u00a0\u202f'$€£¥")
_PLAIN = re.compile(r"-?\d+(\.\d+)?")
_GROUPED = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")
_FORMATS = ("%m/%d/%Y %H:%M", "%m/%d/%Y", "%m/%d/%Y %I:%M %p", "%Y-%m-%d %I:%M %p")


@dataclass(frozen=True)
class Row:
    """One line by the fields it has; an empty cell is None."""

    line: int
    cells: Mapping[str, str | None]

    def get(self, name: str) -> str | None:
        """The cell's text; None where it is empty or the export has no such column."""
        return self.cells.get(name)


@dataclass(frozen=True)
class Sheet:
    """A file's rows under our names.

    Attributes:
        headings: what each of our names is called in the file.
        unknown: headings that nothing is read from.
    """

    name: str
    rows: list[Row]
    headings: dict[str, str]
    unknown: list[str]


def read_sheet(
    path: Path, names: Mapping[str, Sequence[str]], required: Iterable[str], patterns: Mapping[str, re.Pattern[str]]
) -> Sheet:
    """Read a CSV file: UTF-8 or UTF-16, comma, semicolon or tab.

    Args:
        path: the file.
        names: accepted headings of each field, in lower case.
        required: fields that must be there.
        patterns: headings that carry something in themselves, such as a currency, by field; field names get
            ``:`` and the first group appended.

    Raises:
        HistoryRefused: the file cannot be read, a required column is missing, or two headings mean the same.
    """
    lines = csv.reader(io.StringIO(_text(path)), delimiter=_delimiter(path))
    table = [(lines.line_num, cells) for cells in lines if any(cell.strip() for cell in cells)]
    if not table:
        raise HistoryRefused([f"{path.name} is empty; export it again with a heading line"])
    headings = [cell.strip() for cell in table[0][1]]
    fields = [_field(heading, names, patterns) for heading in headings]
    found = {name: heading for name, heading in zip(fields, headings, strict=True) if name}
    _check(path.name, fields, headings, names, required)
    rows = [Row(number, _cells(fields, cells)) for number, cells in table[1:]]
    unknown = [heading for name, heading in zip(fields, headings, strict=True) if name is None and heading]
    return Sheet(path.name, rows, found, unknown)


def number(text: str | None) -> float | None:
    """A number as exports write it: `1234.5`, `1,234.50`, `$1,234`; None where there is none.

    Raises:
        ValueError: anything else, also decimal commas, which cannot be told from thousands.
    """
    if text is None:
        return None
    bare = text.translate(_MARKS)
    if _GROUPED.fullmatch(bare):
        bare = bare.replace(",", "")
    if not _PLAIN.fullmatch(bare):
        raise ValueError(f"{text!r} is not a number such as 1234.56; export with a point for decimals")
    return float(bare)


def moment(text: str | None, zone: ZoneInfo) -> datetime | None:
    """A date, or date and time; in ``zone`` where it names no offset.

    Raises:
        ValueError: not a date in a known form.
    """
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = _american(text)
    return found if found.tzinfo else found.replace(tzinfo=zone)


def begin_of_day(text: str, zone: ZoneInfo) -> datetime:
    """Midnight of a day.

    Raises:
        ValueError: not a date.
    """
    found = moment(text, zone)
    assert found is not None  # noqa: S101 - only an empty cell is None
    return datetime.combine(found.date(), time(), tzinfo=zone)


def _american(text: str) -> datetime:
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the caller adds the zone
        except ValueError:
            continue
    raise ValueError(f"{text!r} is not a date such as 2026-01-31 or 2026-01-31 14:05")


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise HistoryRefused([f"{path.name} is larger than {_LARGEST:,} bytes; export a shorter time"])
        raw = path.read_bytes()
        return raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except OSError as error:
        raise HistoryRefused([f"{path.name} cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise HistoryRefused([f"{path.name} is no text in UTF-8; export it as CSV, not as a workbook"]) from None


def _delimiter(path: Path) -> str:
    first = _text(path).split("\n", 1)[0]
    return max(",;\t", key=first.count)


def _field(heading: str, names: Mapping[str, Sequence[str]], patterns: Mapping[str, re.Pattern[str]]) -> str | None:
    plain = " ".join(heading.lower().split())
    for name, accepted in names.items():
        if plain in accepted:
            return name
    for name, pattern in patterns.items():
        if match := pattern.fullmatch(heading):
            return f"{name}:{next(group for group in match.groups() if group)}"
    return None


def _check(
    file: str,
    fields: Sequence[str | None],
    headings: Sequence[str],
    names: Mapping[str, Sequence[str]],
    required: Iterable[str],
) -> None:
    known = [name for name in fields if name]
    problems = [
        f"{file}: two columns mean {name}: "
        + " and ".join(repr(heading) for field, heading in zip(fields, headings, strict=True) if field == name)
        + "; export one of them"
        for name in dict.fromkeys(known)
        if known.count(name) > 1
    ]
    here = {name.partition(":")[0] for name in known}
    problems += [
        f"{file} has no column for {name}: add one named {' or '.join(repr(one) for one in names[name])}"
        for name in required
        if name not in here
    ]
    if problems:
        raise HistoryRefused(problems)


def _cells(fields: Sequence[str | None], cells: Sequence[str]) -> dict[str, str | None]:
    return {name: cell.strip() or None for name, cell in zip(fields, cells, strict=False) if name}
