"""The preparation of a run: everything that can be checked before the work, and nothing written."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from tau3mu.clusters.proxy.distribution import use_proxy
from tau3mu.clusters.proxy.proxy import find_proxy, needs_proxy
from tau3mu.datasets import check_files, check_readable_files, make_chunks
from tau3mu.errors import InputError, suggest
from tau3mu.execution import RetryPolicy, dry_run
from tau3mu.ntuples.layout import layout, layouts
from tau3mu.ntuples.open_files import close_files
from tau3mu.processing import check_histograms, load_processors
from tau3mu.results import ResultsFolder, default_folder
from tau3mu.run.checked_files import read_plan
from tau3mu.run.completed import completed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hist import Hist

    from tau3mu.clusters.proxy.proxy import Proxy
    from tau3mu.datasets import CheckedFile, Chunk, Dataset, FailedFile
    from tau3mu.execution.run import Executor
    from tau3mu.fit import FitModel
    from tau3mu.outputs.contract import Returned
    from tau3mu.processing import Processor
    from tau3mu.run.recorded_options import RunOptions

__all__ = ["CHUNK_SIZE", "Plan", "Settings", "prepare"]

CHUNK_SIZE = 150_000
"""Default number of entries of a chunk: some 170 MB of the columns that `dsphipi` reads."""


@dataclass(frozen=True)
class Settings:
    """How to run: what the command line's options say."""

    executor: Executor = "iterative"
    workers: int = 1
    scheduler: str | None = None
    cluster: str | None = None
    site: Path | None = None
    insecure: bool = False
    performance_report: Path | None = None
    proxy: Path | None = None
    chunk_size: int = CHUNK_SIZE
    candidates: Literal["root", "parquet"] = "root"
    fit: str | None = None
    no_fit: bool = False
    resume: bool = False
    skip_bad_files: bool = False
    allow_missing: float = 0.0
    verify_checksum: bool = False
    retry_policy: RetryPolicy = field(default_factory=RetryPolicy)
    options: RunOptions | None = None
    """What `--resume` goes on with, if the run comes from a command line."""


@dataclass(frozen=True)
class Plan:
    """What is going to be done, checked as far as that is possible beforehand.

    `folder` is to be made, with a number at its end if it is there and the user has not `named` it.
    `expected` is what the processors return without events, and `failed` are the files that
    cannot be opened, if they may be left out. `done` is the exit code of the run that is to be
    resumed if it is complete already, so that nothing is left to do.
    """

    folder: Path
    settings: Settings
    processors: list[Processor]
    datasets: list[Dataset]
    files: list[CheckedFile]
    failed: list[FailedFile]
    chunks: list[Chunk]
    models: dict[str, FitModel]
    expected: dict[str, Returned]
    proxy: Proxy | None = None
    done: int | None = None
    named: bool = True

    @property
    def entries(self) -> int:
        """The number of events to read."""
        return sum(file.entries for file in self.files)

    @property
    def workers(self) -> int:
        """The number of processes: no more than there are chunks."""
        most = 1 if self.settings.executor == "iterative" else self.settings.workers
        return max(1, min(most, len(self.chunks)))

    @property
    def columns(self) -> frozenset[str]:
        """What the processors read."""
        return _columns(self.processors)


def prepare(
    datasets: Sequence[Dataset],
    processors: Sequence[str],
    settings: Settings,
    *,
    folder: Path | None = None,
    on_file: Callable[[], object] | None = None,
) -> Plan:
    """Returns the plan of a run after a check of the processors, the fits and every file.

    Args:
        datasets: What to read.
        processors: Names of shipped processors, or `path/to/file.py:Class`.
        settings: How to run.
        folder: The results folder, new or empty; by default one named after time and processors.
            That of the run that is continued, if the settings say `resume`.
        on_file: Is called after each file that has been checked.

    Raises:
        InputError: Something is wrong with the processors, the fit, the proxy or the files, or the
            folder is in use, or has the complete results of another run.
    """
    loaded = load_processors(processors)
    lazily = settings.executor == "dask"
    named = folder is not None
    folder = folder or default_folder(processor.name for processor in loaded)
    columns = _columns(loaded)
    remembered: dict[tuple[str, str], CheckedFile] = {}
    if settings.resume:
        names = [processor.name for processor in loaded]
        remembered = read_plan(folder, processors=names, datasets=datasets, columns=columns)
    elif named:
        ResultsFolder.check_free(folder)
    histograms = {p.name: check_histograms(p, datasets[0].name) for p in loaded}
    models = {} if settings.no_fit else _models(histograms, settings.fit)
    proxy = _proxy(datasets, settings)
    with ExitStack() as stack:
        stack.callback(close_files)
        with use_proxy(proxy):
            files, failed = _check(datasets, columns, settings, remembered, on_file)
        chunks = make_chunks(files, datasets, settings.chunk_size)
        expected = dry_run(chunks, loaded, lazily=lazily, candidates=settings.candidates)
        for name, model in models.items():
            _check_columns(model, name, expected[name].columns)
        if settings.executor != "iterative":
            from tau3mu.processing import ship_code

            ship_code(loaded)
        plan = Plan(
            folder,
            settings,
            loaded,
            list(datasets),
            files,
            failed,
            chunks,
            models,
            expected,
            proxy,
        )
        plan = replace(plan, done=completed(plan), named=named)
        if plan.done is None:
            stack.pop_all()  # the files stay open for `analyse`
    return plan


