"""Candidates on their way through the cuts, and the count of what is left after each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.selection.rows import Rows, as_mask, plain, rows_of
from tau3mu.selection.sums import exact_sum

if TYPE_CHECKING:
    import awkward as ak
    import numpy.typing as npt

__all__ = ["Step", "Survivors", "step"]


@dataclass(frozen=True)
class Step:
    """What is left after one cut: events, candidates, and the sum of the event weights.

    `sumw` is the sum of the weights rounded to a float, and `remainder` is what that rounding took
    away, so that the sum over all chunks does not depend on how the events were divided.
    """

    name: str
    events: int
    candidates: int
    sumw: float
    remainder: tuple[float, ...] = ()


@dataclass(frozen=True)
class Survivors:
    """The events and the triplets that have passed all cuts so far.

    Attributes:
        chunk: All events, cut or not.
        entries: The events left, as their index in the chunk, ascending.
        weights: The weight of each event left.
        triplets: The triplets left in one flat list, without pads.
        entry: The event of each triplet, as its index in the chunk, ascending.
        positions: Where each triplet stands in the ntuple's vectors.
        steps: What was left after each cut. Once one was on triplets, every event has at least
            one.
    """

    chunk: ak.Array
    entries: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    triplets: Rows
    entry: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    steps: tuple[Step, ...]

    @classmethod
    def start(cls, events: ak.Array, weights: npt.NDArray[np.float64]) -> Survivors:
        """Returns all events with all unpadded triplets, counted as step `all`."""
        offsets, places, triplets = rows_of(events.triplet)
        entry = np.repeat(np.arange(len(events)), np.diff(offsets))[places]
        everything = cls(
            chunk=events,
            entries=np.arange(len(events)),
            weights=weights,
            triplets=triplets,
            entry=entry,
            positions=triplets.index if "index" in triplets.fields else places - offsets[entry],
            steps=(),
        )
        return everything._counted("all")

    @property
    def events(self) -> ak.Array:
        """The events left."""
        return self.chunk[self.entries]

    def require_event(self, name: str, passes: Any) -> Survivors:
        """Returns the events for which `passes` is true, with all their living triplets.

        Args:
            name: Name of the step in the cutflow.
            passes: One boolean per event left; a missing one rejects the event.

        Raises:
            TypeError: `passes` are no booleans.
            ValueError: They are not one per event left.
        """
        alive = self._of_events(as_mask(passes, len(self.entries), f"cut {name!r}"))
        kept = np.zeros(len(self.chunk), dtype=np.bool_)
        kept[alive.entries] = True
        return alive._of_triplets(kept[self.entry])._counted(name)

    def require(self, name: str, passes: Any) -> Survivors:
        """Returns the triplets for which `passes` is true, and the events that have any.

        Args:
            name: Name of the step in the cutflow.
            passes: One boolean per living triplet; a missing one rejects the triplet.

        Raises:
            TypeError: `passes` are no booleans.
            ValueError: They are not one per triplet.
        """
        mask = as_mask(passes, len(self.entry), f"cut {name!r}")
        return self._of_triplets(mask)._with_triplets()._counted(name)

    def best(self, quantity: Any) -> Survivors:
        """Returns, of each event that has any, the triplet of the smallest `quantity`.

        Of equal ones, the first is taken. The triplets are then one per event, in the same order.

        Args:
            quantity: One number per living triplet; a missing one is larger than all others.
        """
        values = np.ma.filled(plain(quantity), np.inf)
        order = np.lexsort((values, self.entry))
        _, first = np.unique(self.entry[order], return_index=True)
        return self._of_triplets(order[first])._with_triplets()

    def _of_triplets(self, kept: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Survivors:
        return replace(
            self,
            triplets=self.triplets[kept],
            entry=self.entry[kept],
            positions=self.positions[kept],
        )

    def _of_events(self, kept: npt.NDArray[np.bool_]) -> Survivors:
        return replace(self, entries=self.entries[kept], weights=self.weights[kept])

    def _with_triplets(self) -> Survivors:
        any_left = np.zeros(len(self.chunk), dtype=np.bool_)
        any_left[self.entry] = True
        return self._of_events(any_left[self.entries])

    def _counted(self, name: str) -> Survivors:
        return replace(self, steps=(*self.steps, step(name, self.weights, len(self.positions))))


def step(name: str, weights: npt.NDArray[np.float64], candidates: int) -> Step:
    """Returns the count of events with the given weights and of their candidates."""
    sumw, *remainder = exact_sum(weights) or (0.0,)
    return Step(name, len(weights), candidates, sumw, tuple(remainder))
