"""Makes NanoEvents of branches that have been read, or of none."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from coffea.nanoevents import NanoEventsFactory
from coffea.nanoevents.mapping.preloaded import PreloadedOpener, PreloadedSourceMapping
from coffea.nanoevents.util import tuple_to_key

from tau3mu.ntuples.layout import layout as find_layout
from tau3mu.ntuples.offsets import from_zero, joined
from tau3mu.ntuples.schema import aligned_content, schema_of
from tau3mu.ntuples.table_checks import is_list

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import numpy.typing as npt

    from tau3mu.ntuples.layout import Branch, Layout
    from tau3mu.ntuples.schema import NtupleSchema

__all__ = ["Entries", "empty_events", "make_events", "own_view"]


@dataclass(frozen=True)
class Entries:
    """Entries of a tree in memory, of which events are made.

    Attributes:
        arrays: The branches by name, each of one entry per event.
        n_events: How many there are.
        layout: Name of the layout.
        source: UUID of the file and name of the tree.
        metadata: Becomes `events.metadata`.
    """

    arrays: Mapping[str, ak.Array]
    n_events: int
    layout: str
    source: tuple[str, str]
    metadata: Mapping[str, Any]

    @cached_property
    def events(self) -> ak.Array:
        """Events of which each column is made when it is first used; see `own_view`."""
        return make_events(
            self.arrays,
            layout=self.layout,
            n_events=self.n_events,
            source=self.source,
            metadata=self.metadata,
        )

    def cut(self, passes: npt.NDArray[np.bool_]) -> Entries:
        """Returns those entries for which `passes` is true.

        Their events are like those of a file in which there are no others: a selection of events
        would have columns of other forms, and cost more for each column that is used.

        Args:
            passes: One boolean per entry.
        """
        return self._with({name: _cut(a, passes) for name, a in self.arrays.items()}, passes.sum())

    def at(self, index: npt.NDArray[np.int64]) -> Entries:
        """Returns some of the entries, in memory of their own.

        Args:
            index: Which ones, in their order.
        """
        arrays = {n: ak.Array(_taken(ak.to_layout(a), index)) for n, a in self.arrays.items()}
        return self._with(arrays, len(index))

    def between(self, start: int, stop: int) -> Entries:
        """Returns the entries from `start` up to `stop`, without copying them."""
        return self._with({name: a[start:stop] for name, a in self.arrays.items()}, stop - start)

    def followed_by(self, others: Sequence[Entries]) -> Entries:
        """Returns these entries and those of other files, one after the other, in new memory.

        Args:
            others: Of the same branches and layout.
        """
        every = (self, *others)
        arrays = {
            name: ak.Array(joined([ak.to_layout(one.arrays[name]) for one in every]))
            for name in self.arrays
        }
        return self._with(arrays, sum(one.n_events for one in every))

    def _with(self, arrays: Mapping[str, ak.Array], n_events: int) -> Entries:
        return replace(self, arrays=arrays, n_events=int(n_events))


def make_events(
    arrays: Mapping[str, ak.Array],
    *,
    layout: str,
    n_events: int,
    source: tuple[str, str],
    metadata: Mapping[str, Any],
) -> ak.Array:
    """Returns events of which each column is made when it is first used.

    Args:
        arrays: The branches by name, each of one entry per event.
        layout: Name of the layout.
        n_events: The number of events.
        source: UUID of the file and name of the tree.
        metadata: Becomes `events.metadata`.
    """
    columns = {name: _as_column(array) for name, array in arrays.items()}
    columns |= absent_columns(find_layout(layout), columns, n_events)
    mapping = _Columns(n_events)
    mapping.preload_column_source(*source, columns)
    key = tuple_to_key((*source, f"0-{n_events}"))
    # Those of the arrays, since a file that was not checked may have others than the layout.
    kinds = {name: str(column.type.content) for name, column in columns.items()}
    schema = _schema(layout, kinds, metadata)
    return NanoEventsFactory(schema, mapping, key, mode="virtual").events()


def empty_events(
    *, layout: str, branches: Collection[str], metadata: Mapping[str, Any]
) -> ak.Array:
    """Returns no events, of the type that the same branches of a file would have.

    Args:
        layout: Name of the layout.
        branches: The branches that would be read.
        metadata: Becomes `events.metadata`.
    """
    table = find_layout(layout)
    rows = ((name, table.find(name)) for name in (*branches, *table.absent))
    schema = _schema(layout, {name: row.type for name, row in rows if row}, metadata)
    empty = ak.forms.from_dict(schema.form).length_zero_array(highlevel=False)
    form, length, buffers = ak.to_buffers(empty)
    for buffer in buffers.values():
        buffer.flags.writeable = False
    return ak.from_buffers(form, length, buffers, behavior=schema.behavior())


def own_view(events: ak.Array) -> ak.Array:
    """Returns the same events for one user alone, whose columns, metadata and behaviors are theirs.

    The arrays themselves are shared, and cannot be written to.

    Args:
        events: Of `make_events` or `empty_events`.
    """
    layout = ak.to_layout(events)
    layout = layout.copy(parameters=deepcopy(layout.parameters))
    behavior = None if events.behavior is None else dict(events.behavior)
    return ak.Array(layout, behavior=behavior, attrs=dict(events.attrs))


class _Columns(PreloadedSourceMapping):  # type: ignore[misc]
    """Where NanoEvents finds the branches: in memory, to be made columns of when they are used.

    coffea's own source for ROOT files looks at every branch of the tree, and its own one for arrays
    in memory makes all columns at once.
    """

    def __init__(self, n_events: int) -> None:
        super().__init__(PreloadedOpener({}), 0, n_events)
        self._virtual = True

    def __getitem__(self, key: str) -> Any:
        load = partial(_read_only, super().__getitem__(key))
        uuid, tree, *_, operations = self.interpret_key(key)
        match operations:  # those of numbers as they are stored
            case [name, "!load", "!content"]:
                first = name
            case [first, "!load", name, "!load", _, _, "!tau3mu_aligned"]:
                pass
            case _:
                return load
        columns = self._column_source(uuid, tree)
        numbers: Any = getattr(ak.to_layout(columns[name]).content, "data", None)
        if not hasattr(numbers, "like"):
            return load

        def some(index: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
            stack = [columns[first], columns[name], first, name]
            aligned_content(stack)
            return stack.pop().data[index]  # type: ignore[no-any-return]

        return numbers.like(load, some)

    def extract_column(self, columnhandle: ak.Array, *_: Any, **__: Any) -> ak.Array:
        return columnhandle


def _read_only(load: Callable[[], npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Returns a buffer that no processor can change for the others."""
    buffer = load().view()
    buffer.flags.writeable = False
    return buffer


