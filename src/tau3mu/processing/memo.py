"""Answers about the candidates of a chunk, which processors that ask the same share.

A function of a processor (a cut or a quantity) is asked about some candidates. Its answers are kept
by the attributes of the processor that it read, so that a processor with the same values gets them
as they are, and only candidates that nobody has asked about are computed.
"""

from __future__ import annotations

from functools import cache, partial
from inspect import getattr_static
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.processing.known import Known
from tau3mu.processing.reach import Reach
from tau3mu.processing.tracing import Reader, processor_of, read_by, value_of
from tau3mu.selection import Lists, Rows, rows_of
from tau3mu.selection.candidates import AllCandidates
from tau3mu.selection.rows import as_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from types import FunctionType

    import awkward as ak
    import numpy.typing as npt

    from tau3mu.processing.declarations import Cut
    from tau3mu.selection import Candidates

__all__ = ["CandidateRows", "ChunkAnswers", "Memo", "quantities"]


class Memo:
    """Answers that were computed on one chunk. They are kept while the chunk is processed."""

    def __init__(self) -> None:
        """Creates an empty one."""
        self._of: dict[Hashable, ChunkAnswers] = {}

    def of(self, events: ak.Array, collection: str) -> ChunkAnswers:
        """Returns the answers about a collection of some events.

        Args:
            events: NanoEvents. Two views of the same columns are the same events; one in which a
                processor has replaced a column is not.
            collection: The name of the collection of candidates.
        """
        layout = events.layout
        key = collection, tuple(layout.fields), tuple(map(id, layout.contents))
        found = self._of.get(key)
        if found is None or found.events.layout.parameters != layout.parameters:
            found = self._of[key] = ChunkAnswers(events, collection)
        return found


