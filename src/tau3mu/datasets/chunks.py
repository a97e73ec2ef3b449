"""Chunks: the ranges of entries that tasks process."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.datasets.dataset import HasReaders, check_names
from tau3mu.datasets.parts import counted
from tau3mu.datasets.short import view_entries
from tau3mu.errors import InputError
from tau3mu.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from tau3mu.datasets.checked import CheckedFile
    from tau3mu.datasets.dataset import Dataset

__all__ = ["Chunk", "make_chunks"]


@dataclass(frozen=True)
class Chunk(HasReaders):
    """The entries [start, stop) of one file, with all that a task has to know about them.

    Attributes:
        dataset: The name of the dataset.
        path: The file, an absolute path or a URL.
        tree: The name of the tree.
        layout: The name of the layout of the tree, or the text of a user's table.
        uuid: The UUID of the file when it was checked; another one means another file.
        start: The first entry.
        stop: The entry after the last.
        branches: The branches to read.
        era: The data-taking era, if there is one.
        is_mc: Whether it is simulation.
        lumi: The integrated luminosity of the whole dataset in fb^-1, None if it is not known.
        extra: Further facts about the dataset.
        replicas: Further places where the same file lies, in the order in which to try them.
        checksum: What the dataset file says about the bytes, such as `adler32:0a1b2c3d`.
        certification: The hash of the certification of its events, empty if all are used; None in
            a run in which no dataset has one.
        sorted_as: The path by which the results of its file are sorted, None for its own.
        per_run: Whether results are kept by run number as well.
        brilcalc: Whether the luminosity of its sections is counted.
        selected: Of linked data, the entries that are meant among them, as 64-bit numbers.
        readers: The names of the processors that read it; None for all of the run.
    """

    dataset: str
    path: str
    tree: str
    layout: str
    uuid: str
    start: int
    stop: int
    branches: tuple[str, ...]
    era: str | None = None
    is_mc: bool = False
    lumi: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)
    replicas: tuple[str, ...] = ()
    checksum: str | None = None
    certification: str | None = None
    sorted_as: str | None = None
    per_run: bool = False
    brilcalc: bool = False
    selected: bytes | None = field(default=None, repr=False)
    readers: frozenset[str] | None = None

    @property
    def columns(self) -> frozenset[str]:
        """The columns that are read beside those of the processors."""
        columns = {"run", "lumi"} if self.certification or self.brilcalc else set()
        return frozenset(columns | ({"run"} if self.per_run else set()))

    @property
    def entries(self) -> int:
        """The number of entries."""
        return self.stop - self.start if self.selected is None else len(self.selected) // 8

    @property
    def places(self) -> npt.NDArray[np.int64]:
        """The places of the entries in the file."""
        if self.selected is None:
            return np.arange(self.start, self.stop)
        return np.frombuffer(self.selected, np.int64)

    @property
    def label(self) -> str:
        """File and entries, for messages."""
        return f"{redact(self.path)}, entries {self.start} to {self.stop}"

    @property
    def metadata(self) -> dict[str, Any]:
        """The facts that processors find in `events.metadata`."""
        facts = {"dataset": self.dataset, "era": self.era, "is_mc": self.is_mc, "lumi": self.lumi}
        return {**self.extra, **facts}


def make_chunks(
    checked: Iterable[CheckedFile],
    datasets: Iterable[Dataset],
    chunk_size: int,
    *,
    per_run: bool = False,
) -> list[Chunk]:
    """Returns chunks that cover every entry of the files once, or of short views of them.

    Args:
        checked: The files, as `check_files` returns them.
        datasets: The datasets that they belong to.
        chunk_size: The largest number of entries of a chunk. A file is split into as few chunks
            as this allows, equal in size to one entry.
        per_run: Whether results of data are kept by run number as well.

    Returns:
        The chunks in the order of the datasets, their files, and the entries. A file without
        entries has none, nor has one that was not among the readable ones; derived data and
        simulation without entries have one of none, since the rows of their parent and the sums
        of their weights count.

    Raises:
        InputError: The chunk size is smaller than one, or two datasets have the same name.
    """
    datasets = list(datasets)
    check_names(datasets)
    if chunk_size < 1:
        message = f"chunks of {chunk_size} entries hold nothing; expected 1 or more"
        raise InputError(message, code="dataset.out-of-range", path="chunk_size")
    checked = list(checked)
    datasets = [
        counted(dataset, [f for f in checked if f.dataset == dataset.name]) for dataset in datasets
    ]
    certified = any(dataset.certification is not None for dataset in datasets)
    files = {(file.dataset, file.listed or file.path): file for file in checked}
    return [
        Chunk(
            dataset=dataset.name,
            path=file.path,
            tree=file.tree,
            layout=file.layout,
            uuid=file.uuid,
            start=start,
            stop=stop,
            branches=file.branches,
            era=dataset.era,
            is_mc=dataset.is_mc,
            lumi=dataset.lumi,
            extra=dataset.extra,
            replicas=file.replicas,
            checksum=file.checksum,
            certification=_certification(dataset) if certified else None,
            sorted_as=dataset.details_of(path).sorted_as,
            per_run=per_run and not dataset.is_mc,
            brilcalc=dataset.brilcalc is not None,
            readers=dataset.readers,
        )
        for dataset in datasets
        for path in dataset.files
        if (file := files.get((dataset.name, path))) is not None
        for start, stop in _split(view_entries(file.entries, dataset.fraction), chunk_size)
        or [(0, 0)] * bool(file.origin or file.generated)
    ]


def _certification(dataset: Dataset) -> str:
    return "" if dataset.certification is None else dataset.certification.hash


def _split(entries: int, chunk_size: int) -> list[tuple[int, int]]:
    parts = -(-entries // chunk_size)
    edges = [entries * i // parts for i in range(parts + 1)] if parts else []
    return list(pairwise(edges))
