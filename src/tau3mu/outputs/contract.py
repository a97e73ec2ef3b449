"""Columns, types, cutflow steps and histograms, which are the same for all chunks of a run.

Columns that only some chunks have would vanish when the chunks are put together, and numbers of
different types would be rounded to a common one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import awkward as ak
from hist.axis import IntCategory, StrCategory

from tau3mu.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hist import Hist

    from tau3mu.outputs.selection import Selection

__all__ = ["NO_EVENTS", "Contract", "Returned", "returned"]

NO_EVENTS = "a chunk without events"
"""Where the processors are run before the work."""


@dataclass(frozen=True)
class Returned:
    """The shape of what a processor returned for some events.

    Attributes:
        columns: The columns of the candidates with their types; whether numbers are missing is
            no part of these.
        steps: The names of the cutflow steps and, after a slash, of their cuts.
        histograms: The axes and the storage of each histogram, without the categories of axes
            that grow.
        where: The events.
        form: The form of the candidates.
    """

    columns: dict[str, str]
    steps: list[str]
    histograms: dict[str, str]
    where: str
    form: Any = field(default=None, compare=False, repr=False)


def returned(selection: Selection, where: str, then: Returned | None = None) -> Returned:
    """Returns what is in a selection.

    Args:
        selection: What a processor found.
        where: In which events.
        then: What it returned before; of candidates of the same form, the types are known.
    """
    form = selection.candidates.layout.form
    if then is not None and form == then.form:
        columns = then.columns
    else:
        columns = {
            name: str(kind.content if isinstance(kind, ak.types.OptionType) else kind)
            for name, kind in zip(form.fields, form.type.contents, strict=True)
        }
    steps = []
    for step in selection.cutflow:
        steps += [step.name, *(f"{step.name}/{cut.name}" for cut in getattr(step, "cuts", ()))]
    shapes = {name: _shape(histogram) for name, histogram in selection.histograms.items()}
    return Returned(columns, steps, shapes, where, form)


def _shape(histogram: Hist[Any]) -> str:
    axes = []
    for axis in histogram.axes:
        if isinstance(axis, StrCategory | IntCategory) and axis.traits.growth:
            axes.append(f"{type(axis).__name__}({axis.name})")
        else:
            axes.append(repr(axis))
    return f"{', '.join(axes)}; {histogram.storage_type.__name__}"


class Contract:
    """Checks that all chunks return the same columns, types, steps and histograms."""

    def __init__(self, expected: Mapping[str, Returned] | None = None) -> None:
        """Creates the contract.

        Args:
            expected: What each processor returned on no events; without it, the first chunk
                counts.
        """
        self._expected = dict(expected or {})

    def check(self, outputs: Mapping[str, Selection], where: str) -> None:
        """Checks what the processors found in a chunk.

        Args:
            outputs: What each processor found, by its name.
            where: The chunk.

        Raises:
            RunError: A processor returned something else than before; the message names the
                processor, the chunk and what differs.
        """
        for name, selection in outputs.items():
            now = returned(selection, where, self._expected.get(name))
            then = self._expected.setdefault(name, now)
            advice = "return the same columns always, also without candidates, where an empty "
            advice += "np.array([]) is float64: give it a dtype"
            _compare("column", name, (now, now.columns), (then, then.columns), advice)
            if now.steps != then.steps:
                message = (
                    f"processor {name} has other cutflow steps in {where}: "
                    f"{', '.join(now.steps)}; expected {', '.join(then.steps)}, as in {then.where}"
                )
                raise RunError(message, code="outputs.steps-differ", path=name)
            advice = "use the same axes always"
            _compare("histogram", name, (now, now.histograms), (then, then.histograms), advice)


def _compare(
    kind: str,
    processor: str,
    now: tuple[Returned, dict[str, str]],
    then: tuple[Returned, dict[str, str]],
    advice: str,
) -> None:
    """Raises an error that names the first part that differs between two chunks."""
    for name in {**then[1], **now[1]}:
        got, expected = now[1].get(name, "missing"), then[1].get(name, "missing")
        if got != expected:
            message = (
                f"{kind} {name!r} of processor {processor} is {got} in {now[0].where} and "
                f"{expected} in {then[0].where}: {advice}"
            )
            raise RunError(message, code=f"outputs.{kind}s-differ", path=f"{processor}.{name}")
