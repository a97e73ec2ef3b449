"""Looks for events of data that were selected twice, as overlapping samples make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["repeated_events"]

_SHOWN = 3


def repeated_events(candidates: ak.Array, dataset: str) -> str:
    """Returns a warning about events of a dataset that occur again, empty if there are none.

    Args:
        candidates: Of all datasets; without the columns `run`, `lumi` and `event` nothing can be
            told.
        dataset: The one to look at.
    """
    if not {"run", "lumi", "event"} <= set(candidates.fields):
        return ""
    rows = candidates[candidates.dataset == dataset]
    columns = [ak.to_numpy(rows[name]) for name in ("run", "lumi", "event")]
    # Few event numbers are alike by chance, so that only those few need a closer look.
    alike = np.isin(columns[2], _twice(np.sort(columns[2])))
    triples = np.stack([column[alike].astype(np.uint64) for column in columns], axis=1)
    values, counts = np.unique(triples, axis=0, return_counts=True)
    repeated, surplus = values[counts > 1], int((counts[counts > 1] - 1).sum())
    if not surplus:
        return ""
    names = ", ".join(f"{run}:{lumi}:{event}" for run, lumi, event in repeated[:_SHOWN])
    more = ", ..." if len(repeated) > _SHOWN else ""
    return (
        f"{surplus} candidates of dataset {dataset} are of events that were selected before "
        f"(run:lumi:event {names}{more}); do the files overlap?"
    )


def _twice(ordered: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
