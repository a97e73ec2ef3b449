"""The texts of layout tables, in which every mistake is found with its line and column.

Cells are separated by tabs. Lines may end as on any system, and a byte-order mark is ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from tau3mu.config.printable import printable
from tau3mu.errors import InputError, suggest
from tau3mu.ntuples.table_checks import LEVELS, SCALARS, TYPES, check_views, is_list, is_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Branch", "Contents", "decode_table", "parse_table"]

_COLUMNS: Final = ("branch", "type", "view", "missing")
_HEADERS: Final = {"#tree": ("NAME",), "#pad": ("COLUMN", "VALUE"), "#needs": ("BRANCH",)}
_WORDS: Final = ("flag", "first", "optional", "absent")
_LEG: Final = "index:"
_EVENT: Final = {"run", "lumi", "event"}
_VIEW = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*|(hlt|l1)\.\*")
_MAX_PROBLEMS: Final = 20


@dataclass(frozen=True)
class Branch:
    """One row of a layout table.

    Attributes:
        name: The branch.
        type: The type that its values have in the events.
        view: The column.
        missing: The values that mean "not there".
        flag: Whether it is a boolean that may be stored as a number.
        first: Whether it is a list of one value that stands for the value.
        optional: Whether files may lack it, in whose events nothing is there then.
        absent: Whether the file at hand lacks it.
        leg: The collection into which it is an index, counted from 0 in each event.
    """

    name: str
    type: str
    view: str
    missing: tuple[float, ...] = ()
    flag: bool = False
    first: bool = False
    optional: bool = False
    absent: bool = False
    leg: str = ""

    @property
    def words(self) -> str:
        """The last cell of the row."""
        words = [word for word in _WORDS if getattr(self, word)]
        leg = [f"{_LEG}{self.leg}"] * bool(self.leg)
        values = [str(int(v)) if v.is_integer() else repr(v) for v in self.missing]
        return " ".join([*values, *words, *leg])


class Contents(NamedTuple):
    """The content of a table: the tree, which column and value mark pads, and the branches.

    The column is empty if there are no pads; `needs` is a branch without which no tree has this
    layout, or empty.
    """

    tree: str
    pad_view: str
    pad_value: float
    branches: tuple[Branch, ...]
    needs: str = ""


class _Cell(NamedTuple):
    """The text of a cell, and where it begins."""

    text: str
    line: int
    column: int


class _Problems:
    """The mistakes found so far."""

    def __init__(self, place: str) -> None:
        self._place = printable(place)
        self._found: list[tuple[int, int, str]] = []

    def add(self, line: int, column: int, text: str) -> None:
        self._found.append((line, column, text))

    def __len__(self) -> int:
        return len(self._found)

    def refuse(self) -> None:
        if not self._found:
            return
        found = sorted(self._found)
        lines = [f"{self._place}:{line}:{column}: {text}" for line, column, text in found]
        more = len(lines) - _MAX_PROBLEMS
        path = "{}:{}:{}".format(self._place, *found[0][:2])
        message = "\n".join([*lines[:_MAX_PROBLEMS], *([f"... {more} more"] * (more > 0))])
        raise InputError(message, code="ntuples.bad-table", path=path)


def decode_table(content: bytes, place: str) -> str:
    """Returns the text of a table.

    Args:
        content: The bytes of the file.
        place: What messages call the file.

    Raises:
        InputError: It is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        column = len(before[-1].decode("utf-8-sig", "replace")) + 1
        message = (
            f"{printable(place)}:{len(before)}:{column}: the byte 0x{content[error.start]:02x} is "
            "not UTF-8, expected a text in UTF-8"
        )
        raise InputError(message, code="ntuples.not-utf8", path=place) from None


