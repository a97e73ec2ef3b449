"""`run.json`: the manifest of a results folder, written and read through one model.

It says what a run was asked for, what it read, what came of it, and how and where it was made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from tau3mu.config.documents import read_document
from tau3mu.errors import InputError
from tau3mu.storage.files import json_text, write_text
from tau3mu.storage.names import CHECKED_FILES, LOG, RUN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = [
    "RESULTS",
    "CertificationFacts",
    "ChunkCounts",
    "DatasetFacts",
    "DerivedVerdict",
    "FailedProcessor",
    "FitVerdict",
    "GeneratedFacts",
    "InputFile",
    "LuminosityFacts",
    "Manifest",
    "MissingFile",
    "ProcessorResources",
    "ReaderResources",
    "Resources",
    "glance_at",
    "manifest_in",
    "read_json",
    "read_manifest",
    "results_in",
    "write_manifest",
]

VERSION = 1
RESULTS = "results"  # of a train or a test
_Model = TypeVar("_Model", bound=BaseModel)


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class CertificationFacts(_Part):
    """The certification of a dataset: a hash of its content, its file, how many runs it has."""

    hash: str
    source: str = ""
    runs: int


class GeneratedFacts(_Part):
    """The events that were generated for the files that were read, and the sums of their weights.

    `source` says where they come from: `files` are the sums of the tree `Runs` of NanoAOD, each
    file counted once, `events` the weights of all events that were read, before any cut, and
    `metadata` what the dataset file says. In a short view, the first and the last are in proportion
    to the entries.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    events: int
    sumw: float
    sumw2: float
    source: Literal["files", "events", "metadata"] = "files"


class LuminosityFacts(_Part):
    """The luminosity that was counted with a file of brilcalc, in fb^-1.

    `recorded` and `delivered` are those of the sections whose events were read, `sections` their
    number, `certified` the recorded luminosity of all sections that may be used. Of `missing`
    sections the file has no luminosity; they are ranges by run. `shared` is the part of `recorded`
    that is in datasets before this one too, and counts once in sums.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    source: str
    hash: str
    by_run: bool = False
    sections: int
    recorded: float
    delivered: float
    certified: float
    shared: float = 0.0
    missing: dict[str, list[list[int]]] = {}


class DatasetFacts(_Part):
    """A dataset of the run; `triggers` are the names that a pattern of a column stands for.

    `generated` is None for data, and where the sums of weights are not known; `luminosity` is None
    unless it was counted with a file of brilcalc. Of a short view, `fraction` is that of the
    entries of each file, and `lumi` that of the events. The luminosity is in fb^-1, `lumi_source`
    says where it comes from; `energy` is in TeV, None if it is not known, and `cross_section`, of
    simulation, in pb. `readers` are the names of the processors that read it, None for all.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    era: str | None = None
    is_mc: bool = False
    lumi: float | None = None
    lumi_source: str | None = None
    energy: float | None = None
    cross_section: float | None = None
    triggers: dict[str, list[str]] = {}
    fraction: float = 1.0
    certification: CertificationFacts | None = None
    generated: GeneratedFacts | None = None
    luminosity: LuminosityFacts | None = None
    readers: list[str] | None = None


@dataclass(config=ConfigDict(strict=True), frozen=True, slots=True, kw_only=True)
class InputFile:
    """A file that was to be read: the events that it has, and those that were read.

    A run may have ten thousand, each of which would take 1 kB as a model.
    """

    dataset: str
    path: str
    tree: str
    layout: str
    uuid: str
    entries: int
    read: int
    errors: list[str] = Field(default_factory=list)


class MissingFile(_Part):
    """A file of which nothing is in the results; `events` is None if nobody knows its number."""

    dataset: str
    path: str
    events: int | None
    reasons: list[str] = []


class ChunkCounts(_Part):
    """The chunks of a run, those taken from checkpoints, and all attempts."""

    total: int = 0
    resumed: int = 0
    attempts: int = 0


class FitVerdict(_Part):
    """Whether the fit of a processor is valid, and why not."""

    valid: bool
    messages: list[str] = []


class FailedProcessor(_Part):
    """Errors of one kind at one place of a processor that was set apart; see `ErrorGroup`."""

    kind: str
    place: str
    message: str
    count: int
    example: str
    details: str = ""
    code: str = ""


class ReaderResources(_Part):
    """Seconds of computing and on the clock of reading, and what was read."""

    cpu: float = 0.0
    wall: float = 0.0
    bytes: int = 0


class ProcessorResources(_Part):
    """Seconds of computing and on the clock of one processor, and the size of its files."""

    cpu: float = 0.0
    wall: float = 0.0
    written: int = 0


class Resources(_Part):
    """What the results of a run have taken, those from checkpoints included."""

    reader: ReaderResources = ReaderResources()
    processors: dict[str, ProcessorResources] = {}


class DerivedVerdict(_Part):
    """Data that a run derived: where they are and how many events, or why they are not there."""

    kind: str
    folder: str | None = None
    events: int = 0
    problem: str | None = None


