"""`metrics.json`: what a test measured, and what follows for the whole dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from tau3mu.config.documents import Strict, read_document
from tau3mu.storage.files import json_text, write_text
from tau3mu.train.limits import Limits
from tau3mu.train.states import State

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "METRICS",
    "ChunkUse",
    "DatasetUse",
    "ErrorOfUser",
    "Expected",
    "Finding",
    "MemoryUse",
    "Metrics",
    "PartUse",
    "Sample",
    "Times",
    "read_metrics",
    "write_metrics",
]

METRICS: Final = "metrics.json"


class Times(Strict):
    """Seconds of CPU and of wall time."""

    cpu: float = 0.0
    wall: float = 0.0


class PartUse(Strict):
    """What the reader, or one wagon, needed for all events of the test.

    Attributes:
        cpu: Seconds; None where it was not measured apart.
        wall: Seconds.
        fraction: Of the CPU time of the event loop.
        bytes: Read of files by the reader, written by a wagon.
        candidates: Rows of a wagon.
        histograms: Bytes of histograms and the like, which do not grow with the events.
        skim: Bytes of the skim.
        skim_events: Events in it.
    """

    cpu: float | None = None
    wall: float | None = None
    fraction: float | None = None
    bytes: int = 0
    candidates: int = 0
    histograms: int = 0
    skim: int = 0
    skim_events: int = 0


class DatasetUse(Strict):
    """How much of a dataset a test read."""

    entries: int
    files: int
    events: int = 0
    chunks: int = 0


class MemoryUse(Strict):
    """Memory of the process tree in bytes, while it read events.

    Attributes:
        source: How it was measured: `pss` from `smaps_rollup`, or `rss`, the peak of the process.
        start: Before the first chunk.
        pss_max, pss_average: Of the samples.
        private_max, private_average: Memory of the processes alone.
        peak: The most while events were read, seen by the process itself.
        slope: Bytes per chunk, of the later half of the chunks, above what results need.
        slope_error: Its uncertainty; None if there were too few chunks.
        per_event: Bytes that one more event in a chunk needs.
        held: Bytes of results per event that stay in memory.
        results: The peak while results were summed up and written.
    """

    source: Literal["pss", "rss"] = "pss"
    start: int = 0
    pss_max: int = 0
    pss_average: int = 0
    private_max: int = 0
    private_average: int = 0
    peak: int = 0
    slope: float | None = None
    slope_error: float | None = None
    per_event: float = 0.0
    held: float = 0.0
    results: int = 0

    @property
    def most(self) -> int:
        """The most that was seen; between two samples, only the process itself sees its peak."""
        return max(self.pss_max, self.peak)


class Expected(Strict):
    """What the whole dataset is going to need, in one process of `tau3mu.run` without fits.

    Attributes:
        events: Of the whole dataset.
        chunks: Of a run.
        cpu_hours: All of it.
        seconds_fixed: CPU of the start and what else does not grow with the events.
        seconds_per_chunk: CPU.
        seconds_per_file: CPU of the check of the files.
        microseconds_per_event: CPU.
        output_bytes: Histograms, candidates, skim.
        candidates_bytes: The files of candidates alone, by wagon.
        memory_bytes: The peak of a process.
        grams_co2: By Hyperloop's numbers: 20 W per core, 0.301 kg per kWh.
    """

    events: int
    chunks: int
    cpu_hours: float
    seconds_fixed: float
    seconds_per_chunk: float
    seconds_per_file: float
    microseconds_per_event: float
    output_bytes: int
    candidates_bytes: dict[str, int]
    memory_bytes: int
    grams_co2: float


class ErrorOfUser(Strict):
    """Errors of one kind at one line of a user's code.

    Attributes:
        wagon: The name of the processor.
        kind: The class of the exception.
        place: File and line.
        message: Of the first of them.
        example: In which events the first of them came.
        count: In how many chunks.
    """

    wagon: str
    kind: str
    place: str
    message: str
    example: str = ""
    count: int = 1


class Finding(Strict):
    """Something about a test that is not as it should be.

    Attributes:
        code: Such as `memory.leak`.
        state: WARN or FAILED.
        text: With the numbers.
    """

    code: str
    state: State
    text: str


class ChunkUse(Strict):
    """A chunk of a test: when it ended, in seconds since the start, and what it needed."""

    at: float
    dataset: str
    entries: int
    cpu: float
    wall: float
    bytes: int
    peak: int
    memory: int
    held: int


class Sample(Strict):
    """Memory at a time, in seconds since the start."""

    at: float
    pss: int
    private: int


class Metrics(Strict):
    """The content of `metrics.json`.

    Attributes:
        wagon: Its name, or that of the train.
        processors: The names of all that ran, those that are needed too.
        parts: The hashes of what the result depends on: wagon, needs, dataset, code and settings.
        changed: The parts that differ from the test before.
        started: When, in UTC.
        host: Where.
        time_limit: Seconds.
        complete: Whether all events of the dataset were read.
        slim_mb: The largest sizes of slim data, by wagon.
        phases: When parts of the test began, in seconds since the start.
    """

    version: Annotated[int, Field(ge=1, le=1)] = 1
    wagon: str
    processors: tuple[str, ...]
    parts: dict[str, str] = Field(default={})
    changed: tuple[str, ...] = ()
    started: str
    host: str = ""
    time_limit: float
    limits: Limits = Limits()
    exit_code: int | None = None
    killed: str = ""
    complete: bool = False
    slim_mb: dict[str, float] = Field(default={})
    events: int = 0
    datasets: dict[str, DatasetUse] = Field(default={})
    input_bytes: int = 0
    output_bytes: int = 0
    log_bytes: int = 0
    start: Times = Times()
    loop: Times = Times()
    results: Times = Times()
    check: Times = Times()
    events_per_second: float = 0.0
    megabytes_per_second: float = 0.0
    reader: PartUse = PartUse()
    wagons: dict[str, PartUse] = Field(default={})
    memory: MemoryUse = MemoryUse()
    expected: Expected | None = None
    merge: dict[str, tuple[str, ...]] | None = None
    rounding: float = 0.0
    errors: tuple[ErrorOfUser, ...] = ()
    unread: tuple[str, ...] = ()
    opened: dict[str, int] = Field(default={})
    remarks: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    chunks: tuple[ChunkUse, ...] = ()
    samples: tuple[Sample, ...] = ()
    phases: dict[str, float] = Field(default={})

    @property
    def state(self) -> State:
        """FAILED, WARN or OK: the worst of the findings."""
        states = {finding.state for finding in self.findings}
        return next((one for one in (State.FAILED, State.WARN) if one in states), State.OK)

    @property
    def reason(self) -> str:
        """The findings in one line."""
        return "; ".join(finding.text for finding in self.findings)

    def summary(self) -> dict[str, Any]:
        """Returns the row of a table of tests."""
        expected = self.expected
        return {
            "wagon": self.wagon,
            "state": self.state.value,
            "events": self.events,
            "events_per_s": round(self.events_per_second),
            "memory_mb": _megabytes(self.memory.most),
            "average_mb": _megabytes(self.memory.pss_average),
            "cpu_s": round(self.loop.cpu, 2),
            "wall_s": round(self.loop.wall, 2),
            "all_cpu_h": None if expected is None else round(expected.cpu_hours, 4),
            "all_output_mb": None if expected is None else _megabytes(expected.output_bytes),
            "all_memory_mb": None if expected is None else _megabytes(expected.memory_bytes),
        }


def _megabytes(size: float) -> float:
    return round(size / 1e6, 1)


def read_metrics(folder: Path) -> Metrics:
    """Returns what a test measured.

    Args:
        folder: Of the test.

    Raises:
        InputError: There is no `metrics.json`, or it cannot be read.
    """
    return read_document(folder / METRICS, "metrics", language="train").validate(Metrics)


def write_metrics(folder: Path, metrics: Metrics) -> None:
    """Writes `metrics.json`.

    Args:
        folder: Of the test.
        metrics: What was measured.

    Raises:
        RunError: The file cannot be written.
    """
    write_text(folder / METRICS, json_text(metrics.model_dump(mode="json")))
