"""The preflight: every file is opened before the work begins, and all problems come at once."""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tau3mu.datasets.inspection import inspect_file
from tau3mu.datasets.locations import is_url
from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from tau3mu.datasets.dataset import Dataset
    from tau3mu.datasets.inspection import CheckedFile, Inspection

__all__ = ["check_files"]

log = logging.getLogger(__name__)

_MAX_LINES = 20


def check_files(
    datasets: Sequence[Dataset],
    columns: Collection[str],
    *,
    workers: int = 8,
    on_file: Callable[[], object] | None = None,
) -> list[CheckedFile]:
    """Opens every file once and returns what is in it, in the order of the datasets.

    Each file has to open, be complete, have its tree and all branches for the columns, with the
    types that the layout says, and be listed once: neither spelled in another way nor copied.

    Args:
        datasets: What is to be analysed.
        columns: The columns that are to be read, such as `triplet.mass` and `hlt.PATTERN`.
        workers: How many files are opened at a time.
        on_file: Is called after each file, for a progress bar.

    Raises:
        InputError: Something is wrong with at least one file, or no file holds events. The
            message has a line for each problem of each file.
    """
    jobs = [(d.name, path, tree, columns) for d in datasets for path, tree in d.files.items()]
    if not jobs:
        message = "there are no files to read; give files or a dataset"
        raise InputError(message)
    found: list[Inspection] = []
    with ThreadPoolExecutor(max_workers=workers) as pool:
        for inspection in pool.map(lambda job: inspect_file(*job), jobs):
            found.append(inspection)
            if on_file is not None:
                on_file()
    _refuse_problems(found)
    checked = [inspection.file for inspection in found if inspection.file is not None]
    if not any(file.entries for file in checked):
        message = f"none of the {len(checked)} files holds events, for example {checked[0].path}"
        raise InputError(message)
    _log_notes(found)
    return checked


def _refuse_problems(found: Sequence[Inspection]) -> None:
    problems = [(inspection, text) for inspection in found for text in inspection.problems]
    problems += _duplicates(found)
    if not problems:
        return
    files = {(inspection.dataset, inspection.path) for inspection, _ in problems}
    lines = [f"problems in {len(files)} of {len(found)} files:"]
    seen: Counter[str] = Counter()
    for inspection, text in problems:
        kind = text.partition(":")[0]
        seen[kind] += 1
        if seen[kind] <= _MAX_LINES:
            lines.append(f"  {inspection.path} [{inspection.dataset}]: {text}")
    lines += [
        f"  ... and {count - _MAX_LINES} more: {kind}"
        for kind, count in seen.items()
        if count > _MAX_LINES
    ]
    raise InputError("\n".join(lines))


def _duplicates(found: Iterable[Inspection]) -> list[tuple[Inspection, str]]:
    first: dict[tuple[str, int], Inspection] = {}
    result = []
    for inspection in found:
        if inspection.file is None:
            continue
        other = first.setdefault((inspection.file.uuid, inspection.size), inspection)
        if other is not inspection:
            relation = "the same file as" if _is_same(inspection.path, other.path) else "a copy of"
            text = f"is {relation} {other.path} [{other.dataset}]; its events would count twice"
            result.append((inspection, text))
    return result


def _is_same(path: str, other: str) -> bool:
    return not is_url(path) and not is_url(other) and Path(path).samefile(other)


def _log_notes(found: Sequence[Inspection]) -> None:
    """Logs what is no error, one line per note rather than per file."""
    paths: dict[str, list[str]] = {}
    for inspection in found:
        empty = inspection.file is not None and inspection.file.entries == 0
        for note in [*inspection.notes, *(["no events"] if empty else [])]:
            paths.setdefault(note, []).append(inspection.path)
    for note, where in paths.items():
        more = f" and {len(where) - _MAX_LINES} more" if len(where) > _MAX_LINES else ""
        files = ", ".join(where[:_MAX_LINES]) + more
        log.warning("%s (%d of %d files): %s", note, len(where), len(found), files)
