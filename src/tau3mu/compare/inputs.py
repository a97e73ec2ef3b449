"""The differences of what was read: files and events, by the UUIDs of the files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from tau3mu.compare.configuration import changes

if TYPE_CHECKING:
    from tau3mu.compare.configuration import Change
    from tau3mu.compare.sides import Side
    from tau3mu.results.manifest import InputFile

__all__ = ["DatasetDifference", "FileChange", "compare_datasets"]


@dataclass(frozen=True)
class FileChange:
    """A file that is on one side alone, or of which another number of events was read.

    Attributes:
        path: Of the file, on the side that has it.
        uuid: Of the file.
        a: The events read on the one side, None if the file is not there.
        b: Those on the other side.
    """

    path: str
    uuid: str
    a: int | None
    b: int | None


@dataclass(frozen=True)
class DatasetDifference:
    """How a dataset differs.

    Attributes:
        name: Of the dataset.
        only: `a` or `b` if the other side does not have it.
        events: How many events were read on both sides.
        files: The files that are on one side alone, or read otherwise.
        facts: What else differs: era, kind, luminosity, triggers, layouts.
    """

    name: str
    only: str
    events: tuple[int, int]
    files: tuple[FileChange, ...] = ()
    facts: tuple[Change, ...] = ()


def compare_datasets(a: Side, b: Side) -> list[DatasetDifference]:
    """Returns the datasets that differ; where the files lie does not matter.

    Args:
        a: The one side.
        b: The other side.
    """
    names = list(dict.fromkeys([*a.run.datasets, *b.run.datasets]))
    found = (_difference(a, b, name) for name in names)
    return [one for one in found if one.only or one.files or one.facts]


def _difference(a: Side, b: Side, name: str) -> DatasetDifference:
    left, right = _files(a, name), _files(b, name)
    files = [
        one
        for key in dict.fromkeys([*left, *right])
        if (one := _file(left.get(key), right.get(key))) is not None
    ]
    in_a, in_b = name in a.run.datasets, name in b.run.datasets
    facts: list[Change] = []
    if in_a and in_b:
        frozen = bool(a.frozen and b.frozen)
        mine, theirs = (_facts(side, name, frozen=frozen) for side in (a, b))
        mine["layouts"], theirs["layouts"] = _layouts(left), _layouts(right)
        known = (key for key in mine if key in theirs)  # to the versions that wrote both
        facts = [one for key in known for one in changes(mine[key], theirs[key], key)]
    events = [sum(file.read for file in found.values()) for found in (left, right)]
    only = "" if in_a and in_b else "a" if in_a else "b"
    return DatasetDifference(name, only, (events[0], events[1]), tuple(files), tuple(facts))


def _facts(side: Side, name: str, *, frozen: bool) -> dict[str, Any]:
    """Returns what is known of a dataset, but its files."""
    stored = side.frozen.get("datasets", ()) if frozen else ()
    none: dict[str, Any] = {}
    known = next((one for one in stored if one.get("name") == name), none)
    facts = side.run.datasets[name].model_dump(mode="json")
    if facts.get("certification"):
        del facts["certification"]["source"]  # the same may lie elsewhere
    if "certification" in known:  # with all ranges
        facts["certification"] = known["certification"]
    if facts.get("luminosity"):  # with a hash of what was counted with
        del facts["luminosity"]["source"]
        facts["lumi_source"] = None
    places = dict.fromkeys(("files", "layout", "linked", "brilcalc"))
    return {**known, **facts, **places}


def _file(a: InputFile | None, b: InputFile | None) -> FileChange | None:
    """Returns how a file differs, None if the same events of it were read."""
    file = a or b
    if file is None or (a and b and a.read == b.read):
        return None
    return FileChange(file.path, file.uuid, a.read if a else None, b.read if b else None)


def _files(side: Side, dataset: str) -> dict[tuple[Any, ...], InputFile]:
    """Returns the files of a dataset that were read, by UUID, or by name where there is none."""
    found: dict[tuple[Any, ...], InputFile] = {}
    failed = {(file.dataset, file.path) for file in side.run.missing}
    for file in side.run.manifest.inputs:
        if file.dataset == dataset and (dataset, file.path) not in failed:
            has_one = file.uuid.strip("0-")
            found[file.uuid if has_one else PurePath(file.path).name, file.tree] = file
    return found


def _layouts(files: dict[tuple[Any, ...], InputFile]) -> list[str]:
    return sorted({file.layout for file in files.values()})
