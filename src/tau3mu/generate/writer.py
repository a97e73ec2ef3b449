"""Blocks to files: the skims' own layout as an RNTuple, the NanoAOD-like one as a TTree.

The former has a list per event for each column and the names of the triggers in lists, the latter
records and a boolean per trigger.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import uproot
from awkward.contents import ListOffsetArray, NumpyArray, RecordArray
from awkward.index import Index64

from tau3mu.generate.block import collection_of, join, partners
from tau3mu.generate.triggers import menu, prescale, version
from tau3mu.ntuples.layout import layout
from tau3mu.storage.files import atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from tau3mu.generate.block import Block
    from tau3mu.ntuples.layout import Branch, Layout

__all__ = ["as_counted_arrays", "as_lists", "write_blocks"]


def as_lists(block: Block, table: Layout) -> dict[str, ak.Array]:
    """Returns the branches of the skims; HLT paths carry the version that they have in the run."""
    arrays = {}
    triggers = {level: _trigger_lists(block, level) for level in ("hlt", "l1")}
    for branch in table.branches:
        level, _, field = branch.view.partition(".")
        if level in triggers:
            arrays[branch.name] = triggers[level][field]
            continue
        collection = collection_of(branch.view)
        content = _content(block, branch)
        if collection:
            arrays[branch.name] = _listed(content, block.counts[collection])
        elif branch.first:
            arrays[branch.name] = _listed(content, np.ones(len(content), np.int64))
        else:
            arrays[branch.name] = ak.Array(content)
    return arrays


def as_counted_arrays(block: Block, table: Layout) -> dict[str, ak.Array]:
    """Returns the branches of the NanoAOD-like layout.

    The columns of a collection are records `Muon` with fields such as `pt`, so that the file has
    them as `Muon_pt` with the common count `nMuon`.
    """
    arrays: dict[str, ak.Array] = {}
    records: dict[str, dict[str, NumpyArray]] = {}
    counts = {}
    for branch in table.branches:
        collection = collection_of(branch.view)
        if branch.name.endswith("*"):
            arrays |= _trigger_flags(block, branch)
        elif not collection:
            arrays[branch.name] = ak.Array(_content(block, branch))
        elif collection == branch.view:
            arrays[branch.name] = _listed(_content(block, branch), block.counts[collection])
        else:
            name, _, field = branch.name.partition("_")
            records.setdefault(name, {})[field] = _content(block, branch)
            counts[name] = block.counts[collection]
    for name, fields in records.items():
        content = RecordArray(list(fields.values()), list(fields))
        arrays[name] = _listed(content, counts[name])
    return arrays


def _content(block: Block, branch: Branch) -> NumpyArray | ListOffsetArray:
    values = block.columns[branch.view].astype(branch.type.rpartition(" * ")[2], copy=False)
    if values.ndim == 1:
        return NumpyArray(values)
    rows, length = values.shape  # a list for each entry, all of the same length
    return ListOffsetArray(Index64(np.arange(rows + 1) * length), NumpyArray(values.reshape(-1)))


def _listed(content: Any, counts: NDArray[np.int64]) -> ak.Array:
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return ak.Array(ListOffsetArray(Index64(offsets), content))


def _trigger_flags(block: Block, wildcard: Branch) -> dict[str, ak.Array]:
    prefix = wildcard.view.removesuffix("*")
    views = (view for view in block.columns if view.startswith(prefix))
    return {view.removeprefix(prefix): ak.Array(block.columns[view]) for view in views}


def _trigger_lists(block: Block, level: str) -> dict[str, ak.Array]:
    """Returns names, decisions and prescales of the triggers in each event."""
    runs, number = np.unique(block.columns["run"], return_inverse=True)
    menus = [(int(run), name) for run in runs for name in menu(level, int(run))]
    lengths = np.bincount(np.searchsorted(runs, [run for run, _ in menus]))
    event, entry = partners(number, lengths)
    suffixes = [f"_v{version(run)}" if level == "hlt" else "" for run, _ in menus]
    names = [name + suffix for (_, name), suffix in zip(menus, suffixes, strict=True)]
    known = sorted({name for _, name in menus})
    fired = np.stack([block.columns[f"{level}.{name}"] for name in known])
    row = np.array([known.index(name) for _, name in menus])
    columns = {
        "name": ak.Array(names)[entry].layout,
        "decision": NumpyArray(fired[row[entry], event].astype(np.int32)),
        "prescale": NumpyArray(np.array([prescale(*item) for item in menus], np.int32)[entry]),
    }
    return {field: _listed(content, lengths[number]) for field, content in columns.items()}


_FORMS = {"t3m": as_lists, "t3m_tau": as_lists, "nano": as_counted_arrays}


def write_blocks(
    path: Path, blocks: Iterable[Block], *, layout_name: str, compression: str, at_once: int
) -> Iterator[int]:
    """Writes a file, and yields the number of events of each step after it.

    Each step puts `at_once` blocks into one cluster of the file; so many are in memory together.

    Args:
        path: The file, which is there only when it is complete.
        blocks: Its events.
        layout_name: `t3m`, `t3m_tau` or `nano`.
        compression: The name of an algorithm of uproot, at level 1.
        at_once: How many blocks make a cluster.

    Raises:
        RunError: The file cannot be written.
    """
    table, form = layout(layout_name), _FORMS[layout_name]
    algorithm = getattr(uproot, compression.upper())
    remaining, tree = iter(blocks), None
    with atomic(path) as part, uproot.recreate(part, compression=algorithm(1)) as file:
        while group := list(islice(remaining, at_once)):
            block = join(group)
            del group
            arrays = form(block, table)
            tree = tree or _create_tree(file, table, arrays)
            tree.extend(arrays)
            events = len(block.columns["event"])
            del block, arrays  # or they would be in memory together with the next ones
            yield events


def _create_tree(file: Any, table: Layout, arrays: Mapping[str, ak.Array]) -> Any:
    types = {name: array.type.content for name, array in arrays.items()}
    create = file.mktree if table.name == "nano" else file.mkrntuple
    return create(table.tree, types)
