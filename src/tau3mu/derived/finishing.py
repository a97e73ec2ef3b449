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
from tau3mu.derived.merging import merged_origin
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
from tau3mu.ntuples.layout import layout
from tau3mu.redaction import redact
from tau3mu.storage.files import disk_error, json_text, write_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tau3mu.datasets import CheckedFile, Dataset
    from tau3mu.derived.merging import Merged
    from tau3mu.derived.requests import SkimRequest
    from tau3mu.processing import Processor

__all__ = ["move_into_place", "new_folder", "parents_of", "write_records"]


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


def parents_of(datasets: Sequence[Dataset], files: Sequence[CheckedFile]) -> dict[str, Parent]:
    """Returns the parents of derived data, by the name of the dataset.

    Args:
        datasets: What was read.
        files: The files that were read.
    """
    found = {}
    for dataset in datasets:
        own = [file for file in files if file.dataset == dataset.name]
        found[dataset.name] = Parent(
            name=dataset.name,
            version=dataset_version(dataset, own),
            files=tuple(
                ParentFile(
                    path=redact(file.path), uuid=file.uuid, tree=file.tree, entries=file.entries
                )
                for file in own
            ),
            derived=_derived(own),
        )
    return found


def _derived(files: Sequence[CheckedFile]) -> str | None:
    """Returns the record of derived data that were read, if it is beside them."""
    for file in files:
        record = Path(file.path).parent / DERIVED
        if file.origin and "://" not in file.path and record.is_file():
            return str(record.absolute())
    return None


def write_records(
    aside: Path,
    name: str,
    request: SkimRequest,
    processor: Processor,
    merged: Sequence[Merged],
    datasets: Sequence[Dataset],
    parents: Mapping[str, Parent],
    missing: Mapping[str, Collection[str]],
    layouts: Mapping[str, str],
) -> DerivedRecord:
    """Returns the record of a standard skim, after writing it and its dataset file.

    Args:
        aside: The folder with its files.
        name: That of the skim.
        request: What was asked for.
        processor: That selected the events.
        merged: Its files.
        datasets: What was read.
        parents: By the name of the dataset.
        missing: The files of each dataset that could not be read.
        layouts: The layout of each dataset.

    Raises:
        RunError: A file cannot be written.
    """
    found, entries = {}, {}
    for dataset in datasets:
        own = [one for one in merged if _of(one).dataset == dataset.name]
        if not own:
            continue
        origin = merged_origin(map(_of, own))
        found[dataset.name] = DerivedDataset(
            parent=parents[dataset.name],
            cutflow=origin.rows,
            cuts=origin.cuts,
            files=tuple(
                DerivedFile(
                    path=Path(one.path).name,
                    uuid=one.uuid,
                    tree=one.tree,
                    entries=one.entries,
                    size=one.size,
                )
                for one in own
            ),
            missing=tuple(sorted(map(redact, missing.get(dataset.name, ())))),
        )
        entries[dataset.name] = {
            "files": {
                Path(one.path).name: {"object_path": one.tree, "entries": one.entries}
                for one in own
            },
            "metadata": metadata_of(dataset, layouts[dataset.name], aside),
        }
    record = record_of(name, request, processor, found)
    write_derived(aside, record)
    write_text(aside / DATASET, json_text(entries))
    return record


def record_of(
    name: str, request: SkimRequest, processor: Processor, datasets: dict[str, DerivedDataset]
) -> DerivedRecord:
    """Returns the record of derived data.

    Args:
        name: That of the data.
        request: What was asked for.
        processor: That selected the events.
        datasets: What was derived of each dataset.
    """
    facts: dict[str, Any] = {
        "kind": request.kind,
        "step": request.at,
        "processor": {
            "name": processor.name,
            "classes": classes_of(type(processor)),
            **processor.configuration,
        },
        "parents": {name: one.parent.version for name, one in datasets.items()},
    }
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    return DerivedRecord(
        kind=request.kind,
        name=name,
        key=key,
        step=request.at,
        processor=facts["processor"],
        datasets=datasets,
        package=version("tau3mu"),
    )


def metadata_of(dataset: Dataset, reference: str, folder: Path) -> dict[str, Any]:
    """Returns the metadata of a dataset file for what was derived of a dataset.

    Args:
        dataset: The parent.
        reference: Its layout; a user's own is written beside the dataset file.
        folder: That of the dataset file.
    """
    facts: dict[str, Any] = {"era": dataset.era, "is_mc": dataset.is_mc, "lumi": dataset.lumi}
    if dataset.extra:
        facts["extra"] = dict(dataset.extra)
    table = layout(reference)
    facts["layout"] = table.name
    if table.own:
        facts["layout"] = f"{dataset.name}_layout.tsv"
        write_text(folder / facts["layout"], reference.partition("\n")[2] + "\n")
    return {name: value for name, value in facts.items() if value is not None}


def _of(merged: Merged) -> Any:
    return parse_origin(merged.origin, merged.path)
