"""The files that are read: how large they are, and how much of them an analysis needs."""

from __future__ import annotations

from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uproot

from tau3mu.benchmark.records import Sample
from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["InputFile", "describe", "find_files", "sample_of"]


@dataclass(frozen=True)
class InputFile:
    """One file; bytes are counted for the branches that `dsphipi` reads."""

    path: str
    tree: str
    layout: str
    form: str
    compression: str
    events: int
    size: int
    needed: int
    unpacked: int
    branches: tuple[str, ...]


def find_files(patterns: Iterable[str]) -> list[str]:
    """Returns the local files of the patterns, and URLs as they are.

    Raises:
        InputError: A pattern matches nothing.
    """
    found: list[str] = []
    for pattern in patterns:
        if "://" in pattern:
            found.append(pattern)
            continue
        matching = sorted(glob(str(user_path(pattern))), key=_natural)  # noqa: PTH207
        if not matching:
            message = f"no file matches {pattern!r}; check the path, and quote the pattern"
            raise InputError(message)
        found += [str(Path(path).resolve()) for path in matching]
    return found


def describe(paths: Sequence[str]) -> list[InputFile]:
    """Returns the facts about ntuples that `dsphipi` can read.

    Raises:
        InputError: One cannot be read; the message has a line for each problem.
    """
    from tau3mu.datasets import check_files, dataset_from_files
    from tau3mu.processors import DsPhiPi

    checked = check_files([dataset_from_files(paths)], DsPhiPi.columns)
    return [_describe(file.path, file.tree, file.layout, file.branches) for file in checked]


def sample_of(files: Sequence[InputFile]) -> Sample:
    """Returns the sum of the facts about files, which are alike."""
    first = files[0]
    return Sample(
        layout=first.layout,
        form=first.form,
        compression=first.compression,
        files=len(files),
        events=sum(file.events for file in files),
        size=sum(file.size for file in files),
        needed=sum(file.needed for file in files),
        unpacked=sum(file.unpacked for file in files),
    )


def _describe(path: str, name: str, layout: str, branches: tuple[str, ...]) -> InputFile:
    with uproot.open(path) as file:
        tree = file[name]
        is_tuple = isinstance(tree, uproot.behaviors.RNTuple.HasFields)
        needed, unpacked = (_field_bytes if is_tuple else _branch_bytes)(tree, branches)
        compression = file.file.compression
        return InputFile(
            path=path,
            tree=name,
            layout=layout,
            form="RNTuple" if is_tuple else _form(tree, branches),
            compression=f"{compression.name.lower()}-{compression.level}",
            events=int(tree.num_entries),
            size=int(file.file.fEND),
            needed=needed,
            unpacked=unpacked,
            branches=branches,
        )


def _form(tree: Any, branches: Iterable[str]) -> str:
    vectors = any("vector<" in tree[name].typename for name in branches)
    return "std::vector TTree" if vectors else "TTree"


def _branch_bytes(tree: Any, names: Iterable[str]) -> tuple[int, int]:
    """Returns compressed and uncompressed bytes of branches, and of those that count entries."""
    branches = {name: tree[name] for name in names}
    counters = [branch.count_branch for branch in branches.values()]
    branches |= {counter.name: counter for counter in counters if counter is not None}
    return (
        sum(int(branch.compressed_bytes) for branch in branches.values()),
        sum(int(branch.uncompressed_bytes) for branch in branches.values()),
    )


def _field_bytes(ntuple: Any, names: Iterable[str]) -> tuple[int, int]:
    """Returns compressed and uncompressed bytes of fields of an RNTuple and what is in them."""
    records = ntuple.field_records
    wanted = {
        number
        for number, record in enumerate(records)
        if records[_top(records, number)].field_name in set(names)
    }
    stored = unpacked = 0
    for number, column in enumerate(ntuple.column_records):
        if column.field_id not in wanted:
            continue
        for cluster in ntuple.page_link_list:
            pages = cluster[number].pages
            stored += sum(page.locator.num_bytes for page in pages)
            unpacked += sum(abs(page.num_elements) for page in pages) * column.nbits // 8
    return int(stored), int(unpacked)


def _top(records: Sequence[Any], number: int) -> int:
    while (parent := records[number].parent_field_id) != number:
        number = parent
    return number


def _natural(path: str) -> tuple[int, str]:
    """Sorts numbered files by number, since the shorter name has the smaller one."""
    return len(path), path
