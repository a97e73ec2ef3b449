"""Derived data as the input of a run: which processors may read them, and the parent's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.config.printable import printable
from tau3mu.datasets.origin import parse_origin
from tau3mu.derived.cuts import is_related, looser_cuts
from tau3mu.derived.rows import added_rows, as_dictionaries, prefixed
from tau3mu.errors import InputError
from tau3mu.ntuples.layout import layout
from tau3mu.ntuples.table_checks import LEVELS
from tau3mu.processing.needs import that_read, with_needed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tau3mu.datasets import CheckedFile, Dataset
    from tau3mu.datasets.origin import Counts, Origin
    from tau3mu.processing import Processor

__all__ = ["check_derived", "parent_rows", "with_parent_rows"]


def check_derived(
    files: Sequence[CheckedFile], processors: Sequence[Processor], datasets: Sequence[Dataset] = ()
) -> list[str]:
    """Returns warnings about derived data that are read, after checks of all of them.

    Args:
        files: All files that are read.
        processors: What runs on them.
        datasets: To which the files belong.

    Raises:
        InputError: Files of a dataset do not belong together, events would count twice, or a
            processor would select events that are not there.
    """
    origins = {
        (file.dataset, file.path): parse_origin(file.origin, file.path)
        for file in files
        if file.origin
    }
    if not origins:
        return []
    _refuse_mixed(files, origins)
    _refuse_overlaps(files, origins)
    warnings: dict[str, None] = {
        f"{name} is a short view of derived data: its cutflow does not begin with the rows of the "
        "parent, which count for all events": None
        for name in sorted(short_views(datasets) & {dataset for dataset, _ in origins})
    }
    known = {one.name: one for one in datasets}
    for file, origin in _kinds(files, origins):
        dataset = known.get(file.dataset)
        for processor in that_read(processors, dataset) if dataset else processors:
            needed = with_needed(processors, processor.needs)
            warnings |= dict.fromkeys(_checked(processor, needed, file, origin))
    return list(warnings)


def _kinds(
    files: Iterable[CheckedFile], origins: Mapping[tuple[str, str], Origin]
) -> Iterator[tuple[CheckedFile, Origin]]:
    """Yields the origins that differ in more than events and counts, each with a file."""
    seen = set()
    for file in files:
        if (origin := origins.get((file.dataset, file.path))) is None:
            continue
        cuts = repr(origin.cuts)
        if (what := (origin.key, origin.columns, cuts, file.dataset)) not in seen:
            seen.add(what)
            yield file, origin


def _checked(
    processor: Processor, needed: Sequence[Processor], file: CheckedFile, origin: Origin
) -> Iterator[str]:
    """Yields warnings about a processor that reads derived data."""
    related = is_related(processor, origin)
    if not related:
        yield (
            f"{processor.name} reads data that {origin.processor} has derived at step "
            f"{origin.step!r}: events that do not pass it are not there"
        )
    differences = looser_cuts(processor, origin, needed) if related else ()
    for name, how in differences:
        message = (
            f"{processor.name} cannot read {printable(file.path)}, which was derived by "
            f"{origin.processor} at step {origin.step!r}, without losing events: {how}. Read the "
            f"parent {origin.dataset}, derive the data again with looser cuts, or declare "
            "parameter(..., tighter=...) if larger or smaller values select a part"
        )
        raise InputError(message, code="derived.looser-cut", path=f"{processor.name}.{name}")
    table = layout(file.layout)
    for column in sorted(set(processor.columns) - set(origin.columns)):
        level = column.partition(".")[0]
        if level in LEVELS and f"{level}.*" in table.by_view:
            message = (
                f"{processor.name} reads {column}, and the derived data {printable(file.path)} "
                "hold only the triggers that were read when they were made: it would count as not "
                f"fired. Read the parent {origin.dataset}, or make the data again with it"
            )
            raise InputError(message, code="derived.missing-trigger", path=column)


def _refuse_mixed(files: Iterable[CheckedFile], origins: Mapping[tuple[str, str], Origin]) -> None:
    first: dict[str, CheckedFile] = {}
    for file in files:
        other = first.setdefault(file.dataset, file)
        one, two = (origins.get((each.dataset, each.path)) for each in (other, file))
        if (one is None and two is None) or (one and two and one.key == two.key):
            continue
        if one is None or two is None:
            code, how = "derived.mixed-with-parents", "one is derived data, the other is not"
        elif (one.dataset, one.era, one.is_mc) != (two.dataset, two.era, two.is_mc):
            code = "derived.other-parent"
            how = f"their parents are {one.dataset} and {two.dataset}"
        elif one.ancestors != two.ancestors:
            code, how = "derived.other-parent", "they are skims of other skims"
        else:
            steps = [f"{each.processor}.{each.step}" for each in (one, two)]
            code = "derived.other-step"
            how = f"they were derived at {steps[0]} and {steps[1]}, or with other parameters"
        message = (
            f"{printable(other.path)} and {printable(file.path)} cannot be one dataset, "
            f"{file.dataset}: {how}"
        )
        raise InputError(message, code=code, path=file.path)


def _refuse_overlaps(
    files: Iterable[CheckedFile], origins: Mapping[tuple[str, str], Origin]
) -> None:
    claims: dict[tuple[str, str], list[tuple[int, int, CheckedFile]]] = {}
    for file in files:
        origin = origins.get((file.dataset, file.path))
        claimed = set()
        for part in (*origin.parts, *origin.ancestor_parts) if origin else ():
            claimed.add((part.uuid.strip("0-") or part.path, part.tree, part.start, part.stop))
        if origin is None or origin.kind != "linked":
            claimed.add((file.uuid.strip("0-") or file.path, file.tree, 0, file.entries))
        for which, tree, start, stop in claimed:
            claims.setdefault((which, tree), []).append((start, stop, file))
    for ranges in claims.values():
        reached, owner = 0, None
        for start, stop, file in sorted(ranges, key=lambda one: one[:2]):
            if start < min(reached, stop) and owner is not None and owner is not file:
                message = (
                    f"{printable(owner.path)} and {printable(file.path)} stand for the same events "
                    "of one parent file, or one was derived of the other; these would count twice"
                )
                raise InputError(message, code="derived.overlap", path=file.path)
            if stop > reached:
                reached, owner = stop, file


def short_views(datasets: Iterable[Dataset]) -> set[str]:
    """Returns the names of the datasets of which only a part of each file is read."""
    return {dataset.name for dataset in datasets if dataset.fraction < 1}


def parent_rows(
    files: Iterable[CheckedFile], datasets: Iterable[Dataset]
) -> dict[str, list[dict[str, Any]]]:
    """Returns the rows of the parents' cutflow by dataset, as they stand before a reader's own.

    Args:
        files: Those that were read completely.
        datasets: To which they belong; short views have no such rows.
    """
    views = short_views(datasets)
    rows: dict[str, list[tuple[Counts, ...]]] = {}
    for file in files:
        if file.origin and file.dataset not in views:
            origin = parse_origin(file.origin, file.path)
            rows.setdefault(file.dataset, []).append(prefixed(origin.rows))
    return {dataset: as_dictionaries(added_rows(each)) for dataset, each in rows.items()}


def with_parent_rows(
    cutflow: Mapping[str, list[dict[str, Any]]], rows: Mapping[str, list[dict[str, Any]]]
) -> dict[str, list[dict[str, Any]]]:
    """Returns cutflows that begin with the rows of the parents."""
    return {dataset: [*rows.get(dataset, ()), *steps] for dataset, steps in cutflow.items()}
