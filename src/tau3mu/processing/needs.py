"""Processors that build on what others of the same pass have found in the same events."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from tau3mu.errors import InputError, suggest

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tau3mu.outputs.selection import Selection
    from tau3mu.processing.processor import Processor

__all__ = ["Needed", "in_order", "with_needed"]


class Needed(dict[str, "Selection"]):
    """What the processors that a processor needs have found, by their names."""

    def __missing__(self, name: str) -> Selection:
        """Raises an error that says how to ask for a selection.

        Raises:
            InputError: The processor does not need the one of this name, or runs alone.
        """
        known = ", ".join(self) or "none"
        message = (
            f"the selection of {name!r} is not there, known is {known}: list the name in `needs`, "
            "and run both in one pass; by hand, selection(events, needed={...}) takes it"
        )
        raise InputError(message, code="processor.not-needed", path=name)


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
