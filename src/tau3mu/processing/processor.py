"""What an analysis is: the columns it reads, what it selects, and what it fills."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

import awkward as ak
from coffea.processor import ProcessorABC, column_accumulator

from tau3mu.corrections.events import checked_weights, product
from tau3mu.errors import InputError
from tau3mu.outputs.selection import Selection
from tau3mu.outputs.totals import on_datasets
from tau3mu.processing.derived import fill_by_axes, histograms_of_axes
from tau3mu.processing.parameters import (
    checked,
    declared,
    defaults,
    json_patch,
    merge_patch,
    patch_between,
    values_of,
    with_hash,
)
from tau3mu.processing.recorder import Cutflow, check_survivors
from tau3mu.processing.table import Table
from tau3mu.processing.user_code import class_name
from tau3mu.processing.weighing import weighted
from tau3mu.selection import Step

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from hist import Hist
    from pydantic import BaseModel
    from typing_extensions import Self

    from tau3mu.corrections.events import EventWeight
    from tau3mu.processing.memo import Memo
    from tau3mu.processing.survivors import Survivors

__all__ = ["Processor"]


class Processor(ProcessorABC):  # type: ignore[misc]
    """An analysis of ntuples, which is a coffea processor.

    A subclass lists the `columns` of the canonical view that it reads (triggers as
    `hlt.PATTERN` and `l1.PATTERN`) and defines `select`. It may declare parameters with
    `parameter`, and histograms with `axes` and `weights`. It then runs in `tau3mu.run`, in
    coffea's Runner (with `tau3mu.ntuples.NtupleSchema`) and by hand.

    Attributes:
        name: Names the results; by default that of the class.
        columns: The columns that it reads; a property if they depend on parameters.
        axes: The axes of the histograms, without dataset and variation: a list gives one histogram
            per axis, under its name; a dictionary gives histograms by name, each of one axis or of
            a list of them. The name of an axis is that of the column that fills it.
        weights: The columns of the weights of the candidates by variation, one of which is
            `nominal`. Data have only this one. Without weights, every candidate counts once.
        event_weights: Weights of events, such as `GeneratorWeight()`; a property if they depend on
            parameters. All columns of `weights` (`weight`, if there are none) are multiplied by
            their product, and each of their variations is one of the histograms. The columns that
            they read need not be listed.
        needs: The names of processors of the same pass that run before this one; what they find in
            the same events is in `cutflow.needed`.
        counters: What the further numbers count, in words, by their names. It is shown beside them.
    """

    name: str
    columns: Collection[str]
    axes: Any = ()
    weights: Mapping[str, str] = {}
    event_weights: Iterable[EventWeight] = ()
    needs: tuple[str, ...] = ()
    counters: Mapping[str, str] = {}
    _event_weights: tuple[EventWeight, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Names a processor after its class, unless it says otherwise."""
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__
        given: Any = cls.counters  # of a user, who may have written anything
        texts = given.items() if isinstance(given, Mapping) else [(None, None)]
        if not all(isinstance(text, str) for pair in texts for text in pair):
            message = (
                f"class {cls.__name__}: counters: expected what each counter counts, a dictionary "
                f"of texts by their names, got {cls.counters!r}"
            )
            raise InputError(message, code="processor.wrong-counters", path=cls.__name__)

    def __init__(self, *, name: str | None = None, **parameters: Any) -> None:
        """Creates a processor.

        Args:
            name: Names its results; by default that of the class.
            **parameters: Values other than the defaults. Of a parameter that is a dictionary or an
                `Axis`, a dictionary changes the given keys (RFC 7396).

        Raises:
            InputError: There is no such parameter, or its value is not what it should be.
        """
        if name is not None:
            self.name = name
        cls = type(self)
        values = merge_patch(defaults(cls), json_patch(cls, self.name, parameters))
        model = checked(cls, self.name, values)
        self._parameters = {key: getattr(model, key) for key in declared(cls)}
        self._event_weights = checked_weights(self.event_weights, self.name)
        self._read_weights()

    def _read_weights(self) -> None:
        """Adds the columns that the weights of events read."""
        needed = frozenset[str]().union(*(one.columns for one in self._event_weights))
        missing = needed - set(self.columns)
        if not missing:
            return
        try:
            self.columns = frozenset(self.columns) | needed
        except AttributeError as error:
            message = (
                f"the columns of {self.name} are a property and lack {', '.join(sorted(missing))}, "
                "which its event_weights read: add them"
            )
            raise InputError(message, code="processor.missing-column", path=self.name) from error

    @property
    def variations(self) -> dict[str, str]:
        """The columns of the weights by variation, with those of the weights of events."""
        weights = dict(self.weights)
        if self.event_weights and not self._event_weights:
            message = f"{type(self).__name__}.__init__ does not call super().__init__(): call it"
            raise InputError(message, code="processor.not-initialized", path=self.name)
        if self._event_weights:
            nominal = weights.setdefault("nominal", "weight")
            for name in (name for one in self._event_weights for name in one.variations):
                if name in weights:
                    message = f"weights of {self.name} has {name!r}, as its event_weights have"
                    raise InputError(message, code="processor.repeated-variation", path=name)
                weights[name] = f"{nominal}_{name}"
        return weights

    @property
    def parameters(self) -> BaseModel:
        """The values of all parameters, as a pydantic model."""
        return checked(type(self), self.name, values_of(self))

    @property
    def configuration(self) -> dict[str, Any]:
        """The class, the values of the parameters and a hash of both, of JSON values only."""
        return with_hash({"class": class_name(type(self)), "parameters": values_of(self)})

    def __repr__(self) -> str:
        """Returns the call that makes it, with the parameters that are not the defaults."""
        given: dict[str, Any] = {"name": self.name}
        usual = defaults(type(self))
        given |= {key: value for key, value in values_of(self).items() if value != usual[key]}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in given.items())})"

    def variant(self, name: str, **patch: Any) -> Self:
        """Returns a processor of this class with another name and some other parameters.

        Args:
            name: Names its results.
            **patch: As for the constructor, relative to the values of this instance.
        """
        cls = type(self)
        values = merge_patch(values_of(self), json_patch(cls, self.name, patch))
        made = cls(name=name, **patch_between(defaults(cls), values))
        return made if made.needs == self.needs else made.with_needs(self.needs)

    def with_needs(self, names: Iterable[str]) -> Self:
        """Returns a copy that needs other processors of the same pass.

        Args:
            names: Those of the processors; they take the place of `needs`.
        """
        made = copy(self)
        made.needs = tuple(names)
        return made

    @abstractmethod
    def select(self, events: ak.Array, cutflow: Cutflow) -> Table | Selection:
        """Returns the candidates in some events.

        Args:
            events: NanoEvents in the canonical view; `events.metadata["is_mc"]` is true for
                simulation.
            cutflow: Applies cuts and records what they leave; the step `all` is there already.

        Returns:
            A table of candidates, to which the recorded cutflow and counters are added; or a
            selection, which holds its own.
        """

    def selection(
        self,
        events: ak.Array,
        memo: Memo | None = None,
        needed: Mapping[str, Selection] | None = None,
        survivors: Survivors | None = None,
    ) -> Selection:
        """Returns the candidates in some events with the cutflow and the counters.

        Args:
            events: NanoEvents in the canonical view.
            memo: What other processors have computed on them; without it, nothing is shared.
            needed: What the processors that this one needs have found in them, by name.
            survivors: Is told which events are left at its step.

        Raises:
            InputError: There is no such step, or candidates are in events that it does not leave.
        """
        weights = product(self._event_weights, events) if self._event_weights else None
        cutflow = Cutflow(events, memo, needed, survivors, weights)
        selected = self.select(events, cutflow)
        if survivors is not None:
            check_survivors(self.name, survivors, selected, cutflow)
        if isinstance(selected, Table):
            candidates = selected.candidates(cutflow.events, self.columns)
            places = selected.places(cutflow.entries)
            selected = Selection(candidates, cutflow.steps, cutflow.counters, places=places)
        if weights is None:
            return selected
        return weighted(selected, self.weights, self.variations, weights, self.name)

    def uncut(self, events: ak.Array, memo: Memo | None = None) -> Step:  # noqa: ARG002
        """Returns the first row of the cutflow of some events, of which nothing is cut.

        Args:
            events: NanoEvents in the canonical view.
            memo: What other processors have computed on them.
        """
        return Step("all", len(events), len(events), sumw=float(len(events)))

    def histograms(self) -> dict[str, Hist[Any]]:
        """Returns the empty histograms: by default those of `axes`.

        Each has a growing axis `dataset`, and may have an axis `variation`, of which `nominal` is
        what is plotted and fitted.
        """
        return histograms_of_axes(self.axes, self.variations, self.name)

    def fill(
        self,
        histograms: dict[str, Hist[Any]],
        candidates: ak.Array,
        *,
        dataset: str,
        is_mc: bool,
    ) -> None:
        """Fills histograms: by default each axis from the column of its name.

        Args:
            histograms: `hist.Hist`, or lazy `hist.dask.Hist`.
            candidates: An awkward array, or a lazy dask-awkward one. A candidate that misses a
                value does not enter the histograms of that value.
            dataset: The dataset of the candidates.
            is_mc: Whether they are simulated.
        """
        fill_by_axes(histograms, candidates, self.variations, dataset=dataset, is_mc=is_mc)

    def process(self, events: ak.Array) -> dict[str, Any]:
        """Returns what coffea's executors add up over the chunks of all datasets.

        Args:
            events: NanoEvents in the canonical view, of one dataset.
        """
        dataset = events.metadata["dataset"]
        selection = self.selection(events)
        histograms = self.histograms()
        is_mc = bool(events.metadata.get("is_mc", False))
        self.fill(histograms, selection.candidates, dataset=dataset, is_mc=is_mc)
        steps = {step.name: _added_up(step) for step in selection.cutflow}
        columns = {
            name: column_accumulator(ak.to_numpy(selection.candidates[name]))
            for name in selection.candidates.fields
        }
        filled = selection.histograms.items()
        return {
            "histograms": histograms
            | {name: on_datasets({dataset: one}, [dataset]) for name, one in filled},
            "cutflow": {dataset: steps},
            "counters": {dataset: dict(selection.counters)},
            "candidates": {dataset: columns},
        }

    def postprocess(self, accumulator: dict[str, Any]) -> dict[str, Any]:
        """Returns the sum of all chunks as it is.

        Args:
            accumulator: What `process` returned for all chunks, added up.
        """
        return accumulator


def _added_up(step: Step) -> dict[str, Any]:
    """Returns a row of a cutflow as dictionaries of numbers, which coffea adds up."""
    row: dict[str, Any] = {
        "events": step.events, "candidates": step.candidates, "sumw": step.sumw
    }  # fmt: skip
    return row | ({"cuts": {cut.name: _added_up(cut) for cut in step.cuts}} if step.cuts else {})
