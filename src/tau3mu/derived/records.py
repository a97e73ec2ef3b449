"""`derived.json` and `dataset.json`: what derived data are, and how a run reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from tau3mu.config.documents import read_document
from tau3mu.datasets.origin import Counts, CutRecord, Kind
from tau3mu.errors import InputError
from tau3mu.storage.files import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "DATASET", "DERIVED", "DerivedDataset", "DerivedFile", "DerivedRecord", "Parent", "ParentFile",
    "lineage", "read_derived", "write_derived",
]  # fmt: skip

DERIVED: Final = "derived.json"
DATASET: Final = "dataset.json"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")


class ParentFile(_Record):
    """A file of a parent that was read."""

    path: str
    uuid: str
    tree: str
    entries: int


class Parent(_Record):
    """A parent dataset.

    Attributes:
        name: Its name.
        version: A hash of its files and facts.
        files: Those that were read.
        derived: The `derived.json` of the parent, if it is derived data itself.
    """

    name: str
    version: str
    files: tuple[ParentFile, ...]
    derived: str | None = None


class DerivedFile(_Record):
    """A file of derived data, its path relative to that of `derived.json`."""

    path: str
    uuid: str
    tree: str
    entries: int
    size: int


class DerivedDataset(_Record):
    """What was derived of one dataset.

    Attributes:
        parent: The dataset.
        cutflow: Its rows up to the step.
        cuts: The cuts up to the step with the parameters that each reads.
        files: What holds the events.
        missing: The files of the parent that could not be read, of which nothing is in it.
    """

    parent: Parent
    cutflow: tuple[Counts, ...]
    cuts: tuple[CutRecord, ...] | None
    files: tuple[DerivedFile, ...]
    missing: tuple[str, ...] = ()


class DerivedRecord(_Record):
    """The content of `derived.json`.

    Attributes:
        version: Of this form.
        kind: `standard`, `slim` or `linked`.
        name: The name of the derived data.
        key: A hash of all that they depend on.
        step: The step of the cutflow that the events passed; empty for slim.
        processor: Its name, class, parameters and hash.
        datasets: By the name of the dataset.
        package: The version of this package.
        run: The results folder of the run, relative to that of this file.
    """

    version: Literal[1] = 1
    kind: Kind
    name: str
    key: str
    step: str
    processor: dict[str, Any]
    datasets: dict[str, DerivedDataset]
    package: str
    run: str = "../.."


def read_derived(path: Path) -> DerivedRecord:
    """Returns the content of a `derived.json`.

    Args:
        path: The file, or its folder.

    Raises:
        InputError: It cannot be read, or is not one.
    """
    file = path / DERIVED if path.is_dir() else path
    if not file.is_file():
        message = f"there is no {DERIVED} at {path}: expected the folder of derived data"
        raise InputError(message, code="derived.not-found", path=path)
    return read_document(file, "record of derived data", language="derived").validate(DerivedRecord)


def lineage(path: Path) -> list[tuple[Path, DerivedRecord]]:
    """Returns derived data and all derived data that they were made of, the nearest first.

    Args:
        path: A `derived.json`, or its folder.

    Raises:
        InputError: A parent is not where it was, or the chain of parents is a circle.
    """
    found: list[tuple[Path, DerivedRecord]] = []
    done: set[Path] = set()
    _follow(path, (), found, done)
    return found


def _follow(
    path: Path,
    children: Sequence[Path],
    found: list[tuple[Path, DerivedRecord]],
    done: set[Path],
) -> None:
    file = (path / DERIVED if path.is_dir() else path).resolve()
    if file in children:
        circle = " → ".join(str(one) for one in (*children[children.index(file) :], file))
        message = f"derived data are their own parent: {circle}; the records were changed by hand"
        raise InputError(message, code="derived.cycle", path=file)
    if file in done:
        return
    if children and not file.is_file():
        message = (
            f"{children[-1]} was derived of {file}, which is not there: put the parent back, or "
            "make the data again from what is there"
        )
        raise InputError(message, code="derived.missing-parent", path=file)
    record = read_derived(file)
    done.add(file)
    found.append((file, record))
    for one in record.datasets.values():
        if one.parent.derived is not None:
            _follow(Path(file.parent / one.parent.derived), (*children, file), found, done)


def write_derived(folder: Path, record: DerivedRecord) -> None:
    """Writes `derived.json`.

    Args:
        folder: That of the derived data.
        record: Its content.

    Raises:
        RunError: It cannot be written.
    """
    document = record.model_dump(mode="json")
    write_text(folder / DERIVED, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
