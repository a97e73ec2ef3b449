"""The preflight: every file is opened before the work begins, and all problems are reported."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

from tau3mu.config.printable import printable
from tau3mu.datasets.checked import FailedFile
from tau3mu.datasets.contents import Asked
from tau3mu.datasets.duplicates import find_copies
from tau3mu.datasets.found_before import FoundBefore
from tau3mu.datasets.inspection import FileJob, inspect_file, recall
from tau3mu.errors import InputError
from tau3mu.ntuples.known_layouts import known_layouts
from tau3mu.ntuples.layout import agreed
from tau3mu.ntuples.open_files import close_files
from tau3mu.storage.locations import is_url

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from tau3mu.datasets.checked import CheckedFile, Inspection
    from tau3mu.datasets.contents import MissingTriggers
    from tau3mu.datasets.dataset import Dataset

    InspectAll = Callable[[Sequence[FileJob], Callable[[Inspection], object]], list[Inspection]]
    """Inspects files, in order, and tells of each as it comes."""

__all__ = ["check_files", "check_readable_files"]

log = logging.getLogger(__name__)

_MAX_LINES: Final = 20
_GIVE_UP: Final = 20
"""After so many files in a row that could not be reached, no more are tried."""
_MANY: Final = 200
"""From so many files on, other processes are worth their start of two seconds."""


def check_files(
    datasets: Sequence[Dataset],
    columns: Collection[str] | Mapping[str, Collection[str]],
    *,
    workers: int = 8,
    on_file: Callable[[], object] | None = None,
    verify_checksums: bool = False,
    keep_open: bool = False,
    known: Sequence[CheckedFile] = (),
    missing_triggers: MissingTriggers | None = None,
    cache: Path | None = None,
    inspect_all: InspectAll | None = None,
) -> list[CheckedFile]:
    """Returns the content of every file, in the order of the datasets, after opening each once.

    Each file has to open, be complete, have its tree and all branches for the columns, with the
    types that the layout says, and be listed once: neither spelled in another way nor copied.

    Args:
        datasets: The datasets whose files are to be read.
        columns: The columns that are to be read, such as `triplet.mass` and `hlt.PATTERN`; or
            those of each dataset, by its name.
        workers: How many files are opened at a time.
        on_file: Is called after each file, for a progress bar.
        verify_checksums: Whether to compare the checksums of the files with those of the dataset
            files and servers; local files are read whole for that.
        keep_open: Whether the first files stay open for `execute` in this process.
        known: Further files, which an earlier check has found good.
        missing_triggers: Whether files may lack triggers; see `tau3mu.datasets.contents.Asked`.
        cache: The folder of what earlier checks found, which is trusted where size and time of a
            file stand; None opens all files.
        inspect_all: Does the work in other processes if there are hundreds of files; by default,
            threads of this one do it.

    Raises:
        InputError: Something is wrong with at least one file, or no file holds events. The
            message has a line for each problem of each file.
    """
    found = _inspect_all(
        datasets,
        columns,
        workers=workers,
        on_file=on_file,
        verify=verify_checksums,
        keep=keep_open,
        missing_triggers=missing_triggers,
        cache=cache,
        inspect_all=inspect_all,
    )
    _refuse_problems(found, found)
    return _checked(found, known)


def check_readable_files(
    datasets: Sequence[Dataset],
    columns: Collection[str] | Mapping[str, Collection[str]],
    *,
    workers: int = 8,
    on_file: Callable[[], object] | None = None,
    verify_checksums: bool = False,
    keep_open: bool = False,
    known: Sequence[CheckedFile] = (),
    missing_triggers: MissingTriggers | None = None,
    cache: Path | None = None,
    inspect_all: InspectAll | None = None,
) -> tuple[list[CheckedFile], list[FailedFile]]:
    """Returns the files that can be read, like `check_files`, and those that can't.

    All other problems are errors as well here, such as a missing branch or a file listed twice, and
    so is what the next file will not be spared, such as a grid proxy that has expired.

    Args:
        datasets: The datasets whose files are to be read.
        columns: The columns that are to be read, of all datasets or of each.
        workers: How many files are opened at a time.
        on_file: Is called after each file, for a progress bar.
        verify_checksums: Whether to compare checksums; a file with another one can't be read.
        keep_open: Whether the first files stay open for `execute` in this process.
        known: Further files, which an earlier check has found good.
        missing_triggers: Whether files may lack triggers; see `tau3mu.datasets.contents.Asked`.
        cache: The folder of what earlier checks found, which is trusted where size and time of a
            file stand; None opens all files.
        inspect_all: Does the work in other processes if there are hundreds of files; by default,
            threads of this one do it.

    Raises:
        InputError: Something else is wrong with at least one file, or there is none left.
    """
    found = _inspect_all(
        datasets,
        columns,
        workers=workers,
        on_file=on_file,
        verify=verify_checksums,
        keep=keep_open,
        missing_triggers=missing_triggers,
        cache=cache,
        inspect_all=inspect_all,
    )
    bad = [one for one in found if one.kind in {"transient", "bad_file"}]
    good = [one for one in found if one.kind not in {"transient", "bad_file"}]
    _refuse_problems(good if good or known else found, found)
    details = {dataset.name: dataset for dataset in datasets}
    failed = [
        FailedFile(
            one.dataset,
            one.path,
            one.kind or "bad_file",
            "; ".join(one.problems),
            details[one.dataset].details_of(one.path).entries,
        )
        for one in bad
    ]
    return _checked(good, known), failed


def _inspect_all(
    datasets: Sequence[Dataset],
    columns: Collection[str] | Mapping[str, Collection[str]],
    *,
    workers: int,
    on_file: Callable[[], object] | None,
    verify: bool,
    keep: bool,
    missing_triggers: MissingTriggers | None,
    cache: Path | None,
    inspect_all: InspectAll | None,
) -> list[Inspection]:
    jobs = [
        FileJob(
            dataset.name,
            path,
            Asked(
                tree,
                dataset.layout,
                frozenset(columns[dataset.name] if isinstance(columns, Mapping) else columns),
                dataset.details_of(path).entries,
                missing_triggers,
                dataset.is_mc,
            ),
            dataset.details_of(path),
            verify=verify,
            keep=keep,
        )
        for dataset in datasets
        for path, tree in dataset.files.items()
    ]
    if not jobs:
        message = "there are no files to read; give files or a dataset"
        raise InputError(message, code="dataset.no-files")

    known_layouts()  # mistakes in a table concern all files
    if keep:  # those that have not been read since an earlier check may have changed
        close_files()
    silent = 0

    def take(inspection: Inspection) -> None:
        nonlocal silent
        silent = silent + 1 if inspection.kind == "transient" else 0
        if silent == _GIVE_UP and len(jobs) > _GIVE_UP:
            _give_up(inspection)
        if on_file is not None:
            on_file()

    before = FoundBefore(cache) if cache is not None and not verify else None
    recalled = _recalled(jobs, before, workers) if before is not None else []
    found = {number: one for number, one in enumerate(recalled) if one is not None}
    for one in found.values():
        take(one)
    rest = [number for number in range(len(jobs)) if number not in found]
    in_threads = partial(_in_threads, workers=workers)
    how = in_threads if inspect_all is None or len(rest) < _MANY else inspect_all
    for number, one in zip(rest, how([jobs[number] for number in rest], take), strict=True):
        found[number] = one
        if before is not None and one.file and not one.problems and not one.failed_replicas:
            before.add(jobs[number].at(one.file.path), one)
    if before is not None:
        before.write()
    return [found[number] for number in range(len(jobs))]


def _recalled(
    jobs: Sequence[FileJob], before: FoundBefore, workers: int
) -> list[Inspection | None]:
    """Returns what earlier checks found in files that have not changed."""
    before.load(job.at(place) for job in jobs for place in job.places)
    with ThreadPoolExecutor(max_workers=workers) as pool:  # servers are waited for
        at_servers = [any(map(is_url, job.places)) for job in jobs]
        asked = [
            pool.submit(recall, job, before) if remote else None
            for job, remote in zip(jobs, at_servers, strict=True)
        ]
        return [
            recall(job, before) if future is None else future.result()
            for job, future in zip(jobs, asked, strict=True)
        ]


def _in_threads(
    jobs: Sequence[FileJob], take: Callable[[Inspection], object], *, workers: int
) -> list[Inspection]:
    found = []
    with ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            for inspection in pool.map(inspect_file, jobs):
                found.append(inspection)
                take(inspection)
        except InputError:
            pool.shutdown(cancel_futures=True)
            raise
    return found


def _give_up(last: Inspection) -> NoReturn:
    # Each of them has taken minutes, and there may be thousands.
    message = (
        f"{_GIVE_UP} files in a row could not be reached, so the check of the files was given up; "
        f"the last was {printable(last.path)} [{last.dataset}]: {last.problems[0]}"
    )
    raise InputError(message, code="dataset.servers-do-not-answer", path=last.path)


def _checked(found: Sequence[Inspection], known: Sequence[CheckedFile]) -> list[CheckedFile]:
    checked = [inspection.file for inspection in found if inspection.file is not None]
    layouts = agreed(file.layout for file in (*checked, *known))
    checked = [replace(file, layout=layouts[file.layout]) for file in checked]
    # Derived data without events still stand for those of their parent.
    if not any(file.entries or file.origin for file in (*checked, *known)):
        message = (
            f"none of the {len(checked)} files holds events, for example "
            f"{printable(checked[0].path)}"
        )
        raise InputError(message, code="dataset.no-events", path=checked[0].path)
    _log_warnings(found)
    return checked


def _refuse_problems(found: Sequence[Inspection], all_files: Sequence[Inspection]) -> None:
    problems = [(inspection, text) for inspection in found for text in inspection.problems]
    problems += find_copies(found)
    if not problems:
        return
    files = {(inspection.dataset, inspection.path) for inspection, _ in problems}
    lines = [f"problems in {len(files)} of {len(all_files)} files:"]
    seen: Counter[str] = Counter()
    for inspection, text in problems:
        kind = text.partition(":")[0]
        seen[kind] += 1
        if seen[kind] <= _MAX_LINES:
            lines.append(f"  {printable(inspection.path)} [{inspection.dataset}]: {text}")
    lines += [
        f"  ... and {count - _MAX_LINES} more: {kind}"
        for kind, count in seen.items()
        if count > _MAX_LINES
    ]
    raise InputError("\n".join(lines), code="dataset.bad-files", path=problems[0][0].path)


def _log_warnings(found: Sequence[Inspection]) -> None:
    """Logs what is not an error, one line per warning rather than per file."""
    paths: dict[str, list[str]] = {}
    for inspection in found:
        empty = inspection.file is not None and inspection.file.entries == 0
        for text in [*inspection.warnings, *(["no events"] if empty else [])]:
            paths.setdefault(text, []).append(inspection.path)
        for replica, reason in inspection.failed_replicas:
            paths.setdefault(f"failed replica: {reason}", []).append(replica)
    for text, where in paths.items():
        more = f" and {len(where) - _MAX_LINES} more" if len(where) > _MAX_LINES else ""
        files = ", ".join(printable(path) for path in where[:_MAX_LINES]) + more
        log.warning("%s (%d of %d files): %s", text, len(where), len(found), files)
