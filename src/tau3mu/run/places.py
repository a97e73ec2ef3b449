"""Where the files of a recorded run are now: as recorded, below a prefix, or as a map says."""

from __future__ import annotations

import os
from functools import cache
from importlib.resources import files as resources
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tau3mu.config.documents import read_document
from tau3mu.config.input_files import user_path
from tau3mu.datasets import Certification, Dataset, FileDetails
from tau3mu.errors import InputError
from tau3mu.storage.locations import is_url, locate

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tau3mu.run.frozen import FrozenDataset, FrozenFile, FrozenRun

__all__ = ["dataset_at", "places_of", "shipped_path"]


def shipped_path(path: str) -> str | None:
    """Returns where a file lies among the data of this package, None if it does not.

    Args:
        path: An absolute path or a URL.
    """
    start = f"{_shipped_data()}{os.sep}"
    return path.removeprefix(start) if path.startswith(start) else None


@cache
def _shipped_data() -> Path:
    return Path(str(resources("tau3mu.data")))


def places_of(
    frozen: FrozenRun,
    prefix: str | None,
    files: str | Path | Mapping[str, str] | None,
    without: Collection[tuple[str, str]],
) -> dict[tuple[str, str], str]:
    """Returns where files are now, by dataset and recorded path.

    Args:
        frozen: What was recorded.
        prefix: Below which all files are looked for that the map does not name.
        files: A map from recorded paths to places, or a JSON file of one.
        without: Files that are left out, by dataset and recorded path.

    Raises:
        InputError: A file is not there, or the map names one that was not read.
    """
    given = _mapping(files)
    listed = {file.path for dataset in frozen.datasets for file in dataset.files}
    if unknown := sorted(set(given) - listed):
        message = f"the map of files names {unknown[0]}, which the run did not read"
        raise InputError(message, code="frozen.unknown-file", path=unknown[0])
    found = {}
    for dataset in frozen.datasets:
        for file in dataset.files:
            if any((dataset.name, path) in without for path in (file.path, *file.replicas)):
                continue
            if file.path in given:
                place = locate(given[file.path], folder=Path.cwd(), prefix=None)
            elif prefix is not None:
                place = _below(prefix, file)
            elif "***" in file.path and is_url(file.path):
                message = (
                    f"{file.path} was read with a secret, which is not recorded: say with "
                    "--files where the file is now"
                )
                raise InputError(message, code="frozen.secret-not-recorded", path=file.path)
            else:
                place = _shipped(file)
            found[dataset.name, file.path] = place
    return found


def _shipped(file: FrozenFile) -> str:
    """Returns the recorded place of a file, or that of the same file in this package."""
    if file.shipped is None or Path(file.path).is_file():
        return file.path
    return str(_shipped_data() / file.shipped)


def _below(prefix: str, file: FrozenFile) -> str:
    """Returns where a file is below a prefix: at the longest end of its path that is there."""
    path = file.path.partition("://")[2].partition("/")[2] if is_url(file.path) else file.path
    parts = [part for part in PurePosixPath(path).parts if part != "/"]
    if is_url(prefix):
        return locate("/".join(parts), folder=Path(), prefix=prefix)
    root = user_path(prefix).absolute()
    for number in range(len(parts)):
        if (place := root.joinpath(*parts[number:])).is_file():
            return str(place)
    message = f"{file.path} is not below {root}, nor is {parts[-1]} there"
    raise InputError(message, code="frozen.missing-file", path=file.path)


def dataset_at(dataset: FrozenDataset, places: Mapping[tuple[str, str], str]) -> Dataset | None:
    """Returns a dataset with its files in other places, None if no file is left.

    Args:
        dataset: As it was recorded.
        places: By dataset and recorded path; files without a place are left out.
    """
    kept = [
        (places[dataset.name, file.path], file)
        for file in dataset.files
        if (dataset.name, file.path) in places
    ]
    if not kept:
        return None
    return Dataset(
        dataset.name,
        {place: file.tree for place, file in kept},
        era=dataset.era,
        is_mc=dataset.is_mc,
        lumi=dataset.lumi,
        extra=dict(dataset.extra),
        details={place: _details(file, moved=place != file.path) for place, file in kept},
        layout=dataset.layout,
        certification=_certification(dataset),
        fraction=dataset.fraction,
        linked=dataset.linked,
        energy=dataset.energy,
        cross_section=dataset.cross_section,
        lumi_source=dataset.lumi_source,
        brilcalc=dataset.brilcalc,
        generated=dataset.generated,
        readers=None if dataset.readers is None else frozenset(dataset.readers),
    )


def _certification(dataset: FrozenDataset) -> Certification | None:
    if dataset.certification is None:
        return None
    ranges = {
        int(run): tuple((first, last) for first, last in parts)
        for run, parts in dataset.certification.items()
    }
    return Certification(ranges)


def _details(file: FrozenFile, *, moved: bool) -> FileDetails:
    replicas = () if moved else tuple(r for r in file.replicas if "***" not in r)
    return FileDetails(replicas, file.checksum, sorted_as=file.sorted_as or file.path)


def _mapping(files: str | Path | Mapping[str, str] | None) -> Mapping[str, str]:
    if files is None or not isinstance(files, str | Path):
        return files or {}
    document = read_document(files, "map of files", language="frozen")
    for path, place in document.content.items():
        if not isinstance(place, str):
            message = f"{document.source}: {path}: expected a path or a URL, got {place!r}"
            raise InputError(message, code="frozen.wrong-map", path=path)
    return document.content
