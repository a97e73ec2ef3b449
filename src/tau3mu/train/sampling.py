"""Which events a test reads: chunks of all files in turn, each file from its beginning."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tau3mu.datasets import Chunk

__all__ = ["LARGEST", "sample_chunks"]

LARGEST: Final = 20_000
"""The most events of a chunk of a test, so that the time limit is kept by seconds."""

_FEWEST: Final = 20
_SMALLEST: Final = 250
_RAMP: Final = 8, 4, 2
_PATTERN: Final = 1, 2


def sample_chunks(chunks: Sequence[Chunk], *, largest: int = LARGEST) -> list[Chunk]:
    """Returns the events of a run in the order in which a test reads them, until its time is up.

    The first chunks of all files come before the second ones, and data sets take turns. So whatever
    has been read is the beginning of every file, as it is of a short view. The sizes differ: what a
    chunk costs can then be told from what its events cost, and the memory that it needs from what
    is there without it.

    Args:
        chunks: Those of the run, which cover a range of entries of each file.
        largest: The most events of a chunk; fewer if there would be less than some twenty chunks.
    """
    files = _files(chunks)
    total = sum(file.entries for file in files)
    size = max(1, min(largest, max(total // _FEWEST, _SMALLEST)))
    begun = {index: file.start for index, file in enumerate(files)}
    found: list[Chunk] = []
    while begun:
        for index in list(begun):
            file, start = files[index], begun[index]
            stop = min(start + max(1, size // _divisor(len(found))), file.stop)
            found.append(replace(file, start=start, stop=stop))
            if stop < file.stop:
                begun[index] = stop
            else:
                del begun[index]
    return found


def _divisor(number: int) -> int:
    if number < len(_RAMP):
        return _RAMP[number]
    return _PATTERN[(number - len(_RAMP)) % len(_PATTERN)]


def _files(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Returns a chunk for each file, with all of its entries; the files of datasets take turns."""
    whole: dict[tuple[str, str, str], Chunk] = {}
    for chunk in chunks:
        key = chunk.dataset, chunk.path, chunk.tree
        known = whole.get(key, chunk)
        start, stop = min(known.start, chunk.start), max(known.stop, chunk.stop)
        whole[key] = replace(known, start=start, stop=stop)
    datasets: dict[str, list[Chunk]] = {}
    for chunk in whole.values():
        datasets.setdefault(chunk.dataset, []).append(chunk)
    spread = [[files[i] for i in _spread(len(files))] for files in datasets.values()]
    return [file for turn in zip_longest(*spread) for file in turn if file is not None]


def _spread(number: int) -> Iterator[int]:
    """Yields the numbers below `number` in an order whose beginning is spread over all of them."""
    bits = max(1, (number - 1).bit_length())
    for index in range(1 << bits):
        turned = int(f"{index:0{bits}b}"[::-1], 2)
        if turned < number:
            yield turned
