"""Dataset files: JSON in, validated datasets out.

A dataset file is one object with an entry per dataset, in coffea's form:

    {"2017B": {"files": {"store/x_1.root": "Tree3Mu/ntuple"},
               "metadata": {"era": "2017B", "is_mc": false, "lumi": 4.8}}}

- `files` maps paths to trees; instead of the name of a tree there may be null (the tree of the
  layout that the file has) or coffea's `{"object_path": tree}`. A list of `path` and `path:tree`
  will do too.
- A file that lies in several places is `{"tree": ..., "replicas": [...]}` with the other places, or
  in a list of files a list of all its places; they are tried in this order. `checksum` (such as
  `adler32:0a1b2c3d`) and `entries` beside them are compared with what is found.
- `metadata` knows `era`, `is_mc` (false if absent: data), `lumi` in fb^-1, `lumi_source`, `energy`
  in TeV, `cross_section` of simulation in pb, `generated`, `brilcalc`, `layout` (the name of a
  layout, or a table in a file beside the dataset file), `certification` (a file beside it: the runs
  and luminosity sections of data that are used), `linked` (a file beside it: the entries of the
  files that are used, see `tau3mu.derived`), and `extra`: an object that processors find
  in `events.metadata`. Every other key is an error, so that a misspelt
  `is_MC` does not turn simulation into data.
- Relative paths lie under the prefix, or without one in the folder of the dataset file.

The form of the tutorial is read as well: `type` ("data" or "mc"), `rootpath`, `files` (names
between spaces), `treename`, and `era`, `lumi` and `skim`. With a prefix, `rootpath` always lies
under it, also when it begins with a slash.
"""

from __future__ import annotations

import json
import os
from importlib.resources import files
from pathlib import Path

from tau3mu.config.documents import read_document
from tau3mu.config.input_files import user_path
from tau3mu.config.problems import Problem
from tau3mu.datasets.certification import Certification, read_certification
from tau3mu.datasets.dataset import Dataset, FileDetails, combine
from tau3mu.datasets.duplicates import check_listed_once
from tau3mu.datasets.schema import DatasetFile, FileEntry, FilesetEntry, TutorialEntry
from tau3mu.datasets.short import split_view
from tau3mu.errors import InputError, suggest
from tau3mu.storage.locations import locate

__all__ = ["load_datasets", "shipped_datasets"]

_KEYS = {
    "ntuples.": ("metadata", "layout"),
    "certification.": ("metadata", "certification"),
    "dataset.certified": ("metadata", "certification"),
    "dataset.simulation-only": ("metadata", "is_mc"),
    "dataset.brilcalc": ("metadata", "brilcalc"),
    "dataset.two-luminosities": ("metadata", "brilcalc"),
}
"""Where the errors of these codes come from."""


def load_datasets(file: str | Path, *, prefix: str | None = None) -> list[Dataset]:
    """Returns the datasets of a dataset file.

    Args:
        file: The name of a shipped dataset file (see `shipped_datasets`) or the path of one, with
            `@short:0.01` at its end for a hundredth of the events of every file.
        prefix: Where the files lie: a folder or a URL that is put before relative paths.

    Raises:
        InputError: The file cannot be read, is not a dataset file, or lists a file twice. The
            message names all problems.
    """
    name, fraction = split_view(os.fspath(file))
    path = _path_of(name)
    document = read_document(path, "dataset file", language="dataset")
    if document.content.keys() >= {"kind", "step", "datasets"}:
        kind = document.content["kind"]
        hint = "slim data are no input of runs" if kind == "slim" else "give dataset.json beside it"
        message = f"{path} is the record of {kind} derived data, not a dataset file: {hint}"
        raise InputError(message, code="derived.not-an-input", path=path)
    entries = document.validate(DatasetFile).root
    found, problems = [], []
    for name, entry in entries.items():
        try:
            dataset = _dataset(name, entry, folder=path.parent, prefix=prefix)
            found.append(dataset.short(fraction) if fraction < 1 else dataset)
        except InputError as error:  # noqa: PERF203 - all problems at once
            keys = next((_KEYS[kind] for kind in _KEYS if error.code.startswith(kind)), ())
            problems.append(Problem((name, *keys), error.code or "wrong-value", str(error)))
    if problems:
        raise document.error(problems)
    try:
        return combine(found)
    except InputError as error:
        raise document.error([Problem((), error.code or "wrong-value", str(error))]) from error


def shipped_datasets() -> list[str]:
    """Returns the names of the dataset files that ship with the package."""
    return sorted(path.stem for path in _shipped().glob("*.json") if _is_dataset_file(path))


def _path_of(file: str | Path) -> Path:
    if isinstance(file, str) and file in (shipped := shipped_datasets()):
        return _shipped() / f"{file}.json"
    path = user_path(file)
    if not path.exists():
        shipped = shipped_datasets()
        message = (
            f"there is no dataset file {str(file)!r}{suggest(str(file), shipped)}; expected a JSON "
            f"file or one of the shipped datasets: {', '.join(shipped)}"
        )
        raise InputError(message, code="dataset.unknown-file", path=str(file))
    return path


def _shipped() -> Path:
    return Path(str(files("tau3mu.data")))


def _is_dataset_file(path: Path) -> bool:
    """Returns whether it is a dataset file, and not one of the correction files beside them."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return all(isinstance(entry, dict) and "files" in entry for entry in content.values())


def _dataset(
    name: str, entry: FilesetEntry | TutorialEntry, *, folder: Path, prefix: str | None
) -> Dataset:
    # The tutorial puts its prefix before every rootpath, a slash at the beginning or not.
    slash = "/" if prefix is not None and isinstance(entry, TutorialEntry) else ""
    found = [
        (locate(path.lstrip(slash), folder=folder, prefix=prefix), file)
        for path, file in entry.entries()
    ]
    check_listed_once((path, name) for path, _ in found)
    files = {path: file.tree or file.object_path for path, file in found}
    details = {path: _details(file, folder=folder, prefix=prefix) for path, file in found}
    known = {path: facts for path, facts in details.items() if facts != FileDetails()}
    facts = entry.facts()
    layout = _layout(facts.layout, folder) if facts.layout else None
    return Dataset(
        name,
        files,
        facts.era,
        facts.is_mc,
        facts.lumi,
        facts.extra,
        known,
        layout,
        _certification(facts.certification, folder),
        linked=None if facts.linked is None else str((folder / facts.linked).absolute()),
        energy=facts.energy,
        cross_section=facts.cross_section,
        lumi_source=facts.lumi_source,
        brilcalc=None
        if facts.brilcalc is None
        else str((folder / user_path(facts.brilcalc)).absolute()),
        generated=facts.generated,
    )


def _certification(path: str | None, folder: Path) -> Certification | None:
    return None if path is None else read_certification(folder / user_path(path))


def _layout(asked: str, folder: Path) -> str:
    from tau3mu.ntuples.known_layouts import layout_called  # with awkward

    return layout_called(asked, folder)


def _details(entry: FileEntry, *, folder: Path, prefix: str | None) -> FileDetails:
    replicas = tuple(locate(path, folder=folder, prefix=prefix) for path in entry.replicas)
    return FileDetails(replicas, entry.checksum, entry.entries)
