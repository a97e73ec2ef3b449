"""Checks before the work that the histograms of a processor can be added, stored and read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import uproot
from hist import BaseHist, Hist
from hist.axis import IntCategory, Integer, StrCategory

from tau3mu.errors import InputError, RunError
from tau3mu.outputs.histograms import (
    DATASET,
    NOMINAL,
    VARIATION,
    from_json,
    root_histograms,
    to_json,
    write_root,
)
from tau3mu.outputs.totals import on_datasets
from tau3mu.processing.histograms import empty_histograms
from tau3mu.processing.user_code import user_errors, what
from tau3mu.storage.files import Memory

if TYPE_CHECKING:
    from tau3mu.processing import Processor

__all__ = ["check_chunk_histograms", "check_histograms", "failed", "first_line"]

_LONGEST_NAME = 100
_STORAGES = "Double, Int64, AtomicInt64, Unlimited and Weight"


def check_histograms(processor: Processor, dataset: str) -> dict[str, Hist[Any]]:
    """Returns the histograms of a processor for one dataset, with one entry in each bin.

    They have been added, stored and read back.

    Args:
        processor: The processor.
        dataset: The name of one of its datasets.

    Raises:
        InputError: They cannot be; the message names the processor and the histogram.
    """
    with user_errors(lambda error: failed(processor, error)):
        given: Any = processor.histograms()
    if not isinstance(given, Mapping):
        message = (
            f"processor {processor.name}: histograms() returns {type(given).__name__}, expected a "
            "dictionary of hist.Hist by name"
        )
        raise InputError(message, code="processor.wrong-histograms", path=processor.name)
    for name, histogram in given.items():
        if problem := _unfit(name, histogram):
            raise _refused(processor, name, problem)
    return _kept(processor, empty_histograms(processor, [dataset]))


def check_chunk_histograms(
    processor: Processor, histograms: Mapping[str, Hist[Any]], dataset: str
) -> None:
    """Checks the histograms that a processor has filled for a chunk, as those of the processor.

    Args:
        processor: The processor.
        histograms: What it returned, with or without an axis `dataset`.
        dataset: The dataset of the chunk.

    Raises:
        InputError: They cannot be added or stored; the message names processor and histogram.
    """
    for name, one in histograms.items():
        axis = one.axes[DATASET] if DATASET in one.axes.name else None
        if axis is not None and not (isinstance(axis, StrCategory) and axis.traits.growth):
            wanted = f"hist.axis.StrCategory([], growth=True, name={DATASET!r})"
            problem = (
                f"its axis {DATASET!r} cannot take all datasets: leave it out, or use {wanted}"
            )
            raise _refused(processor, name, problem)
    on_all = {name: on_datasets({dataset: one}, [dataset]) for name, one in histograms.items()}
    for name, one in on_all.items():
        if problem := _unfit(name, one):
            raise _refused(processor, name, problem)
    _kept(processor, on_all)


def _kept(processor: Processor, empty: Mapping[str, Hist[Any]]) -> dict[str, Hist[Any]]:
    """Returns histograms with one entry in each bin, which were added, stored and read back."""
    probes = {name: _probe(one) for name, one in empty.items()}
    if together := _lost(probes):
        for name, probe in probes.items():
            if problem := _lost({name: probe}):
                raise _refused(processor, name, problem)
        message = f"processor {processor.name}: {together}"
        raise InputError(message, code="processor.wrong-histograms", path=processor.name)
    return probes


def failed(processor: Processor, error: BaseException) -> InputError:
    """Returns the error of a processor that fails in the dry run."""
    return InputError(
        f"processor {processor.name} fails on a chunk without events, which a run may have: "
        f"{what(error)}",
        code="processor.failed",
    )


def first_line(error: BaseException) -> str:
    """Returns the kind of an error and the first line of its message."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _refused(processor: Processor, name: str, problem: str) -> InputError:
    return InputError(
        f"processor {processor.name}: histogram {name!r}: {problem}",
        code="processor.wrong-histograms",
        path=f"{processor.name}.{name}",
    )


def _unfit(name: Any, histogram: Any) -> str:
    """Returns why a histogram cannot be in the results of a run, empty if it can."""
    if problem := _bad_name(name):
        return problem
    if not isinstance(histogram, BaseHist):
        return f"it is a {type(histogram).__name__}, expected a hist.Hist"
    if histogram.kind != "COUNT":
        stored = histogram.storage_type.__name__
        return f"its storage {stored} holds means, expected counts: {_STORAGES}"
    if DATASET not in histogram.axes.name:
        wanted = f"hist.axis.StrCategory([], growth=True, name={DATASET!r})"
        return f"it has no axis {DATASET!r}, so that datasets would be mixed: add {wanted}"
    problems = (_unfit_axis(name, axis) for axis in histogram.axes)
    return next(filter(None, problems), "")


def _unfit_axis(histogram: str, axis: Any) -> str:
    categories = isinstance(axis, StrCategory | IntCategory)
    if axis.name in {DATASET, VARIATION} and not isinstance(axis, StrCategory):
        return f"its axis {axis.name!r} is a {type(axis).__name__}, expected a StrCategory"
    if axis.name == VARIATION:
        return next(filter(None, (_bad_name(f"{histogram}_{name}") for name in axis)), "")
    if axis.traits.growth and not (categories or isinstance(axis, Integer)):
        return (
            f"its axis {axis.name!r} grows, so that the histograms of two datasets cannot be "
            "added: give it a range, under- and overflow are kept"
        )
    return ""


def _bad_name(name: Any) -> str:
    if not isinstance(name, str) or not name or not name.isprintable() or set(name) & set("/:;"):
        return f"the name {name!r} is none in a ROOT file: expected printable text without / : ;"
    if len(name) > _LONGEST_NAME:
        return f"the name has {len(name)} characters, expected at most {_LONGEST_NAME}"
    return ""


def _probe(empty: Hist[Any]) -> Hist[Any]:
    """Returns a histogram with one entry in each bin, and the nominal variation if it can grow."""
    axes = [
        StrCategory([*axis, NOMINAL], growth=True, name=axis.name, label=axis.label)
        if axis.name == VARIATION and axis.traits.growth and NOMINAL not in axis
        else axis
        for axis in empty.axes
    ]
    probe: Hist[Any] = Hist(*axes, storage=empty.storage_type(), name=empty.name, label=empty.label)
    probe[...] = np.ones((*probe.axes.extent, 2) if probe.view().dtype.names else probe.axes.extent)
    return probe


def _lost(probes: Mapping[str, Hist[Any]]) -> str:
    """Returns what is lost when histograms are added and stored, empty if nothing is."""
    try:
        totals = {name: probe + probe for name, probe in probes.items()}
        same = from_json(to_json(totals)) == totals
        objects = root_histograms(totals)
        memory = Memory()
        write_root(memory, objects)
        memory.seek(0)
        with uproot.open(memory) as file:
            same_in_root = all(
                np.array_equal(file[path].values(), part.values()) for path, part in objects.items()
            )
    except RunError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - libraries raise anything on unusual axes
        return first_line(error)
    if not (same and same_in_root):
        return f"histograms.{'root' if same else 'json'} gives back another one when it is read"
    return ""
