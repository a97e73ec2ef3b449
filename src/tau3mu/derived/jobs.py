"""The jobs of a run that derives data: what workers are told, and the folder of their parts."""

from __future__ import annotations

import hashlib
import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tau3mu.derived.cuts import codes
from tau3mu.derived.parts import JOB
from tau3mu.derived.requests import SkimJob
from tau3mu.errors import InputError, suggest
from tau3mu.processing.fingerprint import fingerprint
from tau3mu.processing.needs import that_read, with_needed
from tau3mu.storage.files import make_folder, write_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tau3mu.datasets import CheckedFile, Dataset
    from tau3mu.datasets.generated import Generated
    from tau3mu.derived.requests import SkimRequest
    from tau3mu.processing import Processor

__all__ = ["check_requests", "forget_parts", "make_jobs"]

_KEYS: Final = ("run", "lumi", "event")


def check_requests(
    requests: Mapping[str, SkimRequest], processors: Sequence[Processor], columns: Collection[str]
) -> None:
    """Checks what is to be derived, apart from the steps.

    Args:
        requests: By the name of the processor.
        processors: Those of the run.
        columns: All that is read.

    Raises:
        InputError: There is no such processor, two have one name, or what links need is not read.
    """
    names = [processor.name for processor in processors]
    owners: dict[str, str] = {}
    for owner, request in requests.items():
        if owner not in names:
            message = (
                f"a skim of {owner!r} is asked for{suggest(owner, names)}; the processors of the "
                f"run are {', '.join(names)}"
            )
            raise InputError(message, code="derived.unknown-processor", path=owner)
        name = request.named(owner)
        if (other := owners.setdefault(name.casefold(), owner)) != owner:
            message = f"the derived data of {other} and {owner} are both called {name!r}"
            raise InputError(message, code="derived.repeated-name", path=owner)
        missing = [column for column in _KEYS if column not in columns]
        if request.kind == "linked" and missing:
            message = (
                f"linked data of {owner} need the columns run, lumi and event, and no processor of "
                f"the run reads {', '.join(missing)}: add them to its columns"
            )
            raise InputError(message, code="derived.no-event-numbers", path=owner)


def make_jobs(
    requests: Mapping[str, SkimRequest],
    processors: Sequence[Processor],
    datasets: Sequence[Dataset],
    files: Sequence[CheckedFile],
    folder: Path,
    generated: Mapping[tuple[str, str], Generated] | None = None,
) -> list[SkimJob]:
    """Returns what the workers have to write, after making the folders of its parts.

    Parts of an earlier attempt stay if they are of the same skim; others are removed.

    Args:
        requests: By the name of the processor.
        processors: Those of the run.
        datasets: Those of the run.
        files: Those that are read.
        folder: That of all derived data of the run.
        generated: The sums of generator weights that files hold, by dataset and path.

    Raises:
        RunError: A folder cannot be made.
    """
    by_name = {processor.name: processor for processor in processors}
    every = {(file.dataset, file.path): file.origin for file in files if file.origin}
    jobs = []
    for owner, request in requests.items():
        if request.kind == "slim":
            continue
        own = [one for one in datasets if one.is_read_by(owner)]
        names = {one.name for one in own}
        beside = processors
        for one in own:
            beside = that_read(beside, one)
        columns = sorted(frozenset[str]().union(*(one.columns for one in beside)))
        origins = {place: one for place, one in every.items() if place[0] in names}
        facts = [
            *(request.kind, request.at, columns, version("tau3mu"), sorted(origins.values())),
            fingerprint([by_name[owner]]),
        ]
        key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
        name = request.named(owner)
        job = SkimJob(
            name=name,
            kind=request.kind,
            processor=owner,
            step=request.at,
            folder=str(_parts(folder, name) / key[:16]),
            key=key,
            columns=tuple(columns),
            code=codes(by_name[owner], with_needed(processors, by_name[owner].needs)),
            origins=origins,
            generated=generated or {},
        )
        _make_folder(job)
        jobs.append(job)
    return jobs


def _parts(folder: Path, name: str) -> Path:
    return folder.absolute() / f".{name}.parts"


def _make_folder(job: SkimJob) -> None:
    folder = Path(job.folder)
    if folder.parent.is_dir():
        for other in folder.parent.iterdir():
            if other != folder:  # of another configuration, which cannot go on any more
                shutil.rmtree(other, ignore_errors=True)
    make_folder(folder)
    write_text(folder / JOB, json.dumps({"name": job.name, "key": job.key}) + "\n")


def forget_parts(folder: Path, name: str) -> None:
    """Removes the parts of derived data that are complete.

    Args:
        folder: That of all derived data of the run.
        name: That of the derived data.
    """
    shutil.rmtree(_parts(folder, name), ignore_errors=True)
