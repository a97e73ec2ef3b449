"""A whole run from Python: `tau3mu.run`, with the options of the command line."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

from tau3mu.config.input_files import user_path
from tau3mu.console.cli import first_import
from tau3mu.cpus import usable_cpus
from tau3mu.errors import InputError, RunError
from tau3mu.run.resume import recorded_options, resumed_options
from tau3mu.run.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tau3mu.clusters.connection import Starting
    from tau3mu.console.progress import Display
    from tau3mu.datasets import Dataset
    from tau3mu.processing import Processor
    from tau3mu.run.stored import Run

__all__ = ["execute_run", "run", "settings_of"]


def run(
    datasets: str | os.PathLike[str] | Dataset | Iterable[str | os.PathLike[str] | Dataset] = (),
    processors: str | Processor | Iterable[str | Processor] = (),
    *,
    progress: bool | None = None,
    **options: Any,
) -> Run:
    """Runs processors on datasets, fits the mass, and writes a results folder.

    It does what `python -m tau3mu.run` does, and takes its options as keyword arguments:
    `tau3mu.run("demo", executor="dask", workers=4, output="results/demo")`.

    Args:
        datasets: Datasets as from `tau3mu.datasets`, names of shipped ones, dataset files,
            ntuples or patterns; the demo by default.
        processors: Processors, names of shipped ones, or `path/to/file.py:Class`; `dsphipi` by
            default. All share one pass over the data.
        progress: Whether to show the progress on standard error; by default in a terminal.
        options: As on the command line: `output`, `executor`, `workers`, `fit`, `no_fit`,
            `candidates`, `skip_bad_files`, `resume`, ...; see `tau3mu.run.Settings`.

    Returns:
        The results, as `tau3mu.open` returns them later. `exit_code` is that of the command line,
        and `missing` names the files that have failed and were skipped.

    Raises:
        InputError: Something is wrong with what is given; nothing was written.
        RunError: The run failed, or there are no results since files cannot be read.
    """
    given = _as_list(datasets)
    chosen = _as_list(processors)
    found = _objects(given)
    if found is None:
        from tau3mu.datasets.finding import is_dataset_file

        texts = [os.fspath(one) for one in given]
        options["datasets"] = [text for text in texts if is_dataset_file(text)]
        files = [text for text in texts if not is_dataset_file(text)]
        if files:
            options["files"] = [*files, *_as_list(options.get("files") or ())]
    objects = [one for one in chosen if not isinstance(one, str)]
    if not objects:
        options["processors"] = chosen
    settings = settings_of(options, data_given=found is not None)
    if found is not None:
        settings = settings.model_copy(update={"datasets": [], "files": []})
    result = execute_run(
        settings, datasets=found, processors=chosen if objects else None, progress=progress
    )
    if not len(result):
        message = (
            f"there are no results, since {len(result.missing)} files cannot be read, such as "
            f"{result.missing[0].path}: {'; '.join(result.missing[0].reasons)}. What was done is "
            f"kept: repair them and go on with resume={str(result.folder)!r}, or skip them with "
            "skip_bad_files=True as well"
        )
        raise RunError(message, code="run.no-results", path=result.folder)
    return result


def settings_of(given: Mapping[str, Any], *, data_given: bool = False) -> Settings:
    """Returns the settings of the options that are given and, of a resumed run, recorded.

    Args:
        given: Options by name; None, False and empty lists are not given.
        data_given: Whether the datasets are given as objects, beside the options.

    Raises:
        InputError: An option is not known or contradicts others or the record.
    """
    if given.get("resume"):
        Settings.of(resume=given["resume"], output=given.get("output"))
        folder = user_path(given["resume"])
        record = recorded_options(folder)
        if record is not None or not data_given:
            given = resumed_options({**given, "resume": folder}, record)
    return Settings.of(**given)


def execute_run(
    settings: Settings,
    *,
    datasets: list[Dataset] | None = None,
    processors: list[str | Processor] | None = None,
    progress: bool | None = None,
    on_prepared: Callable[[Display], object] = lambda _: None,
) -> Run:
    """Returns the results of a run, new or complete before.

    Args:
        settings: What to run and how.
        datasets: Instead of those that the settings name.
        processors: Instead of those that the settings name.
        progress: Whether to show the progress; by default in a terminal.
        on_prepared: Is called with the display if the run is complete already.
    """
    from tau3mu.console.progress import Display

    display = Display(progress)
    with display, ExitStack() as stack:
        display.begin("Starting")
        if datasets is None:
            from tau3mu.datasets.finding import find_datasets

            if not (settings.files or settings.datasets):
                settings = settings.model_copy(update={"datasets": ["demo"]})
            datasets = find_datasets(
                settings.datasets,
                settings.files,
                prefix=settings.prefix,
                max_files=settings.max_files,
                layout=settings.layout,
            )
        n_files = sum(len(dataset.files) for dataset in datasets)
        starting = _start_workers(settings, n_files, stack)
        with first_import("tau3mu.run.analysis"):
            from tau3mu.run.analysis import analyse
            from tau3mu.run.preparation import prepare
            from tau3mu.run.stored import Run
        asked = processors or settings.processors or ["dsphipi"]
        display.check_files(n_files)
        with closing(
            prepare(datasets, asked, settings, on_file=display.advance, starting=starting)
        ) as plan:
            if plan.done is not None:
                on_prepared(display)
                return Run(plan.folder, plan.done)
            display.entries = plan.entries
            return analyse(plan, on_result=display.read, on_stage=display.begin, starting=starting)


def _start_workers(settings: Settings, n_files: int, stack: ExitStack) -> Starting | None:
    """Begins to start the workers of a run, which takes as long as the check of the files.

    There may be more chunks than files, and then more workers; `analyse` asks for them.
    """
    if settings.executor == "futures":
        from tau3mu.clusters.forking import start_forking

        start_forking("loky.process_executor")
    if settings.executor != "dask" or settings.scheduler is not None:
        return None
    from tau3mu.clusters.connection import start_cluster

    workers = max(1, min(settings.workers or usable_cpus(), n_files))
    return stack.enter_context(
        start_cluster(
            workers=None if settings.cluster else workers,
            cluster=settings.cluster,
            site=settings.site,
            insecure=settings.insecure,
            dashboard=settings.dashboard,
        )
    )


def _as_list(value: Any) -> list[Any]:
    from tau3mu.datasets import Dataset
    from tau3mu.processing import Processor

    single = isinstance(value, str | os.PathLike | Dataset | Processor)
    return [value] if single else list(value)


def _objects(given: list[Any]) -> list[Dataset] | None:
    """Returns datasets that are given as such, None if all are names and files."""
    from tau3mu.datasets import Dataset, combine

    found = [one for one in given if isinstance(one, Dataset)]
    if not found:
        return None
    if len(found) < len(given):
        message = "datasets: expected either datasets or names and files, got both"
        raise InputError(message, code="run.mixed-datasets", path="datasets")
    return combine(found)
