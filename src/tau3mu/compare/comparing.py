"""The comparison of two results, or of one with a list of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.compare.candidates import compare_candidates
from tau3mu.compare.comparison import Comparison
from tau3mu.compare.configuration import compare_code, compare_configurations
from tau3mu.compare.cutflows import compare_counters, compare_cutflows
from tau3mu.compare.event_list import EventList
from tau3mu.compare.fits import compare_fits
from tau3mu.compare.histograms import compare_histograms
from tau3mu.compare.inputs import compare_datasets
from tau3mu.compare.listed import compare_with_list
from tau3mu.compare.reading import recorded_steps
from tau3mu.compare.sides import only_processor, pairs_of, side_of
from tau3mu.compare.sync import synchronize, synchronize_with_list
from tau3mu.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.compare.sides import Pair, Side
    from tau3mu.compare.sync import Synchronization
    from tau3mu.run import ProcessorResults, Run

__all__ = ["compare"]


def compare(
    a: str | Path | Run | ProcessorResults,
    b: str | Path | Run | ProcessorResults | EventList,
    *,
    sync: bool = False,
    strict: bool = False,
) -> Comparison:
    """Returns what differs between two results; events are read only for `sync`.

    Processors are compared if they have the same name, or if each side has one alone. Floats of
    histograms and candidates are the same if they agree within 1e-12 of their size, parameters of
    fits within a thousandth of their errors.

    Args:
        a: A results folder, the folder of one of its processors, that of a train or a test, or the
            objects of these.
        b: The same of the other results; or a file with the list of events of another group, with
            columns run, lumi and event and any others.
        sync: Whether both analyses run over their events again, to find the steps at which events
            are lost on one side alone; of a list of events, those at which its events are lost.
        strict: Whether every bit of histograms and candidates counts, and the order of candidates.

    Raises:
        InputError: There are no complete results, something is wrong with the list of events, or
            with `sync`, a run cannot be made again.
        RunError: With `sync`, events cannot be read.
    """
    left, right = side_of(a), side_of(b)
    if isinstance(left, EventList):
        message = f"{left.path} is a list of events: give the results first, and the list second"
        raise InputError(message, code="compare.list-first", path=left.path)
    if isinstance(right, EventList):
        results = only_processor(left)
        found = compare_with_list(results, right)
        parted = []
        if sync:
            steps = recorded_steps(left, [results.name])[results.name]
            parted = [synchronize_with_list(results.name, steps, right)]
        return Comparison(left.label, right.label, strict=strict, candidates=[found], sync=parted)
    return _compared(left, right, strict=strict, sync=sync)


def _compared(a: Side, b: Side, *, strict: bool, sync: bool) -> Comparison:
    pairs = pairs_of(a, b)
    both = [pair for pair in pairs if pair.a and pair.b]
    alone = {pair.name: "a" if pair.a else "b" for pair in pairs if not (pair.a and pair.b)}
    candidates = (compare_candidates(pair, strict=strict) for pair in both)
    return Comparison(
        a.label,
        b.label,
        strict=strict,
        configuration=compare_configurations(a, b, pairs),
        datasets=compare_datasets(a, b),
        code=compare_code(a, b),
        processors=alone,
        cutflow=[one for pair in both for one in compare_cutflows(pair, strict=strict)],
        counters=[one for pair in both for one in compare_counters(pair)],
        histograms=[one for pair in both for one in compare_histograms(pair, strict=strict)],
        candidates=[one for one in candidates if one],
        fits=[one for one in map(compare_fits, both) if one],
        sync=_synchronized(a, b, both) if sync else [],
    )


def _synchronized(a: Side, b: Side, pairs: list[Pair]) -> list[Synchronization]:
    names = [(pair.a.name, pair.b.name) for pair in pairs if pair.a and pair.b]
    if not names:
        return []
    left = recorded_steps(a, [one for one, _ in names])
    right = recorded_steps(b, [other for _, other in names])
    return [
        synchronize(pair.name, left[one], right[other])
        for pair, (one, other) in zip(pairs, names, strict=True)
    ]
