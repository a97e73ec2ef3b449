"""The dry run: all of a run on no events, so that mistakes show before the work.

What the processors return is checked, added, stored and read back in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

from tau3mu.errors import InputError, RunError
from tau3mu.execution.certified import Part, with_certified
from tau3mu.execution.chunk import no_events, selected
from tau3mu.execution.set_apart import error_group
from tau3mu.outputs.arrays import strings
from tau3mu.outputs.candidates import written_and_read
from tau3mu.outputs.contract import NO_EVENTS, Contract, returned
from tau3mu.outputs.stored import from_document, read_document, to_document, write_document
from tau3mu.processing.found import TAKEN, check_fill
from tau3mu.processing.histogram_checks import check_chunk_histograms, failed, first_line
from tau3mu.processing.histograms import empty_histograms, fill
from tau3mu.processing.memo import Memo
from tau3mu.processing.needs import in_order
from tau3mu.processing.user_code import user_errors
from tau3mu.storage.files import Memory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tau3mu.datasets import Chunk
    from tau3mu.execution.set_apart import SetApart
    from tau3mu.outputs import Selection
    from tau3mu.outputs.candidates import CandidatesFormat
    from tau3mu.outputs.contract import Returned
    from tau3mu.processing import Processor

__all__ = ["dry_run"]

_KEPT = {
    "root": "bool, int8 to int64, uint8 to uint64, float32, float64 and texts",
    "parquet": "bool, integers, floats, texts and times in ms, us or ns",
}


def dry_run(
    chunks: Sequence[Chunk],
    processors: Sequence[Processor],
    *,
    lazily: bool = False,
    candidates: CandidatesFormat = "root",
    set_apart: SetApart | None = None,
) -> dict[str, Returned]:
    """Runs the processors on no events, and stores and reads back what they return.

    Args:
        chunks: Those of the run. Of those that a processor reads, one is taken of data and one of
            simulation, of each layout.
        processors: What is going to run.
        lazily: Whether dask-awkward is going to fill the histograms.
        candidates: How the candidates are going to be stored.
        set_apart: Where processors that fail are kept, so that the others go on.

    Returns:
        What each processor returns, by its name, without those that failed.

    Raises:
        InputError: A processor fails, and the others are not to go on, or returns what cannot be
            added up or stored; the message names the processor, and the line or the column.
    """
    by_era = any(one.event_weights for one in processors)  # which may depend on it
    kinds = list(
        {
            (chunk.is_mc, chunk.layout, by_era and chunk.era, chunk.readers): chunk
            for chunk in reversed(chunks)
        }.values()
    )
    found: list[dict[str, Selection]] = [{} for _ in kinds]
    expected = {}
    for processor in in_order(processors):
        if set_apart is not None and processor.name in set_apart.groups:
            continue
        contract = Contract()
        try:
            for chunk, before in zip(kinds, found, strict=True):
                if not chunk.is_read_by(processor.name):
                    continue
                selection = _tried(processor, chunk, before, lazily=lazily)
                _check(processor, selection, chunk, contract, candidates)
                before[processor.name] = selection
        except InputError as error:
            if set_apart is None or isinstance(error.__cause__, MemoryError):
                raise
            set_apart.add(processor.name, error_group(error, NO_EVENTS))
            continue
        expected[processor.name] = returned(selection, NO_EVENTS)
    return {one.name: expected[one.name] for one in processors if one.name in expected}


def _check(
    processor: Processor,
    selection: Selection,
    chunk: Chunk,
    contract: Contract,
    candidates: CandidatesFormat,
) -> None:
    where = f"{NO_EVENTS} of dataset {chunk.dataset}"
    try:
        contract.check({processor.name: selection}, where)
    except RunError as error:
        raise InputError(str(error), code=error.code, path=error.path) from error
    _check_checkpoint(processor, selection)
    _check_columns(processor, selection.candidates, candidates)


def _tried(
    processor: Processor, chunk: Chunk, before: Mapping[str, Selection], *, lazily: bool
) -> Selection:
    with user_errors(lambda error: failed(processor, error)):
        part = Part(no_events(chunk))
        selection = selected(processor, part.events, before=before)
        selection = with_certified(selection, chunk, processor, part, Memo())
        rows, empty = selection.candidates, empty_histograms(processor, [chunk.dataset])
        names = set(empty)
        filled = fill(processor, empty, rows, chunk.dataset, is_mc=chunk.is_mc, lazily=lazily)
        if lazily:  # those of a single chunk are filled directly all the same
            check_fill(processor, rows, chunk)
    if other := names ^ set(filled):
        message = f"processor {processor.name}: fill adds or removes histogram {min(other)!r}"
        raise InputError(message, code="processor.histograms-differ", path=min(other))
    if twice := sorted(names & set(selection.histograms)):
        message = f"processor {processor.name} has two histograms {twice[0]!r}: rename one"
        raise InputError(message, code="processor.repeated-histogram", path=twice[0])
    check_chunk_histograms(processor, selection.histograms, chunk.dataset)
    return selection


def _check_checkpoint(processor: Processor, selection: Selection) -> None:
    memory = Memory()
    try:
        write_document(memory, to_document(selection))
        memory.seek(0)
        back = from_document(read_document(memory))
    except Exception as error:
        message = (
            f"processor {processor.name}: what it returns cannot be kept in a checkpoint: "
            f"{first_line(error)}"
        )
        raise InputError(message, code="processor.checkpoint", path=processor.name) from error
    then, now = (one.candidates.type for one in (selection, back))
    if then != now or selection.histograms != back.histograms:
        message = f"processor {processor.name}: a checkpoint changes {then} to {now}"
        raise InputError(message, code="processor.checkpoint", path=processor.name)


def _check_columns(processor: Processor, candidates: ak.Array, fmt: CandidatesFormat) -> None:
    """Checks that a file can keep columns of these names and types, with sample values."""
    samples = {name: _sample(candidates[name]) for name in candidates.fields}
    if not (problem := _not_kept(samples, fmt)):
        return
    where = "columns"
    for name, sample in samples.items():
        if alone := _not_kept({name: sample}, fmt):
            problem, where = alone, f"column {name!r} ({sample.type.content})"
            break
    message = (
        f"processor {processor.name}: candidates.{fmt} cannot keep {where} of the candidates: "
        f"{problem}; allowed are {_KEPT[fmt]}, and names that are not taken for something else, "
        "best those of Python variables"
    )
    raise InputError(message, code="processor.column-not-kept", path=where)


def _sample(column: ak.Array) -> ak.Array:
    kind = column.type.content
    if isinstance(kind, ak.types.OptionType):
        kind = kind.content
    if isinstance(kind, ak.types.NumpyType):
        return ak.Array(np.array([0, 1]).astype(np.dtype(kind.primitive)))
    return strings(["", "μ"])


def _not_kept(columns: dict[str, ak.Array], fmt: CandidatesFormat) -> str:
    table = {name: strings(["a", "b"]) for name in TAKEN} | columns
    try:
        back = written_and_read(ak.zip(table, depth_limit=1), fmt)
    except Exception as error:  # noqa: BLE001 - writers raise anything on unusual names and types
        return first_line(error)
    for name, column in table.items():
        if name not in back.fields:
            return f"{name!r} is not there when it is read back"
        if back[name].type != column.type:
            return f"it is {back[name].type.content} when it is read back"
        if back[name].tolist() != column.tolist():
            return "its values are others when it is read back"
    return ""
