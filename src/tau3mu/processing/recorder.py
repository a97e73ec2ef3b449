"""The cutflow of a processor, recorded while it cuts on any collection."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.errors import InputError, suggest
from tau3mu.processing.memo import Memo
from tau3mu.processing.table import Table
from tau3mu.selection import Step, step
from tau3mu.selection.rows import as_mask, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from tau3mu.corrections.events import Weights
    from tau3mu.outputs.selection import Selection
    from tau3mu.processing.survivors import Survivors

__all__ = ["Cutflow", "Needed", "check_survivors"]


class Needed(dict[str, "Selection"]):
    """What the processors that a processor needs have found, by their names."""

    def __missing__(self, name: str) -> Selection:
        """Raises an error that says how to ask for a selection.

        Raises:
            InputError: The processor does not need the one of this name, or runs alone.
        """
        known = ", ".join(self) or "none"
        message = (
            f"the selection of {name!r} is not there, known is {known}: list the name in `needs`, "
            "and run both in one pass; by hand, selection(events, needed={...}) takes it"
        )
        raise InputError(message, code="processor.not-needed", path=name)


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
        needed: What the processors that this one needs have found in the same events, by name.
        survivors: Of which step the events are asked for, if of any.
        weights: Of all events of the chunk, None if they count once.
    """

    def __init__(
        self,
        events: ak.Array,
        memo: Memo | None = None,
        needed: Mapping[str, Selection] | None = None,
        survivors: Survivors | None = None,
        weights: Weights | None = None,
    ) -> None:
        """Begins with all events of a chunk.

        Args:
            events: The events.
            memo: What other processors have computed on them.
            needed: What the processors that this one needs have found in them.
            survivors: Is told the events that are left at its step.
            weights: Of the events; they count once without.
        """
        self.weights = weights
        self.events = events
        self.needed = Needed(needed or {})
        self.survivors = survivors
        self._places = np.arange(len(events))
        self.memo = Memo() if memo is None else memo
        self.steps: tuple[Step, ...] = ()
        self.counters: dict[str, int] = {}
        every = np.ones(len(events), dtype=np.bool_)
        self._add("all", len(events), len(events), every)
        self._keep("all", every)

    def cut(self, name: str, collection: ak.Array, mask: Any) -> ak.Array:
        """Returns the objects of a collection that pass a cut.

        Args:
            name: The name of the step, which is the same for every chunk.
            collection: Events × objects, or events × candidates.
            mask: One boolean per object; a missing one rejects the object.

        Raises:
            InputError: The mask does not have one answer per object.
            TypeError: The answers are not booleans.
        """
        offsets, there, _ = rows_of(collection)
        passes = np.zeros(offsets[-1], dtype=np.bool_)
        passes[there] = _answers(name, offsets, mask)[there]  # a pad is never kept
        left = np.add.reduceat(np.append(passes, False), offsets[:-1], dtype=np.int64)
        left[np.diff(offsets) == 0] = 0
        self._add(name, int(np.count_nonzero(left)), int(left.sum()), left > 0)
        self._keep(name, left > 0)
        edges = ak.index.Index64(offsets)
        return collection[ak.Array(ak.contents.ListOffsetArray(edges, ak.to_layout(passes)))]

    def cut_events(self, name: str, events: ak.Array, mask: Any) -> ak.Array:
        """Returns the events that pass a cut.

        Args:
            name: The name of the step, which is the same for every chunk.
            events: The events that are left.
            mask: One boolean per event; a missing one rejects the event.

        Raises:
            InputError: These are not the events that are left.
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
        self._add(name, len(self.events), len(self.events), passes)
        self._keep(name, passes)
        self._places = self._places[passes]
        return self.events

    def count(self, **numbers: Any) -> None:
        """Adds to the counters, whole numbers that are not negative.

        Args:
            numbers: Whole numbers by name, which are added up over all chunks.
        """
        for name, number in numbers.items():
            self.counters[name] = self.counters.get(name, 0) + operator.index(number)

    @property
    def entries(self) -> npt.NDArray[np.int64]:
        """The events that are left, as their index in the chunk."""
        return self._places

    def _keep(self, name: str, passes: npt.NDArray[np.bool_]) -> None:
        """Notes which events pass the step that is asked for."""
        if self.survivors is not None and self.survivors.step == name:
            self.survivors.entries = self._passing(name, passes)

    def _passing(self, name: str, passes: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Returns the events that pass a step, as their index in the chunk."""
        entries = self.entries
        if len(passes) != len(entries):
            message = (
                f"cut {name!r} is on {len(passes)} events where {len(entries)} are left, so that "
                "nobody can tell which events it leaves: cut the collections of the events that "
                "the last cut_events returned"
            )
            raise InputError(message, code="processor.other-events", path=name)
        return entries[passes]

    def _add(self, name: str, events: int, candidates: int, passes: npt.NDArray[np.bool_]) -> None:
        if self.weights is None:
            row = Step(name, events, candidates, sumw=float(events))
        else:
            row = step(name, self.weights.nominal[self._passing(name, passes)], candidates)
        self.steps = (*self.steps, row)


