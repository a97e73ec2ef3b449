"""Processors of named cuts: each cut is a method, and the package applies, counts and shares them.

The methods answer for each candidate on its own, from the candidate, its event and the parameters
of the processor. So an answer is the same whatever else is asked, and processors that differ in one
cut share all others.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

import awkward as ak
import numpy as np

from tau3mu.corrections.events import product
from tau3mu.errors import InputError, suggest
from tau3mu.outputs.selection import Selection
from tau3mu.processing.declarations import (
    Cut,
    counter,
    counters_of,
    cut,
    cuts_of,
    event_cut,
    quantity,
)
from tau3mu.processing.distributions import distributions
from tau3mu.processing.memo import CandidateRows, Memo
from tau3mu.processing.parameters import Window, parameter
from tau3mu.processing.processor import Processor
from tau3mu.processing.survivors import CutReads
from tau3mu.processing.table import EVENT_COLUMNS
from tau3mu.selection import Candidates, step

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    import numpy.typing as npt
    from hist import Hist

    from tau3mu.corrections.events import Weights
    from tau3mu.processing.distributions import Distributions
    from tau3mu.processing.memo import ChunkAnswers
    from tau3mu.processing.recorder import Cutflow
    from tau3mu.processing.survivors import Survivors
    from tau3mu.selection import Step

__all__ = [
    "CandidateRows", "Cut", "CutProcessor", "counter", "cut", "event_cut", "quantity",
    "with_options",
]  # fmt: skip


_KINDS = ("n_minus_one", "cut_by_cut")


class CutProcessor(Processor):
    """A processor that consists of cuts, each of them a method.

    A subclass may add cuts, replace a method, which keeps its place, or remove one with
    `NAME = None`.

    Attributes:
        collection: The collection of the candidates, events × candidates.
        best: The column or quantity of which the candidate with the smallest value is kept in each
            event; empty to keep all.
        output: The columns of the selected candidates: columns, quantities, and `run`, `lumi` and
            `event`. Floats are stored with 64 bits, missing ones as NaN.
        sharing: Whether answers are shared with the other processors of a pass, which changes
            nothing but the time it takes.
    """

    collection: ClassVar[str]
    best: ClassVar[str] = ""
    output: ClassVar[Sequence[str]]
    sharing: bool = True

    skip: tuple[str, ...] = parameter((), help="steps or single cuts that are left out")
    n_minus_one_histograms: bool = parameter(
        False, help="fills the N−1 and cut-by-cut distributions of all cuts"
    )

    def __init__(self, **settings: Any) -> None:
        """Creates a processor.

        Args:
            **settings: The `name`, and values of parameters other than the defaults.

        Raises:
            InputError: A parameter, or what is to be skipped, does not exist.
        """
        super().__init__(**settings)
        for name in self.skip:
            self._check_known(name, "skip")
        self.cut_values  # noqa: B018 - a misspelt parameter is an error from the beginning

    @property
    def active_cuts(self) -> list[Cut]:
        """The cuts that are applied, in their order."""
        skipped = set(self.skip)
        return [one for one in cuts_of(_class(self)) if not skipped & {one.name, one.step}]

    @property
    def cut_values(self) -> dict[str, list[float]]:
        """The values of its quantity at which a cut is, by the name of the cut, where it says so.

        That of a class which has something else than a number or a window in its place is not
        there.

        Raises:
            InputError: A cut names a parameter that does not exist.
        """
        return {one.name: self._values(one) for one in self.active_cuts if one.at}

    def _values(self, one: Cut) -> list[float]:
        found: list[float] = []
        for text in one.at:
            name, known = text.removeprefix("-"), type(self.parameters).model_fields
            if not hasattr(self, name):
                message = (
                    f"cut {one.name!r} of {self.name} is at {text!r}: expected the name of a "
                    f"parameter that is a number or a window{suggest(name, known)}"
                )
                raise InputError(
                    message, code="processor.unknown-parameter", path=f"{self.name}.{one.name}"
                )
            value: Any = getattr(self, name)
            numbers = value if isinstance(value, Window) else (value,)
            if all(isinstance(x, int | float) and not isinstance(x, bool) for x in numbers):
                found += [-x if text.startswith("-") else x for x in numbers]
        return found

    def select(self, events: ak.Array, cutflow: Cutflow) -> Selection:
        """Returns the candidates that pass all cuts, or the best of each event.

        Args:
            events: NanoEvents in the canonical view.
            cutflow: Holds what the processors of a pass share.
        """
        answers = self._answers(events, cutflow)
        (_, left), *stages = self._stages(answers)
        self._tell(cutflow.survivors, "all", left, answers)
        steps = [_row(left, cutflow.weights)]
        counters: dict[str, int] = {}
        for name, some in groupby(stages, key=_step_of):
            counters |= self._counters(answers, left, name)
            rows = []
            for _, left in some:
                rows.append(_row(left, cutflow.weights))
            steps.append(replace(rows[-1], name=name, cuts=tuple(rows) if len(rows) > 1 else ()))
            self._tell(cutflow.survivors, name, left, answers)
        if self.best:
            left = left.best(CandidateRows(answers, self, left.index)[self.best])
        counters |= self._counters(answers, left, "")
        filled = {}
        if self.n_minus_one_histograms:
            found = distributions(self, answers, cutflow.weights)
            filled = {
                f"{kind}_{name}": histogram
                for kind in _KINDS
                for name, histogram in getattr(found, kind).items()
            }
        return Selection(self._table(answers, left), tuple(steps), counters, filled, left.entry)

    def uncut(self, events: ak.Array, memo: Memo | None = None) -> Step:
        """Returns the first row of the cutflow: all events, and all their candidates.

        Args:
            events: NanoEvents in the canonical view.
            memo: What other processors have computed on them.
        """
        memo = Memo() if memo is None or not self.sharing else memo
        _, left = next(self._stages(memo.of(events, self.collection)))
        return left.steps[-1]

    def candidates(self, events: ak.Array, *, before: str = "") -> ak.Array:
        """Returns all candidates that pass the cuts, not only the best of each event.

        Args:
            events: NanoEvents in the canonical view.
            before: The step or cut that is not applied, nor those after it; by default all are.

        Returns:
            One record per candidate, with the columns of `output`.
        """
        if before:
            self._check_known(before, "before")
        answers = Memo().of(events, self.collection)
        for one, left in self._stages(answers, before):  # noqa: B007 - the last one counts
            pass
        return self._table(answers, left)

    def events_left(
        self, events: ak.Array, cutflow: Cutflow
    ) -> list[tuple[str, npt.NDArray[np.int64]]]:
        """Returns the cuts in their order, each with the events left, as their index among all.

        The first one is `all`; a cut of a step of several is called `STEP: CUT`.

        Args:
            events: NanoEvents in the canonical view.
            cutflow: Holds what the processors of a pass share.
        """
        found = []
        for name, some in groupby(self._stages(self._answers(events, cutflow)), key=_step_of):
            stages = list(some)
            for one, left in stages:
                label = f"{name}: {one.name}" if one and len(stages) > 1 else name or "all"
                found.append((label, left.entries))
        return found

    def distributions(self, events: ak.Array) -> Distributions:
        """Returns the N−1 and the cut-by-cut distributions of all cuts.

        Args:
            events: NanoEvents in the canonical view.
        """
        weights = product(self._event_weights, events) if self._event_weights else None
        return distributions(self, Memo().of(events, self.collection), weights).nominal()

    def n_minus_one(self, events: ak.Array) -> dict[str, Hist[Any]]:
        """Returns for each cut the distribution of its quantity in candidates that pass all others.

        Args:
            events: NanoEvents in the canonical view.
        """
        return self.distributions(events).n_minus_one

    def cut_by_cut(self, events: ak.Array) -> dict[str, Hist[Any]]:
        """Returns for each cut the distribution of its quantity in the candidates that reach it.

        Args:
            events: NanoEvents in the canonical view.
        """
        return self.distributions(events).cut_by_cut

    def _stages(
        self, answers: ChunkAnswers, before: str = ""
    ) -> Iterator[tuple[Cut | None, Candidates]]:
        """Yields the candidates of the events, and then each cut with what it leaves.

        Processors that began with the same cuts get the same objects.
        """
        key: Hashable = ("left",)
        left: Candidates = answers.once(key, lambda: Candidates.of(answers.candidates))
        yield None, left
        cuts = self.active_cuts
        for number, one in enumerate(cuts, 1):
            if before in {one.name, one.step}:
                return
            left, key = answers.follow(one, self, left, key)
            yield one, left
            rest = None if before else answers.follow_all(cuts[number:], self, left, key)
            if rest is not None:
                yield from zip(cuts[number:], rest, strict=True)
                return

    def _tell(
        self, survivors: Survivors | None, step: str, left: Candidates, answers: ChunkAnswers
    ) -> None:
        """Tells whoever asks for the events of a step which are left, and after which cuts."""
        if survivors is None or survivors.step != step:
            return
        survivors.entries = left.entries
        names = [] if step == "all" else list(dict.fromkeys(c.step for c in self.active_cuts))
        up_to = names[: names.index(step) + 1] if names else []
        survivors.cuts = tuple(
            CutReads(one.name, one.step, answers.reads(one.passes))
            for one in self.active_cuts
            if one.step in up_to
        )

    def _answers(self, events: ak.Array, cutflow: Cutflow) -> ChunkAnswers:
        """Returns the answers about some events, those of other processors among them."""
        memo = cutflow.memo if self.sharing else Memo()
        return memo.of(events, self.collection)

    def _counters(self, answers: ChunkAnswers, left: Candidates, step: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        for function, at in counters_of(_class(self)):
            if at == step:
                counts |= answers.count(function, self, left)
        return counts

    def _table(self, answers: ChunkAnswers, left: Candidates) -> ak.Array:
        rows = CandidateRows(answers, self, left.index)
        columns = {}
        for name in self.output:
            if name in EVENT_COLUMNS:
                make = partial(_numbers_of_events, answers.events, name)
                column = answers.once(("event", name), make)[left.entry]
            else:
                column = rows[name]
                if isinstance(column, np.ndarray) and column.dtype.kind == "f":
                    column = np.ma.filled(column, np.nan).astype(np.float64, copy=False)
            plain = isinstance(column, np.ndarray) and not np.ma.isMaskedArray(column)
            columns[name] = ak.contents.NumpyArray(column) if plain else ak.to_layout(column)
        return ak.Array(ak.contents.RecordArray(list(columns.values()), list(columns)))

    def _check_known(self, name: str, option: str) -> None:
        cuts = cuts_of(_class(self))
        known = dict.fromkeys(text for one in cuts for text in (one.step, one.name))
        if name not in known:
            message = (
                f"{self.name} has no step or cut {name!r}{suggest(name, known)}; it has "
                f"{', '.join(known)}"
            )
            raise InputError(message, code="processor.unknown-cut", path=f"{self.name}.{option}")
        required = [one.name for one in cuts if one.required and name in {one.step, one.name}]
        if required:
            message = f"cut {required[0]!r} of {self.name} cannot be left out by {option} {name!r}"
            raise InputError(message, code="processor.required-cut", path=f"{self.name}.{option}")


def _row(left: Candidates, weights: Weights | None) -> Step:
    """Returns the row of the cutflow of what is left, with the weights of its events."""
    row = left.steps[-1]
    return row if weights is None else step(row.name, weights.nominal[left.entries], row.candidates)


def _class(processor: Processor) -> Any:
    return type(processor)


def _step_of(stage: tuple[Cut | None, Candidates]) -> str:
    return stage[0].step if stage[0] else ""


def with_options(
    processors: Sequence[Processor], *, n_minus_one: bool, sharing: bool
) -> list[Processor]:
    """Returns the processors of a run with what its options ask of those of named cuts.

    Args:
        processors: All processors of the run.
        n_minus_one: Whether they fill the distributions of all cuts.
        sharing: Whether they share answers.
    """
    made = []
    for processor in processors:
        one = processor
        if isinstance(processor, CutProcessor):
            if n_minus_one:
                one = processor.variant(processor.name, n_minus_one_histograms=True)
            if not sharing:
                one = copy(one)  # the instance may be of a user, who runs it again
                one.sharing = False
        made.append(one)
    return made


def _numbers_of_events(events: ak.Array, name: str) -> npt.NDArray[Any]:
    return np.asarray(ak.to_numpy(events[name], allow_missing=False).astype(EVENT_COLUMNS[name]))
