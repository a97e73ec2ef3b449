"""Prescales of a trigger as weights of data, by era or by run and luminosity section."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np

from tau3mu.config.input_files import read_text, user_path
from tau3mu.config.syntax import parse_json, unique_keys
from tau3mu.corrections.events import EventWeight
from tau3mu.datasets.sections import LARGEST, keys_of, numbers, runs_of, shown
from tau3mu.errors import InputError, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import awkward as ak

__all__ = ["PrescaleWeight"]

_COLUMNS: Final = ("run", "cmsls", "totprescval", "hltpath/prescval")
_VERSION: Final = re.compile(r"_v\d*\*?$")
_SHOWN: Final = 5


class PrescaleWeight(EventWeight):
    """The prescale of a trigger, by which its events in data are multiplied.

    The prescales are those of `brilcalc trg --prescale --output-style csv`, of which each line
    counts from its section on until the next line of the run, or a table by era. In sections in
    which the path was off, with a prescale of 0, the weight is 0.
    """

    name = "prescale"
    of = "data"

    def __init__(self, source: str | Path | Mapping[str, float], path: str = "") -> None:
        """Reads and checks the prescales.

        Args:
            source: The CSV, a JSON object of numbers by era, or these numbers as a dictionary.
            path: The HLT path without its version, such as `HLT_DoubleMu3_Trk_Tau3mu_v`; not needed
                if the CSV has one alone.

        Raises:
            InputError: They are not what was expected; the message names the lines or the keys.
        """
        self._source = "a table" if isinstance(source, Mapping) else str(source)
        self._eras: dict[str, float] = {}
        self._keys, self._values = np.array([], np.uint64), np.array([])
        if not isinstance(source, Mapping) and user_path(source).suffix != ".json":
            self._read(user_path(source), path)
            self.columns = frozenset({"run", "lumi"})
            return
        if path:
            message = f"{self._source} has prescales by era, of one path: leave {path!r} out"
            raise InputError(message, code="prescales.no-paths", path="path")
        content = source if isinstance(source, Mapping) else _json(user_path(source))
        for era, value in content.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or value <= 0:
                message = f"{self._source}: era {era!r}: expected a prescale above 0, got {value!r}"
                raise InputError(message, code="prescales.wrong-value", path=era)
            self._eras[era] = float(value)

    def __repr__(self) -> str:
        """Returns the class and where the prescales are from."""
        return f"PrescaleWeight({self._source!r})"

    def evaluate(self, events: ak.Array) -> Any:
        """Returns the prescale of each event.

        Args:
            events: Of data.

        Raises:
            InputError: There is no prescale of an event: of its era, or of its run and section.
        """
        if self._eras:
            return np.full(len(events), self._of_era(events.metadata.get("era")))
        runs, there = numbers(events.run)
        lumis, known = numbers(events.lumi)
        keys = keys_of(runs, lumis)
        place = np.searchsorted(self._keys, keys, side="right") - 1
        found = (place >= 0) & there & known
        found &= runs_of(self._keys[place]) == runs_of(keys)
        if not found.all():
            message = (
                f"{self._source} has no prescale for {shown(np.unique(keys[~found]))}: make it for "
                "all runs of the data, or certify the data"
            )
            raise InputError(message, code="prescales.missing-section", path=self._source)
        return self._values[place]

    def _of_era(self, era: Any) -> float:
        if era not in self._eras:
            known = ", ".join(self._eras)
            message = (
                f"{self._source} has no prescale for era {era!r}{suggest(str(era), self._eras)}; "
                f"it has {known}"
            )
            raise InputError(message, code="prescales.missing-era", path=str(era))
        return self._eras[era]

    def _read(self, file: Path, path: str) -> None:
        text = read_text(file, "prescale file")
        lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
        header, rows = _header(lines, file)
        found: dict[tuple[int, int], tuple[int, float]] = {}
        problems, paths = [], set()
        for number, line in rows:
            try:
                key, value, name = _row(line, header)
            except ValueError as error:
                problems.append((number, str(error)))
                continue
            paths.add(_base(name))
            if path and _base(name) != _base(path):
                continue
            before = found.setdefault(key, (number, value))
            if before[1] != value:
                text = f"run {key[0]}, section {key[1]}: another prescale than in line {before[0]}"
                problems.append((number, text))
        if not path and len(paths) > 1:
            names = ", ".join(sorted(paths))
            _refuse(file, f"has several paths: choose one of {names}", "several-paths")
        if problems:
            shown_lines = "\n  ".join(f"line {n}: {text}" for n, text in problems[:_SHOWN])
            _refuse(file, f"has wrong lines:\n  {shown_lines}", "wrong-lines")
        if not found:
            names = ", ".join(sorted(paths)) or "none"
            _refuse(file, f"has no line of path {path!r}; it has {names}", "unknown-path")
        ordered = sorted(found)
        self._keys = keys_of([run for run, _ in ordered], [lumi for _, lumi in ordered])
        self._values = np.array([found[key][1] for key in ordered])


def _base(path: str) -> str:
    """Returns the name of an HLT path without its version."""
    return _VERSION.sub("", path)


def _header(
    lines: Iterable[tuple[int, str]], file: Path
) -> tuple[dict[str, int], list[tuple[int, str]]]:
    """Returns the place of each column, and the other lines."""
    header: dict[str, int] = {}
    rows = []
    for number, line in lines:
        plain = line.lstrip("# ")
        if plain.startswith("run,"):  # again where several outputs were put together
            header = {name.strip(): place for place, name in enumerate(plain.split(","))}
        elif line.startswith(("|", "+-")):
            _refuse(file, "is a table for people: make it with --output-style csv", "no-csv")
        elif not line.startswith("#"):
            rows.append((number, line))
    if missing := [name for name in _COLUMNS if name not in header]:
        _refuse(
            file,
            f"has no column {missing[0]}: expected what `brilcalc trg --prescale --hltpath PATH "
            "--output-style csv` writes, with its first line",
            "no-column",
        )
    return header, rows


def _row(line: str, header: Mapping[str, int]) -> tuple[tuple[int, int], float, str]:
    """Returns run and section, the prescale, and the path of a line."""
    fields = next(csv.reader([line]))
    if len(fields) <= max(header[name] for name in _COLUMNS):
        message = f"expected {len(header)} columns, got {len(fields)}"
        raise ValueError(message)
    run, lumi, value, path = (fields[header[name]].strip() for name in _COLUMNS)
    # The first line of a run may have no section.
    key = _number(run, "run"), 1 if lumi == "None" else _number(lumi, "cmsls")
    prescale = float(value)
    if not math.isfinite(prescale) or prescale < 0:
        message = f"expected a prescale of 0 or more, got {value}"
        raise ValueError(message)
    return key, prescale, path.partition("/")[0]


def _number(text: str, column: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= LARGEST):
        message = f"expected a number as {column}, got {text!r}"
        raise ValueError(message)
    return int(text)


def _json(file: Path) -> Mapping[str, Any]:
    content = parse_json(read_text(file, "prescale file"), object_pairs_hook=unique_keys)
    if not isinstance(content, dict) or not content:
        _refuse(file, "is not an object of prescales by era", "wrong-type")
    return content


def _refuse(file: Path, problem: str, code: str) -> NoReturn:
    message = f"prescale file {file} {problem}"
    raise InputError(message, code=f"prescales.{code}", path=file)
