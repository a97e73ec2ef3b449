"""Blocks to files: the skims' own layout as an RNTuple, the NanoAOD-like one as a TTree."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import uproot

from tau3mu.generate.block import join
from tau3mu.generate.layouts import as_counted_arrays, as_lists
from tau3mu.ntuples.layout import layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import awkward as ak

    from tau3mu.generate.block import Block
    from tau3mu.ntuples.layout import Layout

__all__ = ["write_blocks"]

_FORMS = {"t3m": as_lists, "nano": as_counted_arrays}


def write_blocks(
    path: Path, blocks: Iterable[Block], *, layout_name: str, compression: str, at_once: int
) -> Iterator[int]:
    """Writes a file, and yields the number of events of each step after it.

    The file has its name only when it is complete. Each step puts `at_once` blocks into one
    cluster of the file; so many are in memory together.
    """
    table, form = layout(layout_name), _FORMS[layout_name]
    part = path.with_name(f".{path.name}.part")
    algorithm = getattr(uproot, compression.upper())
    remaining, tree = iter(blocks), None
    try:
        with uproot.recreate(part, compression=algorithm(1)) as file:
            while group := list(islice(remaining, at_once)):
                block = join(group)
                del group
                arrays = form(block, table)
                tree = tree or _create_tree(file, table, arrays)
                tree.extend(arrays)
                events = len(block.columns["event"])
                del block, arrays  # or they would be in memory together with the next ones
                yield events
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def _create_tree(file: Any, table: Layout, arrays: Mapping[str, ak.Array]) -> Any:
    types = {name: array.type.content for name, array in arrays.items()}
    create = file.mkrntuple if table.name == "t3m" else file.mktree
    return create(table.tree, types)
