"""The steps at which events are lost on one side and not on the other: a sync exercise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.compare.candidates import EVENT
from tau3mu.compare.rows import match_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from tau3mu.compare.event_list import EventList
    from tau3mu.compare.reading import Recorded

__all__ = ["SyncStep", "Synchronization", "synchronize", "synchronize_with_list"]


@dataclass(frozen=True)
class SyncStep:
    """The events that are left after a step, which one side may not have.

    Attributes:
        a: The name of the step on the one side, None if it has no such step.
        b: That on the other side.
        events_a: How many events the one side has left, after its steps so far.
        events_b: How many the other side has left; of a list of events, those of them that the one
            side has left.
        only_a: How many events only the one side has left.
        only_b: How many only the other side has.
    """

    a: str | None
    b: str | None
    events_a: int
    events_b: int
    only_a: int
    only_b: int

    @property
    def name(self) -> str:
        """The name of the step."""
        return self.a or self.b or ""


@dataclass(frozen=True)
class Synchronization:
    """Where two analyses part, event by event.

    Attributes:
        processor: Its name, or those of both sides.
        steps: The steps of both sides in one order.
        first: The first step after which the events differ, or, of a list of events, at which
            events of the list are lost; None if there is none.
        events: The events that one side alone has left, after the first such step or at the end:
            `run`, `lumi`, `event`, `dataset` if both sides have the same, and `lost_a` and
            `lost_b`, the steps at which they are lost; empty where they are left.
    """

    processor: str
    steps: tuple[SyncStep, ...]
    first: SyncStep | None
    events: Mapping[str, npt.NDArray[Any]]

    def lost(self) -> list[tuple[str, str, int]]:
        """Returns how many events are lost on one side alone: the side, the step, the number.

        Those count that the other side has left at the end.
        """
        found = []
        for side, other in (("a", "b"), ("b", "a")):
            steps = self.events[f"lost_{side}"][self.events[f"lost_{other}"] == ""]
            names, numbers = np.unique(steps[steps != ""], return_counts=True)
            by_name = dict(zip(names.tolist(), numbers.tolist(), strict=True))
            order = [getattr(one, side) for one in self.steps]
            absent = sorted(set(by_name) - set(order))  # events that the side did not get
            found += [(side, name, by_name[name]) for name in (*absent, *order) if name in by_name]
        return found


def synchronize(name: str, a: Recorded, b: Recorded) -> Synchronization:
    """Returns where the steps of two processors part.

    Args:
        name: Of the processors.
        a: What the one left.
        b: What the other left.
    """
    keys = EVENT if set(a.datasets).isdisjoint(b.datasets) else ("dataset", *EVENT)
    events, passed = _together(keys, (a.events, a.steps_passed), (b.events, b.steps_passed))
    steps: list[SyncStep] = []
    first, before = None, (0, 0)
    differs = np.zeros(len(passed[0]), np.bool_)
    for done in _in_one_order(a.steps, b.steps):
        left = [numbers >= max(number, 1) for numbers, number in zip(passed, done, strict=True)]
        one = _step(
            a.steps[done[0] - 1] if done[0] > before[0] else None,
            b.steps[done[1] - 1] if done[1] > before[1] else None,
            *left,
        )
        before = done
        steps.append(one)
        if first is None and (one.only_a or one.only_b):
            first, differs = one, left[0] != left[1]
    ends = [numbers >= len(side.steps) for numbers, side in zip(passed, (a, b), strict=True)]
    return _synchronization(
        name, steps, first, events, differs | (ends[0] != ends[1]),
        {"lost_a": _lost(a, passed[0]), "lost_b": _lost(b, passed[1])},
    )  # fmt: skip


def synchronize_with_list(name: str, a: Recorded, listed: EventList) -> Synchronization:
    """Returns the steps at which events of a list are lost.

    Args:
        name: Of the processor.
        a: What it left.
        listed: The events of others.
    """
    all_listed = np.ones(len(listed), np.int64)
    events, passed = _together(EVENT, (a.events, a.steps_passed), (listed.numbers, all_listed))
    steps = []
    for number, step in enumerate(a.steps, 1):
        left = passed[0] >= number, passed[1] > 0
        of_list = int(np.count_nonzero(left[0] & left[1]))
        steps.append(replace(_step(step, None, *left), events_b=of_list))
    first = next((one for one in steps if one.only_b), None)
    ends = passed[0] >= len(a.steps), passed[1] > 0
    lost_b = np.where(ends[1], "", "not listed")
    lost = {"lost_a": _lost(a, passed[0]), "lost_b": lost_b}
    return _synchronization(name, steps, first, events, ends[0] != ends[1], lost)


def _together(
    keys: Sequence[str],
    a: tuple[Mapping[str, npt.NDArray[Any]], npt.NDArray[Any]],
    b: tuple[Mapping[str, npt.NDArray[Any]], npt.NDArray[Any]],
) -> tuple[dict[str, npt.NDArray[Any]], tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Returns the events of both sides, and how many steps have left each; 0 if it was not read."""
    matched = match_rows(*([side[key] for key in keys] for side, _ in (a, b)))
    events = {
        key: np.concatenate([a[0][key][matched.a], a[0][key][matched.only_a],
                             b[0][key][matched.only_b]])
        for key in keys
    }  # fmt: skip
    none_a = np.zeros(len(matched.only_b), np.int64)
    none_b = np.zeros(len(matched.only_a), np.int64)
    return events, (
        np.concatenate([a[1][matched.a], a[1][matched.only_a], none_a]),
        np.concatenate([b[1][matched.b], none_b, b[1][matched.only_b]]),
    )


def _in_one_order(a: Sequence[str], b: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yields how many steps of both sides are done, going through steps of equal names together."""
    for kind, from_a, to_a, from_b, to_b in SequenceMatcher(None, a, b, False).get_opcodes():
        if kind == "equal":
            for number in range(to_a - from_a):
                yield from_a + number + 1, from_b + number + 1
        else:
            for number in range(from_a, to_a):
                yield number + 1, from_b
            for number in range(from_b, to_b):
                yield to_a, number + 1


def _step(
    a: str | None, b: str | None, left_a: npt.NDArray[np.bool_], left_b: npt.NDArray[np.bool_]
) -> SyncStep:
    counted = [
        int(np.count_nonzero(one)) for one in (left_a, left_b, left_a & ~left_b, left_b & ~left_a)
    ]
    return SyncStep(a, b, *counted)


def _lost(side: Recorded, passed: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns the step at which each event is lost, empty if it is left."""
    names = np.array([side.absent, *side.steps[1:], ""])
    return np.asarray(names[passed])


def _synchronization(
    name: str,
    steps: Sequence[SyncStep],
    first: SyncStep | None,
    events: Mapping[str, npt.NDArray[Any]],
    differs: npt.NDArray[np.bool_],
    lost: Mapping[str, npt.NDArray[Any]],
) -> Synchronization:
    order = np.lexsort([events[key][differs] for key in reversed(list(events))])
    found = {key: column[differs][order] for key, column in {**events, **lost}.items()}
    return Synchronization(name, tuple(steps), first, found)
