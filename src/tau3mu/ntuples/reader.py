"""Reads a range of entries of one ntuple, each branch once, as canonical events."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import awkward as ak
from coffea.nanoevents import NanoEventsFactory

from tau3mu.errors import Tau3muError
from tau3mu.ntuples.layout import layout as find_layout
from tau3mu.ntuples.schema import schema_of
from tau3mu.ntuples.tree import open_file
from tau3mu.ntuples.unreadable import read_errors, reason

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["ReadError", "empty_events", "read_events"]


class ReadError(Tau3muError, OSError):
    """Is raised when events that should be there can't be read."""


def read_events(
    path: str,
    *,
    tree: str,
    layout: str,
    branches: Collection[str],
    start: int,
    stop: int,
    uuid: str,
    metadata: Mapping[str, Any],
) -> ak.Array:
    """Returns the entries from `start` up to `stop` of a tree as NanoEvents.

    All branches are read at once; a file stays open for the next range of entries.

    Args:
        path: A local file or a URL.
        tree: Path of the tree in the file.
        layout: Name of the layout of the tree.
        branches: What to read; the other branches are not in the events.
        start: First entry.
        stop: One beyond the last entry.
        uuid: The UUID that the file had when it was checked.
        metadata: Becomes `events.metadata`.

    Raises:
        ReadError: The file can't be read, or is not what it was when it was checked.
    """
    wanted = frozenset(branches)
    try:
        return NanoEventsFactory.from_root(
            _open(path, uuid, wanted),
            treepath=tree,
            schemaclass=schema_of(layout),
            entry_start=start,
            entry_stop=stop,
            preload=lambda branch: branch.name in wanted,
            iteritems_options={"filter_name": lambda name: name in wanted},
            metadata=dict(metadata),
        ).events()
    except Tau3muError:
        raise
    except read_errors() as error:
        message = f"{path}: entries {start} to {stop} cannot be read: {reason(error)}"
        raise ReadError(message) from error


def empty_events(
    *, layout: str, branches: Collection[str], metadata: Mapping[str, Any]
) -> ak.Array:
    """Returns no events, of the type that the same branches of a file would have.

    Args:
        layout: Name of the layout.
        branches: The branches that would be read.
        metadata: Becomes `events.metadata`.
    """
    rows = [(name, find_layout(layout).find(name)) for name in branches]
    forms = {name: _branch_form(row.type, f"{name},!load") for name, row in rows if row}
    base_form = {
        "class": "RecordArray",
        "fields": list(forms),
        "contents": list(forms.values()),
        "parameters": {"metadata": dict(metadata)},
        "form_key": None,
    }
    schema = schema_of(layout)
    form = ak.forms.from_dict(schema(base_form).form)
    return ak.Array(form.length_zero_array(highlevel=False), behavior=schema.behavior())


def _branch_form(kind: str, key: str) -> dict[str, Any]:
    form = _form(kind).to_dict()
    form["form_key"] = key
    return form  # type: ignore[no-any-return]


def _form(kind: str) -> ak.forms.Form:
    # ak.types.from_datashape builds its parser anew in every call, which takes 20 ms.
    if kind.startswith("var * "):
        return ak.forms.ListOffsetForm("i64", _form(kind.removeprefix("var * ")))
    if kind == "string":
        characters = ak.forms.NumpyForm("uint8", parameters={"__array__": "char"})
        return ak.forms.ListOffsetForm("i64", characters, parameters={"__array__": "string"})
    return ak.forms.NumpyForm(kind)


class _Opened(threading.local):
    """The file that a thread reads, which stays open until it reads another one."""

    key: tuple[str, str, frozenset[str]] | None = None
    file: Any = None

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
        self.key, self.file = None, None


_opened = _Opened()


def _open(path: str, uuid: str, wanted: frozenset[str]) -> Any:
    if _opened.key != (path, uuid, wanted):
        _opened.close()
        file = open_file(path, wanted.__contains__)
        if str(file.uuid) != uuid:
            file.close()
            message = f"{path}: the file has changed since it was checked (its UUID is another one)"
            raise ReadError(message)
        _opened.key, _opened.file = (path, uuid, wanted), file
    return _opened.file.root_directory
