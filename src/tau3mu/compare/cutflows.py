"""The differences of cutflows, each at the first step where two part, and of counters."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.compare.numbers import differ
from tau3mu.outputs.cutflow import with_cuts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tau3mu.compare.sides import Pair

__all__ = [
    "CounterDifference", "CutflowDifference", "compare_counters", "compare_cutflows", "step_label",
]  # fmt: skip

_COUNTED = ("events", "candidates", "sumw")


@dataclass(frozen=True)
class CutflowDifference:
    """The first step at which the cutflows of a processor part in a dataset.

    Attributes:
        processor: Its name, or those of both sides.
        dataset: The dataset.
        step: The name of the step on the one side, or else on the other one.
        a: The row of the cutflow on the one side, None if it has no such step.
        b: The row on the other side.
        before: The name of the last step at which both agree, empty if there is none.
    """

    processor: str
    dataset: str
    step: str
    a: Mapping[str, Any] | None
    b: Mapping[str, Any] | None
    before: str = ""


@dataclass(frozen=True)
class CounterDifference:
    """A counter that differs; None on a side that does not have it."""

    processor: str
    dataset: str
    name: str
    a: int | None
    b: int | None


def compare_cutflows(pair: Pair, *, strict: bool) -> Iterator[CutflowDifference]:
    """Yields the first step of each dataset at which the cutflows of a processor part.

    Args:
        pair: The processor.
        strict: Whether every bit counts; else sums of weights may differ by their rounding.
    """
    left = with_cuts(pair.a.cutflow) if pair.a else {}
    right = with_cuts(pair.b.cutflow) if pair.b else {}
    for dataset in dict.fromkeys([*left, *right]):
        before = ""
        for a, b in zip_longest(left.get(dataset, ()), right.get(dataset, ())):
            if a is None or b is None or _differ(a, b, strict=strict):
                step = step_label(a or b or {})
                yield CutflowDifference(pair.name, dataset, step, a, b, before)
                break
            before = step_label(a)


def step_label(row: Mapping[str, Any]) -> str:
    """Returns the name of a step, or `STEP: CUT` of a cut of a step of several.

    Args:
        row: Of a cutflow, from `with_cuts`.
    """
    name: str = row["name"]
    return f"{row['of']}: {name.removeprefix('- ')}" if "of" in row else name


def _differ(a: Mapping[str, Any], b: Mapping[str, Any], *, strict: bool) -> bool:
    if a["name"] != b["name"]:
        return True
    numbers = ([row[key] for key in _COUNTED] for row in (a, b))
    return bool(np.any(differ(*(np.array(row, np.float64) for row in numbers), strict=strict)))


def compare_counters(pair: Pair) -> Iterator[CounterDifference]:
    """Yields the counters of a processor that differ.

    Args:
        pair: The processor.
    """
    left = pair.a.counters if pair.a else {}
    right = pair.b.counters if pair.b else {}
    for dataset in dict.fromkeys([*left, *right]):
        one, other = left.get(dataset, {}), right.get(dataset, {})
        for name in dict.fromkeys([*one, *other]):
            if one.get(name) != other.get(name):
                yield CounterDifference(pair.name, dataset, name, one.get(name), other.get(name))
