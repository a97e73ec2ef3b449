"""A block of events: the columns of the canonical view before they get the form of a layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Block", "collection_of", "join", "partners", "rank_in_event"]


@dataclass(frozen=True)
class Block:
    """Columns of some events, all of them or those of some collections.

    Attributes:
        counts: For each collection, how many entries each event has.
        columns: For each place in the canonical view the values of all events, one event after
            the other; flags are boolean, and each trigger is a flag of the event
            (`hlt.HLT_DoubleMu3_Trk_Tau3mu`).
    """

    counts: dict[str, NDArray[np.int64]]
    columns: dict[str, NDArray[Any]]

    def __or__(self, other: Block) -> Block:
        """Returns the columns of both, for the same events."""
        return Block(self.counts | other.counts, self.columns | other.columns)


def collection_of(view: str) -> str:
    """Returns the collection that sets the length of a column, "" for one value per event."""
    first, dot, _ = view.partition(".")
    if first == "raw":
        return view
    return first if dot and first not in {"hlt", "l1"} else ""


def join(blocks: Sequence[Block]) -> Block:
    """Returns the events of all blocks in one."""
    first = blocks[0]
    return Block(
        {name: np.concatenate([block.counts[name] for block in blocks]) for name in first.counts},
        {name: np.concatenate([block.columns[name] for block in blocks]) for name in first.columns},
    )


def rank_in_event(event: NDArray[Any]) -> NDArray[np.int64]:
    """Returns the position of each entry within its event; entries are in order of events."""
    return np.arange(len(event)) - np.searchsorted(event, event)


def partners(
    event: NDArray[Any], counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns all combinations of entries with the members of a collection in the same event.

    Args:
        event: The event of each entry.
        counts: How many members of the collection each event has.

    Returns:
        Positions of entries and positions of members, in the order of the entries.
    """
    found = counts[event]
    entry = np.repeat(np.arange(len(event)), found)
    first_member = (np.cumsum(counts) - counts)[event]
    within = np.arange(len(entry)) - np.repeat(np.cumsum(found) - found, found)
    return entry, first_member[entry] + within
