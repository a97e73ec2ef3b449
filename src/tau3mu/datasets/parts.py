"""The part of datasets that is used: certified data, and short views with their luminosities."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tau3mu.datasets.certification import Certification, read_certification
from tau3mu.datasets.short import view_entries
from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tau3mu.datasets.checked import CheckedFile
    from tau3mu.datasets.dataset import Dataset

__all__ = ["certifications_of", "certified", "counted", "own_columns"]


def certified(
    datasets: Iterable[Dataset], certification: str | Path | Certification
) -> list[Dataset]:
    """Returns the datasets, those of data with a certification in place of one that they had.

    Args:
        datasets: Data and simulation.
        certification: A certification, or its file.

    Raises:
        InputError: The file is not a certification, or there is no data.
    """
    if not isinstance(certification, Certification):
        certification = read_certification(certification)
    found = [one if one.is_mc else replace(one, certification=certification) for one in datasets]
    if all(one.is_mc for one in found):
        message = (
            f"{certification!r} is for data, and all of {', '.join(one.name for one in found)} is "
            "simulation: leave it out"
        )
        raise InputError(message, code="certification.no-data", path=certification.source)
    return found


def own_columns(datasets: Iterable[Dataset], *, per_run: bool = False) -> frozenset[str]:
    """Returns the columns that are read whether or not a processor asks for them.

    Args:
        datasets: With or without certifications and luminosity files.
        per_run: Whether results are kept by run number.
    """
    by_section = any(one.certification is not None or one.brilcalc is not None for one in datasets)
    return frozenset({"run", "lumi"} if by_section else {"run"} if per_run else ())


def certifications_of(datasets: Iterable[Dataset]) -> dict[str, Certification]:
    """Returns the certifications of datasets by their hashes, as chunks name them.

    Args:
        datasets: With or without one.
    """
    found = [one.certification for one in datasets]
    return {one.hash: one for one in found if one is not None}


def counted(dataset: Dataset, files: Sequence[CheckedFile]) -> Dataset:
    """Returns a dataset, a view of it with the luminosity of the entries that are in the view.

    Args:
        dataset: A view or a whole dataset, which stays as it is.
        files: The files that were checked; of files that are not among them, the dataset may know
            the number of entries. If it does not, the luminosity stays unknown.
    """
    if dataset.fraction == 1 or dataset.whole_lumi is None:
        return dataset
    known = {file.listed or file.path: file.entries for file in files}
    numbers = [known.get(path, dataset.details_of(path).entries) for path in dataset.files]
    there = [known[path] for path in dataset.files if path in known]
    return replace(dataset, lumi=_scaled(dataset, numbers, there))


def _scaled(dataset: Dataset, entries: Sequence[int | None], read: Sequence[int]) -> float | None:
    """Returns the luminosity of what is read of files, None if a number is not known."""
    whole = [number for number in entries if number is not None]
    if dataset.whole_lumi is None or len(whole) < len(entries) or not sum(whole):
        return None
    part = sum(view_entries(number, dataset.fraction) for number in read)
    return dataset.whole_lumi * (part / sum(whole))
