"""Makes datasets, processors and fits again of what the folder of a run or a train recorded."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tau3mu.config.input_files import user_path
from tau3mu.derived import SkimRequest
from tau3mu.errors import InputError
from tau3mu.processing.behaviors import without_changes
from tau3mu.processing.catalogue import checked_class, load_class
from tau3mu.processing.own_code import library_versions, package_hashes
from tau3mu.processing.user_code import user_errors, what
from tau3mu.processing.user_files import import_user_file
from tau3mu.run.copied_files import hash_of
from tau3mu.run.freezing import made_again
from tau3mu.run.frozen import read_frozen
from tau3mu.run.named_files import moved_texts
from tau3mu.run.places import dataset_at, places_of
from tau3mu.run.settings import Settings, option_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from types import ModuleType

    from tau3mu.datasets import Dataset
    from tau3mu.fit import FitModel
    from tau3mu.processing import Processor
    from tau3mu.run.frozen import FrozenDataset, FrozenProcessor, FrozenRun

__all__ = ["Thawed", "recorded_directory", "thaw"]

_RESOLVED: Final = {
    *("files", "datasets", "prefix", "layout", "max_files", "certification", "brilcalc"),
    *("processors", "values", "variants", "n_minus_one", "fit", "skim"),
}
"""Options that the frozen datasets, processors and fits hold already."""


@dataclass(frozen=True)
class Thawed:
    """What a folder recorded, as objects.

    Attributes:
        folder: The folder.
        datasets: With the places where their files are now.
        processors: In their order.
        fits: By the name of the processor, None without a fit.
        skims: What is derived beside the results, by the name of the processor.
        settings: How the run was made, without where: its cluster, folder and proxy.
        frozen: What was recorded.
        places: Where the files are now, by dataset and recorded path.
        differences: What is not as recorded: versions, code of this package, copies of code.
    """

    folder: Path
    datasets: list[Dataset]
    processors: list[Processor]
    fits: dict[str, FitModel | None]
    skims: dict[str, SkimRequest]
    settings: Settings
    frozen: FrozenRun
    places: dict[tuple[str, str], str]
    differences: tuple[str, ...]


def thaw(
    folder: str | Path,
    *,
    prefix: str | None = None,
    files: str | Path | Mapping[str, str] | None = None,
    without: Collection[tuple[str, str]] = (),
) -> Thawed:
    """Returns datasets, processors and fits as a folder recorded them.

    Args:
        folder: Of the results of a run, or of a train.
        prefix: A folder or a URL below which all files are looked for now, by the longest end of
            their paths that is there. Below a URL, it is the path as a whole.
        files: Where files are now, by their recorded paths; or a JSON file of this.
        without: Files that are left out, by dataset and recorded path.

    Raises:
        InputError: Something that was recorded is not there any more, or could not be recorded.
    """
    folder = user_path(folder).absolute()
    frozen = read_frozen(folder)
    moved = {text: str(folder / path) for text, path in frozen.moved.items()}
    _check_copies(folder, frozen)
    places = places_of(frozen, prefix, files, without)
    with recorded_directory(folder, frozen):
        processors = _processors(folder, frozen, moved)
        fits = _fits(folder, frozen, moved)
    return Thawed(
        folder=folder,
        datasets=[
            one
            for dataset in frozen.datasets
            if (one := dataset_at(_with_copies(dataset, moved), places))
        ],
        processors=processors,
        fits=fits,
        skims={one.name: SkimRequest(**one.skim) for one in frozen.processors if one.skim},
        settings=_settings(frozen),
        frozen=frozen,
        places=places,
        differences=tuple(_differences(folder, frozen)),
    )


def _with_copies(dataset: FrozenDataset, moved: Mapping[str, str]) -> FrozenDataset:
    """Returns a dataset with the copies of the files that belong to it."""
    return dataset.model_copy(update={"brilcalc": moved_texts(dataset.brilcalc, moved)})


@contextmanager
def recorded_directory(folder: Path, frozen: FrozenRun) -> Iterator[None]:
    """Makes the copy of the working directory that of this process, if there is one.

    Args:
        folder: Of the run or the train.
        frozen: What it recorded.
    """
    if frozen.directory is None:
        yield
        return
    before = Path.cwd()
    os.chdir(folder / frozen.directory)
    try:
        yield
    finally:
        os.chdir(before)


def _settings(frozen: FrozenRun) -> Settings:
    kept = {
        name: value
        for name, value in frozen.settings.items()
        if name in Settings.model_fields
        and name not in _RESOLVED
        and name != "proxy"
        and not (option_of(name).place and name != "workers")
        and value is not None
        and value != Settings.model_fields[name].default
    }
    return Settings.parsed(**kept)


def _check_copies(folder: Path, frozen: FrozenRun) -> None:
    for copied in frozen.code:
        path = folder / copied.path
        if path.exists():
            continue
        how = (
            f"{copied.original} was not copied, since {copied.linked}: put it, or a link to it, at "
            f"{path}"
            if copied.linked
            else "copy the folder as a whole"
        )
        message = f"{path} is missing; {how}"
        raise InputError(message, code="frozen.missing-copy", path=path)


def _differences(folder: Path, frozen: FrozenRun) -> Iterator[str]:
    then = frozen.fingerprints
    now = {"python": sys.version.partition(" ")[0], **library_versions()}
    for name, number in then.versions.items():
        if now.get(name) != number:
            yield f"{name} is {now.get(name)}, recorded is {number}"
    parts = package_hashes()
    every = sorted({*parts, *then.package})
    changed = [part for part in every if parts.get(part) != then.package.get(part)]
    if changed:
        yield f"the code of tau3mu is another one in {', '.join(changed)}"
    for copied in frozen.code:
        if hash_of(folder / copied.path) != copied.sha256:
            yield f"{copied.path} has been changed since it was recorded"


def _processors(folder: Path, frozen: FrozenRun, moved: Mapping[str, str]) -> list[Processor]:
    modules: dict[str, ModuleType] = {}
    made = []
    for one in frozen.processors:
        if one.source is None or one.reason:
            message = (
                f"processor {one.name} of {folder} cannot be made again: {one.reason}. Put its "
                "class into a file of its own with declared parameters, and run it from there: "
                "path/to/file.py:Class"
            )
            raise InputError(message, code="frozen.no-source", path=one.name)
        cls = _class(folder, one, modules, moved)

        def failed(error: BaseException, name: str = one.name) -> InputError:
            message = f"processor {name} of {folder} cannot be made again: {what(error)}"
            return InputError(message, code="frozen.not-made", path=name)

        with user_errors(failed):
            processor = made_again(cls, one.name, moved_texts(one.parameters, moved))
            if one.needs != tuple(processor.needs):
                processor = processor.with_needs(one.needs)
        made.append(processor)
    return made


def _class(
    folder: Path, one: FrozenProcessor, modules: dict[str, ModuleType], moved: Mapping[str, str]
) -> type[Processor]:
    source = str(one.source)
    place, _, label = source.rpartition(":")
    if not place:
        return load_class(source)
    if one.root is None:
        try:
            return checked_class(attrgetter(label)(import_module(place)), source)
        except (ImportError, AttributeError) as error:
            message = (
                f"processor {one.name} of {folder} is {source}, which cannot be imported here: "
                f"{error}; install the package"
            )
            raise InputError(message, code="frozen.not-installed", path=source) from error
    if place not in modules:
        with without_changes(f"processor file {folder / place}"):
            modules[place] = import_user_file(
                folder / place, "processor file", root=folder / one.root, moved=moved
            )
    return checked_class(attrgetter(label)(modules[place]), source)


def _fits(folder: Path, frozen: FrozenRun, moved: Mapping[str, str]) -> dict[str, FitModel | None]:
    from tau3mu.fit.language import model_of

    found: dict[str, FitModel | None] = dict.fromkeys(one.name for one in frozen.processors)
    for name, fit in frozen.fits.items():
        place = folder / fit.folder if fit.folder else folder
        document = moved_texts(fit.document, moved)
        found[name] = model_of(document, f"the fit of {name} in {folder}", place)
    return found
