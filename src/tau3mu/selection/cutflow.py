"""Candidates on their way through the cuts, and the count of what is left after each."""

from __future__ import annotations

from dataclasses import dataclass
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

    `triplets` (events × living triplets) holds no pads and no rejected triplets; `positions` has
    the same shape and tells where each of them stands in the ntuple's vectors. `entries` and
    `weights` are one number per event. Once a triplet cut has been made, every event has at least
    one triplet.
    """

    events: ak.Array
    triplets: ak.Array
    positions: ak.Array
    entries: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    steps: tuple[Step, ...]

    @classmethod
    def start(cls, events: ak.Array, weights: npt.NDArray[np.float64]) -> Survivors:
        """Returns all events with all unpadded triplets, counted as step `all`."""
        there = ~ak.is_none(events.triplet, axis=1)
        everything = cls(
            events=events,
            triplets=ak.drop_none(events.triplet, axis=1),
            positions=ak.local_index(there, axis=1)[there],
            entries=np.arange(len(events)),
            weights=weights,
            steps=(),
        )
        return everything._counted("all")

    def require_event(self, name: str, passes: ak.Array) -> Survivors:
        """Returns the events for which `passes` is true, with all their living triplets."""
        return self._of_events(ak.to_numpy(passes))._counted(name)

    def require(self, name: str, passes: ak.Array) -> Survivors:
        """Returns the triplets for which `passes` is true, and the events that have any.

        Args:
            name: Name of the step in the cutflow.
            passes: Events × living triplets; a missing value rejects the triplet.
        """
        alive = ak.fill_none(passes, value=False)
        any_left = ak.to_numpy(ak.any(alive, axis=1))
        kept = self._of_events(any_left)
        alive = alive[any_left]
        triplets, positions = kept.triplets[alive], kept.positions[alive]
        fewer = Survivors(kept.events, triplets, positions, kept.entries, kept.weights, kept.steps)
        return fewer._counted(name)

    def best(self, quantity: ak.Array) -> Survivors:
        """Returns the same events with only the triplet of the smallest `quantity` in each."""
        first = ak.argmin(quantity, axis=1, keepdims=True)
        return Survivors(
            self.events,
            self.triplets[first],
            self.positions[first],
            self.entries,
            self.weights,
            self.steps,
        )

    def _of_events(self, passes: npt.NDArray[np.bool_]) -> Survivors:
        return Survivors(
            self.events[passes],
            self.triplets[passes],
            self.positions[passes],
            self.entries[passes],
            self.weights[passes],
            self.steps,
        )

    def _counted(self, name: str) -> Survivors:
        counted = step(name, self.weights, int(ak.count(self.positions)))
        return Survivors(
            self.events,
            self.triplets,
            self.positions,
            self.entries,
            self.weights,
            (*self.steps, counted),
        )


def step(name: str, weights: npt.NDArray[np.float64], candidates: int) -> Step:
    """Returns the count of events with the given weights and of their candidates."""
    return Step(name, len(weights), candidates, float(np.sum(weights)))
