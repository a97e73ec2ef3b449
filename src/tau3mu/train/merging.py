"""The merge test: results of parts of the events add up to those of all of them.

A run divides its events in other ways than a test does, and adds up what it finds. So the same has
to come out: of two halves of the chunks, each summed up and then added; and of events that are in
one chunk instead of two.
"""

from __future__ import annotations

import math
import shutil
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import awkward as ak
import numpy as np

from tau3mu.train.sampling import join
from tau3mu.train.writing import write_results

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tau3mu.datasets import Chunk
    from tau3mu.execution import ChunkResult, ProcessorResult, RunResult
    from tau3mu.outputs.contract import Returned
    from tau3mu.processing import Processor

__all__ = ["Merged", "differences", "merge_test"]

_ROUNDING: Final = 1e-12
"""Sums of weights in another order differ by so much, relative to the largest bin."""

Done = tuple["Chunk", "ChunkResult"]


@dataclass(frozen=True)
class Merged:
    """The outcome of a merge test.

    Attributes:
        halves: What differs between two halves that were added and all chunks.
        chunking: What differs between several chunks and one with the same events.
        rounding: The largest relative difference of sums of weights, where that is rounding.
        done: Whether there were chunks enough for both.
        half: Seconds of CPU and bytes of the first half, by which fixed costs are known.
    """

    halves: list[str] = field(default_factory=list)
    chunking: list[str] = field(default_factory=list)
    rounding: float = 0.0
    done: bool = True
    half: dict[str, Any] = field(default_factory=dict)


def merge_test(
    done: Sequence[Done],
    large: Done | None,
    processors: Sequence[Processor],
    whole: RunResult,
    expected: Mapping[str, Returned],
    folder: Path,
    fmt: str,
    how: Mapping[str, Any],
) -> Merged:
    """Returns whether the parts of a test add up.

    Args:
        done: Its chunks and what was found in them.
        large: A larger chunk.
        processors: All of them.
        whole: The sum.
        expected: What they return without events.
        folder: Where half of the results may be written, and removed again.
        fmt: The format of the candidates.
        how: How chunks are processed.
    """
    ordered = sorted(done, key=lambda one: (one[0].dataset, one[0].path, one[0].start))
    middle = len(ordered) // 2
    if not middle:
        return Merged(done=False)
    begin = time.process_time()
    first = _sum(ordered[:middle], processors, expected)
    aside = folder / ".half"
    sizes = write_results(aside, first.processors, fmt)
    half = {
        "cpu": time.process_time() - begin,
        "sizes": sizes,
        "rows": {name: len(one.candidates) for name, one in first.processors.items()},
        "events": sum(chunk.entries for chunk, _ in ordered[:middle]),
    }
    shutil.rmtree(aside)
    second = _sum(ordered[middle:], processors, expected)
    rounding = [0.0]
    halves = []
    for name, both in whole.processors.items():
        # One of them may have nothing of the datasets that it reads.
        parts = [one.processors[name] for one in (first, second) if name in one.processors]
        halves += [f"{name}: {text}" for text in differences(parts, both, rounding)]
    chunking = list(_chunking(ordered, large, processors, expected, rounding, how))
    return Merged(halves, chunking, max(rounding), half=half)


def _sum(
    done: Sequence[Done], processors: Sequence[Processor], expected: Mapping[str, Returned]
) -> RunResult:
    from tau3mu.execution.merge import Totals

    totals = Totals([chunk for chunk, _ in done], processors, expected)
    for number, (_, result) in enumerate(done):
        totals.add(number, result)
    return totals.result()


def _chunking(
    ordered: Sequence[Done],
    large: Done | None,
    processors: Sequence[Processor],
    expected: Mapping[str, Returned],
    rounding: list[float],
    how: Mapping[str, Any],
) -> Iterator[str]:
    """Yields what differs if the events of several chunks are in one."""
    from tau3mu.execution.chunk import process_chunk

    parts: list[Done] = [] if large is None else _within(large[0], ordered)
    if not parts:
        if not (pairs := [pair for pair in pairwise(ordered) if _neighbors(*pair)]):
            return
        pair = min(pairs, key=lambda each: each[0][0].entries + each[1][0].entries)
        parts = [*pair]
        chunk = join(parts[0][0], parts[1][0])
        large = chunk, process_chunk(chunk, processors, **how)
        for name, group in large[1].set_apart.items():
            yield f"{name}: {group.message}"
    if large is None or large[1].failure is not None or large[1].set_apart:
        return
    one = _sum([large], processors, expected)
    several = _sum(parts, processors, expected)
    for name, found in one.processors.items():
        for text in differences((several.processors[name],), found, rounding):
            yield f"{name}: {text}"


def _within(large: Chunk, ordered: Sequence[Done]) -> list[Done]:
    """Returns the chunks that have the events of a larger one, nothing if some are missing."""
    found = [
        one
        for one in ordered
        if (one[0].dataset, one[0].path, one[0].tree) == (large.dataset, large.path, large.tree)
        and large.start <= one[0].start
        and one[0].stop <= large.stop
    ]
    return found if sum(chunk.entries for chunk, _ in found) == large.entries else []


