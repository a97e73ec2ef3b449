"""The preparation of a run: everything that can be checked before the work, and nothing written."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import cloudpickle

from tau3mu.clusters.proxy.distribution import use_proxy
from tau3mu.clusters.proxy.proxy import find_proxy, needs_proxy
from tau3mu.datasets import (
    check_files,
    check_readable_files,
    make_chunks,
)
from tau3mu.datasets.found_before import cache_folder
from tau3mu.datasets.parts import counted
from tau3mu.derived.linked import only_linked, read_links, with_links
from tau3mu.derived.reading import check_derived
from tau3mu.errors import InputError
from tau3mu.execution import dry_run
from tau3mu.execution.checkpoints import chunk_keys
from tau3mu.execution.set_apart import SetApart, error_group
from tau3mu.ntuples.known_layouts import known_layouts
from tau3mu.ntuples.layout import layout
from tau3mu.ntuples.open_files import close_files
from tau3mu.outputs.contract import NO_EVENTS
from tau3mu.processing import check_histograms, load_processors, ship_code
from tau3mu.processing.catalogue import installed_processors
from tau3mu.processing.cuts import with_options
from tau3mu.processing.needs import in_order, that_read
from tau3mu.results import ResultsFolder, default_folder
from tau3mu.results.manifest import read_manifest
from tau3mu.run.checked_files import remembered_files
from tau3mu.run.checking import who_checks
from tau3mu.run.data import (
    check_own_columns,
    check_run_column,
    read_luminosities,
    with_data_options,
)
from tau3mu.run.fits import check_columns, check_eras, models_of
from tau3mu.run.plan import RunPlan, columns_of
from tau3mu.run.skims import checked_requests
from tau3mu.storage.names import CHECKED_FILES, RUN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hist import Hist

    from tau3mu.clusters.connection import Starting
    from tau3mu.clusters.proxy.proxy import Proxy
    from tau3mu.datasets import CheckedFile, Chunk, Dataset, FailedFile
    from tau3mu.datasets.preflight import InspectAll
    from tau3mu.derived import SkimRequest
    from tau3mu.fit import FitModel
    from tau3mu.processing import Processor
    from tau3mu.results.manifest import Manifest
    from tau3mu.run.checked_files import Remembered
    from tau3mu.run.settings import Settings

__all__ = ["completed", "prepare"]

log = logging.getLogger(__name__)


def prepare(
    datasets: Sequence[Dataset],
    processors: Sequence[str | Processor],
    settings: Settings,
    *,
    fits: Mapping[str, str | Path | FitModel | None] | None = None,
    isolate: bool = False,
    skims: Mapping[str, SkimRequest] | None = None,
    on_file: Callable[[], object] = lambda: None,
    starting: Starting | None = None,
) -> RunPlan:
    """Returns the plan of a run after a check of the processors, the fits and every file.

    Args:
        datasets: What to read.
        processors: Names of installed processors, `path/to/file.py:Class`, or instances.
        settings: How to run, and the results folder.
        fits: Of some processors, by their names, instead of what the settings say: a shipped fit,
            a file or a model, None for no fit.
        isolate: Whether the others go on when a processor fails, now or in the run.
        skims: What to derive beside the results, by processor, in addition to `settings.skim`.
        on_file: Is called after each file that has been checked.
        starting: The cluster of the run, if it is being started already.

    Raises:
        InputError: Something is wrong with the processors (with all of them, if the others are to
            go on), the fit, the proxy or the files, or the
            folder is in use, or has the complete results of another run.
    """
    loaded = with_options(
        load_processors(processors, values=settings.values, variants=settings.variants),
        n_minus_one=settings.n_minus_one,
        sharing=not settings.no_sharing,
    )
    in_order(loaded)
    set_apart = SetApart(loaded) if isolate else None
    names = [processor.name for processor in loaded]
    folder = settings.resume or settings.output or default_folder(names)
    datasets = with_data_options(datasets, settings)
    check_own_columns(datasets, settings)
    luminosities = read_luminosities(datasets)
    _refuse_unread(datasets, loaded)
    columns = columns_of(datasets, loaded, settings)
    remembered: Remembered = {}
    if settings.resume:
        remembered = remembered_files(folder, processors=names, datasets=datasets, columns=columns)
    elif settings.output:
        ResultsFolder.check_free(folder)
    histograms = {
        one.name: found
        for one in loaded
        if (found := _histograms(one, datasets, set_apart)) is not None
    }
    classes = {p.name: type(p).name for p in loaded}  # variants have the fit of their class
    models = {} if settings.no_fit else models_of(histograms, settings.fit, classes, fits or {})
    for name, model in models.items():
        check_eras(model, [one for one in datasets if one.is_read_by(name)])
    proxy = _proxy(datasets, settings)
    with ExitStack() as stack:
        stack.callback(close_files)
        others = who_checks(settings, proxy, starting)
        with use_proxy(proxy):
            files, failed = _check(datasets, columns, settings, remembered, on_file, others)
        links = {one.name: read_links(one.linked) for one in datasets if one.linked}
        files = with_links(files, links)
        warnings = check_derived(files, loaded, datasets)
        datasets = [counted(one, [f for f in files if f.dataset == one.name]) for one in datasets]
        chunks = make_chunks(files, datasets, settings.chunk_size, per_run=settings.per_run)
        chunks = only_linked(chunks, links)
        _refuse_without_chunks(loaded, chunks, datasets)
        lazily = settings.executor == "dask"
        expected = dry_run(
            chunks, loaded, lazily=lazily, candidates=settings.candidates, set_apart=set_apart
        )
        if set_apart is not None:
            _refuse_none(set_apart)
            models = {name: model for name, model in models.items() if name in expected}
        requests = checked_requests(settings.skim, skims, loaded, chunks, expected)
        if settings.per_run:
            check_run_column(expected)
        for name, model in models.items():
            check_columns(model, name, expected[name].columns)
        if settings.executor != "iterative":
            for module in ship_code(loaded):
                stack.callback(cloudpickle.unregister_pickle_by_value, module)
        plan = RunPlan(
            folder=folder,
            named=bool(settings.resume or settings.output),
            settings=settings,
            options=_options(settings, processors),
            processors=loaded,
            datasets=list(datasets),
            files=files,
            failed=failed,
            chunks=chunks,
            models=models,
            expected=expected,
            proxy=proxy,
            isolate=isolate,
            set_apart=set_apart.groups if set_apart is not None else {},
            skims=requests,
            luminosities=luminosities,
            warnings=tuple(warnings),
        )
        return replace(plan, done=completed(plan), resources=stack.pop_all())
    raise AssertionError  # the block above returns or raises


def _histograms(
    processor: Processor, datasets: Sequence[Dataset], set_apart: SetApart | None
) -> dict[str, Hist[Any]] | None:
    """Returns the checked histograms of a processor, None if it is set apart by them."""
    first = next(one for one in datasets if one.is_read_by(processor.name))
    try:
        return check_histograms(processor, first.name)
    except InputError as error:
        if set_apart is None:
            raise
        set_apart.add(processor.name, error_group(error, NO_EVENTS))
        return None


def _refuse_unread(datasets: Sequence[Dataset], processors: Sequence[Processor]) -> None:
    """Raises an error if a dataset has no reader, or a processor reads nothing or too little."""
    names = [one.name for one in processors]
    readers = {one.name: {p.name for p in that_read(processors, one)} for one in datasets}
    for dataset, by in readers.items():
        if not by:
            message = (
                f"dataset {dataset!r} is read by none of the processors, which are "
                f"{', '.join(names)}: leave it out"
            )
            raise InputError(message, code="run.unread-dataset", path=dataset)
        for one in processors:
            if one.name in by and (missing := set(one.needs) - by):
                message = (
                    f"processor {one.name} reads dataset {dataset!r}, which {min(missing)} does "
                    "not read, though it needs what that finds there"
                )
                raise InputError(message, code="run.need-not-read", path=one.name)
    if idle := set(names).difference(*readers.values()):
        message = f"processor {min(idle)} reads none of the datasets {', '.join(readers)}"
        raise InputError(message, code="run.idle-processor", path=min(idle))


def _refuse_without_chunks(
    processors: Sequence[Processor], chunks: Sequence[Chunk], datasets: Sequence[Dataset]
) -> None:
    """Raises an error if nothing is left of the datasets that a processor reads."""
    for one in processors:
        if not any(chunk.is_read_by(one.name) for chunk in chunks):
            own = [dataset.name for dataset in datasets if dataset.is_read_by(one.name)]
            message = (
                f"processor {one.name} reads {', '.join(own)}, of which no file that can be read "
                "holds events"
            )
            raise InputError(message, code="dataset.no-events", path=one.name)


def _refuse_none(set_apart: SetApart) -> None:
    """Raises an error if no processor is left."""
    if not set_apart.left:
        failed = {name: groups[0] for name, groups in set_apart.groups.items()}
        messages = "\n  ".join(f"{name}: {group.message}" for name, group in failed.items())
        error = InputError(f"all processors fail:\n  {messages}", code="run.all-processors-fail")
        error.details = "\n".join(group.details for group in failed.values() if group.details)
        raise error


def completed(plan: RunPlan) -> Manifest | None:
    """Returns the manifest of the run that is resumed, None if there is something to do.

    A driver may die after its last result is written, and whoever starts it again, by hand or as a
    batch system does, asks for what is there. A run of which events are missing, or processors are
    set apart, is not complete: files and processors may have been repaired since.

    Args:
        plan: What is asked for now.

    Raises:
        InputError: The run there is complete, but not the one that is asked for, or nothing says
            whether it is complete.
    """
    if not plan.settings.resume:
        return None
    manifest = _manifest(plan.folder)
    if manifest is None or manifest.status != "finished" or not manifest.complete:
        return None
    if manifest.set_apart:
        return None
    if manifest.key != plan.key(chunk_keys(plan.chunks, plan.processors)):
        message = (
            f"the run in {plan.folder} is complete, and not what is asked for now: the "
            "processors, their configuration, the files, the chunk size, the fits or the format of "
            "the candidates have changed; choose another folder with --output"
        )
        raise InputError(message, code="run.other-run-complete", path=plan.folder)
    return manifest


def _manifest(folder: Path) -> Manifest | None:
    path = folder / RUN
    if not path.is_file():
        return None
    try:
        return read_manifest(path)
    except InputError as error:
        if (folder / CHECKED_FILES).is_file():  # which a complete run has not
            log.warning("%s; the run goes on, and writes it again", error)
            return None
        message = f"{error}; remove this file if the run is to be made again"
        raise InputError(message, code=error.code, path=path) from error


def _options(settings: Settings, asked: Sequence[str | Processor]) -> dict[str, Any] | None:
    """Returns the options by which the run can be made again, None if names do not suffice."""
    names = [one if isinstance(one, str) else _installed_name(one) for one in asked]
    if None in names or not (settings.files or settings.datasets):
        return None
    return settings.model_copy(update={"processors": names}).recorded()


def _installed_name(processor: Processor) -> str | None:
    """Returns the name of an installed processor that has its default parameters."""
    if processor.name not in installed_processors():
        return None
    (default,) = load_processors([processor.name])
    same = type(default) is type(processor) and default.configuration == processor.configuration
    return processor.name if same and default.needs == processor.needs else None


def _check(
    datasets: Sequence[Dataset],
    columns: Mapping[str, frozenset[str]],
    settings: Settings,
    remembered: Remembered,
    on_file: Callable[[], object],
    inspect_all: InspectAll | None,
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
        on_file()
    files: list[CheckedFile] = []
    failed: list[FailedFile] = []
    how: dict[str, Any] = {
        "on_file": on_file,
        "verify_checksums": settings.verify_checksum,
        "keep_open": settings.executor == "iterative",
        "known": known,
        "missing_triggers": settings.missing_triggers,
        "cache": None if settings.no_cache else cache_folder(),
        "inspect_all": inspect_all,
    }
    if rest and settings.skip_bad_files:
        files, failed = check_readable_files(rest, columns, **how)
    elif rest:
        files = check_files(rest, columns, **how)
    owner = {file.uuid: file for file in known}
    for file in files:
        if file.uuid.strip("0-") and (other := owner.get(file.uuid)):
            message = f"{file.path} is a copy of {other.path}; its events would count twice"
            raise InputError(message, code="datasets.copied-file", path=file.path)
    return [*known, *files], failed


def _has_layout(file: CheckedFile | None, dataset: Dataset) -> bool:
    """Returns whether a file was checked, and with the layout that its dataset asks for now."""
    if file is None:
        return False
    then = layout(file.layout)
    now = known_layouts().get(then.name) if dataset.layout is None else layout(dataset.layout)
    return now is not None and (file.layout == now.name or then.follows(now))


def _proxy(datasets: Sequence[Dataset], settings: Settings) -> Proxy | None:
    """Returns the grid proxy, checked, if one is asked for or files may need it."""
    paths = [path for dataset in datasets for path in dataset.places()]
    if settings.proxy is None and not needs_proxy(paths):
        return None
    proxy = find_proxy(settings.proxy)
    if proxy is not None:
        proxy.check(timedelta(minutes=10))
    return proxy
