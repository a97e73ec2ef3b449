"""Finds events of data that were selected twice, such as those of overlapping samples."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import combinations
from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["repeated_events"]

_SHOWN = 3


def repeated_events(candidates: ak.Array, datasets: Sequence[str]) -> list[str]:
    """Returns warnings about events that occur again, in one dataset or in two of them.

    Args:
        candidates: Of all datasets, sorted by these; without the columns `run`, `lumi` and `event`
            there are no warnings.
        datasets: The names of the data; others are not looked at.
    """
    if not {"run", "lumi", "event"} <= set(candidates.fields):
        return []
    of = np.full(len(candidates), -1, np.int32)
    for number, dataset in enumerate(datasets):
        of[_place(candidates, dataset)] = number
    rows = np.flatnonzero(of >= 0)
    if "subentry" in candidates.fields:  # several rows of an event, of a jagged table
        rows = rows[ak.to_numpy(candidates.subentry)[rows] == 0]
    numbers = ak.to_numpy(candidates.event)[rows]
    # Few event numbers are alike by chance, so that only those few need a closer look.
    rows = rows[np.isin(numbers, _twice(np.sort(numbers)))]
    triples = np.stack(
        [
            ak.to_numpy(candidates[name])[rows].astype(np.uint64)
            for name in ("run", "lumi", "event")
        ],
        axis=1,
    )
    events, which = np.unique(triples, axis=0, return_inverse=True)
    which = which.reshape(-1)  # NumPy 2.0 gives a column
    counts = {
        number: np.bincount(which[of[rows] == number], minlength=len(events))
        for number in np.unique(of[rows])
    }
    texts = [
        _within(datasets[number], found, events)
        for number, found in counts.items()
        if found.max() > 1
    ]
    for first, second in combinations(counts, 2):
        common = np.flatnonzero((counts[first] > 0) & (counts[second] > 0))
        if len(common):
            places = rows[which == common[0]]
            files = [candidates.file[places[of[places] == number][0]] for number in (first, second)]
            names = datasets[first], datasets[second]
            texts.append(_across(names, files, events[common]))
    return texts


def _place(candidates: ak.Array, dataset: str) -> slice:
    """Returns where a dataset is; to compare two million names would take a second."""
    places, names = range(len(candidates)), candidates.dataset
    first = bisect_left(places, dataset, key=lambda place: names[place])
    return slice(first, bisect_right(places, dataset, lo=first, key=lambda place: names[place]))


def _within(dataset: str, counts: npt.NDArray[np.int64], events: npt.NDArray[np.uint64]) -> str:
    surplus = int((counts[counts > 1] - 1).sum())
    return (
        f"{surplus} candidates of dataset {dataset} are of events that were selected before "
        f"({_listed(events[counts > 1])}); do the files overlap?"
    )


def _across(names: Sequence[str], files: Sequence[str], events: npt.NDArray[np.uint64]) -> str:
    first, second = names
    return (
        f"{len(events)} events are in both datasets {first} and {second}, which a fit adds up "
        f"({_listed(events)}); the first is in {files[0]} and in {files[1]}"
    )


def _listed(events: npt.NDArray[np.uint64]) -> str:
    names = ", ".join(f"{run}:{lumi}:{event}" for run, lumi, event in events[:_SHOWN])
    return f"run:lumi:event {names}{', ...' if len(events) > _SHOWN else ''}"


def _twice(ordered: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
