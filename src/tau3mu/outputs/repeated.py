"""Finds events of data that were selected twice, such as those of overlapping samples."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import combinations
from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["check_repeated", "place_of", "repeated_events"]

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
        of[place_of(candidates, dataset)] = number
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

    def files_of(event: int, *numbers: int) -> str:
        places = [rows[(which == event) & (of[rows] == number)] for number in numbers]
        return " and in ".join(dict.fromkeys(candidates.file[np.concatenate(places)].to_list()))

    texts = []
    for number, found in counts.items():
        again = np.flatnonzero(found > 1)
        if len(again):
            surplus = int((found[again] - 1).sum())
            texts.append(
                f"{surplus} candidates of dataset {datasets[number]} are of events that were "
                f"selected before ({_listed(events[again])}); the first is in "
                f"{files_of(again[0], number)}; do the files overlap?"
            )
    for first, second in combinations(counts, 2):
        common = np.flatnonzero((counts[first] > 0) & (counts[second] > 0))
        if len(common):
            texts.append(
                f"{len(common)} events are in both datasets {datasets[first]} and "
                f"{datasets[second]}, which a fit adds up ({_listed(events[common])}); the first "
                f"is in {files_of(common[0], first, second)}"
            )
    return texts


def check_repeated(
    candidates: ak.Array, datasets: Sequence[str], results: Path, *, code: str
) -> None:
    """Checks that no event occurs again, for results in which it would count twice.

    Args:
        candidates: Of all datasets, sorted by these.
        datasets: The names of the data.
        results: Where they are, for the message.
        code: Of the error.

    Raises:
        InputError: An event does.
    """
    if repeated := repeated_events(candidates, datasets):
        message = (
            f"events of data count twice in {results}: take out the files that repeat events of "
            f"others ({'; '.join(repeated)})"
        )
        raise InputError(message, code=code, path=results)


def place_of(candidates: ak.Array, dataset: str) -> slice:
    """Returns where a dataset is; to compare two million names would take a second.

    Args:
        candidates: Of all datasets, sorted by these.
        dataset: Its name.
    """
    places, names = range(len(candidates)), candidates.dataset
    first = bisect_left(places, dataset, key=lambda place: names[place])
    return slice(first, bisect_right(places, dataset, lo=first, key=lambda place: names[place]))


def _listed(events: npt.NDArray[np.uint64]) -> str:
    names = ", ".join(f"{run}:{lumi}:{event}" for run, lumi, event in events[:_SHOWN])
    return f"run:lumi:event {names}{', ...' if len(events) > _SHOWN else ''}"


def _twice(ordered: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
