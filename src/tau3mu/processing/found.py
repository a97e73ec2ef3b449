"""What a processor found in one chunk, checked."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from hist import Hist

from tau3mu.errors import InputError
from tau3mu.outputs import Selection
from tau3mu.outputs.arrays import own_copy
from tau3mu.processing.histograms import fill
from tau3mu.processing.processor import Processor

if TYPE_CHECKING:
    from tau3mu.datasets import Chunk
    from tau3mu.selection import Step

__all__ = ["TAKEN", "check_fill", "found"]

TAKEN = ("dataset", "file")
"""The columns of candidates that the merge adds."""

_LARGEST = 2**63 - 1


def found(selection: Any) -> Selection:
    """Returns a selection in memory of its own, after a check of all its parts.

    Raises:
        InputError: A part of it is of another kind than a processor may return, or would lose
            something when it is added up or stored.
    """
    if not isinstance(selection, Selection):
        message = _unexpected("select returns", selection, "a Table or a Selection")
        raise InputError(message, code="processor.wrong-selection")
    return Selection(
        # A processor may use its own memory again for the next chunk.
        own_copy(_candidates(selection)),
        _steps(selection.cutflow),
        _counters(selection.counters),
        _histograms(selection.histograms),
        selection.places,
    )


def check_fill(processor: Processor, candidates: ak.Array, chunk: Chunk) -> None:
    """Fills histograms that are thrown away, so that a mistake shows in the first chunk it meets.

    Those of the result are filled once all chunks are there, in an order that does not depend on
    the chunks. Those that the package fills itself cannot fail but in the dry run.
    """
    cls = type(processor)
    if cls.fill is Processor.fill and cls.histograms is Processor.histograms:
        return
    empty = processor.histograms()
    fill(processor, empty, own_copy(candidates), chunk.dataset, is_mc=chunk.is_mc, lazily=False)


def _candidates(selection: Selection) -> ak.Array:
    candidates = selection.candidates
    is_record = isinstance(candidates, ak.Array) and (
        candidates.layout.is_record or isinstance(candidates.type.content, ak.types.RecordType)
    )
    if not is_record or not candidates.fields:
        shown = candidates.type.content if isinstance(candidates, ak.Array) else candidates
        expected = "an awkward array of records, one for each row"
        raise InputError(
            _unexpected("the candidates are", shown, expected), code="processor.wrong-candidates"
        )
    layout = ak.to_layout(candidates)
    columns = dict(zip(layout.fields, layout.contents, strict=True)) if layout.is_record else {}
    for name in candidates.fields:
        _check_name(name, "a column of the candidates")
        column = columns.get(name)
        if name in TAKEN or not (column is not None and column.is_numpy and not column.inner_shape):
            _check_column(name, candidates[name])
    return candidates


def _check_column(name: str, column: ak.Array) -> None:
    if name in TAKEN:
        message = f"the candidates have a column {name!r}, a name that is taken; choose another"
        raise InputError(message, code="processor.taken-column", path=name)
    kind = content = column.type.content
    if isinstance(content, ak.types.OptionType):
        content = content.content
    is_text = content.parameters.get("__array__") == "string"
    if not isinstance(content, ak.types.NumpyType) and not is_text:
        message = (
            f"column {name!r} of the candidates holds {_shown(column)}: expected one number, truth "
            "value or text in each row"
        )
        raise InputError(message, code="processor.column-type", path=name)
    may_miss = not is_text and content.primitive.startswith("float")
    if content is not kind and not may_miss and ak.any(ak.is_none(column)):
        message = (
            f"column {name!r} of the candidates ({_shown(column)}) misses values, which only "
            "floats may: use ak.fill_none, or a float"
        )
        raise InputError(message, code="processor.missing-values", path=name)


def _shown(column: ak.Array) -> str:
    return str(ak.type(ak.without_parameters(column)).content)


def _steps(cutflow: Any) -> tuple[Step, ...]:
    steps = tuple(_step(step) for step in cutflow)
    names = [step.name for step in steps]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        message = f"the cutflow has several steps {twice[0]!r}; give each its own name"
        raise InputError(message, code="processor.repeated-step", path=twice[0])
    return steps


def _step(step: Step) -> Step:
    _check_name(step.name, "a cutflow step")
    return replace(
        step,
        events=_whole(step.events, f"the events of cutflow step {step.name!r}"),
        candidates=_whole(step.candidates, f"the candidates of cutflow step {step.name!r}"),
        sumw=float(step.sumw),
    )


def _histograms(histograms: Any) -> dict[str, Hist[Any]]:
    if not isinstance(histograms, Mapping):
        message = _unexpected("the histograms are", histograms, "a dictionary of hist.Hist")
        raise InputError(message, code="processor.wrong-histograms")
    for name, histogram in histograms.items():
        _check_name(name, "a histogram")
        if not isinstance(histogram, Hist) or histogram.kind != "COUNT":
            expected = "a hist.Hist of counts"
            message = _unexpected(f"histogram {name!r} is", histogram, expected)
            raise InputError(message, code="processor.wrong-histograms", path=name)
    return {name: histogram.copy() for name, histogram in histograms.items()}


def _counters(counters: Any) -> dict[str, int]:
    if not isinstance(counters, Mapping):
        expected = "a dictionary of whole numbers"
        message = _unexpected("the counters are", counters, expected)
        raise InputError(message, code="processor.wrong-counters")
    for name in counters:
        _check_name(name, "a counter")
    return {name: _whole(count, f"the counter {name!r}") for name, count in counters.items()}


def _whole(value: Any, what: str) -> int:
    """Returns a count as an integer, also if a sum made a float of it."""
    number = None
    if not isinstance(value, bool | np.bool_):
        try:
            number = operator.index(value)
        except TypeError:
            if isinstance(value, float | np.floating) and float(value).is_integer():
                number = int(value)
    if number is None or not 0 <= number <= _LARGEST:
        expected = "a whole number that is not negative; sums of weights go into the cutflow"
        raise InputError(_unexpected(f"{what}:", value, expected), code="processor.wrong-number")
    return number


def _check_name(name: Any, what: str) -> None:
    if not isinstance(name, str) or not name or not name.isprintable():
        message = f"{what} is called {name!r}: expected a text of printable characters"
        raise InputError(message, code="processor.unprintable-name")


def _unexpected(what: str, value: Any, expected: str) -> str:
    shown = repr(value) if isinstance(value, int | float | complex | np.generic) else None
    return f"{what} {shown or type(value).__name__}, expected {expected}"
