"""One file in the preflight: opened once, compared with what is asked of it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tau3mu.config.printable import printable
from tau3mu.datasets.checked import Inspection
from tau3mu.datasets.checksum import verify_checksum
from tau3mu.datasets.contents import Asked, FailedFileError, look_into, wanted_names
from tau3mu.datasets.dataset import FileDetails
from tau3mu.datasets.found_before import Place
from tau3mu.errors import InputError
from tau3mu.ntuples.open_files import keep_open, open_file
from tau3mu.ntuples.reader import ReadError
from tau3mu.storage.failures import (
    FailureKind,
    advice,
    decisive,
    failure_kind,
    is_defect,
    read_errors,
    reason,
)
from tau3mu.storage.remote import (
    client_options,
    failed_recently,
    forget_connections,
    in_order,
    note_failure,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.datasets.found_before import FoundBefore

__all__ = ["FileJob", "inspect_file", "recall"]

_WAITS: Final = (1.0, 4.0)
"""Seconds before a server that did not answer is asked again."""

_MAY_PASS: Final = {"resources", "transient"}

_NO_DETAILS: Final = FileDetails()


@dataclass(frozen=True)
class FileJob:
    """A file that is to be checked.

    Attributes:
        dataset: The name of its dataset.
        path: A local path or a URL, as the dataset lists it.
        asked: What is to be read from it.
        details: Facts of the dataset file about it.
        verify: Whether to look at all replicas and their checksums.
        keep: Whether it should stay open for this process.
    """

    dataset: str
    path: str
    asked: Asked
    details: FileDetails = _NO_DETAILS
    verify: bool = False
    keep: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """The file and its replicas."""
        return (self.path, *self.details.replicas)

    def at(self, path: str) -> Place:
        """Returns one of the places."""
        return Place(self.dataset, path, self.asked)


def recall(job: FileJob, before: FoundBefore) -> Inspection | None:
    """Returns what an earlier check found in a file, None if it has to be opened.

    Args:
        job: The file.
        before: What is known from earlier checks.
    """
    first = in_order(job.places)[0]
    look = before.look(job.at(first))
    return None if look is None else _summary(job, [look])


def inspect_file(job: FileJob) -> Inspection:
    """Returns the content of a file, or why it cannot be read.

    Its replicas are tried in order until one can be read, those that do not answer several times.

    Args:
        job: The file, and what is asked of it.

    Raises:
        InputError: A library for the protocol or the compression is not installed.
    """

    def look_at_all() -> list[Inspection]:
        looks = []
        for place in in_order(job.places):
            looks.append(_look(job, place))
            if looks[-1].kind in {None, "resources", "fatal"} and not job.verify:
                break
        return looks

    # Once is enough for servers that have been found to be down.
    waits = () if all(map(failed_recently, job.places)) else _WAITS
    looks = look_at_all()
    for wait in waits:
        if decisive(look.kind for look in looks) not in _MAY_PASS:
            break
        time.sleep(wait)
        looks = look_at_all()
    return _summary(job, looks)


def _summary(job: FileJob, looks: Sequence[Inspection]) -> Inspection:
    path, places, verify = job.path, job.places, job.verify
    bad = [look for look in looks if look.kind is not None]
    good = [look for look in looks if look.kind is None]
    if not good:
        problem = bad[0].problems[0]
        if len(places) > 1:
            texts = [f"{printable(b.path)}: {b.problems[0].removeprefix(_CANNOT)}" for b in bad]
            problem = _CANNOT + "; ".join(texts)
        worst = decisive(look.kind for look in bad)
        return replace(bad[0], path=path, problems=(problem,), kind=worst)
    best = good[0]
    passed = tuple((look.path, look.problems[0].removeprefix(_CANNOT)) for look in bad)
    if (file := best.file) is not None:
        # What does not answer now may do so later; what is damaged will not be whole.
        out = {look.path for look in bad if verify or look.kind not in _MAY_PASS}
        others = [look for look in good[1:] if look.file and look.file.uuid != file.uuid]
        passed += tuple((look.path, "is another file (its UUID differs)") for look in others)
        out |= {look.path for look in others} | {file.path}
        replicas = tuple(place for place in places if place not in out)
        listed = path if file.path != path else ""
        file = replace(file, replicas=replicas, checksum=job.details.checksum, listed=listed)
    return replace(best, path=path, file=file, failed_replicas=passed)


_CANNOT: Final = "cannot be read: "


def _look(job: FileJob, path: str) -> Inspection:
    """Returns the content of one replica, or why it cannot be read."""
    kind: FailureKind | None = None
    try:
        _refuse_no_text(path)
        if job.verify:
            verify_checksum(path, job.details.checksum)
        with ExitStack() as stack:
            file = open_file(path, wanted_names(job.asked), **client_options(path))
            stack.enter_context(file)
            inspection = look_into(file, job.dataset, path, job.asked)
            checked = None if inspection.problems else inspection.file
            if job.keep and checked and keep_open(path, checked.branches, file):
                stack.pop_all()
            return inspection
    except InputError as error:
        problem = str(error)
    except ReadError as error:
        problem, kind = str(error).removeprefix(f"{printable(path)}: "), error.kind
    except ImportError as error:
        message = f"{printable(path)} cannot be read here: {error}"
        raise InputError(message, code="dataset.missing-library", path=path) from error
    except FailedFileError as error:
        problem, kind = str(error), "bad_file"
    except FileNotFoundError:
        problem, kind = "no such file: check the path and the prefix", "bad_file"
    except read_errors() as error:
        if is_defect(error):
            raise
        problem, kind = f"{_CANNOT}{reason(error)}{advice(error)}", failure_kind(error)
    if kind == "transient":
        note_failure(path)
        forget_connections(path)
    return Inspection(job.dataset, path, problems=(problem,), kind=kind)


def _refuse_no_text(path: str) -> None:
    # Python stands such bytes in for by halves of characters, which nothing can write down.
    if any("\ud800" <= character <= "\udfff" for character in path):
        message = "has a name that is not UTF-8: rename it, or link to it by another name"
        raise FailedFileError(message)
