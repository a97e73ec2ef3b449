"""The cutflow of a processor, recorded while it cuts on any collection."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.errors import InputError
from tau3mu.processing.memo import Memo
from tau3mu.selection import step
from tau3mu.selection.rows import as_mask

if TYPE_CHECKING:
    from tau3mu.selection import Step

__all__ = ["Cutflow"]


class Cutflow:
    """Applies cuts and records what each one leaves.

    A step counts the events that have anything left in the collection that was cut, and the
    objects that are left. A step on events counts each event as one candidate, like the first
    step, `all`.

    Attributes:
        events: The events that are left after the cuts on events.
        steps: What was left after each cut.
        counters: Other numbers to add up over all events and to show.
        memo: What the processors of a pass share.
    """

    def __init__(self, events: ak.Array, memo: Memo | None = None) -> None:
        """Begins with all events of a chunk.

        Args:
            events: The events.
            memo: What other processors have computed on them.
        """
        self.events = events
        self.memo = Memo() if memo is None else memo
        self.steps: tuple[Step, ...] = ()
        self.counters: dict[str, int] = {}
        self._add("all", len(events), len(events))

    def cut(self, name: str, collection: ak.Array, mask: Any) -> ak.Array:
        """Returns the objects of a collection that pass a cut.

        Args:
            name: The name of the step, which is the same for every chunk.
            collection: Events × objects, or events × candidates.
            mask: One boolean per object; a missing one rejects the object.

        Raises:
            TypeError: The mask does not consist of booleans.
            ValueError: It does not have one boolean per object.
        """
        passes = _jagged_mask(name, collection, mask)
        self._add(name, int(np.count_nonzero(ak.any(passes, axis=1))), int(ak.sum(passes)))
        return collection[passes]

    def cut_events(self, name: str, events: ak.Array, mask: Any) -> ak.Array:
        """Returns the events that pass a cut.

        Args:
            name: The name of the step, which is the same for every chunk.
            events: The events that are left.
            mask: One boolean per event; a missing one rejects the event.

        Raises:
            TypeError: The mask does not consist of booleans.
            ValueError: It does not have one boolean per event.
        """
        if len(events) != len(self.events):
            message = (
                f"cut {name!r} is on {len(events)} events where {len(self.events)} are left: pass "
                "on what the last cut_events returned"
            )
            raise InputError(message, code="processor.other-events", path=name)
        passes = as_mask(mask, len(events), f"cut {name!r}")
        self.events = events[passes]
        self._add(name, len(self.events), len(self.events))
        return self.events

    def count(self, **numbers: Any) -> None:
        """Adds to the counters, whole numbers that are not negative."""
        for name, number in numbers.items():
            self.counters[name] = self.counters.get(name, 0) + operator.index(number)

    def _add(self, name: str, events: int, candidates: int) -> None:
        self.steps = (*self.steps, step(name, np.ones(events), candidates))


def _jagged_mask(name: str, collection: ak.Array, mask: Any) -> ak.Array:
    """Returns one boolean per object, False where the answer or the object is missing."""
    what = f"the mask of cut {name!r}"
    if not isinstance(mask, ak.Array) or mask.ndim != 2:
        got = ak.type(mask) if isinstance(mask, ak.Array) else type(mask).__name__
        message = f"{what} is {got}, expected booleans per event and object; cut_events cuts events"
        raise ValueError(message)
    if len(mask) != len(collection):
        message = f"{what} is of {len(mask)} events, the collection of {len(collection)}"
        raise ValueError(message)
    passes = ak.fill_none(ak.fill_none(mask, False, axis=-1), [], axis=0)
    kind = ak.to_numpy(ak.flatten(passes)[:0]).dtype
    if kind != np.bool_ and ak.count(passes):
        message = f"{what} holds {kind}, expected booleans; compare them, such as values != 0"
        raise TypeError(message)
    there = ak.fill_none(~ak.is_none(collection, axis=1), [], axis=0)
    if not np.array_equal(ak.num(there), ak.num(passes)):
        where = int(np.flatnonzero(ak.to_numpy(ak.num(there) != ak.num(passes)))[0])
        message = (
            f"{what} is not one boolean per object: event {where} of the chunk has "
            f"{ak.num(there)[where]} objects and {ak.num(passes)[where]} answers"
        )
        raise ValueError(message)
    return ak.values_astype(passes, np.bool_) & there
