"""The sum of what a processor found, in the order in which it is given."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from hist import Hist
from hist.axis import StrCategory

from tau3mu.outputs.arrays import strings
from tau3mu.outputs.histograms import DATASET
from tau3mu.outputs.selection import Selection
from tau3mu.selection.cutflow import Step
from tau3mu.selection.sums import exact_sum, rounded_sum

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


__all__ = ["ProcessorTotal", "on_datasets"]

_BATCH = 256
_MANY = 64


class ProcessorTotal:
    """The sum of what one processor found, by dataset.

    Cutflow and counters do not depend on the order in which selections are added; candidates are
    kept in this order, and histograms are added in it.

    Attributes:
        counters: By dataset.
        histograms: By dataset and name.
    """

    def __init__(self) -> None:
        """Begins with nothing."""
        self.counters: dict[str, Counter[str]] = {}
        self.histograms: dict[str, dict[str, Hist[Any]]] = {}
        self._cutflow: dict[str, list[_Row]] = {}
        self._rows: list[ak.Array] = []
        self._packed: list[ak.Array] = []
        self._origin: list[tuple[str, str, int]] = []

    def add(
        self,
        selection: Selection,
        dataset: str,
        file: str,
        numbers: Sequence[tuple[str, int]] = (),
    ) -> None:
        """Adds what was found in some events of a file, or of several.

        Args:
            selection: What was found.
            dataset: The name of the dataset.
            file: What the column `file` of the candidates says.
            numbers: Of several files, one after the other, how many of the candidates are of each.
        """
        self.counters.setdefault(dataset, Counter()).update(selection.counters)
        _add_steps(self._cutflow.setdefault(dataset, []), selection.cutflow)
        totals = self.histograms.setdefault(dataset, {})
        for name, histogram in selection.histograms.items():
            totals[name] = totals[name] + histogram if name in totals else histogram
        for name, number in numbers or [(file, len(selection.candidates))]:
            self._origin.append((dataset, name, number))
        self._rows.append(selection.candidates)
        if len(self._rows) >= _BATCH:  # many small arrays would take more memory than they hold
            self._pack()

    def candidates(self) -> ak.Array:
        """Returns all candidates, with the columns `dataset` and `file` before the others."""
        self._pack()
        rows = ak.concatenate(self._packed) if len(self._packed) > 1 else self._packed[0]
        datasets, files, numbers = zip(*self._origin, strict=True)
        repeat = np.repeat(np.arange(len(numbers)), numbers)
        columns = {"dataset": strings(datasets)[repeat], "file": strings(files)[repeat]}
        return ak.zip(columns | {name: rows[name] for name in rows.fields}, depth_limit=1)

    def cutflow(self) -> dict[str, list[dict[str, Any]]]:
        """Returns the steps by dataset; a step of several cuts has a row for each in `cuts`."""
        return {dataset: [row.as_dict() for row in rows] for dataset, rows in self._cutflow.items()}

    def selection(self, dataset: str) -> Selection:
        """Returns the sum for one dataset, of which nothing was rounded.

        Args:
            dataset: The only one that was added.
        """
        self._pack()
        rows = ak.concatenate(self._packed) if len(self._packed) > 1 else self._packed[0]
        return Selection(
            rows,
            tuple(row.as_step() for row in self._cutflow[dataset]),
            dict(self.counters[dataset]),
            dict(self.histograms[dataset]),
        )

    def _pack(self) -> None:
        if self._rows:
            self._packed.append(ak.to_packed(ak.concatenate(self._rows)))
            self._rows = []


class _Row:
    """The sum of one step of a cutflow; `parts` are floats whose exact sum is that of weights."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.events = self.candidates = 0
        self.parts: list[float] = []
        self.cuts: list[_Row] = []

    def add(self, step: Step) -> None:
        self.events += step.events
        self.candidates += step.candidates
        self.parts += (step.sumw, *step.remainder)
        if len(self.parts) > _MANY:
            self.parts = list(exact_sum(np.array(self.parts)))
        _add_steps(self.cuts, getattr(step, "cuts", ()))

    def as_step(self) -> Step:
        sumw, *remainder = exact_sum(np.array(self.parts)) or (0.0,)
        cuts = tuple(row.as_step() for row in self.cuts)
        return Step(self.name, self.events, self.candidates, sumw, tuple(remainder), cuts)

    def as_dict(self) -> dict[str, Any]:
        counted = {
            "name": self.name,
            "events": self.events,
            "candidates": self.candidates,
            "sumw": rounded_sum(self.parts),
        }
        return counted | ({"cuts": [row.as_dict() for row in self.cuts]} if self.cuts else {})


def _add_steps(rows: list[_Row], steps: Iterable[Step]) -> None:
    steps = tuple(steps)
    if not rows:
        rows += [_Row(step.name) for step in steps]
    for row, step in zip(rows, steps, strict=True):
        row.add(step)


def on_datasets(parts: dict[str, Hist[Any]], datasets: Sequence[str]) -> Hist[Any]:
    """Returns the histograms of several datasets as one, with all datasets on its dataset axis.

    Args:
        parts: By dataset; they have an axis `dataset`, which grows, or none of them has.
        datasets: The names of all datasets.
    """
    first = next(iter(parts.values()))
    has_axis = DATASET in first.axes.name
    # As it was given: `.label` of an axis without one is its name, which would be another axis.
    label = vars(first.axes[DATASET]).get("label", "") if has_axis else ""
    axis = StrCategory(datasets, growth=True, name=DATASET, label=label)
    axes = [axis if one.name == DATASET else one for one in first.axes]
    axes = axes if has_axis else [axis, *axes]
    total: Hist[Any] = Hist(*axes, storage=first.storage_type(), name=first.name, label=first.label)
    for dataset, part in parts.items():
        if has_axis:
            total = total + part
        else:
            one: Hist[Any] = Hist(
                StrCategory([dataset], growth=True, name=DATASET),
                *part.axes,
                storage=part.storage_type(),
            )
            one.view(flow=True)[...] = part.view(flow=True)[np.newaxis]
            total = total + one
    return total
