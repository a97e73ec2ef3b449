"""Reads a range of entries of one ntuple, each branch once, as canonical events."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import awkward as ak
from coffea.nanoevents import NanoEventsFactory

from tau3mu.errors import Tau3muError
from tau3mu.ntuples.layout import layout as find_layout
from tau3mu.ntuples.printable import printable
from tau3mu.ntuples.remote import client_options, forget_connections, in_order, set_aside
from tau3mu.ntuples.schema import schema_of
from tau3mu.ntuples.tree import open_file
from tau3mu.ntuples.unreadable import (
    Severity,
    advice,
    decisive,
    read_errors,
    reason,
    severity,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

__all__ = ["ReadError", "Reading", "empty_events", "read_events"]


class ReadError(Tau3muError, OSError):
    """Is raised when events that should be there can't be read.

    Attributes:
        severity: `retry` if it may go well the next time, `file` if the file will not do, `run` if
            no other file will do better.
        path: The file.
    """

    def __init__(self, message: str, severity: Severity, path: str) -> None:
        """Takes the message for the user and what a program has to know."""
        super().__init__(message)
        self.severity: Severity = severity
        self.path = path

    def __reduce__(self) -> tuple[type[ReadError], tuple[str, Severity, str]]:
        """Crosses processes whole, which exceptions with more than a message do not by default."""
        return type(self), (str(self), self.severity, self.path)


@dataclass(frozen=True)
class Reading:
    """What was read, and where.

    Attributes:
        events: The events.
        path: The replica that they were read from.
        n_bytes: How many bytes of it were asked for.
    """

    events: ak.Array
    path: str
    n_bytes: int


def read_events(
    paths: Sequence[str],
    *,
    tree: str,
    layout: str,
    branches: Collection[str],
    start: int,
    stop: int,
    uuid: str,
    metadata: Mapping[str, Any],
) -> Reading:
    """Returns the entries from `start` up to `stop` of a tree as NanoEvents.

    All branches are read at once; a file stays open for the next range of entries. The replicas of
    a file are tried one after the other: first the one that is open, last those whose server has
    failed a short while ago.

    Args:
        paths: A local file or a URL, and further places where the same file lies.
        tree: Path of the tree in the file.
        layout: Name of the layout of the tree.
        branches: What to read; the other branches are not in the events.
        start: First entry.
        stop: One beyond the last entry.
        uuid: The UUID that the file had when it was checked.
        metadata: Becomes `events.metadata`.

    Raises:
        ReadError: No replica can be read, or none is what the file was when it was checked. It is
            `retry` if that may change for at least one of them.
    """
    wanted = frozenset(branches)
    failures: list[_Failure] = []

    def read(path: str) -> Reading:
        file, before = _open(path, uuid, wanted)
        events = NanoEventsFactory.from_root(
            file.root_directory,
            treepath=tree,
            schemaclass=schema_of(layout),
            entry_start=start,
            entry_stop=stop,
            preload=lambda branch: branch.name in wanted,
            iteritems_options={"filter_name": lambda name: name in wanted},
            metadata=dict(metadata),
        ).events()
        if _identity(path, file) != _opened.identity:
            raise _ChangedError(_CHANGED)
        return Reading(events, path, file.source.num_requested_bytes - before)

    for path in in_order(paths, first=_opened.path):
        outcome = _try(read, path)
        if isinstance(outcome, Reading):
            return outcome
        failures.append(outcome)
        if outcome.severity == "run":
            break
    raise _read_error(paths[0], start, stop, failures)


@dataclass(frozen=True)
class _Failure:
    path: str
    severity: Severity
    text: str


def _try(read: Callable[[str], Reading], path: str) -> Reading | _Failure:
    try:
        return read(path)
    except _ChangedError as error:
        failure = _Failure(path, "file", str(error))
    except Tau3muError:
        raise
    except read_errors() as error:
        failure = _Failure(path, severity(error), f"{reason(error)}{advice(error)}")
    _opened.close()
    if failure.severity == "retry":
        set_aside(path)
    if failure.severity != "file":
        forget_connections(path)
    return failure


def _read_error(path: str, start: int, stop: int, failures: Sequence[_Failure]) -> ReadError:
    what = failures[0].text
    if len(failures) > 1 or failures[0].path != path:
        what = "; ".join(f"{printable(failure.path)}: {failure.text}" for failure in failures)
    message = f"{printable(path)}: entries {start} to {stop} cannot be read: {what}"
    return ReadError(message, decisive(failure.severity for failure in failures) or "file", path)


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


_CHANGED = (
    "the file has changed since it was checked (its UUID is another one, or it was written to); "
    "start anew with the file as it is, or put back the one that was checked"
)
_HEAD = 100


class _ChangedError(Exception):
    """Is raised when a file is another one than that which was checked."""


class _Opened(threading.local):
    """The file that a thread reads, which stays open until it reads another one."""

    key: tuple[str, str, frozenset[str]] | None = None
    file: Any = None
    identity: object = None

    @property
    def path(self) -> str | None:
        return None if self.key is None else self.key[0]

    def close(self) -> None:
        file, self.key, self.file = self.file, None, None
        if file is not None:
            with suppress(*read_errors()):  # a server that is gone needs no farewell
                file.close()


_opened = _Opened()


def _open(path: str, uuid: str, wanted: frozenset[str]) -> tuple[Any, int]:
    """Returns the open file and how many bytes of it have been asked for by earlier calls."""
    if _opened.key == (path, uuid, wanted):
        return _opened.file, int(_opened.file.source.num_requested_bytes)
    _opened.close()
    file = open_file(path, wanted.__contains__, **client_options(path))
    if str(file.uuid) != uuid:
        file.close()
        raise _ChangedError(_CHANGED)
    _opened.key, _opened.file, _opened.identity = (path, uuid, wanted), file, _identity(path, file)
    return file, 0


def _identity(path: str, file: Any) -> object:
    """Returns what tells whether a file is still the one that was opened.

    Servers of files on the web open them anew for every part; so their first bytes, in which the
    UUID is, are looked at again. The XRootD client has opened one file and gets no other.
    """
    if "://" in path:
        return bytes(file.source.chunk(0, _HEAD).raw_data)
    facts = Path(path).stat()
    return (facts.st_ino, facts.st_size, facts.st_mtime_ns)