def check_survivors(
    name: str, survivors: Survivors, selected: Table | Selection, cutflow: Cutflow
) -> None:
    """Checks that it is known which events a step leaves, and that no candidate is in another.

    Args:
        name: The name of the processor.
        survivors: What was asked for.
        selected: What the processor returned.
        cutflow: What it recorded.

    Raises:
        InputError: There is no such step, or candidates are in events that it does not leave.
    """
    step = survivors.step
    if survivors.entries is None:
        steps = [one.name for one in (cutflow.steps if isinstance(selected, Table)
                                      else selected.cutflow)]  # fmt: skip
        if step in steps:
            problem = f"does not tell which events step {step!r} leaves: it records its own cutflow"
        else:
            problem = f"has no step {step!r}{suggest(step, steps)}; it has {', '.join(steps)}"
        message = f"{name} {problem}"
        raise InputError(message, code="derived.unknown-step", path=f"{name}.{step}")
    if not isinstance(selected, Table):
        return
    with_rows = cutflow.entries[selected.events_with_rows(len(cutflow.events))]
    if len(lost := np.setdiff1d(with_rows, survivors.entries)):
        message = (
            f"{name} has candidates in {len(lost)} events that step {step!r} does not leave: "
            "choose a step that all candidates pass, or cut the collection that they come from"
        )
        raise InputError(message, code="derived.lost-candidates", path=f"{name}.{step}")


def _answers(name: str, offsets: npt.NDArray[np.int64], mask: Any) -> npt.NDArray[np.bool_]:
    """Returns one boolean per object in a flat list, False where the answer is missing."""
    what = f"the mask of cut {name!r}"
    if not isinstance(mask, ak.Array) or mask.ndim != 2:
        got = ak.type(mask) if isinstance(mask, ak.Array) else type(mask).__name__
        message = f"{what} is {got}, expected booleans per event and object; cut_events cuts events"
        raise InputError(message, code="processor.mask-shape", path=name)
    mask = ak.fill_none(mask, [], axis=0)
    numbers, expected = ak.to_numpy(ak.num(mask)), np.diff(offsets)
    if len(numbers) != len(expected):
        message = f"{what} is of {len(numbers)} events, the collection of {len(expected)}"
        raise InputError(message, code="processor.mask-shape", path=name)
    if len(wrong := np.flatnonzero(numbers != expected)):
        message = (
            f"{what} is not one boolean per object: event {wrong[0]} of the chunk has "
            f"{expected[wrong[0]]} objects and {numbers[wrong[0]]} answers"
        )
        raise InputError(message, code="processor.mask-shape", path=name)
    return as_mask(ak.flatten(mask), int(offsets[-1]), f"cut {name!r}")
