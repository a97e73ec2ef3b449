"""Which chunks are processed together, since each is a small file; see `spanning`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from tau3mu.execution.chunk import ProcessorError, empty_result
from tau3mu.execution.merge import file_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.datasets import Chunk
    from tau3mu.processing import Processor

__all__ = ["are_alike", "groups_of", "in_order_of_sum", "may_span_files"]

_MOST: Final = 16
"""Files of a task; more would save little, and make progress and retries coarse."""
_TASKS: Final = 32
"""There are at least so many tasks, so that many workers have something to do."""


def in_order_of_sum(chunks: Sequence[Chunk]) -> list[int]:
    """Returns the indices of chunks in the order in which their results are added up."""

    def place(index: int) -> tuple[str, str, str, int]:
        chunk = chunks[index]
        return chunk.dataset, chunk.sorted_as or chunk.path, chunk.tree, chunk.start

    return sorted(range(len(chunks)), key=place)


def groups_of(
    chunks: Sequence[Chunk], order: Sequence[int | None], *, entries: int
) -> list[tuple[int, ...]]:
    """Returns the chunks that are processed together, most of them alone.

    Those together are whole files of one dataset that follow one another, alike in all that
    processors and the reader are told of them.

    Args:
        chunks: All chunks of a run.
        order: The indices of those that are to be done, in the order of the sum; None where one is
            left out that has been done.
        entries: The most entries of several files.
    """
    number = Counter(file_of(chunk) for chunk in chunks)
    small = [
        index
        for index in order
        if index is not None
        and number[file_of(chunks[index])] == 1
        and 2 * chunks[index].entries <= entries
    ]
    most = min(_MOST, len(small) // _TASKS)
    if most < 2:
        return [(index,) for index in order if index is not None]
    may_join = set(small)
    groups: list[list[int]] = []
    open_for: dict[str, Any] | None = None
    sum_of_entries = 0
    for index in order:
        if index is None:
            open_for = None
            continue
        chunk = chunks[index]
        facts = _facts(chunk) if index in may_join else None
        fits = len(groups[-1]) < most and sum_of_entries + chunk.entries <= entries if groups else 0
        if facts is not None and facts == open_for and fits:
            groups[-1].append(index)
            sum_of_entries += chunk.entries
        else:
            groups.append([index])
            open_for, sum_of_entries = facts, chunk.entries
    return [tuple(group) for group in groups]


def are_alike(chunks: Sequence[Chunk]) -> bool:
    """Returns whether chunks may be processed together."""
    return all(_facts(chunk) == _facts(chunks[0]) for chunk in chunks)


_OWN: Final = {"path", "uuid", "start", "stop", "replicas", "checksum", "sorted_as", "selected"}
"""What chunks of one group may differ in."""


def _facts(chunk: Chunk) -> dict[str, Any]:
    return {name: value for name, value in vars(chunk).items() if name not in _OWN}


def may_span_files(chunks: Sequence[Chunk], processors: Sequence[Processor]) -> bool:
    """Returns whether the results of processors are the same bits whatever is put together.

    So it is if all tell of which event each of their candidates is, and none fills histograms in
    its chunks, whose fractions would be added in another order.

    Args:
        chunks: Those of the run, of which one is tried for all that the same processors read.
        processors: All of them.
    """
    for chunk in {chunk.readers: chunk for chunk in reversed(chunks)}.values():
        try:
            outputs = empty_result(chunk, processors).outputs.values()
        except ProcessorError:  # which is set apart when it fails on events
            return False
        if any(one.places is None or one.histograms for one in outputs):
            return False
    return True
