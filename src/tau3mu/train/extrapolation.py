"""From what a test needed to what the whole dataset will need.

What does not grow with the events is told from what does: the start of the process, the cost of a
chunk and that of an event are fitted to chunks of several sizes; files of candidates grow with the
candidates, histograms do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Costs", "affordable", "chunk_costs", "later_half", "leak", "linear", "memory_of_chunks"]

_FEW: Final = 3
_SPREAD: Final = 1.3
_LEAST: Final = 0.25
_ROUNDS: Final = 20
_HUBER: Final = 2.0


@dataclass(frozen=True)
class Costs:
    """CPU seconds of a chunk: of itself, and of an event of each dataset."""

    per_chunk: float
    per_event: Mapping[str, float]

    def of(self, dataset: str) -> float:
        """Returns the seconds per event of a dataset, those of the others if it was not read.

        Args:
            dataset: Its name.
        """
        known = list(self.per_event.values())
        return self.per_event.get(dataset, sum(known) / len(known))


def later_half(number: int) -> slice:
    """Returns which of some values count: caches are warm, and memory has what it always needs.

    Args:
        number: Of the values.
    """
    return slice(number // 2 if number >= 2 * _FEW else min(1, number - 1), None)


def chunk_costs(datasets: Sequence[str], entries: Sequence[int], seconds: Sequence[float]) -> Costs:
    """Returns the cost of a chunk and of its events, by least squares.

    Args:
        datasets: Of each chunk.
        entries: Of each chunk.
        seconds: Of CPU of each chunk.
    """
    names = sorted(set(datasets))
    sizes = np.asarray(entries, dtype=float)
    spent = np.asarray(seconds, dtype=float)
    of = np.array([[one == name for name in names] for one in datasets])
    mean = {
        name: float(spent[of[:, i]].sum() / sizes[of[:, i]].sum()) for i, name in enumerate(names)
    }
    if len(sizes) < len(names) + _FEW or sizes.max() < _SPREAD * sizes.min():
        return Costs(0.0, mean)
    columns = np.column_stack([np.ones(len(sizes)), of * sizes[:, np.newaxis]])
    found = _robust(columns, spent)
    if found[0] <= 0:
        return Costs(0.0, mean)
    floor = 0.05 * min(mean.values())
    slopes = {name: max(float(b), floor) for name, b in zip(names, found[1:], strict=True)}
    return Costs(float(found[0]), slopes)


def affordable(entries: Sequence[int], seconds: Sequence[float], limit: float) -> int:
    """Returns how many events a chunk may have that is to take some time.

    Args:
        entries: Of each chunk so far.
        seconds: That each of them took.
        limit: The time in seconds.
    """
    half = later_half(len(entries))
    costs = chunk_costs([""] * len(entries[half]), entries[half], seconds[half])
    usual = sum(seconds) / sum(entries)
    slope = max(costs.of(""), _LEAST * usual)  # it is not well known
    return max(0, int((limit - costs.per_chunk) / slope))


def _robust(columns: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns the coefficients of a linear model, scaled so that its sum is that of the values.

    Least squares, in which values that are far off count less (Huber's weights).
    """
    weights = np.ones(len(values))
    found = np.zeros(columns.shape[1])
    for _ in range(_ROUNDS):
        root = np.sqrt(weights)
        found = np.linalg.lstsq(columns * root[:, np.newaxis], values * root, rcond=None)[0]
        distance = np.abs(values - columns @ found)
        usual = _HUBER * max(float(np.median(distance)), 1e-6 * float(values.max()))
        weights = np.minimum(1.0, usual / np.maximum(distance, usual))
    total = float((columns @ found).sum())
    # What is far off, such as a garbage collection, belongs to the costs all the same.
    return found * (values.sum() / total) if total > 0 else found


def linear(half: tuple[float, float], whole: tuple[float, float], at: float) -> float:
    """Returns a quantity at a size, of which one part is fixed and one grows; never negative.

    Args:
        half: A size, and the quantity there.
        whole: A larger size, and the quantity there.
        at: The size.
    """
    if whole[0] <= half[0]:  # nothing to tell the parts by
        return max(0.0, whole[1])
    slope = max(0.0, (whole[1] - half[1]) / (whole[0] - half[0]))
    return max(0.0, whole[1] + slope * (at - whole[0]))


def leak(memory: Sequence[int], held: Sequence[int]) -> tuple[float | None, float | None]:
    """Returns by how many bytes memory grows per chunk, beyond results, and the uncertainty.

    Args:
        memory: After each chunk.
        held: Bytes of the results of each chunk, which stay.
    """
    half = later_half(len(memory))
    used = (np.asarray(memory, dtype=float) - np.cumsum(np.asarray(held, dtype=float)))[half]
    number = len(used)
    if number < _FEW:
        return None, None
    x = np.arange(number) - (number - 1) / 2
    slope = float((x * used).sum() / (x * x).sum())
    rest = used - used.mean() - slope * x
    error = float(np.sqrt((rest * rest).sum() / (number - 2) / (x * x).sum()))
    return slope, error


def memory_of_chunks(
    start: int, entries: Sequence[int], peaks: Sequence[int], large: tuple[int, int] | None
) -> tuple[float, float]:
    """Returns the bytes of a process without events, and those of one more event in a chunk.

    Args:
        start: Bytes before the first chunk.
        entries: Of each chunk.
        peaks: Of each chunk.
        large: Entries and peak of a larger chunk.
    """
    most = int(np.argmax(entries))
    small = entries[most], max(p for e, p in zip(entries, peaks, strict=True) if e == entries[most])
    if large is None:
        ramp = 1
        while ramp < len(entries) and entries[ramp] > entries[ramp - 1]:
            ramp += 1
        if ramp < _FEW:
            return float(start), max(0.0, (small[1] - start) / small[0])
        # What earlier chunks have left behind does not grow with a chunk.
        slope = max(0.0, float(np.polyfit(entries[:ramp], peaks[:ramp], 1)[0]))
        return small[1] - slope * small[0], slope
    slope = max(0.0, (large[1] - small[1]) / (large[0] - small[0]))
    return large[1] - slope * large[0], slope
