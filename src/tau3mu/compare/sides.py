"""The two sides of a comparison: results folders in all their forms, or a list of events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tau3mu.compare.event_list import EventList, read_event_list
from tau3mu.config.documents import read_document
from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError
from tau3mu.results.manifest import results_in
from tau3mu.run import ProcessorResults, Run, open_run
from tau3mu.storage.names import RUN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["FROZEN", "Pair", "Side", "only_processor", "pairs_of", "side_of"]

FROZEN: Final = "full_config.json"


@dataclass(frozen=True)
class Side:
    """A run, all of it or one of its processors.

    Attributes:
        label: Names it in tables.
        run: The run.
        processors: The results of the processors that are compared.
        frozen: The content of its `full_config.json`, empty if there is none.
    """

    label: str
    run: Run
    processors: Mapping[str, ProcessorResults]
    frozen: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """The results of a processor on both sides.

    Attributes:
        name: The name of the processor, or `A/B` of two names.
        a: The results of the one side, None if it has no such processor.
        b: Those of the other side.
    """

    name: str
    a: ProcessorResults | None
    b: ProcessorResults | None


def side_of(given: str | Path | Run | ProcessorResults | EventList) -> Side | EventList:
    """Returns a side of a comparison.

    Args:
        given: A results folder, the folder of one of its processors, the folder of a train or a
            test, the objects of these, or a file with a list of events.

    Raises:
        InputError: There are no complete results, or no list of events.
    """
    if isinstance(given, EventList):
        return given
    if isinstance(given, Run):
        return _side(str(given.folder), given, dict(given))
    if isinstance(given, ProcessorResults):
        run = open_run(given.folder.parent)
        return _side(str(given.folder), run, {given.name: given})
    path = user_path(given)
    if path.is_file() and path.name == RUN:
        path = path.parent
    if path.is_file():
        return read_event_list(path)
    path = results_in(path)
    parent = path.absolute().parent
    if not (path / RUN).is_file() and (parent / RUN).is_file():
        run = open_run(parent)
        return _side(str(path), run, {path.name: run[path.name]})
    run = open_run(path)
    return _side(str(path), run, dict(run))


def _side(label: str, run: Run, processors: Mapping[str, ProcessorResults]) -> Side:
    path = run.folder / FROZEN
    frozen: Mapping[str, Any] = {}
    if path.is_file():
        frozen = read_document(path, "record", language="results").content
    return Side(label, run, processors, frozen)


def pairs_of(a: Side, b: Side) -> list[Pair]:
    """Returns the processors of both sides: those of one name, or the only ones of both.

    Args:
        a: The one side.
        b: The other side.
    """
    names = list(dict.fromkeys([*a.processors, *b.processors]))
    if len(a.processors) == len(b.processors) == 1 and len(names) > 1:
        ((one, mine),) = a.processors.items()
        ((other, theirs),) = b.processors.items()
        return [Pair(f"{one}/{other}", mine, theirs)]
    return [Pair(name, a.processors.get(name), b.processors.get(name)) for name in names]


def only_processor(side: Side) -> ProcessorResults:
    """Returns the processor that is compared with a list of events.

    Raises:
        InputError: There are several.
    """
    if len(side.processors) != 1:
        names = ", ".join(side.processors) or "none"
        message = (
            f"{side.label} has the processors {names}: a list of events is compared with one of "
            f"them; give its folder, such as {side.label}/{next(iter(side.processors), 'NAME')}"
        )
        raise InputError(message, code="compare.several-processors", path=side.label)
    (one,) = side.processors.values()
    return one