def _neighbors(a: Done, b: Done) -> bool:
    return (a[0].path, a[0].tree, a[0].stop) == (b[0].path, b[0].tree, b[0].start)


def differences(
    parts: Sequence[ProcessorResult], whole: ProcessorResult, rounding: list[float]
) -> list[str]:
    """Returns the names of what differs between the sum of some results and another result.

    Args:
        parts: In the order of their events.
        whole: What their sum should be.
        rounding: Gets the largest relative difference that is due to rounding.
    """
    found = []
    for name, histogram in whole.histograms.items():
        total = parts[0].histograms[name].copy()
        for part in parts[1:]:
            total = total + part.histograms[name]
        relative = _relative(total, histogram)
        if relative > _ROUNDING:
            found.append(f"histogram {name}")
        else:
            rounding.append(relative)
    if _cutflow_differs(parts, whole):
        found.append("cutflow")
    if _counters(parts) != _counters([whole]):
        found.append("counters")
    rows = ak.concatenate([part.candidates for part in parts]) if len(parts) > 1 else None
    rows = parts[0].candidates if rows is None else rows
    if len(rows) != len(whole.candidates):
        found.append(f"candidates: {len(rows)} instead of {len(whole.candidates)} rows")
    else:
        found += [
            f"column {name} of the candidates"
            for name in whole.candidates.fields
            if not _equal(rows[name], whole.candidates[name])
        ]
    return found


def _relative(a: Any, b: Any) -> float:
    """Returns the largest difference of two histograms relative to their largest bin."""
    a, b = _on_names(a, b)
    worst = 0.0
    for left, right in zip(_fields(a), _fields(b), strict=True):
        if left.shape != right.shape:
            return np.inf
        if np.array_equal(left, right, equal_nan=True):
            continue
        if left.dtype.kind != "f":
            return np.inf
        size = np.nanmax(np.abs(right), initial=0.0)
        change = np.nanmax(np.abs(left - right), initial=0.0)
        same = np.array_equal(np.isfinite(left), np.isfinite(right))
        worst = max(worst, float(change / size) if size and same else np.inf)
    return worst


def _on_names(a: Any, b: Any) -> tuple[Any, Any]:
    """Returns two histograms with the categories of all axes in one order."""
    from hist.axis import IntCategory, StrCategory

    for axis in b.axes:
        if not isinstance(axis, IntCategory | StrCategory):
            continue
        names: list[Any] = list(axis)
        if sorted(names) == sorted(a.axes[axis.name]) and names != list(a.axes[axis.name]):
            a = a[{axis.name: names}]
    return a, b


def _fields(histogram: Any) -> list[Any]:
    view = histogram.view(flow=True)
    names = getattr(view.dtype, "names", None)
    return [np.asarray(view[name]) for name in names] if names else [np.asarray(view)]


def _cutflow_differs(parts: Sequence[ProcessorResult], whole: ProcessorResult) -> bool:
    """Returns whether numbers of any step differ, sums of weights by more than rounding."""
    left, right = _cutflow(parts), _cutflow([whole])
    return left.keys() != right.keys() or any(
        left[key][:2] != right[key][:2]
        or not math.isclose(left[key][2], right[key][2], rel_tol=_ROUNDING, abs_tol=_ROUNDING)
        for key in right
    )


def _cutflow(parts: Sequence[ProcessorResult]) -> dict[tuple[str, ...], tuple[int, int, float]]:
    """Returns events, candidates and sum of weights by dataset, step and cut."""
    total: dict[tuple[str, ...], tuple[int, int, float]] = {}

    def add(place: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            key = (*place, row["name"])
            events, candidates, sumw = total.get(key, (0, 0, 0.0))
            total[key] = (
                events + row["events"], candidates + row["candidates"], sumw + row["sumw"]
            )  # fmt: skip
            add(key, row.get("cuts", ()))

    for part in parts:
        for dataset, rows in part.cutflow.items():
            add((dataset,), rows)
    return total


def _counters(parts: Sequence[ProcessorResult]) -> dict[tuple[str, str], int]:
    total: dict[tuple[str, str], int] = {}
    for part in parts:
        for dataset, counters in part.counters.items():
            for name, number in counters.items():
                total[dataset, name] = total.get((dataset, name), 0) + number
    return {key: number for key, number in total.items() if number}


def _equal(a: ak.Array, b: ak.Array) -> bool:
    if a.type != b.type:
        return False
    if len(a) and a.ndim == 1 and a.layout.purelist_parameter("__array__") is None:
        left, right = ak.to_numpy(a), ak.to_numpy(b)
        if left.dtype.kind == "f":  # bit by bit, so that nan equals nan
            return bool(
                np.array_equal(np.ma.getmaskarray(left), np.ma.getmaskarray(right))
                and np.array_equal(np.ma.filled(left, 0), np.ma.filled(right, 0), equal_nan=True)
            )
        return bool(np.array_equal(left, right))
    return bool(ak.array_equal(a, b))
