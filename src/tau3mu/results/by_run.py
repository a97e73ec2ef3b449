"""The results of a processor by run number: `runs.npz`, and sums over any list of runs."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from hist import Hist
from hist.axis import StrCategory

from tau3mu.errors import InputError
from tau3mu.execution import ProcessorResult
from tau3mu.outputs.histograms import DATASET
from tau3mu.outputs.stored import from_document, read_document, to_document, write_document
from tau3mu.outputs.totals import ProcessorTotal, on_datasets
from tau3mu.selection import Step
from tau3mu.storage.files import atomic

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from tau3mu.outputs import Selection

__all__ = ["RUNS", "read_runs", "sum_of_runs", "write_runs"]

RUNS = "runs.npz"
_VERSION = 1
_DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile)

ByRun = dict[str, dict[int, "Selection"]]
"""By dataset and run; the histograms have all axes, and there are no candidates."""


def write_runs(folder: Path, runs: Mapping[str, Mapping[int, Selection]]) -> None:
    """Writes `runs.npz`.

    Args:
        folder: Of the processor.
        runs: What was counted and filled, by dataset and run.

    Raises:
        RunError: The file cannot be written.
    """
    datasets = {
        dataset: {str(run): to_document(one) for run, one in of_runs.items()}
        for dataset, of_runs in runs.items()
    }
    with atomic(folder / RUNS) as temporary:
        write_document(temporary, {"version": _VERSION, "datasets": datasets})


def read_runs(folder: Path) -> ByRun:
    """Returns what `write_runs` was given.

    Args:
        folder: Of the processor.

    Raises:
        InputError: There is no such file, or it is damaged.
    """
    path = folder / RUNS
    if not path.is_file():
        message = f"{folder} has no results by run: make them with --per-run"
        raise InputError(message, code="results.no-runs", path=path)
    try:
        with path.open("rb") as file:
            document = read_document(file)
        if document["version"] != _VERSION:
            message = f"it has version {document['version']}"
            raise ValueError(message)
        return {
            dataset: {int(run): from_document(one) for run, one in of_runs.items()}
            for dataset, of_runs in document["datasets"].items()
        }
    except _DAMAGED as error:
        message = f"{path} is damaged or from another version: {error}"
        raise InputError(message, code="results.damaged-file", path=path) from error


def sum_of_runs(total: ProcessorResult, runs: ByRun, chosen: Collection[int]) -> ProcessorResult:
    """Returns the results of some runs of data, with all of simulation.

    Of a dataset whose runs are all chosen, they are those of the total, bit by bit.

    Args:
        total: The results of all runs.
        runs: Those of each run.
        chosen: Run numbers.

    Raises:
        InputError: No dataset has one of them.
    """
    known = {run for of_runs in runs.values() for run in of_runs}
    if other := sorted(set(chosen) - known):
        message = (
            f"there are no events of run {', '.join(map(str, other[:10]))}; there are "
            f"{len(known)} runs from {min(known, default=0)} to {max(known, default=0)}"
        )
        raise InputError(message, code="results.unknown-run", path=str(other[0]))
    parts = {
        dataset: _sum(dataset, of_runs, set(chosen))
        for dataset, of_runs in runs.items()
        if not of_runs.keys() <= set(chosen)
    }
    counters = {dataset: dict(part.counters[dataset]) for dataset, part in parts.items()}
    cutflow = {dataset: part.cutflow()[dataset] for dataset, part in parts.items()}
    return ProcessorResult(
        _candidates(total.candidates, parts, chosen),
        {name: _histogram(one, name, parts) for name, one in total.histograms.items()},
        {**total.cutflow, **cutflow},
        {**total.counters, **counters},
        {
            dataset: {run: one for run, one in of_runs.items() if run in chosen}
            for dataset, of_runs in runs.items()
        },
    )


def _sum(dataset: str, of_runs: Mapping[int, Selection], chosen: set[int]) -> ProcessorTotal:
    total = ProcessorTotal()
    total.add(_nothing(next(iter(of_runs.values()))), dataset, "")
    for run, selection in of_runs.items():
        if run in chosen:
            total.add(selection, dataset, "")
    return total


def _nothing(selection: Selection) -> Selection:
    """Returns a selection of the same form in which nothing was found."""
    return replace(
        selection,
        cutflow=tuple(map(_zero, selection.cutflow)),
        counters=dict.fromkeys(selection.counters, 0),
        histograms={name: one.copy().reset() for name, one in selection.histograms.items()},
    )


def _zero(step: Step) -> Step:
    return Step(step.name, 0, 0, 0.0, cuts=tuple(map(_zero, step.cuts)))


def _candidates(candidates: ak.Array, parts: Collection[str], chosen: Collection[int]) -> ak.Array:
    kept = np.ones(len(candidates), dtype=np.bool_)
    for dataset in parts:
        of_dataset = ak.to_numpy(candidates.dataset == dataset)
        runs = ak.to_numpy(candidates.run)[of_dataset]
        kept[of_dataset] = np.isin(runs, np.array([*chosen], dtype=np.int64))
    return candidates[kept]


def _histogram(total: Hist[Any], name: str, parts: Mapping[str, ProcessorTotal]) -> Hist[Any]:
    if not parts:
        return total
    datasets = list(total.axes[DATASET])
    return on_datasets(
        {
            dataset: parts[dataset].histograms[dataset][name]
            if dataset in parts
            else _of_dataset(total, dataset)
            for dataset in datasets
        },
        datasets,
    )


def _of_dataset(total: Hist[Any], dataset: str) -> Hist[Any]:
    """Returns the part of one dataset, which stays on the axis of the datasets."""
    place = total.axes.name.index(DATASET)
    axes = [
        StrCategory([dataset], growth=True, name=DATASET, label=vars(axis).get("label", ""))
        if axis.name == DATASET
        else axis
        for axis in total.axes
    ]
    part: Hist[Any] = Hist(*axes, storage=total.storage_type(), name=total.name, label=total.label)
    bins = [total.axes[DATASET].index(dataset)]
    part.view(flow=True)[...] = np.take(total.view(flow=True), bins, axis=place)
    return part
