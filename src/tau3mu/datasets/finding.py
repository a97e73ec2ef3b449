"""Datasets by the words of a user: names of shipped ones, dataset files, ntuples and patterns."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tau3mu.datasets.dataset import combine, dataset_from_files, limit_files
from tau3mu.datasets.loading import load_datasets, shipped_datasets
from tau3mu.datasets.short import split_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.datasets.dataset import Dataset

__all__ = ["datasets", "find_datasets", "is_dataset_file"]


def datasets(
    *sources: str | Path,
    prefix: str | None = None,
    max_files: int | None = None,
    layout: str | None = None,
) -> list[Dataset]:
    """Returns datasets of shipped names, dataset files, ntuples and patterns.

    `tau3mu.datasets("dsphipi_2017", prefix="root://server//store", max_files=10)` and
    `tau3mu.datasets("skims/*.root")` are both lists for `tau3mu.run`.

    Args:
        sources: Names of shipped datasets and JSON files of datasets, with `@short:0.01` at the
            end for the first hundredth of each file; and paths, globs and URLs of ntuples, with
            `:TREE` at the end if the tree has an unusual name. All ntuples together are the dataset
            `files`, data without luminosity.
        prefix: Put before the paths in dataset files: a folder or a URL.
        max_files: How many files of each dataset to use, from its beginning.
        layout: Of all files: a shipped one or a table of your own (`.tsv`).

    Raises:
        InputError: A dataset or a file cannot be found, or a file is listed twice.
    """
    texts = [os.fspath(source) for source in sources]
    return find_datasets(
        [text for text in texts if is_dataset_file(text)],
        [text for text in texts if not is_dataset_file(text)],
        prefix=prefix,
        max_files=max_files,
        layout=layout,
    )


def is_dataset_file(text: str) -> bool:
    """Returns whether a text means a shipped dataset or a dataset file rather than ntuples."""
    text, _ = split_view(text)
    if text in shipped_datasets() or Path(text).suffix == ".json":
        return True
    return not any(mark in text for mark in ("*", "?", "[", "://", ".root", "/"))


def find_datasets(
    names: Sequence[str],
    files: Sequence[str],
    *,
    prefix: str | None = None,
    max_files: int | None = None,
    layout: str | None = None,
) -> list[Dataset]:
    """Returns the datasets of dataset files and of ntuples; see `datasets`.

    Args:
        names: Names of shipped datasets, and dataset files, for a short view with
            `@short:FRACTION` at the end.
        files: Paths, globs and URLs of ntuples.
        prefix: Put before the paths in dataset files.
        max_files: How many files of each dataset to use.
        layout: Of all files.

    Raises:
        InputError: As `datasets`.
    """
    groups = [[dataset_from_files(files)]] if files else []
    groups += [load_datasets(name, prefix=prefix) for name in names]
    found = combine(*groups)
    if layout:
        from tau3mu.ntuples.known_layouts import layout_called

        chosen = layout_called(layout)
        found = [replace(dataset, layout=chosen) for dataset in found]
    return found if max_files is None else limit_files(found, max_files)
