"""What a study holds: points, targets and the machine; written to JSON and read from it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tau3mu.errors import InputError
from tau3mu.storage.files import json_text, write_text

__all__ = ["Found", "Point", "Row", "Run", "Sample", "Setup", "Study", "load_study", "save_study"]

_VERSION = 1
_VERDICTS = {None: "", True: "yes", False: "NO"}


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
    """What one run took: see `Usage`; `stages` are seconds from the start of the command."""

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
        digest: SHA-256 of run, luminosity section, event and triplet of all candidates.
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
        """Adds a row; `met` says whether the target was reached, or in a word why nobody knows."""
        verdict = met if isinstance(met, str) else _VERDICTS[met]
        self.rows.append(Row(what, measured, target, verdict))


def save_study(study: Study, path: Path) -> None:
    """Writes a study as JSON.

    Raises:
        RunError: The file cannot be written.
    """
    write_text(path, json_text(asdict(study)))


def load_study(path: str | Path) -> Study:
    """Returns a study that `save_study` wrote.

    Raises:
        InputError: There is no such file, or it is not a study.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        study = TypeAdapter(Study).validate_python(document)
    except OSError as error:
        message = f"cannot read {path}: {error.strerror or error}"
        raise InputError(message) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = (
            f"{path} is not a study: {where or 'the document'}: {first['msg']}; "
            "expected a file that `pytest benchmarks --json FILE` wrote"
        )
        raise InputError(message) from error
    except ValueError as error:  # no JSON, no text
        message = f"{path} is not JSON: {error}"
        raise InputError(message) from error
    if study.version != _VERSION:
        message = f"{path} is a study of version {study.version}, expected {_VERSION}"
        raise InputError(message)
    return study