def _columns(processors: Sequence[Processor]) -> frozenset[str]:
    return frozenset().union(*(processor.columns for processor in processors))


def _check(
    datasets: Sequence[Dataset],
    columns: frozenset[str],
    settings: Settings,
    remembered: dict[tuple[str, str], CheckedFile],
    on_file: Callable[[], object] | None,
) -> tuple[list[CheckedFile], list[FailedFile]]:
    """Returns the files to read and those that cannot be; opens those that are not remembered."""
    known, rest = [], []
    for dataset in datasets:
        new = {
            path: tree
            for path, tree in dataset.files.items()
            if not _has_layout(remembered.get((dataset.name, path)), dataset)
        }
        known += [remembered[dataset.name, path] for path in dataset.files if path not in new]
        if new:
            details = {path: dataset.details[path] for path in new if path in dataset.details}
            rest.append(replace(dataset, files=new, details=details))
    for _ in known:
        if on_file is not None:
            on_file()
    files: list[CheckedFile] = []
    failed: list[FailedFile] = []
    how: dict[str, Any] = {
        "on_file": on_file,
        "verify_checksums": settings.verify_checksum,
        "keep_open": settings.executor == "iterative",
        "known": known,
    }
    if rest and settings.skip_bad_files:
        files, failed = check_readable_files(rest, columns, **how)
    elif rest:
        files = check_files(rest, columns, **how)
    owner = {file.uuid: file for file in known}
    for file in files:
        if file.uuid.strip("0-") and (other := owner.get(file.uuid)):
            message = f"{file.path} is a copy of {other.path}; its events would count twice"
            raise InputError(message)
    return [*known, *files], failed


def _has_layout(file: CheckedFile | None, dataset: Dataset) -> bool:
    """Tells whether a file was checked, and with the layout that its dataset asks for now."""
    if file is None:
        return False
    if dataset.layout is None:
        return file.layout in layouts()
    return file.layout == layout(dataset.layout).reference(file.branches)


def _proxy(datasets: Sequence[Dataset], settings: Settings) -> Proxy | None:
    """Returns the grid proxy, checked, if one is asked for or files may need it."""
    paths = [path for dataset in datasets for path in dataset.places()]
    if settings.proxy is None and not needs_proxy(paths):
        return None
    proxy = find_proxy(settings.proxy)
    if proxy is not None:
        proxy.check(timedelta(minutes=10))
    return proxy


def _models(histograms: Mapping[str, dict[str, Hist[Any]]], fit: str | None) -> dict[str, FitModel]:
    """Returns the fit of each processor: the one asked for, or the shipped one of its name."""
    from tau3mu.fit import load_model, shipped_fits

    models = {}
    for processor, filled in histograms.items():
        if fit is None and processor not in shipped_fits():
            continue
        model = load_model(fit or processor)
        if _fits(processor, filled, model, required=fit is not None):
            models[processor] = model
    return models


def _fits(
    processor: str, histograms: dict[str, Hist[Any]], model: FitModel, *, required: bool
) -> bool:
    """Returns whether a processor fills what a model fits, in bins that the model can take."""
    from tau3mu.fit.data.prepare import check_histogram

    for part in model.parts.values():
        asked = part.input.histogram if part.input else part.observable.name
        if asked is None:  # single entries, of the candidates
            continue
        if asked in histograms:
            check_histogram(histograms[asked], part, f"fit {model.name} of processor {processor}")
        elif not required:
            return False
        else:
            message = (
                f"fit {model.name} is of histogram {asked!r}, which processor {processor} "
                f"does not fill{suggest(asked, histograms)}; it has {', '.join(histograms)}"
            )
            raise InputError(message)
    return True


def _check_columns(model: FitModel, processor: str, columns: Mapping[str, str]) -> None:
    """Checks that the candidates have the columns of single entries that a model fits."""
    for part in model.parts.values():
        given = part.input
        for column in (given.column, given.weight) if given else ():
            if column is None:
                continue
            kind = columns.get(column)
            if kind is None or not kind.startswith(("float", "int", "uint")):
                there = "does not return" if kind is None else f"returns as {kind}"
                message = (
                    f"fit {model.name} is of the column {column!r}, which processor {processor} "
                    f"{there}{suggest(column, columns)}; it has {', '.join(columns)}"
                )
                raise InputError(message)