def _cut(array: ak.Array, passes: npt.NDArray[np.bool_]) -> ak.Array:
    return ak.Array(_as_lists(ak.to_layout(array)[passes]))


def _taken(content: Any, index: npt.NDArray[np.int64]) -> Any:
    """Returns some entries of a content, in memory of their own.

    For lists of numbers in a few calls of NumPy, where awkward needs many.
    """
    if content.is_numpy and content.purelist_depth == 1:
        return ak.contents.NumpyArray(np.asarray(content.data)[index])
    if isinstance(content, ak.contents.IndexedArray):  # texts, of which few differ
        return ak.contents.IndexedArray(
            ak.index.Index64(content.index.data[index]), content.content
        )
    if not content.is_list or content.parameters:
        return _as_lists(content[index])
    lists = from_zero(content)
    starts = lists.offsets.data[index]
    counts = lists.offsets.data[index + 1] - starts
    offsets = np.concatenate([[0], np.cumsum(counts)])
    places = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], counts)
    return ak.contents.ListOffsetArray(ak.index.Index64(offsets), _taken(lists.content, places))


def _as_lists(content: ak.contents.Content) -> ak.contents.Content:
    """Returns lists that lie one after the other, also those within lists."""
    if not content.is_list:
        return content  # among them texts by index, which stay that
    lists = from_zero(content)
    return lists.copy(content=_as_lists(lists.content))


def _as_column(array: ak.Array) -> ak.Array:
    layout = ak.to_layout(array)
    return ak.Array(from_zero(layout)) if layout.is_list else array


def absent_columns(
    table: Layout, columns: Mapping[str, ak.Array], n_events: int
) -> dict[str, ak.Array]:
    """Returns columns of zeros for the branches that a file lacks; the schema says that.

    Lists are as long as those of their collection, or empty if all of it is absent.

    Args:
        table: The layout.
        columns: What the file has.
        n_events: The number of events.
    """
    found = {}
    for row in table.branches:
        if not row.absent:
            continue
        form, length = _form(row.type.removeprefix("var * ")), n_events
        offsets = np.zeros(n_events + 1, np.int64)
        if row.type.startswith("var * "):
            collection = row.view.partition(".")[0]
            others = (
                column
                for name, column in columns.items()
                if any(_is_in(collection, each) for each in table.rows_named(name))
            )
            if (other := next(others, None)) is not None:
                offsets = np.asarray(ak.to_layout(other).offsets.data)
            length = int(offsets[-1])
        one = form.length_one_array(highlevel=False)
        content = one[np.zeros(length, np.int64)]
        if row.type.startswith("var * "):
            content = ak.contents.ListOffsetArray(ak.index.Index64(offsets), content)
        found[row.name] = _as_column(ak.Array(content))
    return found


def _is_in(collection: str, row: Branch) -> bool:
    """Returns whether a row is that of a list of a collection."""
    return is_list(row.type) and row.view.startswith(f"{collection}.")


def _schema(layout: str, kinds: Mapping[str, str], metadata: Mapping[str, Any]) -> NtupleSchema:
    forms = {name: _branch_form(kind, f"{name},!load") for name, kind in kinds.items()}
    return schema_of(layout)(
        {
            "class": "RecordArray",
            "fields": list(forms),
            "contents": list(forms.values()),
            "parameters": {"metadata": dict(metadata)},
            "form_key": None,
        }
    )


def _branch_form(kind: str, key: str) -> dict[str, Any]:
    form = _form(kind).to_dict()
    form["form_key"] = key
    return form  # type: ignore[no-any-return]


def _form(kind: str) -> ak.forms.Form:
    # ak.types.from_datashape builds its parser in every call, which takes 20 ms.
    if kind.startswith("var * "):
        return ak.forms.ListOffsetForm("i64", _form(kind.removeprefix("var * ")))
    if kind == "string":
        characters = ak.forms.NumpyForm("uint8", parameters={"__array__": "char"})
        return ak.forms.ListOffsetForm("i64", characters, parameters={"__array__": "string"})
    return ak.forms.NumpyForm(kind)
