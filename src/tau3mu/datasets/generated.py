"""Generated events and the sums of their weights, which NanoAOD counts in a tree of its own.

The tree `Runs` has one entry per run and job. Its sums are over all events that were generated,
also those that a filter or a skim has removed, and are read once per file, when it is checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["SUMS", "Generated", "read_generated", "total"]

_TREE: Final = "Runs"
_NAMES: Final = ("genEventCount", "genEventSumw", "genEventSumw2")
SUMS: Final = frozenset((*_NAMES, *(f"{name}_" for name in _NAMES)))
"""The names of the branches; those of NanoAOD before version 7 end with an underscore."""


@dataclass(frozen=True)
class Generated:
    """The events that were generated.

    Attributes:
        events: How many.
        sumw: The sum of their weights.
        sumw2: The sum of the squares of the weights.
    """

    events: int
    sumw: float
    sumw2: float


def read_generated(root: Any) -> Generated | None:
    """Returns the sums of a file, None if it has none.

    Args:
        root: The root directory of an open file in whose trees `SUMS` can be read.
    """
    if _TREE not in root:
        return None
    tree = root[_TREE]
    keys: Collection[str] = tree.keys(recursive=False)
    names = [name if name in keys else f"{name}_" for name in _NAMES]
    if not set(names) <= set(keys):
        return None
    count, sumw, sumw2 = (tree[name].array(library="np") for name in names)
    return Generated(int(count.sum()), fsum(sumw), fsum(sumw2))


def total(parts: Iterable[Generated | None]) -> Generated | None:
    """Returns the sums of all files, None if there are none or one of the files has none.

    Args:
        parts: Of each file.
    """
    found = list(parts)
    there = [part for part in found if part is not None]
    if not there or len(there) < len(found):
        return None
    return Generated(
        sum(part.events for part in there),
        fsum(part.sumw for part in there),
        fsum(part.sumw2 for part in there),
    )
