"""What the options of a run ask of its data: certified events, luminosities, results by run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tau3mu.config.input_files import user_path
from tau3mu.datasets import certified
from tau3mu.datasets.parts import own_columns
from tau3mu.errors import InputError
from tau3mu.ntuples.layout import layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tau3mu.datasets import Dataset
    from tau3mu.datasets.brilcalc import LuminosityTable
    from tau3mu.outputs.contract import Returned
    from tau3mu.run.settings import Settings

__all__ = ["check_own_columns", "check_run_column", "read_luminosities", "with_data_options"]


def with_data_options(datasets: Sequence[Dataset], settings: Settings) -> Sequence[Dataset]:
    """Returns the datasets with the certification and the luminosity file of the options.

    Args:
        datasets: Those of the run.
        settings: Its options.

    Raises:
        InputError: The certification cannot be read, or there is no data.
    """
    if settings.certification:
        datasets = certified(datasets, settings.certification)
    if settings.brilcalc is None:
        return datasets
    if all(one.is_mc for one in datasets):
        message = "--brilcalc is for data, and all datasets are simulation: leave it out"
        raise InputError(message, code="luminosity.no-data", path="brilcalc")
    file = str(user_path(settings.brilcalc).absolute())
    given: dict[str, Any] = {"brilcalc": file, "lumi": None, "whole_lumi": None}
    return [one if one.is_mc else replace(one, **given, lumi_source=None) for one in datasets]


def read_luminosities(datasets: Iterable[Dataset]) -> dict[str, LuminosityTable]:
    """Returns the luminosity files of datasets, by their paths.

    Args:
        datasets: Those of a run.

    Raises:
        InputError: One of them is not a file of brilcalc.
    """
    paths = {one.brilcalc for one in datasets if one.brilcalc is not None}
    if not paths:
        return {}
    from tau3mu.datasets.brilcalc import read_brilcalc

    return {path: read_brilcalc(path) for path in sorted(paths)}


def check_own_columns(datasets: Sequence[Dataset], settings: Settings) -> None:
    """Checks that there is data whose layouts know run numbers and luminosity sections, if needed.

    Args:
        datasets: Those of the run.
        settings: Its options.

    Raises:
        InputError: There is no data, or a layout lacks the columns.
    """
    if settings.per_run and all(dataset.is_mc for dataset in datasets):
        message = "--per-run is for data, and all datasets are simulation: leave it out"
        raise InputError(message, code="run.no-data", path="per_run")
    for dataset in datasets:
        for column in sorted(own_columns([dataset], per_run=settings.per_run)):
            table = layout(dataset.layout) if dataset.layout else None
            if table is not None and table.column(column) is None:
                option = "certification" if dataset.certification else "luminosity file"
                if settings.per_run and column == "run":
                    option = "--per-run"
                message = (
                    f"layout {table.name} of dataset {dataset.name!r} has no column {column!r}, "
                    f"which the {option} needs: add its branch to the table, or leave it out"
                )
                raise InputError(message, code="run.layout-without-column", path=column)


def check_run_column(expected: Mapping[str, Returned]) -> None:
    """Checks that the candidates of all processors have the run number of their event.

    Args:
        expected: What each processor returns.

    Raises:
        InputError: Those of a processor have not.
    """
    for name, returned in expected.items():
        if not returned.columns.get("run", "").startswith(("int", "uint")):
            message = (
                f"processor {name}: its candidates have no column 'run' of whole numbers, by which "
                "--per-run divides them: add 'run' to its columns, or leave --per-run out"
            )
            raise InputError(message, code="run.no-run-column", path=name)
