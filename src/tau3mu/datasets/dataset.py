"""Datasets, and the files of the command line as one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from tau3mu.datasets.duplicates import check_listed_once
from tau3mu.datasets.short import check_fraction
from tau3mu.errors import InputError
from tau3mu.storage.locations import expand, split_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from typing_extensions import Self

    from tau3mu.datasets.certification import Certification

__all__ = [
    "Dataset",
    "FileDetails",
    "HasReaders",
    "check_names",
    "combine",
    "dataset_from_files",
    "limit_files",
]

_NAME = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class FileDetails:
    """Facts about a file of a dataset file beside its tree.

    Attributes:
        replicas: Further places where the same file lies, in the order in which to try them.
        checksum: Such as `adler32:0a1b2c3d`.
        entries: How many events it has.
        sorted_as: The path by which its results are sorted among those of other files, None for
            its own: sums of floats depend on their order.
    """

    replicas: tuple[str, ...] = ()
    checksum: str | None = None
    entries: int | None = None
    sorted_as: str | None = None


_NOTHING = FileDetails()


class HasReaders:
    """What only some of the processors of a run may read.

    Attributes:
        readers: The names of those that read it; None for all.
    """

    readers: frozenset[str] | None

    def is_read_by(self, processor: str) -> bool:
        """Returns whether a processor reads it.

        Args:
            processor: Its name.
        """
        return self.readers is None or processor in self.readers


@dataclass(frozen=True)
class Dataset(HasReaders):
    """Files that are analyzed as one: the data of an era, or a simulated sample.

    Attributes:
        name: What results call it; letters, digits and `_.-`, since files are named after it.
        files: The name of the tree by file (absolute path or URL), None for the tree of the
            layout that the file has.
        era: The data-taking era, such as 2017B.
        is_mc: Whether it is simulation.
        lumi: The integrated luminosity in fb^-1, None if it is not known. That of a short view is
            known once its files were counted; see `tau3mu.datasets.short.counted`.
        extra: Further facts; processors find them in `events.metadata`.
        details: Of those files of which more is known than their tree.
        layout: The reference of the layout of the files (see `own_layout`), None to detect it.
        certification: The runs and luminosity sections of data that are used, None for all.
        fraction: Of the entries of each file, the first of which are used: a short view.
        whole_lumi: The luminosity of the dataset of which this is a short view.
        linked: The file of the links that tell which entries of the files are used; None for all.
        energy: The center-of-mass energy in TeV; by default that of the LHC in the year of the era.
        cross_section: Of simulation, in pb.
        lumi_source: Where the luminosity comes from, for the record.
        brilcalc: Of data, the file of brilcalc that has the luminosity of each section or run; that
            of the sections whose events were read is counted.
        generated: Of simulation, how many events were generated for all files, or the sum of their
            weights; None if the files say it.
        readers: The names of the processors that read it; None for all of a run.

    Raises:
        InputError: The name cannot be the name of a file, there are no files, one of them or of
            their replicas is listed twice, the fraction is not above 0 and up to 1, simulation
            has what only data have, or data what only simulation has, or there are two
            luminosities.
    """

    name: str
    files: Mapping[str, str | None]
    era: str | None = None
    is_mc: bool = False
    lumi: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, FileDetails] = field(default_factory=dict)
    layout: str | None = None
    certification: Certification | None = None
    fraction: float = 1.0
    whole_lumi: float | None = None
    linked: str | None = None
    energy: float | None = None
    cross_section: float | None = None
    lumi_source: str | None = None
    brilcalc: str | None = None
    generated: float | None = None
    readers: frozenset[str] | None = None

    def __post_init__(self) -> None:
        """Checks name and files."""
        if not _NAME.fullmatch(self.name) or self.name in {".", ".."}:
            message = f"dataset name {self.name!r}: expected letters, digits and _.- only"
            raise InputError(message, code="dataset.bad-name", path=self.name)
        if not self.files:
            message = f"dataset {self.name!r} has no files"
            raise InputError(message, code="dataset.no-files", path=self.name)
        check_listed_once((path, self.name) for path in self.places())
        check_fraction(self.fraction, self.name)
        if self.fraction < 1 and self.whole_lumi is None:  # never that of the whole for a part
            object.__setattr__(self, "whole_lumi", self.lumi)
            object.__setattr__(self, "lumi", None)
        if self.is_mc and self.certification is not None:
            message = f"dataset {self.name!r} is simulation, which has no certification: remove it"
            raise InputError(message, code="dataset.certified-simulation", path=self.name)
        if self.is_mc and self.brilcalc is not None:
            message = (
                f"dataset {self.name!r} is simulation, which has no luminosity sections: remove "
                "brilcalc"
            )
            raise InputError(message, code="dataset.brilcalc-of-simulation", path=self.name)
        for name in ("cross_section", "generated"):
            if not self.is_mc and getattr(self, name) is not None:
                message = (
                    f"dataset {self.name!r} is data, which has no {name}: remove it, or say "
                    "is_mc: true"
                )
                raise InputError(message, code="dataset.simulation-only", path=self.name)
        if self.brilcalc is not None and (self.lumi, self.whole_lumi) != (None, None):
            message = (
                f"dataset {self.name!r} has lumi and brilcalc, which may differ: remove one of them"
            )
            raise InputError(message, code="dataset.two-luminosities", path=self.name)

    def short(self, fraction: float) -> Self:
        """Returns a short view: the first entries of every file, whose results keep the name.

        Args:
            fraction: Of the entries of each file, rounded up to a whole number.

        Raises:
            InputError: It is not above 0 and up to 1, or this is a view already.
        """
        if self.fraction < 1:
            message = f"dataset {self.name!r} is a short view already, of {self.fraction:g}"
            raise InputError(message, code="dataset.view-of-view", path=self.name)
        return replace(self, fraction=fraction)

    def places(self) -> list[str]:
        """Returns all files and their replicas."""
        replicas = [r for path in self.files for r in self.details_of(path).replicas]
        return [*self.files, *replicas]

    def details_of(self, path: str) -> FileDetails:
        """Returns what is known of a file beside its tree.

        Args:
            path: A key of `files`.
        """
        return self.details.get(path, _NOTHING)


def dataset_from_files(patterns: Sequence[str]) -> Dataset:
    """Returns one dataset named `files`: data without luminosity.

    Args:
        patterns: Local files, glob patterns or URLs, each with `:tree` at its end if the tree is
            not that of a known layout.

    Raises:
        InputError: A pattern matches nothing or is that of a short view, or a file is listed twice.
    """
    for pattern in patterns:
        if "@short:" in pattern:
            message = f"{pattern}: expected a dataset before @short, such as a dataset file"
            raise InputError(message, code="dataset.view-of-files", path=pattern)
    split = [split_tree(pattern) for pattern in patterns]
    found = [(path, tree) for pattern, tree in split for path in expand(pattern)]
    check_listed_once((path, "files") for path, _ in found)
    return Dataset("files", dict(found))


def combine(*groups: Iterable[Dataset]) -> list[Dataset]:
    """Returns all datasets in one list.

    Args:
        groups: Datasets, such as those of several dataset files.

    Raises:
        InputError: Two datasets have the same name, or share a file.
    """
    datasets = [dataset for group in groups for dataset in group]
    check_names(datasets)
    check_listed_once((path, dataset.name) for dataset in datasets for path in dataset.places())
    return datasets


def check_names(datasets: Iterable[Dataset]) -> None:
    """Checks that results of two datasets would not be taken for those of one.

    Args:
        datasets: All datasets of a run.

    Raises:
        InputError: Two datasets have the same name.
    """
    names: set[str] = set()
    for dataset in datasets:
        if dataset.name in names:
            message = f"dataset {dataset.name!r} is given twice; names have to be unique"
            raise InputError(message, code="dataset.duplicate-name", path=dataset.name)
        names.add(dataset.name)


def limit_files(datasets: Iterable[Dataset], max_files: int) -> list[Dataset]:
    """Returns the datasets with at most the first `max_files` files of each.

    Args:
        datasets: The datasets.
        max_files: The largest number of files of each.

    Raises:
        InputError: The limit is smaller than one.
    """
    if max_files < 1:
        message = f"at most {max_files} files per dataset leaves nothing; expected 1 or more"
        raise InputError(message, code="dataset.out-of-range", path="max_files")
    return [
        replace(
            dataset,
            files=dict(islice(dataset.files.items(), max_files)),
            # It is that of all files.
            generated=dataset.generated if len(dataset.files) <= max_files else None,
        )
        for dataset in datasets
    ]
