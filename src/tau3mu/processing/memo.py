"""Answers about the candidates of a chunk, which processors that ask the same share.

A function of a processor (a cut or a quantity) is asked about some candidates. Its answers are kept
by the attributes of the processor that it read, so that a processor with the same values gets them
as they are, and only candidates that nobody has asked about are computed.
"""

from __future__ import annotations

from functools import cache
from inspect import getattr_static
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.errors import InputError
from tau3mu.processing.parameters import Parameter
from tau3mu.selection import Lists, Rows, plain, rows_of
from tau3mu.selection.candidates import AllCandidates
from tau3mu.selection.rows import as_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import awkward as ak
    import numpy.typing as npt

    from tau3mu.processing.cuts import Cut
    from tau3mu.selection import Candidates

__all__ = ["CandidateRows", "ChunkAnswers", "Memo", "Parts", "quantities"]


class Memo:
    """What has been computed on one chunk. It lives as long as the chunk is processed."""

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
        reader: _Reader | None = None,
    ) -> Any:
        """Returns the answers of a method about some candidates.

        Args:
            function: A method of the class of the processor, of itself and of `CandidateRows`. It
                returns one value per candidate, or a dictionary of such arrays.
            processor: Whose parameters count.
            index: The candidates, as their index among all.
            reader: Who asks, if that is another function.
        """

        def compute(reading: _Reader, new: npt.NDArray[np.int64]) -> Any:
            rows = CandidateRows(self, reading, new, function.__name__)
            return function(reading, rows)

        return self._asked(function, processor, index, len(self.candidates), compute, reader)

    def ask_events(self, function: FunctionType, processor: Any) -> Any:
        """Returns the answers of a method about all events.

        Args:
            function: A method of the class of the processor, of itself and of the events.
            processor: Whose parameters count.
        """

        def compute(reading: _Reader, _: npt.NDArray[np.int64]) -> Any:
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

    def _asked(
        self,
        function: FunctionType,
        processor: Any,
        index: npt.NDArray[np.int64] | None,
        length: int,
        compute: Callable[[_Reader, npt.NDArray[np.int64]], Any],
        reader: _Reader | None,
    ) -> Any:
        answers = self._functions.setdefault(function, _Function(function))
        known = answers.of(processor, length)
        new = known.unknown(index)
        if len(new) or known.values is None:
            reading = _Reader(processor)
            known.add(new, compute(reading, new), function.__name__)
            answers.depends_on(_read_by(reading), processor, known)
        if reader is not None:
            _read_by(reader).update(answers.reads)
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
        """Returns a quantity or a column for a name such as `mass` or `mu1.pt`, else rows."""
        if not isinstance(where, str):
            return super().__getitem__(where)
        first, _, rest = where.partition(".")
        value = self._named(first)
        return value[rest] if rest else value

    def _named(self, name: str) -> Any:
        found = None if name == self._without else quantities(self._reader.__class__).get(name)
        if found is None:
            return super().__getitem__(name)
        reader = self._reader if type(self._reader) is _Reader else None
        processor = self._reader if reader is None else _processor_of(reader)
        if reader is not None:
            _read_by(reader).add(name)
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
def quantities(cls: type) -> dict[str, FunctionType]:
    """Returns the methods of a class that are quantities of candidates, by name."""
    names = {
        name
        for base in cls.__mro__
        for name, value in vars(base).items()
        if getattr(value, "is_quantity", False)
    }
    return {name: getattr_static(cls, name) for name in names}


@cache
def _static(cls: type, name: str) -> Any:
    """Returns an attribute of a class as it is there, not bound to anything."""
    return getattr_static(cls, name, None)


class _Reader:
    """A processor that notes which of its attributes are read; methods see it as `self`."""

    __slots__ = ("__processor", "__read")

    def __init__(self, processor: Any) -> None:
        object.__setattr__(self, "_Reader__processor", processor)
        object.__setattr__(self, "_Reader__read", set())

    @property
    def __class__(self) -> Any:  # so that super() works in a method of a subclass
        return type(self.__processor)

    def __getattr__(self, name: str) -> Any:
        self.__read.add(name)
        processor = self.__processor
        static = _static(type(processor), name)
        if isinstance(static, FunctionType) and name not in vars(processor):
            return MethodType(static, self)
        if isinstance(static, property) and static.fget:
            return static.fget(self)
        return getattr(processor, name)

    def __setattr__(self, name: str, value: Any) -> None:
        message = (
            f"a cut or quantity sets self.{name}: its answers may depend only on the candidates "
            "and on the parameters"
        )
        raise AttributeError(message)


