"""From what the workers wrote to derived data that are complete, or not there at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.datasets.origin import parse_origin
from tau3mu.datasets.versions import dataset_version
from tau3mu.derived.cuts import classes_of
from tau3mu.derived.linked import merge_links
from tau3mu.derived.parts import part_path
from tau3mu.derived.records import (
    DATASET,
    DERIVED,
    DerivedDataset,
    DerivedFile,
    DerivedRecord,
    Parent,
    ParentFile,
    write_derived,
)
from tau3mu.derived.rows import as_counts, merged_origin
from tau3mu.ntuples.layout import common_layout, layout
from tau3mu.outputs.candidates import load_candidates
from tau3mu.redaction import redact
from tau3mu.storage.files import disk_error, json_text, write_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tau3mu.datasets import CheckedFile, Chunk, Dataset
    from tau3mu.datasets.origin import Counts, CutRecord, Origin
    from tau3mu.derived.merging import Merged
    from tau3mu.derived.requests import SkimJob, SkimRequest
    from tau3mu.processing import Processor

__all__ = ["RecordWriter", "move_into_place", "new_folder"]


def new_folder(folder: Path, name: str) -> Path:
    """Returns an empty folder in which derived data are put together.

    Args:
        folder: That of all derived data of the run.
        name: That of the derived data.

    Raises:
        RunError: It cannot be made.
    """
    aside = folder / f".{name}.new"
    shutil.rmtree(aside, ignore_errors=True)  # of a run that was killed
    try:
        aside.mkdir(parents=True)
    except OSError as error:
        raise disk_error(aside, error) from error
    return aside


def move_into_place(aside: Path, folder: Path, name: str) -> Path:
    """Returns the folder of derived data, after it took its place.

    Args:
        aside: From `new_folder`, complete.
        folder: That of all derived data of the run.
        name: That of the derived data.

    Raises:
        RunError: It cannot be moved.
    """
    target, old = folder / name, folder / f".{name}.old"
    try:
        shutil.rmtree(old, ignore_errors=True)
        if target.exists():  # of a run with fewer files, which was resumed
            target.rename(old)
        aside.rename(target)
    except OSError as error:
        raise disk_error(target, error) from error
    shutil.rmtree(old, ignore_errors=True)
    return target


class RecordWriter:
    """Writes the records of derived data, once their files are there.

    Attributes:
        events: How many events or candidates they hold.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        request: SkimRequest,
        processor: Processor,
        datasets: Sequence[Dataset],
        files: Sequence[CheckedFile],
        missing: Mapping[str, Collection[str]],
    ) -> None:
        """Creates it.

        Args:
            folder: Where the files of the data are.
            name: That of the data.
            request: What was asked for.
            processor: That selected the events.
            datasets: What was read.
            files: The files that were read.
            missing: The files of each dataset that could not be read.
        """
        self.folder, self.name, self.request, self.processor = folder, name, request, processor
        self.datasets, self.files, self.missing = datasets, files, missing
        self.events = 0

    def write_skim(self, merged: Sequence[Merged], layouts: Mapping[str, str]) -> None:
        """Writes the records of a standard skim.

        Args:
            merged: Its files.
            layouts: The layout of each dataset.

        Raises:
            RunError: A file cannot be written.
        """
        found, entries = {}, {}
        for dataset in self.datasets:
            own = [one for one in merged if _of(one).dataset == dataset.name]
            if not own:
                continue
            origin = merged_origin(map(_of, own))
            files = [
                DerivedFile(
                    path=Path(one.path).name,
                    uuid=one.uuid,
                    tree=one.tree,
                    entries=one.entries,
                    size=one.size,
                )
                for one in own
            ]
            found[dataset.name] = self._dataset(dataset, origin.rows, origin.cuts, files)
            entries[dataset.name] = {
                "files": {
                    one.path: {"object_path": one.tree, "entries": one.entries} for one in files
                },
                "metadata": self._metadata(dataset, layouts[dataset.name]),
            }
        self._write(found, entries)

    def write_links(self, job: SkimJob, chunks: Sequence[Chunk]) -> None:
        """Writes the links of linked data, and their records.

        Args:
            job: What the workers were told.
            chunks: Of which they wrote parts, in the order of the events.

        Raises:
            RunError: A file cannot be written.
        """
        found, entries = {}, {}
        for dataset in self.datasets:
            own = [chunk for chunk in chunks if chunk.dataset == dataset.name]
            if not own:
                continue
            name = f"{dataset.name}_links.parquet"
            parts = [part_path(job, chunk) for chunk in own]
            number, origins = merge_links(self.folder / name, parts)
            origin = merged_origin(origins)
            size = (self.folder / name).stat().st_size
            file = DerivedFile(path=name, uuid="", tree="", entries=number, size=size)
            found[dataset.name] = self._dataset(dataset, origin.rows, origin.cuts, [file])
            reference = common_layout(chunk.layout for chunk in own)
            facts = self._metadata(dataset, reference)
            entries[dataset.name] = {
                "files": {
                    file.listed or file.path: _parent_entry(dataset, file)
                    for file in self.files
                    if file.dataset == dataset.name and file.path in {one.path for one in own}
                },
                "metadata": facts | {"linked": name},
            }
        self._write(found, entries)

    def write_slim(self, cutflow: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Writes the record of slim data, which no run can read.

        Args:
            cutflow: That of the processor.

        Raises:
            RunError: The file cannot be written.
        """
        path = self.folder / f"candidates.{self.request.format}"
        number = len(load_candidates(path))
        size = path.stat().st_size
        file = DerivedFile(path=path.name, uuid="", tree="candidates", entries=number, size=size)
        found = {
            dataset.name: self._dataset(dataset, as_counts(cutflow[dataset.name]), None, [file])
            for dataset in self.datasets
            if dataset.name in cutflow
        }
        self.events = number
        write_derived(self.folder, self._record(found))

    def _metadata(self, dataset: Dataset, reference: str) -> dict[str, Any]:
        complete = dataset.fraction == 1 and not self.missing.get(dataset.name)
        return _metadata(dataset, reference, self.folder, complete=complete)

    def _dataset(
        self,
        dataset: Dataset,
        rows: tuple[Counts, ...],
        cuts: tuple[CutRecord, ...] | None,
        files: Sequence[DerivedFile],
    ) -> DerivedDataset:
        own = [file for file in self.files if file.dataset == dataset.name]
        return DerivedDataset(
            parent=Parent(
                name=dataset.name,
                version=dataset_version(dataset, own),
                files=tuple(
                    ParentFile(
                        path=redact(one.path), uuid=one.uuid, tree=one.tree, entries=one.entries
                    )
                    for one in own
                ),
                derived=_record_beside(own),
            ),
            cutflow=rows,
            cuts=cuts,
            files=tuple(files),
            missing=tuple(sorted(map(redact, self.missing.get(dataset.name, ())))),
        )

    def _write(self, found: dict[str, DerivedDataset], entries: Mapping[str, Any]) -> None:
        self.events = sum(file.entries for one in found.values() for file in one.files)
        write_derived(self.folder, self._record(found))
        write_text(self.folder / DATASET, json_text(entries))

    def _record(self, found: dict[str, DerivedDataset]) -> DerivedRecord:
        facts: dict[str, Any] = {
            "kind": self.request.kind,
            "step": self.request.at,
            "processor": {
                "name": self.processor.name,
                "classes": classes_of(type(self.processor)),
                **self.processor.configuration,
            },
            "parents": {name: one.parent.version for name, one in found.items()},
        }
        key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
        return DerivedRecord(
            kind=self.request.kind,
            name=self.name,
            key=key,
            step=self.request.at,
            processor=facts["processor"],
            datasets=found,
            package=version("tau3mu"),
        )


def _parent_entry(dataset: Dataset, file: CheckedFile) -> dict[str, Any]:
    """Returns a file of the parent as a dataset file has it."""
    details = dataset.details_of(file.listed or file.path)
    facts = {
        "object_path": file.tree,
        "entries": file.entries,
        "replicas": list(details.replicas),
        "checksum": details.checksum,
    }
    return {name: value for name, value in facts.items() if value}


def _record_beside(files: Sequence[CheckedFile]) -> str | None:
    """Returns the record of derived data that were read, if it is beside them."""
    for file in files:
        record = Path(file.path).parent / DERIVED
        if file.origin and "://" not in file.path and record.is_file():
            return str(record.absolute())
    return None


def _metadata(dataset: Dataset, reference: str, folder: Path, *, complete: bool) -> dict[str, Any]:
    """Returns the metadata of a dataset file; a layout of a user is written beside it."""
    names = ["era", "is_mc", "lumi", "lumi_source", "energy", "cross_section", "brilcalc"]
    names += ["generated"] if complete else []
    facts: dict[str, Any] = {name: getattr(dataset, name) for name in names}
    if dataset.extra:
        facts["extra"] = dict(dataset.extra)
    table = layout(reference)
    facts["layout"] = table.name
    if table.own:
        facts["layout"] = f"{dataset.name}_layout.tsv"
        write_text(folder / facts["layout"], reference.partition("\n")[2] + "\n")
    return {name: value for name, value in facts.items() if value is not None}


def _of(merged: Merged) -> Origin:
    return parse_origin(merged.origin, merged.path)
