"""Luminosities of CMS, as `brilcalc lumi --output-style csv` writes them.

    #Data tag : 19v3 , Norm tag: None
    #run:fill,ls,time,beamstatus,E(GeV),delivered(/ub),recorded(/ub),avgpu,source
    297050:5704,1:1,06/18/17 21:33:20,STABLE BEAMS,6500,30412.5,29011.2,24.1,HFOC
    #Summary:
    ...

With `--byls` there is a line for each luminosity section, without it one for each run, which has
`nls,ncms` in place of `ls`. The unit is that of `-u`. A section that CMS has not recorded is `1:0`.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

import numpy as np

from tau3mu.config.input_files import read_bytes, user_path
from tau3mu.datasets.sections import LARGEST, keys_of, runs_of
from tau3mu.errors import InputError
from tau3mu.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from tau3mu.datasets.sections import Sections

__all__ = ["CountedLuminosity", "LuminosityTable", "read_brilcalc"]

_BARN: Final = 1e-15  # in fb^-1 that an inverse barn is
_UNITS: Final = {
    **{f"/{prefix}b": _BARN * factor for prefix, factor in (
        ("k", 1e-3), ("", 1.0), ("m", 1e3), ("u", 1e6), ("n", 1e9), ("p", 1e12), ("f", 1e15),
        ("a", 1e18),
    )},
    **{f"1e{21 + 3 * step}/cm2": _BARN * 10.0 ** (3 * step - 3) for step in range(8)},
}  # fmt: skip
_VALUE: Final = re.compile(r"(delivered|recorded)\((.*)\)")
_SHOWN: Final = 5
_ROUNDED: Final = 1 + 1e-6  # digits of a file


@dataclass(frozen=True)
class CountedLuminosity:
    """The luminosity of some sections in fb^-1.

    Attributes:
        recorded: The sum of what was recorded.
        delivered: The sum of what was delivered.
        missing: The sections of which the file knows nothing.
    """

    recorded: float
    delivered: float
    missing: Sections


@dataclass(frozen=True, eq=False)
class LuminosityTable:
    """The luminosity of each section, or of each run.

    Attributes:
        source: The file.
        hash: Of its content.
        by_run: Whether it has whole runs alone.
        keys: The sections in ascending order, of runs as section 0.
        recorded: Of each of them, in fb^-1.
        delivered: Of each of them, in fb^-1.
    """

    source: str
    hash: str
    by_run: bool
    keys: Sections
    recorded: npt.NDArray[np.float64]
    delivered: npt.NDArray[np.float64]

    def of(self, sections: Sections) -> CountedLuminosity:
        """Returns the luminosity of sections, each counted once.

        Of a table of runs, it is that of all runs that have any of the sections.

        Args:
            sections: In ascending order.
        """
        keys = np.unique(keys_of(runs_of(sections), 0)) if self.by_run else sections
        there = np.isin(keys, self.keys)
        rows = np.searchsorted(self.keys, keys[there])
        known = np.isin(runs_of(sections), runs_of(keys[there])) if self.by_run else there
        return CountedLuminosity(
            math.fsum(self.recorded[rows]), math.fsum(self.delivered[rows]), sections[~known]
        )


def read_brilcalc(path: str | Path) -> LuminosityTable:
    """Returns the luminosities in a file of brilcalc.

    Args:
        path: The CSV, compressed by gzip or not.

    Raises:
        InputError: It cannot be read, is not such a file, or has a section twice; the message
            names the lines.
    """
    file = user_path(path)
    content = read_bytes(file, "luminosity file")
    text = _text(content, file)
    header, rows = _lines(text, file)
    names = [name.strip() for name in header]
    columns, factors = _columns(names, file)
    by_run = "ls" not in names
    problems: list[tuple[int, str]] = []
    seen: dict[tuple[int, int], int] = {}
    found: list[tuple[int, int, float, float]] = []
    for number, line in rows:
        fields = line.split(",")
        if len(fields) != len(names):
            problems.append((number, f"expected {len(names)} columns, got {len(fields)}"))
            continue
        try:
            section = _section(fields, names, by_run=by_run)
            values = [float(fields[columns[name]]) for name in ("recorded", "delivered")]
        except ValueError as error:
            problems.append((number, str(error)))
            continue
        if not all(math.isfinite(value) and value >= 0 for value in values):
            problems.append((number, f"expected luminosities of 0 or more, got {values}"))
        elif values[0] * factors[0] > values[1] * factors[1] * _ROUNDED:
            more = f"{values[0]:g} was recorded, more than the {values[1]:g} that was delivered"
            problems.append((number, more))
        elif section in seen:
            what = "run" if by_run else "section"
            name = ":".join(map(str, section[:1] if by_run else section))
            text = f"{what} {name} is in line {seen[section]} already and would count twice"
            if "hltpath" in names:
                text += ": make the file for one HLT path"
            problems.append((number, text))
        seen.setdefault(section, number)
        recorded, delivered = (v * f for v, f in zip(values, factors, strict=True))
        found.append((*section, recorded, delivered))
    if problems:
        more = f"\n  and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        lines = "\n  ".join(f"line {number}: {text}" for number, text in problems[:_SHOWN])
        _refuse(file, f"has wrong lines:\n  {lines}{more}", "wrong-lines")
    if not found:
        _refuse(file, "has no line of a run or a section", "no-lines")
    return _table(found, redact(str(file.absolute())), content, by_run=by_run)


def _table(
    rows: Sequence[tuple[int, int, float, float]], source: str, content: bytes, *, by_run: bool
) -> LuminosityTable:
    runs, lumis, recorded, delivered = (np.array(column) for column in zip(*rows, strict=True))
    keys = keys_of(runs, lumis)
    order = np.argsort(keys)
    digest = hashlib.sha256(content).hexdigest()
    return LuminosityTable(
        source, digest, by_run, keys[order], recorded[order], delivered[order]
    )  # fmt: skip


def _text(content: bytes, file: Path) -> str:
    try:
        plain = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
        return plain.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        _refuse(file, f"cannot be read as text: {error}", "not-text")


def _lines(text: str, file: Path) -> tuple[list[str], list[tuple[int, str]]]:
    """Returns the header in columns, and the lines with their numbers."""
    header: list[str] = []
    rows = []
    in_summary = False
    for number, line in enumerate(text.splitlines(), 1):
        plain = line.strip()
        if plain.lstrip("# ").startswith("run:fill"):
            columns, in_summary = plain.lstrip("# ").split(","), False
            if header and columns != header:
                _refuse(
                    file,
                    f"has other columns or units from line {number} on: {','.join(columns)} after "
                    f"{','.join(header)}; make it in one go",
                    "other-columns",
                )
            header = columns
        elif plain.startswith("#Summary"):
            in_summary = True  # after which another file may have been appended
        elif in_summary:
            continue
        elif plain.startswith(("|", "+-")):
            _refuse(file, "is a table for people: make it with --output-style csv", "no-csv")
        elif plain and not plain.startswith("#"):
            rows.append((number, plain))
    if not header:
        _refuse(
            file,
            "has no line '#run:fill,...' that names the columns and their unit: keep it as "
            "`brilcalc lumi --output-style csv` writes it",
            "no-header",
        )
    return header, rows


def _columns(names: Sequence[str], file: Path) -> tuple[Mapping[str, int], tuple[float, float]]:
    """Returns the columns of the luminosities, and what their units are in fb^-1."""
    matches = [(index, match) for index, name in enumerate(names)
               if (match := _VALUE.fullmatch(name))]  # fmt: skip
    found = {match[1]: (index, match[2]) for index, match in matches}
    if len(found) < len(matches):
        columns = ", ".join(match[0] for _, match in matches)
        _refuse(file, f"has a luminosity in several columns: {columns}", "repeated-column")
    if missing := {"recorded", "delivered"} - found.keys():
        columns = ", ".join(names)
        _refuse(file, f"has no column {min(missing)}(UNIT); it has {columns}", "no-column")
    for name, (_, unit) in found.items():
        if unit not in _UNITS:
            hint = (
                ", an instantaneous luminosity: leave out what makes brilcalc average"
                if "hz" in unit.lower()
                else ""
            )
            known = ", ".join(_UNITS)
            _refuse(file, f"has {name} in {unit!r}{hint}; known units: {known}", "unknown-unit")
    factors = _UNITS[found["recorded"][1]], _UNITS[found["delivered"][1]]
    return {name: index for name, (index, _) in found.items()}, factors


def _section(fields: Sequence[str], names: Sequence[str], *, by_run: bool) -> tuple[int, int]:
    """Returns run and section of a line."""
    run = _number(fields[names.index("run:fill")], "run:fill")
    return run, 0 if by_run else _number(fields[names.index("ls")], "ls")


def _number(text: str, column: str) -> int:
    first = text.partition(":")[0].strip()
    if not (first.isascii() and first.isdigit() and int(first) <= LARGEST):
        message = f"expected a number before the colon in {column}, got {text!r}"
        raise ValueError(message)
    return int(first)


def _refuse(file: Path, problem: str, code: str) -> NoReturn:
    message = f"luminosity file {file} {problem}"
    raise InputError(message, code=f"luminosity.{code}", path=file)
