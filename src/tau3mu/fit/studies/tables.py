"""The rows of the file from which the entries of a fit were read."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from uproot.interpretation.identify import UnknownInterpretation
from uproot.interpretation.objects import CannotBeAwkward

from tau3mu.errors import InputError
from tau3mu.fit.data.root_files import find_tree, open_root

if TYPE_CHECKING:
    import pyarrow as pa

    from tau3mu.fit.data import Source, Unbinned

__all__ = ["read_table", "rows_of"]

log = logging.getLogger(__name__)

_PARQUET = (".parquet", ".pq")


def read_table(source: Source, column: str) -> pa.Table:
    """Returns all columns of the table from which a column was read.

    Branches that cannot be columns, such as those of classes, are skipped.

    Args:
        source: The data.
        column: The column.

    Raises:
        InputError: The entries were not read from a file.
    """
    import pyarrow.dataset

    path, found, key = source.name.rpartition(":")
    if not found or not key.endswith(column):
        message = (
            f"the entries of {column} were not read from a file, so there are no rows for sWeights"
        )
        raise InputError(message, code="fit.needs-entries", path=column)
    if Path(path).is_dir() or path.endswith(_PARQUET):
        table = pyarrow.dataset.dataset(path, format="parquet").to_table()
    else:
        table = _tree_table(path, key.removesuffix(column).rstrip("/") or None)
    # awkward and pandas say there which columns to expect, and there will be others.
    return table.replace_schema_metadata(None)


def rows_of(table: pa.Table, column: str, source: Source, sample: Unbinned) -> np.ndarray:
    """Returns which rows of a table were fitted.

    Args:
        table: As `read_table` returns it.
        column: What was fitted.
        source: What was read; if it names datasets, of the rows of these.
        sample: What of this was fitted.

    Raises:
        InputError: The rows do not have one entry each.
    """
    if not isinstance(source.data, tuple):
        message = f"{source.name}: a histogram has no rows"
        raise InputError(message, code="fit.needs-entries", path=column)
    values = source.data[0]
    entries = len(values) if source.passed is None else len(source.passed)
    read = np.ones(len(table), dtype=bool)
    if source.datasets:
        read = np.isin(table["dataset"].to_numpy(), source.datasets)
    if read.sum() != entries:
        message = (
            f"{source.name}: {entries} entries of {column} were read from {read.sum()} rows; "
            "sWeights need one in each row, not a list"
        )
        raise InputError(message, code="fit.needs-flat-column", path=column)
    if source.passed is not None:
        read[read] = source.passed
    inside = np.any([(values >= low) & (values < high) for low, high in sample.intervals], axis=0)
    read[read] = inside
    return read


def _tree_table(path: str, tree: str | None) -> pa.Table:
    with open_root(path) as file:
        found = find_tree(file, tree)
        arrays = {name: _array(found, name) for name in found.keys(recursive=False)}
    columns = {name: array for name, array in arrays.items() if array is not None}
    for name in arrays.keys() - columns.keys():
        log.warning("%s: branch %s cannot be a column and is skipped", path, name)
    return ak.to_arrow_table(ak.zip(columns, depth_limit=1), extensionarray=False)


def _array(tree: Any, name: str) -> ak.Array | None:
    try:
        return tree[name].array()
    except (UnknownInterpretation, CannotBeAwkward):
        return None
