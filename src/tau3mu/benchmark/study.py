"""Studies: points, targets and the machine, written to JSON and read from it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from pydantic import RootModel

from tau3mu.config.documents import read_document
from tau3mu.errors import InputError
from tau3mu.storage.files import json_text, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "Found",
    "Point",
    "Row",
    "Run",
    "Sample",
    "Setup",
    "Study",
    "differences",
    "found_in",
    "found_of",
    "load_study",
    "save_study",
]

_VERSION: Final = 1
_VERDICTS: Final = {None: "", True: "yes", False: "NO"}
_MASS_TOLERANCE: Final = 1e-9


@dataclass(frozen=True)
class Sample:
    """The files that a point reads.

    Attributes:
        layout: `t3m` or `nano`.
        form: `std::vector TTree`, `TTree` or `RNTuple`.
        compression: The algorithm and its level.
        files: How many files.
        events: How many events in all of them.
        size: Bytes of the files.
        needed: Bytes of the branches that are read, compressed.
        unpacked: Bytes of the branches that are read, decompressed.
    """

    layout: str
    form: str
    compression: str
    files: int
    events: int
    size: int
    needed: int
    unpacked: int


@dataclass(frozen=True)
class Setup:
    """How a program runs; `scheduler` is the address of a Dask cluster that runs already."""

    executor: str = "iterative"
    workers: int = 1
    chunk_size: int | None = None
    scheduler: str | None = None


@dataclass(frozen=True)
class Run:
    """Time and memory of one run, as of `Usage`; `stages` are seconds from its start."""

    wall: float
    cpu: float
    peak: int
    peak_tree: int
    read: int | None
    stages: dict[str, float] = field(default_factory=dict)

    @property
    def loop(self) -> float | None:
        """Seconds from the begin of reading events until all of them have been read."""
        if {"reading", "read"} <= self.stages.keys():
            return self.stages["read"] - self.stages["reading"]
        return None


@dataclass(frozen=True)
class Found:
    """The physics result, which has to be the same whatever is varied.

    Attributes:
        steps: Events after each step of the selection.
        candidates: Number of candidates.
        digest: SHA-256 of run, luminosity section, event and triplet of all candidates, and of the
            whole numbers that are compared beside them.
        mass_sum: Sum of their masses in GeV.
    """

    steps: dict[str, int]
    candidates: int
    digest: str
    mass_sum: float


@dataclass(frozen=True)
class Point:
    """One measurement: what was run on what, some times over, and what it found."""

    series: str
    program: str
    sample: Sample
    setup: Setup
    runs: tuple[Run, ...]
    found: Found

    def median(self, name: str) -> float:
        """Returns the median over the runs of `wall`, `cpu`, `peak`, `peak_tree` or `read`."""
        return float(median(getattr(run, name) or 0 for run in self.runs))

    @property
    def loop(self) -> float | None:
        """The median of the seconds of the event loop, None if it was not seen."""
        loops = [run.loop for run in self.runs if run.loop is not None]
        return float(median(loops)) if loops else None


@dataclass(frozen=True)
class Row:
    """A number, and the target that it met or not; `met` is yes, NO, not run or empty."""

    what: str
    measured: str
    target: str = ""
    met: str = ""


@dataclass
class Study:
    """All that was measured on one machine."""

    machine: dict[str, Any] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    version: int = _VERSION

    def add(
        self, what: str, measured: str, target: str = "", met: bool | str | None = None
    ) -> None:
        """Adds a row.

        Args:
            what: The name of the number.
            measured: The number, with its unit.
            target: Its limit.
            met: Whether the target was reached, or a word that says why it is unknown.
        """
        verdict = met if isinstance(met, str) else _VERDICTS[met]
        self.rows.append(Row(what, measured, target, verdict))


def save_study(study: Study, path: Path) -> None:
    """Writes a study as JSON.

    Args:
        study: To be written.
        path: Of the JSON file.

    Raises:
        RunError: The file cannot be written.
    """
    write_text(path, json_text(asdict(study)))


def load_study(path: str | Path) -> Study:
    """Returns a study that `save_study` wrote.

    Args:
        path: Of the JSON file.

    Raises:
        InputError: There is no such file, or it is not a study.
    """
    document = read_document(path, "study", language="study")
    version = document.content.get("version")
    if version != _VERSION:
        message = (
            f"{document.source}: version: expected {_VERSION}, got {version!r}; expected a file "
            "that `pytest benchmarks --json FILE` wrote"
        )
        raise InputError(message, code="study.version", path="version")
    return document.validate(_StudyFile).root


class _StudyFile(RootModel[Study]):
    """A study as it is in a file."""


def found_of(steps: Mapping[str, int], rows: Iterable[Sequence[float]]) -> Found:
    """Returns the result made of a cutflow and candidates.

    Args:
        steps: Events after each step.
        rows: Run, luminosity section, event, triplet and mass in GeV of each candidate, and maybe
            further whole numbers.
    """
    ordered = sorted((*map(int, row[:4]), float(row[4]), *map(int, row[5:])) for row in rows)
    lines = "".join(" ".join(map(str, row[:4] + row[5:])) + "\n" for row in ordered)
    return Found(
        steps=dict(steps),
        candidates=len(ordered),
        digest=hashlib.sha256(lines.encode()).hexdigest(),
        mass_sum=math.fsum(row[4] for row in ordered),
    )


def found_in(folder: Path, processor: str = "dsphipi", numbers: Sequence[str] = ()) -> Found:
    """Returns the result of a processor in a results folder.

    Args:
        folder: Of the run.
        processor: Its name.
        numbers: Columns of whole numbers that are compared beside those of all results.

    Raises:
        InputError: The folder does not hold it.
    """
    from tau3mu.outputs import load_candidates

    candidates = load_candidates(folder / processor)
    cutflow = read_document(folder / processor / "cutflow.json", "cutflow", language="study")
    steps: dict[str, int] = {}
    for dataset in cutflow.content.values():
        for step in dataset:
            steps[step["name"]] = steps.get(step["name"], 0) + step["events"]
    names = ("run", "lumi", "event", "triplet", "mass", *numbers)
    columns = [candidates[name].to_list() for name in names]
    return found_of(steps, zip(*columns, strict=True))


def differences(found: Found, expected: Found) -> list[str]:
    """Returns in what a result differs from another, masses by more than one part in 10⁹.

    Args:
        found: The result.
        expected: The other result.
    """
    problems = [
        f"{step}: {found.steps.get(step)} events, expected {number}"
        for step, number in expected.steps.items()
        if found.steps.get(step) != number
    ]
    if found.candidates != expected.candidates:
        problems.append(f"{found.candidates} candidates, expected {expected.candidates}")
    elif found.digest != expected.digest:
        problems.append("as many candidates, but not the same")
    elif not math.isclose(found.mass_sum, expected.mass_sum, rel_tol=_MASS_TOLERANCE):
        problems.append(f"the masses add up to {found.mass_sum}, expected {expected.mass_sum}")
    return problems
