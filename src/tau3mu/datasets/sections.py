"""Luminosity sections as sorted numbers: the run in the upper 32 bits, the section in the lower."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

__all__ = [
    "LARGEST", "Sections", "inside", "keys_of", "numbers", "ranges_of", "runs_of", "sections_in",
    "sections_of", "shown",
]  # fmt: skip

LARGEST: Final = 2**32 - 1
_SHIFT: Final = np.uint64(32)
_LOW: Final = np.uint64(LARGEST)

Sections = np.ndarray[Any, np.dtype[np.uint64]]
"""Sections in ascending order, each of them once."""


def keys_of(run: Any, lumi: Any) -> Sections:
    """Returns one number for each run and section, in their order.

    Args:
        run: Run numbers, of at most 32 bits.
        lumi: The numbers of the sections, of at most 32 bits.
    """
    runs = np.asarray(run, np.uint64)
    return (runs << _SHIFT) | np.asarray(lumi, np.uint64)


def runs_of(keys: Sections) -> npt.NDArray[np.int64]:
    """Returns the run of each section.

    Args:
        keys: Sections in any order.
    """
    return (keys >> _SHIFT).astype(np.int64)


def sections_of(run: Any, lumi: Any) -> Sections:
    """Returns the sections of events, without those that miss a number.

    Args:
        run: The run of each event.
        lumi: The luminosity section of each event.
    """
    runs, there = numbers(run)
    lumis, known = numbers(lumi)
    keys = keys_of(runs, lumis)[there & known]
    changes = np.ones(len(keys), np.bool_)  # most events have the section of the one before
    np.not_equal(keys[1:], keys[:-1], out=changes[1:])
    return np.unique(keys[changes])


def inside(
    keys: Sections, ranges: Mapping[int, tuple[tuple[int, int], ...]]
) -> npt.NDArray[np.bool_]:
    """Returns which sections lie in ranges.

    Args:
        keys: Sections in any order.
        ranges: By run, in ascending order and apart from each other, as a certification has them.
    """
    flat = np.array(
        [(run, first, last) for run, parts in ranges.items() for first, last in parts], np.uint64
    ).reshape(-1, 3)
    first, last = (keys_of(flat[:, 0], flat[:, column]) for column in (1, 2))
    place = np.searchsorted(first, keys, side="right") - 1
    found: npt.NDArray[np.bool_] = (place >= 0) & (keys <= last[place])
    return found


def ranges_of(keys: Sections) -> dict[str, list[list[int]]]:
    """Returns sections as the JSON of a certification.

    Args:
        keys: Sections in ascending order.
    """
    if not len(keys):
        return {}
    new = np.flatnonzero(np.diff(keys) != 1) + 1
    split = np.flatnonzero(np.diff(runs_of(keys))) + 1
    edges = np.unique([0, *new, *split, len(keys)])
    found: dict[str, list[list[int]]] = {}
    for start, stop in itertools.pairwise(edges):
        first, last = int(keys[start] & _LOW), int(keys[stop - 1] & _LOW)
        found.setdefault(str(int(keys[start] >> _SHIFT)), []).append([first, last])
    return found


def sections_in(document: Mapping[str, Iterable[Iterable[int]]]) -> Sections:
    """Returns the sections of what `ranges_of` has returned.

    Args:
        document: Ranges by run; those of a few sections, since each of them becomes a number.
    """
    parts = [
        keys_of(int(run), np.arange(first, last + 1))
        for run, ranges in document.items()
        for first, last in ranges
    ]
    return np.unique(np.concatenate(parts)) if parts else np.array([], np.uint64)


def shown(keys: Sections, most: int = 10) -> str:
    """Returns sections for a message, such as `297050: 1-57, 60`.

    Args:
        keys: Sections in ascending order.
        most: How many ranges are shown.
    """
    parts = [(run, part) for run, ranges in ranges_of(keys).items() for part in ranges]
    texts: dict[str, list[str]] = {}
    for run, (first, last) in parts[:most]:
        texts.setdefault(run, []).append(f"{first}-{last}" if last > first else str(first))
    rest = "; …" if len(parts) > most else ""
    return "; ".join(f"{run}: {', '.join(ranges)}" for run, ranges in texts.items()) + rest


def numbers(values: Any) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.bool_]]:
    """Returns numbers in 32 bits, and which of them are there and fit.

    Args:
        values: NumPy or awkward.
    """
    import awkward as ak

    found = np.ma.asarray(ak.to_numpy(values))
    there = ~np.ma.getmaskarray(found)
    plain = np.ma.getdata(found)
    if plain.dtype.kind != "u" or plain.dtype.itemsize > np.dtype(np.uint32).itemsize:
        there &= (plain >= 0) & (plain <= LARGEST)
        plain = np.where(there, plain, 0)
    return np.array(plain, dtype=np.uint32), there  # coffea takes no array of read-only memory
