"""The events of a chunk by run number, and the sum of what is found in them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

from tau3mu.errors import InputError
from tau3mu.execution.certified import Part
from tau3mu.outputs.contract import Contract
from tau3mu.outputs.totals import ProcessorTotal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from tau3mu.ntuples.events import Entries
    from tau3mu.outputs import Selection
    from tau3mu.processing.survivors import Survivors

__all__ = [
    "RUN",
    "added",
    "join_survivors",
    "joined_triggers",
    "parts_by_run",
    "runs_follow",
    "shares",
]

RUN = "run"
"""The column of the run number, of events and of candidates."""


def runs_follow(entries: Entries) -> bool:
    """Returns whether the events of each run follow one another."""
    numbers = _numbers(entries)
    return len(_segments(numbers)) == len(np.unique(numbers))


def parts_by_run(
    entries: Entries, passes: npt.NDArray[np.bool_] | None
) -> Iterator[tuple[int, Part]]:
    """Yields each run number once with its events.

    Args:
        entries: Of a chunk. If the events of each run follow one another, so do the runs here, and
            nothing is copied.
        passes: Which of them are certified; None for all.
    """
    numbers = _numbers(entries)
    if runs_follow(entries):
        for start, stop in _segments(numbers):
            kept = None if passes is None else passes[start:stop]
            some = entries.between(start, stop)
            yield int(numbers[start]), Part.of(some, kept, np.arange(start, stop))
        return
    for run in np.unique(numbers).tolist():
        mask = numbers == run
        kept = None if passes is None else passes[mask]
        yield run, Part.of(entries.cut(mask), kept, np.flatnonzero(mask))


def added(name: str, parts: Sequence[Selection], where: str) -> Selection:
    """Returns the sum of what a processor found in the parts of a chunk, in their order.

    Args:
        name: The name of the processor.
        parts: At least one; their places, if they tell, are those in the chunk.
        where: The chunk.

    Raises:
        RunError: It returned something else for one of the parts.
    """
    contract, total = Contract(), ProcessorTotal()
    for part in parts:
        contract.check({name: part}, where)
        total.add(part, "", "")
    places = [part.places for part in parts if part.places is not None]
    told = len(places) == len(parts)
    return replace(total.selection(""), places=np.concatenate(places) if told else None)


def shares(
    name: str, whole: Selection, of_runs: Mapping[int, Selection], where: str
) -> dict[int, Selection]:
    """Returns what a processor counted and filled of each run, without the candidates.

    Args:
        name: The name of the processor.
        whole: What it found in all events of a chunk.
        of_runs: What it found in those of each run.
        where: The chunk.

    Raises:
        InputError: A candidate has another run than its event, or the processor selects something
            else where there are events of other runs.
    """
    numbers = ak.to_numpy(whole.candidates[RUN])
    for run, found in of_runs.items():
        there = ak.to_numpy(found.candidates[RUN])
        if not (there == run).all() or np.count_nonzero(numbers == run) != len(there):
            message = (
                f"processor {name} returns other candidates of run {run} for the events of this "
                f"run alone ({where}): its column {RUN!r} must be the run of the event, and a "
                "candidate must not depend on other events"
            )
            raise InputError(message, code="processor.depends-on-events", path=name)
    return {
        run: replace(found, candidates=found.candidates[:0], places=None)
        for run, found in of_runs.items()
    }


def join_survivors(whole: Survivors, parts: Sequence[Survivors]) -> None:
    """Tells the events of a chunk that are left at a step from those of its parts.

    Args:
        whole: Is told.
        parts: With places in the chunk.
    """
    entries = [part.entries for part in parts if part.entries is not None]
    if len(entries) == len(parts):  # else the processor is set apart
        whole.entries = np.sort(np.concatenate(entries))
        whole.cuts = parts[0].cuts


def joined_triggers(parts: Sequence[Mapping[str, Sequence[str]]]) -> dict[str, list[str]]:
    """Returns the triggers of the parts of a chunk, by column.

    Args:
        parts: At least one; by column, the triggers that its pattern stands for.
    """
    columns = {column for part in parts for column in part}
    return {
        column: sorted({name for part in parts for name in part.get(column, ())})
        for column in sorted(columns)
    }


def _numbers(entries: Entries) -> npt.NDArray[np.integer]:
    numbers: npt.NDArray[np.integer] = ak.to_numpy(entries.events.run, allow_missing=False)
    return numbers


def _segments(numbers: npt.NDArray[np.integer]) -> list[tuple[int, int]]:
    """Returns where each series of equal numbers begins and ends."""
    edges = np.flatnonzero(numbers[1:] != numbers[:-1]) + 1
    return list(pairwise([0, *edges.tolist(), len(numbers)]))