class ChunkAnswers:
    """Answers about the candidates of some events.

    Attributes:
        events: The events.
        candidates: All their candidates, without pads.
    """

    def __init__(self, events: ak.Array, collection: str) -> None:
        """Creates it without answers."""
        self.events = events
        self.candidates = AllCandidates(events, events[tuple(collection.split("."))])
        self._functions: dict[FunctionType, _Function] = {}
        self._made: dict[Hashable, Any] = {}
        self._reach: dict[Hashable, Reach | None] = {}

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Returns what `make` returned when it was first called with this key."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def lists(self, collection: str) -> Lists:
        """Returns the objects of a collection of the events, one after the other."""
        path = tuple(collection.split("."))
        found: Lists = self.once(("lists", path), lambda: rows_of(self.events[path]))
        return found

    def ask(
        self,
        function: FunctionType,
        processor: Any,
        index: npt.NDArray[np.int64],
        reader: Reader | None = None,
    ) -> Any:
        """Returns the answers of a method about some candidates.

        Args:
            function: A method of the class of the processor, of itself and of `CandidateRows`. It
                returns one value per candidate, or a dictionary of such arrays.
            processor: Whose parameters count.
            index: The candidates, as their index among all.
            reader: Who asks, if that is another function.
        """

        def compute(reading: Reader, new: npt.NDArray[np.int64]) -> Any:
            rows = CandidateRows(self, reading, new, function.__name__)
            return function(reading, rows)

        return self._asked(function, processor, index, len(self.candidates), compute, reader)

    def ask_events(self, function: FunctionType, processor: Any) -> Any:
        """Returns the answers of a method about all events.

        Args:
            function: A method of the class of the processor, of itself and of the events.
            processor: Whose parameters count.
        """

        def compute(reading: Reader, _: npt.NDArray[np.int64]) -> Any:
            return function(reading, self.events)

        return self._asked(function, processor, None, len(self.events), compute, None)

    def passes(
        self, one: Cut, processor: Any, index: npt.NDArray[np.int64] | None = None
    ) -> npt.NDArray[np.bool_]:
        """Returns which events or candidates pass a cut; a missing answer rejects.

        Args:
            one: The cut.
            processor: Whose parameters count.
            index: Which candidates to ask about; without it, all events or candidates.
        """
        if one.on_events:
            answers = self.ask_events(one.passes, processor)
        else:
            index = np.arange(len(self.candidates)) if index is None else index
            answers = self.ask(one.passes, processor, index)
        return as_mask(answers, len(answers), f"cut {one.name!r}")

    def follow(
        self, one: Cut, processor: Any, left: Candidates, key: Hashable
    ) -> tuple[Candidates, Hashable]:
        """Returns what a cut leaves: the same object for all that began with the same cuts.

        Args:
            one: The cut.
            processor: Whose parameters count.
            left: What the cuts before have left.
            key: What `left` depends on.

        Returns:
            What is left, and on what it depends.
        """
        function = self._functions.get(one.passes)
        if function and (made := self._made.get((key, one.name, function.key(processor)))):
            return made, (key, one.name, function.key(processor))
        passes = self.passes(one, processor, left.index)
        if one.on_events:
            after = left.cut_events(one.name, passes[left.entries])
        else:
            after = left.cut(one.name, passes)
        key = key, one.name, self._functions[one.passes].key(processor)
        return self._made.setdefault(key, after), key

    def reads(self, function: FunctionType) -> frozenset[str]:
        """Returns the attributes of processors that a method has read so far.

        Args:
            function: A cut that was asked.
        """
        return frozenset(self._functions[function].reads)

    def follow_all(
        self, cuts: Sequence[Cut], processor: Any, left: Candidates, key: Hashable
    ) -> list[Candidates] | None:
        """Returns what each of the last cuts leaves, if other processors have asked for the same.

        Args:
            cuts: All cuts that are to follow.
            processor: Whose parameters count.
            left: What the cuts before have left.
            key: What `left` depends on.

        Returns:
            None if they have to be followed one by one: nobody else has asked for all of these
            cuts, or others began with the same cuts up to here.
        """
        functions = [self._functions.get(one.passes) for one in cuts]
        if len(cuts) < 2 or None in functions or any(one.on_events for one in cuts):
            return None
        first = self._asked_for(cuts[:1], processor)
        if (key, *first[0]) in self._made:
            return None
        asked = self._asked_for(cuts, processor)
        if asked not in self._reach:  # it pays from the second time on
            self._reach[asked] = None
            return None
        reach = self._reach[asked] or Reach(len(self.candidates))
        passed, new = reach.of(cuts, left.index, partial(self._passes_of, processor))
        # New candidates may have made a cut read more attributes, on which all depends now.
        same = not new or self._asked_for(cuts, processor) == asked
        self._reach[asked] = reach if same else None
        return left.cut_all([one.name for one in cuts], passed)

    def _asked_for(self, cuts: Sequence[Cut], processor: Any) -> tuple[tuple[str, Hashable], ...]:
        return tuple((one.name, self._functions[one.passes].key(processor)) for one in cuts)

    def _passes_of(
        self, processor: Any, one: Cut, index: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        return self.passes(one, processor, index)

    def count(self, function: FunctionType, processor: Any, left: Candidates) -> dict[str, int]:
        """Returns the counters of what cuts have left, once for all that share the cuts.

        Args:
            function: A method of the class of the processor, of itself and of `CandidateRows`.
            processor: Whose parameters count.
            left: What is counted.
        """
        known = self._functions.setdefault(function, _Function(function))
        made = self._made.get((id(left), known.key(processor)))
        if made is None:
            reading = Reader(processor)
            counts = function(reading, CandidateRows(self, reading, left.index))
            known.depends_on(read_by(reading), processor)
            made = left, counts  # what is left is held, so that its id stays its own
            self._made[id(left), known.key(processor)] = made
        counted: dict[str, int] = made[1]
        return counted

    def _asked(
        self,
        function: FunctionType,
        processor: Any,
        index: npt.NDArray[np.int64] | None,
        length: int,
        compute: Callable[[Reader, npt.NDArray[np.int64]], Any],
        reader: Reader | None,
    ) -> Any:
        answers = self._functions.setdefault(function, _Function(function))
        known = answers.of(processor, length)
        new = known.unknown(index)
        if len(new) or known.values is None:
            reading = Reader(processor)
            try:
                known.add(new, compute(reading, new), function.__name__)
            except BaseException:  # others would take what was added so far for answers
                answers.forget(processor)
                raise
            answers.depends_on(read_by(reading), processor, known)
        if reader is not None:
            read_by(reader).update(answers.reads)
        return known.values if index is None else known.at(index)


class CandidateRows(Rows):
    """Some candidates of a chunk: `rows.mass`, `rows.mu1.pt`, and the quantities of the processor.

    Attributes:
        events: All events of the chunk.
        entry: The event of each candidate, as its index in `events`.
        position: Where each candidate stands in the ntuple's vectors.
    """

    def __init__(
        self,
        answers: ChunkAnswers,
        reader: Any,
        index: npt.NDArray[np.int64],
        without: str = "",
    ) -> None:
        """Creates them.

        Args:
            answers: About the candidates of the chunk.
            reader: The processor.
            index: Which candidates are meant.
            without: The quantity that is being computed, which may stand for the column of the
                same name.
        """
        rows = answers.candidates.rows
        super().__init__(rows._records, rows._index_of(index), rows._behavior, rows._columns)
        self._answers, self._reader, self._which = answers, reader, index
        self._without = without

    @property
    def events(self) -> ak.Array:
        """All events of the chunk."""
        return self._answers.events

    @property
    def entry(self) -> npt.NDArray[np.int64]:
        """The event of each candidate, as its index in `events`."""
        return self._answers.candidates.entry[self._which]

    @property
    def position(self) -> npt.NDArray[np.int64]:
        """Where each candidate stands in the ntuple's vectors."""
        return self._answers.candidates.positions[self._which]

    def lists(self, collection: str) -> Lists:
        """Returns the objects of another collection of the events, such as all muons."""
        return self._answers.lists(collection)

    def __getitem__(self, where: Any) -> Any:
        """Returns a quantity or a column for a name such as `mass` or `mu1.pt`, else candidates."""
        if not isinstance(where, str):
            return CandidateRows(self._answers, self._reader, self._which[where], self._without)
        first, _, rest = where.partition(".")
        value = self._named(first)
        return value[rest] if rest else value

    def _named(self, name: str) -> Any:
        found = None if name == self._without else quantities(self._reader.__class__).get(name)
        if found is None:
            return super().__getitem__(name)
        reader = self._reader if type(self._reader) is Reader else None
        processor = self._reader if reader is None else processor_of(reader)
        if reader is not None:
            read_by(reader).add(name)
        return self._answers.ask(found, processor, self._which, reader)

    def __getattr__(self, name: str) -> Any:
        """Returns a quantity or a column.

        Raises:
            AttributeError: There is none of this name.
        """
        if not name.startswith("_") and name in quantities(self._reader.__class__):
            return self[name]
        return super().__getattr__(name)


@cache
def quantities(cls: Any) -> dict[str, FunctionType]:
    """Returns the methods of a class that are quantities of candidates, by name."""
    names = {
        name
        for base in cls.__mro__
        for name, value in vars(base).items()
        if getattr(value, "is_quantity", False)
    }
    return {name: getattr_static(cls, name) for name in names}


class _Function:
    """The answers of one function by the values of the attributes that it has read."""

    def __init__(self, function: FunctionType) -> None:
        self._function = function
        self.reads: list[str] = []
        self._known: dict[Hashable, Known] = {}
        self._keys: dict[int, Hashable] = {}
        self._processors: dict[int, Any] = {}  # held, so that their ids stay theirs

    def key(self, processor: Any) -> Hashable:
        """Returns what the answers for a processor depend on, as far as it is known."""
        number = id(processor)
        if number not in self._keys:
            self._processors[number] = processor
            values = tuple(value_of(processor, name) for name in self.reads)
            self._keys[number] = self._function, len(self.reads), values
        return self._keys[number]

    def of(self, processor: Any, length: int) -> Known:
        key = self.key(processor)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = Known(length)
        return known

    def forget(self, processor: Any) -> None:
        self._known.pop(self.key(processor), None)

    def depends_on(self, names: set[str], processor: Any, known: Known | None = None) -> None:
        """Adds attributes. Answers of other processors may depend on them too, and are dropped."""
        if more := names.difference(self.reads):
            self.reads += sorted(more)
            self._keys = {}
            self._known = {} if known is None else {self.key(processor): known}
