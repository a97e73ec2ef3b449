"""What a processor found in one chunk, checked, as an awkward record."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.errors import InputError
from tau3mu.outputs import Selection
from tau3mu.outputs.arrays import one, only, own_copy, strings
from tau3mu.processing.histograms import fill

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tau3mu.datasets import Chunk
    from tau3mu.processing import Processor
    from tau3mu.selection import Step

__all__ = ["TAKEN", "check_fill", "found"]

TAKEN = ("dataset", "file")
"""The columns of candidates that the merge adds."""

_LARGEST = 2**63 - 1


def found(selection: Any) -> ak.Array:
    """Returns a selection as one record `{candidates, cutflow, counters}`, each a list.

    Raises:
        InputError: A part of it is of another kind than a processor may return, or would lose
            something when it is added up or stored.
    """
    if not isinstance(selection, Selection):
        raise InputError(_unexpected("select returns", selection, "a Selection with a cutflow"))
    steps, counters = _steps(selection.cutflow), _counters(selection.counters)
    cutflow = one(
        name=strings([step.name for step in steps]),
        events=np.array([step.events for step in steps], dtype=np.int64),
        candidates=np.array([step.candidates for step in steps], dtype=np.int64),
        sumw=_sums(steps),
    )
    counted = one(
        name=strings(list(counters)), count=np.array([*counters.values()], dtype=np.int64)
    )
    # A processor may use its own memory again for the next chunk.
    candidates = own_copy(_candidates(selection))
    lists = {"candidates": candidates, "cutflow": cutflow, "counters": counted}
    return one(**{name: only(rows) for name, rows in lists.items()})


def check_fill(processor: Processor, candidates: ak.Array, chunk: Chunk) -> None:
    """Fills histograms that are thrown away, so that a mistake shows in the first chunk it meets.

    Those of the result are filled once all chunks are there, in an order that does not depend on
    the chunks.
    """
    empty = processor.histograms()
    fill(processor, empty, own_copy(candidates), chunk.dataset, is_mc=chunk.is_mc, lazily=False)


def _candidates(selection: Selection) -> ak.Array:
    candidates = selection.candidates
    is_record = isinstance(candidates, ak.Array) and isinstance(
        candidates.type.content, ak.types.RecordType
    )
    if not is_record or not candidates.fields:
        shown = candidates.type.content if isinstance(candidates, ak.Array) else candidates
        expected = "an awkward array of records, one for each row"
        raise InputError(_unexpected("the candidates are", shown, expected))
    for name in candidates.fields:
        _check_column(name, candidates[name])
    return candidates


def _check_column(name: str, column: ak.Array) -> None:
    _check_name(name, "a column of the candidates")
    if name in TAKEN:
        message = f"the candidates have a column {name!r}, a name that is taken; choose another"
        raise InputError(message)
    kind = content = column.type.content
    if isinstance(content, ak.types.OptionType):
        content = content.content
    is_text = content.parameters.get("__array__") == "string"
    if not isinstance(content, ak.types.NumpyType) and not is_text:
        message = (
            f"column {name!r} of the candidates holds {_shown(column)}: expected one number, truth "
            "value or text in each row"
        )
        raise InputError(message)
    may_miss = not is_text and content.primitive.startswith("float")
    if content is not kind and not may_miss and ak.any(ak.is_none(column)):
        message = (
            f"column {name!r} of the candidates ({_shown(column)}) misses values, which only "
            "floats may: use ak.fill_none, or a float"
        )
        raise InputError(message)


def _shown(column: ak.Array) -> str:
    return str(ak.type(ak.without_parameters(column)).content)


def _steps(cutflow: Any) -> list[Step]:
    steps = list(cutflow)
    for step in steps:
        _check_name(step.name, "a cutflow step")
        _whole(step.events, f"the events of cutflow step {step.name!r}")
        _whole(step.candidates, f"the candidates of cutflow step {step.name!r}")
    names = [step.name for step in steps]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        message = f"the cutflow has several steps {twice[0]!r}; give each its own name"
        raise InputError(message)
    return steps


def _sums(steps: Iterable[Step]) -> ak.Array:
    """Returns the sums of weights, each as floats that add up to it without rounding."""
    sums = [[step.sumw, *step.remainder] for step in steps]
    offsets = np.cumsum([0, *map(len, sums)], dtype=np.int64)
    flat = np.array([part for parts in sums for part in parts], dtype=np.float64)
    return ak.Array(
        ak.contents.ListOffsetArray(ak.index.Index64(offsets), ak.contents.NumpyArray(flat))
    )


def _counters(counters: Any) -> dict[str, int]:
    if not isinstance(counters, Mapping):
        expected = "a dictionary of whole numbers"
        raise InputError(_unexpected("the counters are", counters, expected))
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
        raise InputError(_unexpected(f"{what}:", value, expected))
    return number


def _check_name(name: Any, what: str) -> None:
    if not isinstance(name, str) or not name or not name.isprintable():
        message = f"{what} is called {name!r}: expected a text of printable characters"
        raise InputError(message)


def _unexpected(what: str, value: Any, expected: str) -> str:
    shown = repr(value) if isinstance(value, int | float | complex | np.generic) else None
    return f"{what} {shown or type(value).__name__}, expected {expected}"