def _read_by(reader: _Reader) -> set[str]:
    read: set[str] = object.__getattribute__(reader, "_Reader__read")
    return read


def _processor_of(reader: _Reader) -> Any:
    return object.__getattribute__(reader, "_Reader__processor")


class _Function:
    """The answers of one function by the values of the attributes that it has read."""

    def __init__(self, function: FunctionType) -> None:
        self._function = function
        self.reads: list[str] = []
        self._known: dict[Hashable, _Known] = {}
        self._keys: dict[int, Hashable] = {}
        self._processors: dict[int, Any] = {}  # held, so that their ids stay theirs

    def key(self, processor: Any) -> Hashable:
        """Returns what the answers for a processor depend on, as far as it is known."""
        number = id(processor)
        if number not in self._keys:
            self._processors[number] = processor
            values = tuple(_value(processor, name) for name in self.reads)
            self._keys[number] = self._function, len(self.reads), values
        return self._keys[number]

    def of(self, processor: Any, length: int) -> _Known:
        return self._known.setdefault(self.key(processor), _Known(length))

    def depends_on(self, names: set[str], processor: Any, known: _Known) -> None:
        """Adds attributes. Answers of other processors may depend on them too, and are dropped."""
        if more := names.difference(self.reads):
            self.reads += sorted(more)
            self._keys = {}
            self._known = {self.key(processor): known}


def _value(processor: Any, name: str) -> Hashable:
    """Returns what stands for an attribute: equal for two processors only if it is the same."""
    static = _static(type(processor), name)
    if isinstance(static, Parameter):
        value = getattr(processor, name)
        return repr(value) if type(value).__hash__ is None else (type(value), value)
    if name not in vars(processor):
        value = static
    else:
        value = vars(processor)[name]
        if type(value).__hash__ is object.__hash__:
            return id(processor)  # compared by identity, so that it may change
    try:
        hash(value)
    except TypeError:
        return id(processor)
    return type(value), value


class Parts:
    """Some rows of a quantity that is a dictionary of arrays, of which each is read by its name."""

    def __init__(self, known: dict[str, _Known], index: npt.NDArray[np.int64]) -> None:
        """Creates them from all parts and the rows that are meant."""
        self._known = known
        self._index = index

    def __len__(self) -> int:
        """Returns the number of rows."""
        return len(self._index)

    def __getitem__(self, name: str) -> Any:
        """Returns an array, masked if some of its values are missing, or parts again."""
        return self._known[name].at(self._index)


class _Known:
    """The values of some of many rows: one array, or several by their names."""

    def __init__(self, length: int) -> None:
        self.there = np.zeros(length, dtype=np.bool_)
        self.values: Any = None
        self._missing: npt.NDArray[np.bool_] | None = None

    def unknown(self, index: npt.NDArray[np.int64] | None) -> npt.NDArray[np.int64]:
        """Returns which of some rows, or of all, have no value yet."""
        if index is None:
            return np.flatnonzero(~self.there)
        there = self.there[index]
        return index[:0] if there.all() else index[~there]

    def add(self, new: npt.NDArray[np.int64], values: Any, name: str) -> None:
        if isinstance(values, dict):
            self.values = self.values or {}
            for key, part in values.items():
                if key not in self.values:
                    self.values[key] = _Known(len(self.there))
                self.values[key].add(new, part, f"{name}.{key}")
        else:
            self._add(new, _one_per_row(values, len(new), name))
        self.there[new] = True

    def _add(self, new: npt.NDArray[np.int64], values: npt.NDArray[Any]) -> None:
        if self.values is None or not self.there.any():  # no rows may have come as another type
            self.values = np.zeros(len(self.there), dtype=values.dtype)
        if np.ma.is_masked(values):
            if self._missing is None:
                self._missing = np.zeros(len(self.there), dtype=np.bool_)
            self._missing[new] = np.ma.getmaskarray(values)
        self.values[new] = np.ma.getdata(values)

    def at(self, index: npt.NDArray[np.int64]) -> Any:
        """Returns the values of known rows, masked if some are missing, or parts."""
        if isinstance(self.values, dict):
            return Parts(self.values, index)
        values = self.values[index]
        missing = None if self._missing is None else self._missing[index]
        return values if missing is None or not missing.any() else np.ma.array(values, mask=missing)


def _one_per_row(values: Any, length: int, name: str) -> npt.NDArray[Any]:
    array = np.asarray(values) if isinstance(values, list) else plain(values)
    if np.shape(array) != (length,):
        message = (
            f"{name} returns an array of shape {np.shape(array)}, expected one value for each of "
            f"{length}"
        )
        raise InputError(message, code="processor.not-one-per-candidate", path=name)
    return array
