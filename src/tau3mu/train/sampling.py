"""Which events a test reads: chunks of all files in turn, each file from its beginning."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tau3mu.datasets import Chunk

__all__ = ["LARGEST", "cut", "join", "sample_chunks"]

LARGEST: Final = 20_000
"""The most events of a chunk of a test, so that the time limit is kept by seconds."""

_FEWEST: Final = 20
_SMALLEST: Final = 250
_RAMP: Final = 8, 4, 2
_PATTERN: Final = 1, 2


def sample_chunks(chunks: Sequence[Chunk], *, most: int | None = None) -> list[Chunk]:
    """Returns the events of a run in the order in which a test reads them, until its time is up.

    The first chunks of all files come before the second ones, and data sets take turns. So whatever
    has been read is the beginning of every file, as it is of a short view. The sizes differ: what a
    chunk costs can then be told from what its events cost, and the memory that it needs from what
    is there without it. Few events are divided into some twenty chunks.

    Args:
        chunks: Those of the run, which cover a range of entries of each file.
        most: How many chunks are returned at most; all by default.
    """
    left: dict[int, Chunk] = dict(enumerate(_files(chunks)))
    total = sum(file.entries for file in left.values())
    size = max(1, min(LARGEST, max(total // _FEWEST, _SMALLEST)))
    found: list[Chunk] = []
    while left:
        for index in list(left):
            if len(found) == most:
                return found
            first, rest = cut(left[index], max(1, size // _divisor(len(found))))
            found.append(first)
            if rest is not None:
                left[index] = rest
            else:
                del left[index]
    return found


def cut(chunk: Chunk, number: int) -> tuple[Chunk, Chunk | None]:
    """Returns the first events of a chunk, and the others, None if there are none.

    Args:
        chunk: The chunk.
        number: Of the events.
    """
    if number >= chunk.entries:
        return chunk, None
    if chunk.selected is None:
        middle = chunk.start + number
        return replace(chunk, stop=middle), replace(chunk, start=middle)
    places = chunk.places
    middle = int(places[number])
    return (
        replace(chunk, stop=middle, selected=places[:number].tobytes()),
        replace(chunk, start=middle, selected=places[number:].tobytes()),
    )


def join(first: Chunk, second: Chunk) -> Chunk:
    """Returns a chunk with the events of two that follow each other in a file.

    Args:
        first: The one.
        second: The other.
    """
    selected = None
    if first.selected is not None and second.selected is not None:
        selected = first.selected + second.selected
    return replace(first, stop=second.stop, selected=selected)


def _divisor(number: int) -> int:
    if number < len(_RAMP):
        return _RAMP[number]
    return _PATTERN[(number - len(_RAMP)) % len(_PATTERN)]


def _files(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Returns a chunk for each file, with all of its entries; the files of datasets take turns."""
    whole: dict[tuple[str, str, str], Chunk] = {}
    for chunk in chunks:
        key = chunk.dataset, chunk.path, chunk.tree
        whole[key] = join(whole[key], chunk) if key in whole else chunk
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
