"""Chunks that span files: the events of several small files as those of one.

A chunk costs tens of milliseconds whatever it holds, so small files that follow one another are
processed together. Their candidates are told apart by the events that they are in. Whatever goes
wrong, be it with one of the files or with a processor, the files are done one by one, as if they
had never been together; so messages, retries and what is left out are those of single files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tau3mu.ntuples.reader import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    import awkward as ak

    from tau3mu.outputs import Selection

__all__ = ["counts_by_chunk", "read_together"]


def read_together(readings: Sequence[Reading]) -> Reading:
    """Returns the events of several files as those of one.

    Args:
        readings: What was read of each file.

    Raises:
        ValueError: A branch has other types in some of the files, or is damaged.
    """
    first, *others = readings
    entries = first.entries.followed_by([one.entries for one in others])
    n_bytes = sum(one.n_bytes for one in readings)
    reading = Reading(first.path, n_bytes, entries)
    _ = reading.events  # of which something may be wrong
    return reading


def counts_by_chunk(
    selection: Selection, events: ak.Array, numbers: Sequence[int]
) -> tuple[int, ...] | None:
    """Returns how many of the candidates are in the events of each chunk, None if that is not sure.

    Args:
        selection: What a processor found in all events.
        events: The events.
        numbers: How many of them are of each chunk.
    """
    places, candidates = selection.places, selection.candidates
    if places is None or len(places) != len(candidates):
        return None
    if len(places) and (places[0] < 0 or places[-1] >= len(events) or np.any(np.diff(places) < 0)):
        return None
    for name in ("run", "lumi", "event"):  # a processor may have sorted or replaced its candidates
        if name in candidates.fields and name in events.fields:
            there = np.asarray(events[name])[places]
            if not np.array_equal(there, np.asarray(candidates[name])):
                return None
    edges = np.searchsorted(places, np.cumsum([0, *numbers]))
    return tuple(np.diff(edges).tolist())