class Manifest(_Part):
    """The content of `run.json`.

    Attributes:
        version: The version of this form; newer ones than this package knows are refused.
        status: `writing` while files take their places, `fitting`, `finished`, or `incomplete` if
            there are no results.
        complete: Whether all events were read.
        exit_code: That of the run, None until it has ended.
        key: A hash of all that the results depend on.
        configuration: How the run was done, and the configurations of its processors.
        options: By which `--resume` goes on; None if they cannot be recorded, as of objects that
            were given in Python.
        datasets: By name.
        inputs: All files that could be opened.
        missing: The files that have failed.
        chunks: How many there were.
        warnings: What is odd about the results but no error.
        fits: By processor.
        counters: What each counter counts, by processor and name, as the processors say it.
        derived: What the run derived, by name.
        set_apart: The errors of processors that failed while the others went on, by name.
        resources: What reading and each processor took.
        command, directory, started, finished, host, python, versions, git: See `provenance`.
    """

    version: Annotated[int, Field(ge=1, le=VERSION)] = VERSION
    status: Literal["writing", "fitting", "finished", "incomplete"] = "finished"
    complete: bool = False
    exit_code: Annotated[int, Field(ge=0, le=255)] | None = None
    key: str = ""
    configuration: dict[str, Any] = {}
    options: dict[str, Any] | None = None
    datasets: dict[str, DatasetFacts]
    inputs: list[InputFile] = []
    missing: list[MissingFile] = []
    chunks: ChunkCounts = ChunkCounts()
    warnings: list[str] = []
    fits: dict[str, FitVerdict] = {}
    counters: dict[str, dict[str, str]] = {}
    derived: dict[str, DerivedVerdict] = {}
    set_apart: dict[str, list[FailedProcessor]] = {}
    resources: Resources = Resources()
    command: list[str] = []
    directory: str | None = None
    started: str = ""
    finished: str = ""
    host: dict[str, Any] = {}
    python: str = ""
    versions: dict[str, str] = {}
    git: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _has_an_exit_code(self) -> Manifest:
        if self.status == "finished" and self.complete and self.exit_code is None:
            message = "expected an integer for a finished run, got null"
            raise InputError(message, code="results.wrong-type", path="exit_code")
        return self

    def datasets_of(self, processor: str) -> dict[str, DatasetFacts]:
        """Returns the datasets that a processor has read.

        Args:
            processor: Its name.
        """
        if all(facts.readers is None for facts in self.datasets.values()):
            return self.datasets  # itself: who corrects a fact of the run corrects it everywhere
        return {
            name: facts
            for name, facts in self.datasets.items()
            if facts.readers is None or processor in facts.readers
        }


def read_manifest(path: Path) -> Manifest:
    """Returns the content of a `run.json`.

    Args:
        path: The file.

    Raises:
        InputError: It cannot be read; the message names the keys that are wrong.
    """
    return read_json(path, Manifest)


def glance_at(path: Path) -> Manifest:
    """Returns the content of a `run.json` to show it: 10,000 files in a quarter of the time.

    Of two equal keys, which nobody but an editor writes, the last one is shown.

    Args:
        path: The file.

    Raises:
        InputError: As `read_manifest`.
    """
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (ValidationError, OSError):
        return read_manifest(path)


def results_in(folder: Path) -> Path:
    """Returns the results folder of a train or a test, or the folder itself.

    Args:
        folder: Of any of them; it need not exist.
    """
    has_run, results = (folder / RUN).is_file(), folder / RESULTS
    return results if not has_run and results.is_dir() else folder


def manifest_in(folder: Path, read: Callable[[Path], Manifest] = read_manifest) -> Manifest:
    """Returns the manifest of a results folder.

    Args:
        folder: The results folder.
        read: Reads it.

    Raises:
        InputError: There is none, or it is damaged.
    """
    path = folder / RUN
    if path.is_file():
        return read(path)
    if not folder.is_dir():
        problem = "is not a folder"
    elif (folder / CHECKED_FILES).exists() or (folder / LOG).exists():
        problem = f"has no {RUN}: its run has not ended; go on with --resume {folder}"
    elif (folder.absolute().parent / RUN).is_file():
        problem = f"is the folder of one processor: open {folder.absolute().parent}"
    else:
        problem = f"has no {RUN}: it is not a results folder"
    message = f"{folder} {problem}"
    raise InputError(message, code="results.no-run", path=folder)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes `run.json`, with passwords and tokens replaced.

    Args:
        folder: The results folder.
        manifest: Its content.

    Raises:
        RunError: The file cannot be written.
    """
    write_text(folder / RUN, json_text(manifest.model_dump(mode="json")))


def read_json(path: Path, model: type[_Model]) -> _Model:
    """Returns the content of a file of a results folder.

    Args:
        path: The file.
        model: What it must hold.

    Raises:
        InputError: It cannot be read; the message names the keys that are wrong.
    """
    return read_document(path, "record", language="results").validate(model)
