"""Certified data: the runs and luminosity sections that an analysis may use.

A certification is the JSON that experiments publish, `{"297050": [[1, 57], [60, 80]]}`: by run, the
first and the last luminosity section of each range. A list of runs, `[297050, 297056]`, is one too,
of all sections of these runs.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Integral
from typing import TYPE_CHECKING, Any, Final

from tau3mu.config.documents import Document
from tau3mu.config.input_files import read_text, user_path
from tau3mu.config.problems import Problem, shown
from tau3mu.config.syntax import parse_json, unique_keys
from tau3mu.errors import InputError
from tau3mu.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

__all__ = ["Certification", "read_certification"]

Ranges = Mapping[int, tuple[tuple[int, int], ...]]

_LAST: Final = 2**32 - 1
_WHOLE: Final = ((0, _LAST),)
"""All luminosity sections of a run."""


@dataclass(frozen=True)
class Certification:
    """The runs and luminosity sections whose events are used.

    Two of them are equal if they certify the same, however their ranges are written.

    Attributes:
        ranges: By run, in ascending order, the first and the last section of each range.
        source: Where it comes from, for the record.

    Raises:
        InputError: There is no run, or a run or a range is not made of such numbers.
    """

    ranges: Ranges
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Checks the numbers, and brings the ranges into one form."""
        problems = [problem for run, parts in self.ranges.items() for problem in _wrong(run, parts)]
        if not self.ranges:
            problems = [Problem((), "no-runs", "", "at least one run", {})]
        if problems:
            source = f"certification {self.source}".rstrip()
            raise Document({}, source, "certification").error(problems)
        ordered = {int(run): _merged(self.ranges[run]) for run in sorted(self.ranges)}
        object.__setattr__(self, "ranges", ordered)

    @classmethod
    def of_runs(cls, runs: Iterable[int]) -> Certification:
        """Returns the certification of all luminosity sections of some runs.

        Args:
            runs: The run numbers.

        Raises:
            InputError: There are none, or one is not a run number.
        """
        return cls(dict.fromkeys(runs, _WHOLE))

    @property
    def runs(self) -> tuple[int, ...]:
        """The runs in ascending order."""
        return tuple(self.ranges)

    def document(self) -> dict[str, list[list[int]]]:
        """Returns it as the JSON of a certification, in one form for all that certify the same."""
        return {str(run): [list(part) for part in parts] for run, parts in self.ranges.items()}

    @cached_property
    def hash(self) -> str:
        """A hash of what it certifies."""
        return hashlib.sha256(json.dumps(self.document()).encode()).hexdigest()

    def __hash__(self) -> int:
        """Returns a hash of what it certifies."""
        return hash(self.hash)

    def __repr__(self) -> str:
        """Returns the number of its runs, and where it comes from."""
        return f"<Certification: {self.text}>"

    @property
    def text(self) -> str:
        """The number of its runs, and where it comes from."""
        return f"{len(self.ranges)} runs" + (f" of {self.source}" if self.source else "")

    def __getstate__(self) -> dict[str, Any]:
        """Returns what other processes need: not the table, which each of them makes again."""
        return {"ranges": self.ranges, "source": self.source}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Takes what another process has sent."""
        vars(self).update(state)

    def mask(self, run: Any, lumi: Any) -> npt.NDArray[np.bool_]:
        """Returns which events are certified.

        Args:
            run: The run of each event.
            lumi: The luminosity section of each event.
        """
        import numpy as np

        from tau3mu.datasets.sections import numbers

        runs, there = numbers(run)
        sections, known = numbers(lumi)
        passes = np.asarray(self._table(runs, sections)) & there & known
        first = [number for number, parts in self.ranges.items() if parts[0][0] == 0]
        # The table of coffea begins with section 1, as the numbers of data do.
        of_zero = (sections == 0) & known & there
        if first and of_zero.any():
            passes |= of_zero & np.isin(runs, np.array(first, np.uint32))
        return passes

    @cached_property
    def _table(self) -> Any:
        from coffea.lumi_tools import LumiMask  # compiles, which takes seconds

        content = {
            str(run): [[max(first, 1), last] for first, last in parts if last]
            for run, parts in self.ranges.items()
        }
        text = base64.b64encode(json.dumps(content).encode()).decode()
        return LumiMask(f"data:application/json;base64,{text}")


def read_certification(path: str | Path) -> Certification:
    """Returns the certification in a file.

    Args:
        path: A JSON file: an object of lists of ranges by run, or a list of runs.

    Raises:
        InputError: It cannot be read, or is not a certification; the message names all that is
            wrong.
    """
    file = user_path(path)
    source, text = f"certification {file}", ""
    try:
        text = read_text(file, "certification")
        content = parse_json(text, object_pairs_hook=unique_keys)
    except InputError as error:
        code = error.code.replace("config.", "certification.")
        message = f"{source}: {error}" if text else str(error)
        raise InputError(message, code=code, path=file) from error
    document = Document(
        content if isinstance(content, dict) else {}, source, "certification", ".json", text
    )
    ranges, problems = _parsed(content)
    if problems:
        raise document.error(problems)
    return Certification(ranges, redact(str(file.absolute())))


def _parsed(content: Any) -> tuple[dict[int, Any], list[Problem]]:
    """Returns ranges by run, and what is wrong with the keys or the list."""
    if isinstance(content, list):
        wrong = [(i, one) for i, one in enumerate(content) if not _is_number(one)]
        found = {run: _WHOLE for run in content if _is_number(run)}
        if len(found) < len(content) - len(wrong):
            twice = sorted({run for run in found if content.count(run) > 1})
            text = f"run {twice[0]} is listed twice"
            return {}, [Problem((content.index(twice[0]),), "listed-twice", text)]
        problems = [Problem((i,), "wrong-type", "", "a run number", one) for i, one in wrong]
        return found, problems
    if not isinstance(content, dict):
        expected = "an object of runs, or a list of runs"
        return {}, [Problem((), "wrong-type", "", expected, content)]
    ranges: dict[int, Any] = {}
    problems = []
    for key, parts in content.items():
        if not (key.isascii() and key.isdigit() and str(int(key)) == key and int(key) <= _LAST):
            text = f"is not a run number: expected digits, got {shown(key)}"
            problems.append(Problem((key,), "wrong-type", text))
            continue
        ranges[int(key)] = parts
        problems += [replace(one, keys=(key, *one.keys[1:])) for one in _wrong(int(key), parts)]
    if not content:
        problems = [Problem((), "no-runs", "", "at least one run", content)]
    return ranges, problems


def _wrong(run: Any, parts: Any) -> list[Problem]:
    """Returns what is wrong with a run and its ranges."""
    if not _is_number(run):
        return [Problem((str(run),), "wrong-type", "", "a run number", run)]
    if not isinstance(parts, list | tuple) or not parts:
        expected = "a list of ranges [first, last] of luminosity sections"
        return [Problem((str(run),), "wrong-type", "", expected, parts)]
    problems = []
    for index, part in enumerate(parts):
        keys = (str(run), index)
        is_pair = isinstance(part, list | tuple) and len(part) == 2
        if not is_pair or not all(_is_number(one) for one in part):
            expected = "two luminosity sections [first, last]"
            problems.append(Problem(keys, "wrong-type", "", expected, part))
        elif part[0] > part[1]:
            text = f"its first luminosity section is {part[0]}, behind its last one, {part[1]}"
            problems.append(Problem(keys, "wrong-order", text))
    return problems


def _is_number(value: Any) -> bool:
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    return is_whole and 0 <= int(value) <= _LAST


def _merged(parts: Iterable[Iterable[int]]) -> tuple[tuple[int, int], ...]:
    """Returns ranges in ascending order, those that touch or overlap as one."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted((int(first), int(last)) for first, last in parts):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return tuple(merged)
