"""The candidates that are left after some cuts, and the events that they are in."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.selection.cutflow import Step
from tau3mu.selection.rows import Rows, as_mask, plain, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import awkward as ak
    import numpy.typing as npt

__all__ = ["AllCandidates", "Candidates"]


class AllCandidates:
    """All candidates of some events in one flat list, without pads.

    Attributes:
        events: The events.
        rows: The candidates.
        entry: The event of each candidate, as its index, ascending.
        positions: Where each candidate stands in the ntuple's vectors: its column `index`, or else
            its place in the list of its event.
    """

    def __init__(self, events: ak.Array, lists: ak.Array) -> None:
        """Flattens the lists.

        Args:
            events: The events.
            lists: Events × candidates; a missing candidate is a pad.
        """
        offsets, places, self.rows = rows_of(lists)
        self.events = events
        self.entry = np.repeat(np.arange(len(events)), np.diff(offsets))[places]
        indexed = "index" in self.rows.fields
        self.positions = self.rows["index"] if indexed else places - offsets[self.entry]

    def __len__(self) -> int:
        """Returns the number of candidates."""
        return len(self.entry)


class Candidates:
    """The events and the candidates that have passed all cuts so far.

    Attributes:
        everything: All candidates, cut or not.
        index: The candidates left, as their index among all, in the order of their events.
        steps: What was left after each cut. Once one was on candidates, every event has at least
            one.
    """

    def __init__(
        self,
        everything: AllCandidates,
        index: npt.NDArray[np.int64],
        *,
        entries: npt.NDArray[np.int64] | None = None,
        steps: tuple[Step, ...] = (),
    ) -> None:
        """Creates them.

        Args:
            everything: All candidates.
            index: Which of them are left.
            entries: The events that are left; by default those that have a candidate.
            steps: What was left after each cut.
        """
        self.everything = everything
        self.index = index
        self.steps = steps
        if entries is not None:
            self.entries = entries

    @classmethod
    def of(cls, everything: AllCandidates) -> Candidates:
        """Returns all candidates and all events, counted as step `all`.

        Args:
            everything: All candidates of a chunk.
        """
        entries = np.arange(len(everything.events))
        return cls(everything, np.arange(len(everything)), entries=entries)._counted("all")

    @cached_property
    def entries(self) -> npt.NDArray[np.int64]:
        """The events left, as their index among all, ascending."""
        return self.entry[self._is_first]

    @cached_property
    def entry(self) -> npt.NDArray[np.int64]:
        """The event of each candidate left, as its index among all events."""
        return self.everything.entry[self.index]

    @cached_property
    def rows(self) -> Rows:
        """The candidates left."""
        rows: Rows = self.everything.rows[self.index]
        return rows

    @property
    def positions(self) -> npt.NDArray[np.int64]:
        """Where each candidate left stands in the ntuple's vectors."""
        return self.everything.positions[self.index]

    @property
    def events(self) -> ak.Array:
        """The events left."""
        return self.everything.events[self.entries]

    def cut_events(self, name: str, passes: Any) -> Candidates:
        """Returns the events for which `passes` is true, with all their remaining candidates.

        Args:
            name: Name of the cut in the cutflow.
            passes: One boolean per event left; a missing one rejects the event.

        Raises:
            TypeError: `passes` are not booleans.
            ValueError: They are not one per event left.
        """
        entries = self.entries[as_mask(passes, len(self.entries), f"cut {name!r}")]
        kept = np.zeros(len(self.everything.events), dtype=np.bool_)
        kept[entries] = True
        return self._with(self.index[kept[self.entry]], entries)._counted(name)

    def cut(self, name: str, passes: Any) -> Candidates:
        """Returns the candidates for which `passes` is true, and the events that have any.

        Args:
            name: Name of the cut in the cutflow.
            passes: One boolean per remaining candidate; a missing one rejects it.

        Raises:
            TypeError: `passes` are not booleans.
            ValueError: They are not one per candidate.
        """
        mask = as_mask(passes, len(self.index), f"cut {name!r}")
        return self._with(self.index[mask])._counted(name)

    def cut_all(self, names: Sequence[str], passed: npt.NDArray[Any]) -> list[Candidates]:
        """Returns what each of several cuts on candidates leaves, one after the other.

        Args:
            names: Names of the cuts in the cutflow.
            passed: How many of the cuts each remaining candidate passes before one rejects it.
        """
        first = np.flatnonzero(self._is_first)
        furthest = np.maximum.reduceat(passed, first) if len(first) else passed
        n_events, n_candidates = (_at_least(values, len(names)) for values in (furthest, passed))
        after: list[Candidates] = []
        steps = self.steps
        for number, name in enumerate(names, 1):
            events, candidates = n_events[number - 1], n_candidates[number - 1]
            steps = (*steps, Step(name, events, candidates, sumw=float(events)))
            after.append(_Passed(self, passed, number, steps))
        return after

    def best(self, quantity: Any) -> Candidates:
        """Returns, of each event that has any, the candidate of the smallest `quantity`.

        Of equal ones, the first is taken. The candidates are then one per event, in the same order.

        Args:
            quantity: One number per remaining candidate; a missing one is larger than all others.
        """
        values = np.ma.filled(plain(quantity), np.inf)
        # The entries are ascending, so that the order is that of the values within each event.
        order = np.lexsort((values, self.entry))
        return self._with(self.index[order[self._is_first]])

    @cached_property
    def _is_first(self) -> npt.NDArray[np.bool_]:
        """Which candidates left are the first of their event."""
        first = np.ones(len(self.entry), dtype=np.bool_)
        np.not_equal(self.entry[1:], self.entry[:-1], out=first[1:])
        return first

    def _with(
        self, index: npt.NDArray[np.int64], entries: npt.NDArray[np.int64] | None = None
    ) -> Candidates:
        return Candidates(self.everything, index, entries=entries, steps=self.steps)

    def _counted(self, name: str) -> Candidates:
        known = "entries" in vars(self)
        events = len(self.entries) if known else int(np.count_nonzero(self._is_first))
        self.steps = (*self.steps, Step(name, events, len(self.index), sumw=float(events)))
        return self


class _Passed(Candidates):
    """The candidates that have passed some of several cuts, which are looked up when asked for."""

    def __init__(
        self, before: Candidates, passed: npt.NDArray[Any], number: int, steps: tuple[Step, ...]
    ) -> None:
        self.everything, self.steps = before.everything, steps
        self._before, self._passed, self._number = before, passed, number

    @cached_property
    def index(self) -> npt.NDArray[np.int64]:  # type: ignore[override]
        return self._before.index[self._passed >= self._number]


def _at_least(values: npt.NDArray[Any], most: int) -> list[int]:
    """Returns how many values are at least 1, 2, ... and `most`."""
    below = np.cumsum(np.bincount(values, minlength=most + 1))[:most]
    return (len(values) - below).tolist()  # type: ignore[no-any-return]
