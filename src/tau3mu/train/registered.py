"""The file of a registered dataset: `STORE/datasets/NAME/VERSION.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from tau3mu.config.documents import Strict, read_document
from tau3mu.config.input_files import read_bytes
from tau3mu.datasets import CheckedFile, Dataset, FileDetails
from tau3mu.datasets.certification import Certification
from tau3mu.datasets.versions import dataset_version
from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = [
    "Parent",
    "RegisteredDataset",
    "RegisteredFile",
    "Registration",
    "check_unchanged",
    "read_registered",
    "registered_files",
]

_Count = Annotated[int, Field(ge=0)]
_Text = Annotated[str, Field(min_length=1)]


class RegisteredFile(Strict):
    """A file as it was found when the dataset was registered.

    Attributes:
        path: An absolute path or a URL.
        tree: The name of its tree.
        layout: The name of the layout of its tree.
        uuid: The UUID that ROOT gave to it.
        entries: The number of events.
        size: Its length in bytes.
        replicas: Further places where it lies, in the order in which to try them.
        checksum: Such as `adler32:0a1b2c3d`.
    """

    path: _Text
    tree: _Text
    layout: str
    uuid: str
    entries: _Count
    size: _Count | None = None
    replicas: tuple[_Text, ...] = ()
    checksum: str | None = None

    def checked(self, dataset: str) -> CheckedFile:
        """Returns the file as the preflight describes it.

        Args:
            dataset: The name of its dataset.
        """
        return CheckedFile(
            dataset, self.path, self.tree, self.layout, self.uuid, self.entries, (),
            self.replicas, self.checksum, size=self.size,
        )  # fmt: skip


class Parent(Strict):
    """What a dataset was made from: a version of another one, a step of a train, or both.

    Attributes:
        dataset: The name of the dataset.
        version: Its version.
        train: The number of the train that has written the files.
        step: The step of the selection up to which the train came.
    """

    dataset: _Text | None = None
    version: _Text | None = None
    train: Annotated[int, Field(ge=1)] | None = None
    step: _Text | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Parent:
        if self.train is None and (self.dataset is None or self.version is None):
            message = "expected dataset and version, or train"
            raise InputError(message, code="train.empty-parent")
        return self

    def __str__(self) -> str:
        """Returns how tables show it."""
        dataset = f"{self.dataset}@{self.version}" if self.dataset else ""
        train = f"train {self.train}" if self.train else ""
        step = f"step {self.step}" if self.step else ""
        return ", ".join(filter(None, (dataset, train, step)))


class Registration(Strict):
    """When a content was registered, and by whom; `number` counts those of the dataset."""

    number: Annotated[int, Field(ge=1)]
    when: _Text
    by: str


class RegisteredDataset(Strict):
    """A version of a registered dataset.

    Attributes:
        schema_version: Of this file.
        name: What trains call the dataset.
        version: The hash of the content, see `tau3mu.datasets.versions`.
        files: In the order in which they are read.
        era: As in a dataset file, like the next four.
        is_mc: Whether it is simulation.
        lumi: The integrated luminosity in fb^-1.
        extra: Further facts, which processors find in `events.metadata`.
        layout: The layout that all files have to have, None to detect it.
        certification: The certified luminosity sections by run number.
        linked: The file of links that tell which events of the files are meant, None for all.
        linked_events: How many these are.
        energy: As in a dataset file, like the next four.
        cross_section: Of simulation, in pb.
        lumi_source: Where the luminosity comes from.
        brilcalc: The luminosity file.
        generated: Of simulation, the number of events or the sum of their weights.
        parent: What it was made from.
        description: A line for other people.
        active: Whether new trains may read it.
        registered: When the dataset came to have this content, which may be more than once.
    """

    schema_version: Literal[1] = 1
    name: _Text
    version: _Text
    files: Annotated[tuple[RegisteredFile, ...], Field(min_length=1)]
    era: str | None = None
    is_mc: bool = False
    lumi: Annotated[float, Field(gt=0)] | None = None
    extra: dict[str, Any] = Field(default_factory=dict)
    layout: str | None = None
    certification: dict[str, tuple[tuple[int, int], ...]] | None = None
    linked: _Text | None = None
    linked_events: Annotated[int, Field(ge=0)] | None = None
    energy: Annotated[float, Field(gt=0)] | None = None
    cross_section: Annotated[float, Field(gt=0)] | None = None
    lumi_source: _Text | None = None
    brilcalc: _Text | None = None
    generated: Annotated[float, Field(gt=0)] | None = None
    parent: Parent | None = None
    description: str = ""
    active: bool = True
    registered: Annotated[tuple[Registration, ...], Field(min_length=1)]

    @property
    def last(self) -> Registration:
        """When it was registered for the last time."""
        return self.registered[-1]

    @property
    def events(self) -> int:
        """The number of events of all files, or of those that are linked."""
        if self.linked_events is not None:
            return self.linked_events
        return sum(file.entries for file in self.files)

    @property
    def size(self) -> int | None:
        """The bytes of all files, None if some are not known, or only events in them are meant."""
        if self.linked is not None:
            return None
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def dataset(self) -> Dataset:
        """Returns the dataset as runs take it: its files have to hold the events of this version.

        Raises:
            InputError: The file of the version was changed by hand in a way that no dataset allows.
        """
        details = {
            file.path: FileDetails(file.replicas, file.checksum, file.entries)
            for file in self.files
        }
        trees: dict[str, str | None] = {file.path: file.tree for file in self.files}
        ranges = {int(run): parts for run, parts in (self.certification or {}).items()}
        return Dataset(
            self.name, trees, self.era, self.is_mc, self.lumi, self.extra, details, self.layout,
            Certification(ranges, f"dataset {self.name}") if ranges else None,
            linked=self.linked, energy=self.energy, cross_section=self.cross_section,
            lumi_source=self.lumi_source, brilcalc=self.brilcalc, generated=self.generated,
        )  # fmt: skip

    def checked_files(self) -> list[CheckedFile]:
        """Returns the files as the preflight found them."""
        return [file.checked(self.name) for file in self.files]


def registered_files(dataset: Dataset, files: Sequence[CheckedFile]) -> tuple[RegisteredFile, ...]:
    """Returns what a version file says of the files of a dataset.

    Args:
        dataset: The dataset.
        files: All of its files as the preflight found them.
    """
    return tuple(_registered(dataset, file) for file in files)


def _registered(dataset: Dataset, file: CheckedFile) -> RegisteredFile:
    path = file.listed or file.path
    # The layout of a user is the text of a table, and the same for all files.
    layout = file.layout if "\n" not in file.layout else ""
    return RegisteredFile(
        path=path, tree=file.tree, layout=layout, uuid=file.uuid, entries=file.entries,
        size=file.size, replicas=dataset.details_of(path).replicas, checksum=file.checksum,
    )  # fmt: skip


def read_registered(path: Path) -> RegisteredDataset:
    """Returns a version of a registered dataset.

    Args:
        path: Its file.

    Raises:
        InputError: It cannot be read, or was renamed.
    """
    try:  # fast, for 10,000 files
        found = RegisteredDataset.model_validate_json(read_bytes(path, "registered dataset"))
    except ValidationError:
        document = read_document(path, "registered dataset", language="train")
        found = document.validate(RegisteredDataset)
    if (found.name, found.version) != (path.parent.name, path.stem):
        message = f"{path} is of {found.name}@{found.version}: it was renamed; put it back"
        raise InputError(message, code="train.renamed-version", path=path)
    return found


def check_unchanged(dataset: RegisteredDataset) -> None:
    """Checks that a version has the content after which it is named.

    Args:
        dataset: As it was read.

    Raises:
        InputError: Its file was changed by hand.
    """
    actual = dataset_version(dataset.dataset(), dataset.checked_files())
    if actual == dataset.version:
        return
    name = f"{dataset.name}@{dataset.version}"
    message = (
        f"the file of {name} was changed by hand: its content has the version {actual}; put it "
        "back, or remove the file and register the data again (datasets add)"
    )
    raise InputError(message, code="train.changed-version", path=name)