def parse_table(text: str, place: str) -> Contents:
    """Returns the content of a layout table.

    Args:
        text: The table.
        place: What messages call it.

    Raises:
        InputError: There are mistakes in it; the message has a line for each.
    """
    problems = _Problems(place)
    headers: dict[str, list[_Cell]] = {}
    rows: list[tuple[list[_Cell], Branch]] = []
    titles: list[_Cell] = []
    number = 0
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        cells = _cells(line, number)
        if not cells or re.match(r"#(\s|$)", line):
            continue
        if line.startswith("#"):
            _read_header(cells, headers, problems)
        elif not titles:
            titles = cells
            _check_titles(cells, problems)
        elif (row := _row(cells, problems)) is not None:
            rows.append((cells, row))
    for name, words in _HEADERS.items():
        if name not in headers and name == "#tree":
            expected = "<TAB>".join((name, *words))
            problems.add(1, 1, f"the line {name} is missing, expected {expected}")
    if not titles or (not rows and not problems):
        problems.add(number, 1, "there are no rows, expected one per branch")
    _check_names(rows, problems.add)
    _check_index(rows, headers, problems)
    # A list that is called after its branch belongs to no collection, such as LHEPdfWeight.
    whole = [
        row.view == row.name and is_list(row.type) and row.name not in _EVENT for _, row in rows
    ]
    views = [
        (row.view, row.type, row.first or one, cells[2])
        for (cells, row), one in zip(rows, whole, strict=True)
    ]
    check_views(views, problems.add)
    problems.refuse()  # what follows is about rows that can be read
    branches = tuple(row for _, row in rows)
    needs = headers["#needs"][1].text if "#needs" in headers else ""
    if "#pad" not in headers:
        return Contents(headers["#tree"][1].text, "", 0.0, branches, needs)
    value = _pad_value(headers["#pad"], {row.view: row for _, row in rows}, problems)
    problems.refuse()
    return Contents(headers["#tree"][1].text, headers["#pad"][1].text, value, branches, needs)


def _cells(line: str, number: int) -> list[_Cell]:
    """Returns the cells of a line up to the last that is not empty."""
    cells, column = [], 1
    for text in line.split("\t"):
        blanks = len(text) - len(text.lstrip())
        cells.append(_Cell(text.strip(), number, column + blanks))
        column += len(text) + 1
    while cells and not cells[-1].text:
        cells.pop()
    return cells


def _read_header(cells: list[_Cell], headers: dict[str, list[_Cell]], problems: _Problems) -> None:
    name, line, column = cells[0]
    word = name.split()[0]
    if word not in _HEADERS:
        hint = suggest(word, _HEADERS)
        text = f"unknown line {word!r}{hint}; known: {', '.join(_HEADERS)}, and # for a comment"
        problems.add(line, column, text)
        return
    expected = (word, *_HEADERS[word])
    if word in headers:
        problems.add(line, column, f"{word} appears twice, first in line {headers[word][0].line}")
    elif name != word:
        at = column + len(word)
        problems.add(line, at, f"expected a tab after {word}: {'<TAB>'.join(expected)}")
    elif len(cells) != len(expected) or not all(cell.text for cell in cells):
        text = f"{len(cells)} cells, expected {len(expected)}: {'<TAB>'.join(expected)}"
        problems.add(line, cells[-1].column, text)
    headers.setdefault(word, [*cells, *[_Cell("", line, column)] * len(expected)])


def _check_titles(cells: list[_Cell], problems: _Problems) -> None:
    expected = " ".join(_COLUMNS)
    for title, cell in zip(_COLUMNS, cells, strict=False):
        if cell.text != title:
            text = f"the column is called {cell.text!r}, expected {title!r} of: {expected}"
            problems.add(cell.line, cell.column, f"{text}, separated by tabs")
            return
    last = cells[min(len(cells), len(_COLUMNS)) - 1]
    if not len(_COLUMNS) - 1 <= len(cells) <= len(_COLUMNS):
        text = f"{len(cells)} columns, expected: {expected}, separated by tabs"
        problems.add(last.line, last.column, text)


