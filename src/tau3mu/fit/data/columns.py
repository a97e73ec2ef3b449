"""Columns of trees and of parquet files; only those that are asked for are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import awkward as ak
from uproot.interpretation.identify import UnknownInterpretation
from uproot.interpretation.objects import CannotBeAwkward

from tau3mu.config.input_files import refuse_special
from tau3mu.errors import InputError, suggest
from tau3mu.fit.data.root_files import find_tree, listed, open_root

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


__all__ = ["check_names", "not_numbers", "parquet_columns", "tree_columns"]


def tree_columns(
    path: str, tree: str | None, names: Sequence[str], *, optional: Sequence[str] = ()
) -> dict[str, ak.Array]:
    """Returns branches of a TTree or RNTuple, the only tree of the file if none is named.

    Those that are optional are returned if they are there.

    Raises:
        InputError: There is no such file, tree or branch, or the branch is nothing that can be
            fitted.
    """
    with open_root(path) as file:
        found = find_tree(file, tree)
        check_names(names, found.keys(), f"tree {found.name!r} of {path}", "branch")
        wanted = _wanted(names, optional, found.keys())
        return {name: _branch(found, name, path) for name in wanted}


def parquet_columns(
    path: str, names: Sequence[str], *, optional: Sequence[str] = ()
) -> dict[str, ak.Array]:
    """Returns columns of a parquet file, or of all parquet files in a folder.

    Those that are optional are returned if they are there.

    Raises:
        InputError: There is no such file or column.
    """
    import pyarrow.dataset
    from pyarrow import ArrowException

    if Path(path).is_dir():
        for each in Path(path).rglob("*"):
            refuse_special(each, folders=True)
    try:
        files = pyarrow.dataset.dataset(path, format="parquet")
        check_names(names, files.schema.names, path, "column")
        wanted = _wanted(names, optional, files.schema.names)
        table = files.to_table(columns=wanted)
    except InputError:
        raise
    except FileNotFoundError as error:
        message = f"cannot read {path} as parquet: no such file"
        raise InputError(message, code="fit.missing-file", path=path) from error
    except (OSError, ArrowException) as error:
        message = f"cannot read {path} as parquet: {str(error).splitlines()[0]}"
        raise InputError(message, code="fit.unreadable-parquet", path=path) from error
    return {name: ak.from_arrow(table[name]) for name in wanted}


def _branch(tree: Any, name: str, path: str) -> ak.Array:
    try:
        return tree[name].array()
    except (UnknownInterpretation, CannotBeAwkward) as error:
        where = f"{path}: branch {name!r}"
        raise not_numbers(where, tree[name].typename) from error


def not_numbers(what: str, kind: str) -> InputError:
    """Returns the error for a column of another type than numbers."""
    message = f"{what} has the type {kind}; expected numbers"
    return InputError(message, code="fit.not-numbers", path=what)


def check_names(names: Iterable[str], known: Sequence[str], where: str, kind: str) -> None:
    """Refuses names of columns that are not there."""
    for name in names:
        if name not in known:
            message = (
                f"{where} has no {kind} {name!r}{suggest(name, known)}; it has {listed(known)}"
            )
            raise InputError(message, code=f"fit.unknown-{kind}", path=name)


def _wanted(names: Iterable[str], optional: Iterable[str], known: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*names, *(name for name in optional if name in known)]))
