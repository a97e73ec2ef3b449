"""What the options of a run ask of its data: certified events, and results by run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.datasets import certified
from tau3mu.datasets.parts import own_columns
from tau3mu.errors import InputError
from tau3mu.ntuples.layout import layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tau3mu.datasets import Dataset
    from tau3mu.outputs.contract import Returned
    from tau3mu.run.settings import Settings

__all__ = ["check_own_columns", "check_run_column", "with_certification"]


def with_certification(datasets: Sequence[Dataset], settings: Settings) -> Sequence[Dataset]:
    """Returns the datasets with the certification of the options, if there is one.

    Raises:
        InputError: It cannot be read, or there is no data.
    """
    return certified(datasets, settings.certification) if settings.certification else datasets


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
                option = "--per-run" if settings.per_run and column == "run" else "certification"
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
