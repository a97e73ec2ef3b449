"""Versions of datasets: hashes of what is in them, wherever it lies."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from tau3mu.config.input_files import file_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.datasets.checked import CheckedFile
    from tau3mu.datasets.dataset import Dataset

__all__ = ["dataset_version"]


def dataset_version(dataset: Dataset, files: Sequence[CheckedFile]) -> str:
    """Returns a hash of the content of a dataset: of its files and of all that is known of it.

    Paths, replicas and the order of the files are no part of it, nor is the name.

    Args:
        dataset: What is known of it.
        files: Its files, as they were checked; those of other datasets are ignored.
    """
    from tau3mu.ntuples.layout import layout  # with awkward

    own = [file for file in files if file.dataset == dataset.name]
    # The text of a user's table in a file is that of the branches that happened to be read.
    tables = {dataset.layout or layout(file.layout).name for file in own}
    view = dataset.fraction != 1
    facts = {
        "files": sorted(
            [file.tree, file.uuid, str(file.entries), file.checksum or ""] for file in own
        ),
        "layouts": sorted(table or "" for table in tables),
        "era": dataset.era,
        "is_mc": dataset.is_mc,
        "lumi": _number(dataset.whole_lumi if view else dataset.lumi),
        "extra": dict(dataset.extra),
        "certification": dataset.certification.hash if dataset.certification else None,
        "fraction": _number(dataset.fraction),
    }
    # Only if they are given: versions of before these keys stay as they are.
    names = ("energy", "cross_section", "lumi_source", "generated")
    known = {name: getattr(dataset, name) for name in names}
    if dataset.brilcalc is not None:
        known["brilcalc"] = file_hash(Path(dataset.brilcalc), "luminosity file")
    facts |= {name: value for name, value in known.items() if value is not None}
    if dataset.linked is not None:
        facts["linked"] = file_hash(Path(dataset.linked), "links")
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)  # 5 and 5.0 are the same
