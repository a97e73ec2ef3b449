"""Datasets: from dataset files or a list of ntuples to chunks that cover every event once.

`load_datasets` reads dataset files and `dataset_from_files` takes plain files; `check_files` opens
each file and says what is wrong with it before the work begins; `make_chunks` splits the files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from tau3mu.callables import make_callable

if TYPE_CHECKING:
    from tau3mu.datasets.checked import CheckedFile, FailedFile
    from tau3mu.datasets.checksum import verify_checksum
    from tau3mu.datasets.chunks import Chunk, make_chunks
    from tau3mu.datasets.dataset import (
        Dataset,
        FileDetails,
        combine,
        dataset_from_files,
        limit_files,
    )
    from tau3mu.datasets.loading import load_datasets, shipped_datasets
    from tau3mu.datasets.preflight import check_files, check_readable_files

__all__ = [
    "CheckedFile",
    "Chunk",
    "Dataset",
    "FailedFile",
    "FileDetails",
    "check_files",
    "check_readable_files",
    "combine",
    "dataset_from_files",
    "limit_files",
    "load_datasets",
    "make_chunks",
    "shipped_datasets",
    "verify_checksum",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "chunks": ["Chunk", "make_chunks"],
        "checksum": ["verify_checksum"],
        "dataset": ["Dataset", "FileDetails", "combine", "dataset_from_files", "limit_files"],
        "checked": ["CheckedFile", "FailedFile"],
        "loading": ["load_datasets", "shipped_datasets"],
        "preflight": ["check_files", "check_readable_files"],
    },
)

make_callable(__name__, "tau3mu.datasets.finding:datasets")
