"""Processors that build on what others of the same pass have found in the same events."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from tau3mu.errors import InputError, suggest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tau3mu.datasets.dataset import HasReaders
    from tau3mu.processing.processor import Processor

__all__ = ["in_order", "that_read", "with_needed"]


def in_order(processors: Sequence[Processor]) -> list[Processor]:
    """Returns processors so that each comes after those that it needs.

    Args:
        processors: All processors of a pass.

    Raises:
        InputError: A processor needs one that is not among them, or, over others, itself.
    """
    if not any(one.needs for one in processors):
        return list(processors)
    by_name = {one.name: one for one in processors}
    for one in processors:
        for name in one.needs:
            if name not in by_name:
                message = (
                    f"processor {one.name} needs {name!r}, which is not in the run"
                    f"{suggest(name, by_name)}; there are {', '.join(by_name)}"
                )
                raise InputError(message, code="processor.unknown-need", path=one.name)
    sorter = TopologicalSorter({one.name: one.needs for one in processors})
    try:
        return [by_name[name] for name in sorter.static_order()]
    except CycleError as error:
        cycle = error.args[1][::-1]  # each needs the next one
        message = f"processors need each other in a circle: {' needs '.join(cycle)}"
        raise InputError(message, code="processor.needs-cycle", path=cycle[0]) from error


def with_needed(processors: Sequence[Processor], names: Collection[str]) -> list[Processor]:
    """Returns the processors of some names and all that these need, in the given order.

    Args:
        processors: All processors of a pass.
        names: Those that are asked for.
    """
    asked = set(names)
    for one in reversed(in_order(processors)):
        if one.name in asked:
            asked.update(one.needs)
    return [one for one in processors if one.name in asked]


def that_read(processors: Iterable[Processor], what: HasReaders) -> list[Processor]:
    """Returns the processors that read a dataset or a chunk, in the given order.

    Args:
        processors: Those of a run.
        what: The dataset or the chunk.
    """
    return [one for one in processors if what.is_read_by(one.name)]
