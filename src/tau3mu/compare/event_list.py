"""Lists of events of other groups: CSV or text with run, lumi, event and any other columns."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.config.input_files import read_text
from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["EventList", "read_event_list"]

_SPELLINGS: Final = {
    "run": {"run", "runnumber", "runno", "runnb", "irun"},
    "lumi": {"lumi", "ls", "lumisection", "luminosityblock", "lumiblock", "lumino", "luminb",
             "luminumber", "ilumi"},
    "event": {"event", "evt", "eventnumber", "evtnumber", "eventno", "eventnb", "ievt", "ievent"},
}  # fmt: skip
_LARGEST: Final = {"run": 2**32, "lumi": 2**32, "event": 2**63}
_MOST_NAMED: Final = 5


@dataclass(frozen=True, eq=False)
class EventList:
    """Events that others have selected.

    Attributes:
        path: The file.
        numbers: `run`, `lumi` and `event`, one per row.
        columns: The other columns by their names, as texts.
        lines: The line of each row in the file.
    """

    path: Path
    numbers: Mapping[str, npt.NDArray[np.int64]]
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lines: Sequence[int] = ()

    def __len__(self) -> int:
        """Returns the number of rows."""
        return len(self.lines)

    @property
    def label(self) -> str:
        """Names it in tables."""
        return str(self.path)

    def values(self, name: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Returns a column as numbers, and one unit of the last digit that is given of each.

        Args:
            name: Of the column. An empty text, or `nan`, is a missing value.

        Raises:
            InputError: Texts are not numbers; their lines are named.
        """
        numbers, units = np.empty(len(self)), np.zeros(len(self))
        bad = []
        for index, text in enumerate(self.columns[name]):
            if not text or text.lower() == "nan":
                numbers[index] = np.nan
                continue
            try:
                exponent = Decimal(text).as_tuple().exponent
                numbers[index] = float(text)
            except (InvalidOperation, ValueError):
                bad.append((self.lines[index], f"{name} is {text!r}, expected a number"))
            else:
                units[index] = 10.0**exponent if isinstance(exponent, int) else 0.0
        if bad:
            raise _bad_rows(self.path, bad)
        return numbers, units


def read_event_list(path: Path) -> EventList:
    """Returns the events of a file.

    The first line names the columns, or there are three numbers in each line. Columns are separated
    by commas, semicolons, colons, tabs, bars or spaces; lines that are empty or begin with `#` are
    passed over, except that the first one may be a header.

    Args:
        path: The file.

    Raises:
        InputError: It cannot be read, has no run, lumi and event, or lines that are damaged, which
            are named.
    """
    rows = _rows(read_text(path, "list of events"))
    number, first = next(rows, (0, []))
    header = [_canonical(name) for name in first]
    wanted = set(_SPELLINGS)
    body: list[tuple[int, list[str]]] = []
    if not wanted <= set(header):
        if len(first) != len(wanted) or not all(_whole(text) is not None for text in first):
            missing = ", ".join(name for name in _SPELLINGS if name not in header)
            message = (
                f"{path} is not a list of events: its first line has no column {missing}; expected "
                "the names run, lumi and event there, or three numbers in each line"
            )
            raise InputError(message, code="compare.no-event-list", path=path)
        header = list(_SPELLINGS)
        body.append((number, first))
    if twice := [name for name in header if header.count(name) > 1]:
        message = f"{path}: two columns are called {twice[0]!r}"
        raise InputError(message, code="compare.repeated-column", path=path)
    body += rows
    numbers, bad = _numbers(header, body)
    if bad:
        raise _bad_rows(path, bad)
    columns = {
        name: [fields[index] for _, fields in body]
        for index, name in enumerate(header)
        if name not in wanted
    }
    return EventList(path, numbers, columns, [line for line, _ in body])


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yields the number of each line and its fields, none if it cannot be divided."""
    separator = ""
    for number, given in enumerate(text.splitlines(), 1):
        line = given.strip().lstrip("\ufeff")
        if line.startswith("#"):
            if separator or not set(_SPELLINGS) <= {
                _canonical(name) for name in re.split(r"[,;:|\s]+", line.strip("# |"))
            }:
                continue
            line = line.strip("# ")
        if not line:
            continue
        separator = separator or next((one for one in ",;\t:|" if one in line), " ")
        yield number, _fields(line, separator)


def _fields(line: str, separator: str) -> list[str]:
    if separator == " ":
        return line.split()
    line = line.strip("|") if separator == "|" else line
    try:
        (fields,) = csv.reader([line], delimiter=separator)
    except csv.Error:  # such as a field that is as long as a file
        return []
    return [one.strip() for one in fields]


def _canonical(name: str) -> str:
    """Returns `run`, `lumi` or `event` for the usual spellings, other names as they are."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    return next((key for key, names in _SPELLINGS.items() if plain in names), name)


def _numbers(
    header: list[str], body: list[tuple[int, list[str]]]
) -> tuple[dict[str, npt.NDArray[np.int64]], list[tuple[int, str]]]:
    bad: list[tuple[int, str]] = []
    found = {name: np.zeros(len(body), np.int64) for name in _SPELLINGS}
    places = [(name, header.index(name), _LARGEST[name]) for name in _SPELLINGS]
    for index, (line, fields) in enumerate(body):
        if len(fields) != len(header):
            bad.append((line, f"{len(fields)} columns, expected {len(header)}"))
            continue
        for name, place, most in places:
            value = _whole(fields[place])
            if value is None or not 0 <= value < most:
                bad.append((line, f"{name} is {fields[place]!r}, expected a whole number"))
                break
            found[name][index] = value
    return found, bad


def _whole(text: str) -> int | None:
    """Returns a whole number, also one that is written like 297057.0; None for anything else."""
    return int(match[1]) if (match := re.fullmatch(r"([0-9]{1,20})(?:\.0*)?", text)) else None


def _bad_rows(path: Path, bad: list[tuple[int, Any]]) -> InputError:
    lines = [f"{path}, line {line}: {what}" for line, what in bad[:_MOST_NAMED]]
    if more := len(bad) - len(lines):
        lines.append(f"... and {more} more lines")
    return InputError("\n".join(lines), code="compare.bad-row", path=f"{path}:{bad[0][0]}")