def _row(cells: list[_Cell], problems: _Problems) -> Branch | None:
    line = cells[0].line
    if not len(_COLUMNS) - 1 <= len(cells) <= len(_COLUMNS):
        last = cells[min(len(cells), len(_COLUMNS) + 1) - 1]
        text = f"{len(cells)} cells, expected 3 or 4 separated by tabs: {' '.join(_COLUMNS)}"
        problems.add(line, last.column, text)
        return None
    name, kind, view = (cell.text for cell in cells[:3])
    wildcard = "*" in name
    if not name or re.search(r"[?\[\]]|\*.", name) or name == "*":
        text = f"{name!r} is not the name of a branch, expected one, or the beginning of some and *"
        problems.add(line, cells[0].column, text)
    if not TYPES.fullmatch(kind):
        inner = kind.removeprefix("var * ")
        hint = suggest(inner, SCALARS) or ", expected such as float32 or var * float32"
        problems.add(line, cells[1].column, f"unknown type {kind!r}{hint}")
        return None
    if not (_VIEW.fullmatch(view) or view.startswith("raw.")) or view == "raw":
        text = f"{view!r} is not a column of events, expected such as run, muon.pt or hlt.*"
        problems.add(line, cells[2].column, text)
        return None
    if view.startswith("raw.") and view != f"raw.{name}":
        problems.add(line, cells[2].column, f"{view!r}: expected the branch's name, raw.{name}")
    if wildcard != view.endswith(".*"):
        expected = " or ".join(f"{level}.*" for level in LEVELS)
        text = f"{name!r} and {view!r}: * is for triggers, expected NAME_* with {expected}"
        problems.add(line, cells[2].column, text)
        return None
    values, words = _missing(cells[3], kind, problems) if len(cells) > 3 else ((), set())
    # Numbers would select by position where a mask is expected.
    flag = "flag" in words or (wildcard and is_number(kind))
    leg = next((word.removeprefix(_LEG) for word in words if word.startswith(_LEG)), "")
    if leg and (not view.endswith("_index") or not kind.startswith(("var * int", "var * uint"))):
        text = f"{view!r}: a leg needs a list of integers, and a column such as triplet.mu1_index"
        problems.add(line, cells[2].column, text)
    given = {word: word in words for word in _WORDS if word != "flag"}
    return Branch(name, kind, view, values, flag=flag, leg=leg, **given)


def _missing(cell: _Cell, kind: str, problems: _Problems) -> tuple[tuple[float, ...], set[str]]:
    values, words = [], set()
    for found in re.finditer(r"\S+", cell.text):
        word, at = found[0], cell.column + found.start()
        if word in _WORDS or word.startswith(_LEG):
            words.add(word)
            continue
        try:
            values.append(float(word))
        except ValueError:
            known = f"{', '.join(_WORDS[:3])}, {_LEG}COLLECTION"
            text = f"{word!r} is not a value{suggest(word, _WORDS)}, expected numbers, {known}"
            problems.add(cell.line, at, text)
    if (values and not is_number(kind)) or ("flag" in words and "string" in kind):
        problems.add(cell.line, cell.column, f"{cell.text!r} is for numbers, not for {kind}")
    if "first" in words and not is_list(kind):
        problems.add(cell.line, cell.column, f"first is for lists such as var * {kind}")
    return tuple(values), words


def _check_names(
    rows: list[tuple[list[_Cell], Branch]], add: Callable[[int, int, str], None]
) -> None:
    first: dict[str, int] = {}
    for cells, row in rows:
        if row.view.replace(".", "_") == row.name:
            continue  # a column that is called after its branch may stand beside another one
        if (line := first.setdefault(row.name, cells[0].line)) != cells[0].line:
            text = f"branch {row.name!r} appears twice, first in line {line}"
            add(cells[0].line, cells[0].column, text)


def _check_index(
    rows: list[tuple[list[_Cell], Branch]], headers: Mapping[str, list[_Cell]], problems: _Problems
) -> None:
    """Finds a column of the name that the position of a candidate has."""
    padded = headers["#pad"][1].text.partition(".")[0] if "#pad" in headers else ""
    for cells, row in rows:
        if row.view == f"{padded}.index":
            text = f"{row.view!r} is where the package puts positions, expected another name"
            problems.add(cells[2].line, cells[2].column, text)


def _pad_value(cells: list[_Cell], rows: Mapping[str, Branch], problems: _Problems) -> float:
    view, value = cells[1], cells[2]
    if view.text not in rows or not is_list(rows[view.text].type):
        candidates = [name for name, row in rows.items() if is_list(row.type)]
        text = f"no row has the column {view.text!r}{suggest(view.text, candidates)}"
        problems.add(view.line, view.column, f"{text}, expected a column of a list of candidates")
    try:
        return float(value.text)
    except ValueError:
        problems.add(value.line, value.column, f"{value.text!r} is not a number")
        return 0.0
