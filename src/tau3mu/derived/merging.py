"""From the parts of a skim to files of a sensible size."""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import uproot

from tau3mu.datasets.origin import parse_origin, read_origin
from tau3mu.derived.parts import new_tree, part_path
from tau3mu.derived.rows import merged_origin
from tau3mu.ntuples.fast import link_fields
from tau3mu.ntuples.open_files import open_file
from tau3mu.storage.files import atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from tau3mu.datasets import Chunk
    from tau3mu.datasets.origin import Origin
    from tau3mu.derived.requests import SkimJob

__all__ = ["FILE_MB", "Merge", "Merged", "grouped", "merge"]

log = logging.getLogger(__name__)

FILE_MB: Final = 64.0
"""The size at which a file of a skim is closed."""


@dataclass(frozen=True)
class Merge:
    """Parts that become one file.

    Attributes:
        target: The file.
        tree: The name of its tree.
        parts: The parts, in the order of the events.
    """

    target: str
    tree: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Merged:
    """A file of a skim.

    Attributes:
        path: The file.
        uuid: The UUID of the file.
        tree: The name of its tree.
        entries: The number of its events.
        size: Its length in bytes.
        origin: The text of its origin.
    """

    path: str
    uuid: str
    tree: str
    entries: int
    size: int
    origin: str


def grouped(
    job: SkimJob, chunks: Sequence[Chunk], folder: Path, *, file_mb: float | None = None
) -> list[Merge]:
    """Returns which parts of a skim make which files.

    The parts of a file that is derived data itself stay together, since its parent's rows cannot
    be divided.

    Args:
        job: The skim.
        chunks: Of which there are parts, in the order of the events.
        folder: Where the files are to be.
        file_mb: The size of the parts of a file in MB, by default 64.
    """
    limit = FILE_MB if file_mb is None else file_mb
    groups: dict[tuple[str, str], list[list[Path]]] = {}
    sizes: dict[tuple[str, str], float] = {}
    last = before = None
    for chunk in chunks:
        place, part = (chunk.dataset, chunk.tree), part_path(job, chunk)
        size = part.stat().st_size / 1e6
        file = chunk.dataset, chunk.path
        together = file in job.origins and file == last
        # Files may lack different branches, and those of one output are the same.
        fields = chunk.dataset, chunk.branches, chunk.layout
        full = sizes.get(place, 0.0) + size > limit and not together
        if place not in groups or full or fields != before:
            groups.setdefault(place, []).append([])
            sizes[place] = 0.0
        groups[place][-1].append(part)
        sizes[place] += size
        last, before = file, fields
    numbers: dict[str, int] = {}
    merges = []
    for (dataset, tree), parts in groups.items():
        for one in parts:
            numbers[dataset] = numbers.get(dataset, 0) + 1
            target = folder / f"{dataset}_{numbers[dataset]}.root"
            merges.append(Merge(str(target), tree, tuple(map(str, one))))
    return merges


def merge(_: None, task: Merge) -> Merged:
    """Writes a file of a skim, from the clusters of its parts as they are.

    Args:
        task: What to write.

    Raises:
        RunError: The file cannot be written.
    """
    target = Path(task.target)
    try:
        from tau3mu.derived.pages import copy_clusters

        _write(task, target, copy_clusters)
    except (ImportError, AttributeError, TypeError) as error:  # another version of uproot
        log.info("the parts of %s are compressed once more: %s", target.name, error)
        _write(task, target, _compressed_again)
    with uproot.open(target) as file:
        return Merged(
            path=task.target,
            uuid=str(file.file.uuid),
            tree=task.tree,
            entries=int(file[task.tree].num_entries),
            size=target.stat().st_size,
            origin=read_origin(file),
        )


def _origin_of(part: str) -> Origin:
    with uproot.open(part) as file:
        return parse_origin(read_origin(file), part)


def _write(task: Merge, target: Path, fill: Callable[[Any, Iterable[Any]], None]) -> None:
    with atomic(target) as temporary:
        origin = merged_origin(map(_origin_of, task.parts))
        with new_tree(temporary, task.tree, _types(task), origin) as ntuple:
            fill(ntuple, _ntuples(task))


def _compressed_again(target: Any, sources: Iterable[Any]) -> None:
    for source in sources:
        if source.num_entries:
            target.extend(source.arrays(how=dict))


def _types(task: Merge) -> dict[str, Any]:
    with closing(_ntuples(task)) as ntuples:
        arrays = next(ntuples).arrays(entry_stop=0, how=dict)
    return {name: array.type.content for name, array in arrays.items()}


def _ntuples(task: Merge) -> Generator[Any]:
    for part in task.parts:
        with open_file(part, lambda _: True) as file:
            ntuple = file.root_directory[task.tree]
            link_fields(ntuple)
            yield ntuple
