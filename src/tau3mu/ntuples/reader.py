"""Reads a range of entries of one ntuple, each branch once, as canonical events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tau3mu.config.printable import printable
from tau3mu.errors import Tau3muError
from tau3mu.ntuples.events import Entries
from tau3mu.ntuples.fast import forget_positions
from tau3mu.ntuples.fields import read_fields
from tau3mu.ntuples.open_files import (
    ChangedError,
    close_files,
    current_path,
    open_again,
    refuse_changed,
)
from tau3mu.storage.failures import (
    FailureKind,
    advice,
    decisive,
    failure_kind,
    is_defect,
    read_errors,
    reason,
)
from tau3mu.storage.remote import forget_connections, in_order, note_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import awkward as ak
    import numpy as np
    import numpy.typing as npt

__all__ = ["ReadError", "Reading", "read_events"]


class ReadError(Tau3muError, OSError):
    """Is raised when events that should be there can't be read.

    Attributes:
        kind: `transient` if it may go well the next time, `bad_file` if the file will not do,
            `resources` if this process lacks memory or the like, `fatal` if no other file will do
            better.
        path: The file.
    """

    def __init__(
        self, message: str, kind: FailureKind, path: str, code: str = "ntuples.cannot-read"
    ) -> None:
        """Creates the error.

        Args:
            message: For the user.
            kind: What the error means for the file and for the run.
            path: The file.
            code: The kind of the error.
        """
        super().__init__(message, code=code)
        self.kind: FailureKind = kind
        self.path = path

    def __reduce__(self) -> tuple[type[ReadError], tuple[str, FailureKind, str, str]]:
        """Returns all arguments, since exceptions reach other processes with the message alone."""
        return type(self), (str(self), self.kind, self.path, self.code)


@dataclass(frozen=True)
class Reading:
    """Events that have been read.

    Attributes:
        path: The replica that they were read from.
        n_bytes: How many bytes of it were asked for.
        entries: What the events are made of.
    """

    path: str
    n_bytes: int
    entries: Entries

    @property
    def events(self) -> ak.Array:
        """The events."""
        return self.entries.events


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
    selected: npt.NDArray[np.int64] | None = None,
    entries_only: bool = False,
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
        selected: Which of these entries are wanted, as their places in the tree; by default all.
        entries_only: Whether to leave it to the caller to make events of them.

    Raises:
        ReadError: No replica can be read, or none is what the file was when it was checked. It is
            `transient` if that may change for at least one of them.
    """
    wanted = frozenset(branches)
    failures: list[_Failure] = []

    def read(path: str) -> Reading:
        file, before = open_again(path, uuid, wanted)
        ntuple = file.root_directory[tree]
        if not hasattr(ntuple, "num_entries"):  # its class is one that uproot does not know
            message = f"{tree} is not a tree: its header is damaged"
            raise ValueError(message)
        last = min(stop, ntuple.num_entries)
        arrays = read_fields(ntuple, wanted, start, last)
        forget_positions()
        _refuse_incomplete(arrays, wanted, last - start)
        entries = Entries(arrays, last - start, layout, (uuid, tree), metadata)
        if selected is not None:
            entries = entries.at(selected - start)
        reading = Reading(path, file.source.num_requested_bytes - before, entries)
        if not entries_only:
            _ = reading.events  # what is wrong with them is wrong with the file
        refuse_changed()
        return reading

    for path in in_order(paths, first=current_path()):
        outcome = _try(read, path)
        if isinstance(outcome, Reading):
            return outcome
        failures.append(outcome)
        if outcome.kind in {"fatal", "resources"}:
            break
    raise _read_error(paths[0], start, stop, failures)


def _refuse_incomplete(
    arrays: Mapping[str, ak.Array], wanted: frozenset[str], n_events: int
) -> None:
    if missing := wanted - arrays.keys():
        message = f"it lacks the branches {', '.join(sorted(missing))}"
        raise ValueError(message)
    for name, array in arrays.items():
        if len(array) != n_events:
            message = f"branch {name} has {len(array)} entries there instead of {n_events}"
            raise ValueError(message)


@dataclass(frozen=True)
class _Failure:
    path: str
    kind: FailureKind
    text: str


def _try(read: Callable[[str], Reading], path: str) -> Reading | _Failure:
    try:
        return read(path)
    except ChangedError as error:
        failure = _Failure(path, "bad_file", str(error))
    except Tau3muError:
        raise
    except read_errors() as error:
        if is_defect(error):
            raise
        failure = _Failure(path, failure_kind(error), f"{reason(error)}{advice(error)}")
    close_files(kept=False)
    if failure.kind == "transient":
        note_failure(path)
    if failure.kind != "bad_file":
        forget_connections(path)
    return failure


def _read_error(path: str, start: int, stop: int, failures: Sequence[_Failure]) -> ReadError:
    what = failures[0].text
    if len(failures) > 1 or failures[0].path != path:
        what = "; ".join(f"{printable(failure.path)}: {failure.text}" for failure in failures)
    message = f"{printable(path)}: entries {start} to {stop} cannot be read: {what}"
    return ReadError(message, decisive(failure.kind for failure in failures) or "bad_file", path)
