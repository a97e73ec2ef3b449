"""Candidates on their way through the cuts, and the count of what is left after each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Step", "Survivors", "step"]


@dataclass(frozen=True)
class Step:
    """What is left after one cut: events, candidates, and the sum of the event weights."""

    name: str
    events: int
    candidates: int
    sumw: float


@dataclass(frozen=True)
class Survivors:
    """The events and the triplets that have passed all cuts so far.

    `triplets` is one flat list, without pads and without rejected triplets: cuts on such columns
    cost a fifth of those on a list per event. For each triplet, `event` is the index of its event
    in `events`, ascending, and `positions` tells where it stands in the ntuple's vectors.
    `entries` and `weights` are one number per event. Once a triplet cut has been made, every
    event has at least one triplet.
    """

    events: ak.Array
    triplets: ak.Array
    event: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    entries: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    steps: tuple[Step, ...]

    @classmethod
    def start(cls, events: ak.Array, weights: npt.NDArray[np.float64]) -> Survivors:
        """Returns all events with all unpadded triplets, counted as step `all`."""
        counts = ak.to_numpy(ak.num(events.triplet, axis=1))
        padded = ak.flatten(events.triplet, axis=1)
        there = ~ak.to_numpy(ak.is_none(padded))
        first = np.cumsum(counts) - counts
        everything = cls(
            events=events,
            triplets=_without_pads(padded),
            event=np.repeat(np.arange(len(events)), counts)[there],
            positions=(np.arange(len(there)) - np.repeat(first, counts))[there],
            entries=np.arange(len(events)),
            weights=weights,
            steps=(),
        )
        return everything._counted("all")

    def require_event(self, name: str, passes: ak.Array) -> Survivors:
        """Returns the events for which `passes` is true, with all their living triplets."""
        kept = ak.to_numpy(passes)
        return self._of_triplets(kept[self.event])._of_events(kept)._counted(name)

    def require(self, name: str, passes: ak.Array) -> Survivors:
        """Returns the triplets for which `passes` is true, and the events that have any.

        Args:
            name: Name of the step in the cutflow.
            passes: One answer per living triplet; a missing one rejects the triplet.
        """
        fewer = self._of_triplets(ak.to_numpy(ak.fill_none(passes, value=False)))
        any_left = np.zeros(len(self.entries), dtype=np.bool_)
        any_left[fewer.event] = True
        return fewer._of_events(any_left)._counted(name)

    def best(self, quantity: ak.Array) -> Survivors:
        """Returns, of each event that has any, the triplet of the smallest `quantity`.

        Of equal ones, the first is taken. The triplets are then one per event, in the same order.

        Args:
            quantity: One number per living triplet; a missing one is larger than all others.
        """
        values = ak.to_numpy(ak.fill_none(quantity, np.inf))
        order = np.lexsort((values, self.event))
        _, first = np.unique(self.event[order], return_index=True)
        chosen = self._of_triplets(order[first])
        has_any = np.zeros(len(self.entries), dtype=np.bool_)
        has_any[chosen.event] = True
        return chosen._of_events(has_any)

    def _of_triplets(self, kept: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Survivors:
        return replace(
            self,
            triplets=self.triplets[kept],
            event=self.event[kept],
            positions=self.positions[kept],
        )

    def _of_events(self, kept: npt.NDArray[np.bool_]) -> Survivors:
        return replace(
            self,
            events=self.events[kept],
            event=(np.cumsum(kept) - 1)[self.event],
            entries=self.entries[kept],
            weights=self.weights[kept],
        )

    def _counted(self, name: str) -> Survivors:
        return replace(self, steps=(*self.steps, step(name, self.weights, len(self.positions))))


def _without_pads(padded: ak.Array) -> ak.Array:
    # Like ak.drop_none, which would copy all columns, those that no cut comes to as well.
    if not (layout := ak.to_layout(padded)).is_option:
        return padded
    indexed = layout.to_IndexedOptionArray64()
    triplets = ak.Array(indexed.content, behavior=padded.behavior)
    return triplets[indexed.index.data[indexed.index.data >= 0]]


def step(name: str, weights: npt.NDArray[np.float64], candidates: int) -> Step:
    """Returns the count of events with the given weights and of their candidates."""
    return Step(name, len(weights), candidates, float(np.sum(weights)))
