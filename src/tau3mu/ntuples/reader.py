"""Reads a range of entries of one ntuple, each branch once, as canonical events."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import awkward as ak
import uproot
from coffea.nanoevents import NanoEventsFactory

from tau3mu.errors import Tau3muError
from tau3mu.ntuples.layout import layout as find_layout
from tau3mu.ntuples.schema import schema_of
from tau3mu.ntuples.unreadable import READ_ERRORS, reason

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["ReadError", "empty_events", "read_events"]


# ISA-L decompresses zlib, in which ROOT writes by default, twice as fast as Python does. The
# documented switch, `uproot.ZLIB.library`, does not reach the object that reads (uproot 5.7).
uproot.compression._decompress_ZLIB.library = "isal"


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
            _open(path, uuid),
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
    except READ_ERRORS as error:
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
    form = ak.forms.from_type(ak.types.from_datashape(kind, highlevel=False)).to_dict()
    form["form_key"] = key
    return form  # type: ignore[no-any-return]


@lru_cache(maxsize=2)
def _open(path: str, uuid: str) -> Any:
    # Opening a tree of 300 branches takes longer than reading a small chunk of it.
    directory = uproot.open({path: None}, array_cache=None)
    if str(directory.file.uuid) != uuid:
        message = f"{path}: the file has changed since it was checked (its UUID is another one)"
        raise ReadError(message)
    return directory
