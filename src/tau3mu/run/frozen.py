"""`full_config.json`: all that a run was made of, resolved, so that it can be made again.

Beside it lies `code/` with the users' modules as they were imported, and the small files that they
name. `freeze` writes both, `thaw` makes objects of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from tau3mu.config.documents import Strict, read_document
from tau3mu.errors import InputError
from tau3mu.run.copied_files import CopiedFile
from tau3mu.storage.names import FULL_CONFIG

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Fingerprints",
    "FrozenDataset",
    "FrozenFile",
    "FrozenFit",
    "FrozenProcessor",
    "FrozenRun",
    "read_frozen",
]


_Facts = Annotated[dict[str, Any], Field(default_factory=dict)]


class FrozenFile(Strict):
    """A file of a dataset, as it was checked.

    Attributes:
        path: As the dataset lists it, without secrets.
        tree: The name of its tree, None to take that of its layout.
        layout: The name of its layout; empty if it could not be opened.
        uuid: The UUID that ROOT gave to it; empty if it could not be opened.
        entries: The number of its events, None if nobody knows it.
        replicas: Further places where it lies.
        sorted_as: The path by which its results were sorted among those of others, None for its
            own: that of the replica that was read.
        checksum: What the dataset file says about its bytes.
        shipped: Where it lies among the data of this package, if it does.
    """

    path: str
    tree: str | None = None
    layout: str = ""
    uuid: str = ""
    entries: int | None = None
    replicas: tuple[str, ...] = ()
    sorted_as: str | None = None
    checksum: str | None = None
    shipped: str | None = None


class FrozenDataset(Strict):
    """A dataset with its files.

    Attributes:
        lumi: The luminosity; of a short view, that of the whole dataset.
        layout: The name of the layout that is asked for or the text of a user's table, None to
            detect it.
        certification: The runs and luminosity sections that are used, None for all.
        fraction: Of the events of each file, the first of which are used.
        linked: The file of the links that tell which events are used, None for all.
        energy: As in a dataset file, like the next four.
        cross_section: Of simulation.
        lumi_source: Where the luminosity comes from.
        brilcalc: The luminosity file, or the text that stands for its copy.
        generated: Of simulation.
        readers: The names of the processors that read it, None for all.
    """

    name: str
    files: tuple[FrozenFile, ...]
    era: str | None = None
    is_mc: bool = False
    lumi: float | None = None
    extra: _Facts
    layout: str | None = None
    certification: dict[str, list[list[int]]] | None = None
    fraction: float = 1.0
    linked: str | None = None
    energy: float | None = None
    cross_section: float | None = None
    lumi_source: str | None = None
    brilcalc: str | None = None
    generated: float | None = None
    readers: tuple[str, ...] | None = None


class FrozenProcessor(Strict):
    """A processor with the resolved values of its parameters.

    Attributes:
        name: Of its results.
        source: Where its class is: the name of an installed processor, `package.module:Class`, or
            `code/0/file.py:Class`; None if it cannot be found again.
        root: From where imports of a copied file start.
        reason: Why it cannot be made again from here.
        parameters: The values of all parameters.
        columns: What it reads.
        needs: The processors of the same pass that it needs.
        skim: What is derived by it, as `tau3mu.derived.SkimRequest` takes it.
        hash: Of class and parameters, as in its configuration.
    """

    name: str
    source: str | None
    root: str | None = None
    reason: str = ""
    parameters: dict[str, Any]
    columns: tuple[str, ...]
    needs: tuple[str, ...] = ()
    skim: dict[str, Any] | None = None
    hash: str = ""


class FrozenFit(Strict):
    """A fit: the content of its file, and what stands for the folder of this file."""

    document: dict[str, Any]
    folder: str | None = None


class Fingerprints(Strict):
    """Hashes of all that results depend on, part by part, none of which depends on a place.

    Attributes:
        package: Of the parts of this package.
        versions: Of this package, Python and the libraries that select events.
        processors: Of class, parameters and the code that its class is imported with, by name.
        datasets: Of the files and facts of each dataset, by name.
        fits: Of the document of each fit, by the name of the processor.
    """

    package: dict[str, str]
    versions: dict[str, str]
    processors: dict[str, str]
    datasets: dict[str, str]
    fits: dict[str, str]


class FrozenRun(Strict):
    """The content of `full_config.json`.

    Attributes:
        version: Of this form.
        datasets: With all files that the run was to read.
        processors: In their order.
        fits: By the name of the processor.
        settings: The options of the run, as they were given.
        code: The files below `code/`.
        moved: The copies of files that texts name by absolute paths, by these texts.
        directory: What stands for the working directory, if files were named from there.
        fingerprints: By part.
    """

    version: Literal[1] = 1
    datasets: tuple[FrozenDataset, ...]
    processors: tuple[FrozenProcessor, ...]
    fits: Annotated[dict[str, FrozenFit], Field(default_factory=dict)]
    settings: dict[str, Any]
    code: tuple[CopiedFile, ...] = ()
    moved: Annotated[dict[str, str], Field(default_factory=dict)]
    directory: str | None = None
    fingerprints: Fingerprints


def read_frozen(folder: Path) -> FrozenRun:
    """Returns what a run, or a train, was made of.

    Args:
        folder: Of its results, or of the train.

    Raises:
        InputError: There is no `full_config.json`, or it cannot be read.
    """
    path = folder / FULL_CONFIG
    if not path.is_file():
        message = f"{folder} has no {FULL_CONFIG}: it is not the folder of a run or a train"
        raise InputError(message, code="frozen.no-configuration", path=path)
    return read_document(path, "frozen configuration", language="frozen").validate(FrozenRun)
