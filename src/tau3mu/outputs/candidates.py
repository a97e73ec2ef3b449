"""Selected candidates as a ROOT TTree or as parquet, one row per event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Literal, get_args

import awkward as ak
import numpy as np
import uproot

from tau3mu.errors import InputError, RunError, suggest
from tau3mu.storage.files import Memory, atomic, find

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "CandidatesFormat",
    "check_format",
    "load_candidates",
    "write_candidates",
    "written_and_read",
]

CandidatesFormat = Literal["root", "parquet"]

# Rows per basket: large enough to compress well, small enough to hold in memory twice.
_BASKET_ROWS = 200_000


def load_candidates(path: str | Path) -> ak.Array:
    """Returns the candidates of a processor with the columns and types that were written.

    Args:
        path: `candidates.root` or `candidates.parquet`, the folder of a processor, or a results
            folder of one processor.

    Raises:
        InputError: There is no such file, or it does not hold candidates.
    """
    file = find(path, "candidates.root", "candidates.parquet")
    try:
        if file.suffix == ".parquet":
            return ak.from_parquet(file)
        with uproot.open(file) as content:
            return content["candidates"].arrays()
    except (OSError, ValueError, uproot.KeyInFileError) as error:
        message = f"cannot read candidates from {file}: {error}"
        raise InputError(message, code="outputs.no-candidates", path=file) from error


def check_format(name: str) -> None:
    """Checks that there is a format of this name.

    Raises:
        InputError: There is none.
    """
    if name not in (known := get_args(CandidatesFormat)):
        message = (
            f"unknown candidates format {name!r}{suggest(name, known)}; known: {', '.join(known)}"
        )
        raise InputError(message, code="outputs.unknown-format", path=name)


def write_candidates(folder: Path, candidates: ak.Array, *, fmt: CandidatesFormat) -> None:
    """Writes `candidates.root`, a TTree `candidates`, or `candidates.parquet`, in place of both.

    Args:
        folder: Where to write.
        candidates: One record per event; each field is a number, a truth value or a string. A
            missing number becomes NaN.
        fmt: The format.

    Raises:
        RunError: The file cannot be written, or a field is nested or misses integers.
    """
    with atomic(folder / f"candidates.{fmt}") as temporary:
        _write(temporary, candidates, fmt)
    for other in {*get_args(CandidatesFormat)} - {fmt}:  # of a run that is resumed
        (folder / f"candidates.{other}").unlink(missing_ok=True)


def written_and_read(candidates: ak.Array, fmt: CandidatesFormat) -> ak.Array:
    """Returns what `load_candidates` would return of candidates, without a file."""
    memory = Memory()
    _write(memory, candidates, fmt)
    memory.seek(0)
    if fmt == "parquet":
        import pyarrow.parquet as pq

        return ak.from_arrow(pq.read_table(memory))
    with uproot.open(memory) as content:
        return content["candidates"].arrays()


def _write(target: Path | BinaryIO, candidates: ak.Array, fmt: CandidatesFormat) -> None:
    columns = {name: _column(name, candidates[name]) for name in candidates.fields}
    if fmt == "parquet":
        import pyarrow.parquet as pq

        # ak.to_parquet buries the error of a full disk under another one.
        table = ak.to_arrow_table(ak.zip(columns, depth_limit=1), extensionarray=False)
        pq.write_table(table, target, compression="zstd")
    else:
        _write_tree(target, columns, len(candidates))


def _write_tree(path: Path | BinaryIO, columns: dict[str, Any], n_rows: int) -> None:
    kinds = {
        name: column.dtype if isinstance(column, np.ndarray) else column.type.content
        for name, column in columns.items()
    }
    with uproot.recreate(path) as file:
        tree = file.mktree("candidates", kinds)
        for start in range(0, n_rows, _BASKET_ROWS):
            stop = start + _BASKET_ROWS
            tree.extend({name: column[start:stop] for name, column in columns.items()})


def _column(name: str, values: ak.Array) -> Any:
    kind = str(values.type.content)
    if kind == "string":
        return values
    if values.ndim != 1 or values.fields:
        message = f"candidates column {name!r} has the type {kind}; expected one value per event"
        raise RunError(message, code="outputs.nested-column", path=name)
    array = ak.to_numpy(values)
    if not isinstance(array, np.ma.MaskedArray):
        return array
    if array.dtype.kind != "f" and np.ma.is_masked(array):
        message = f"candidates column {name!r} ({kind}) has missing values; only floats may"
        raise RunError(message, code="outputs.missing-values", path=name)
    return array.filled(np.nan) if np.ma.is_masked(array) else array.data
