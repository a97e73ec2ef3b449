"""The luminosity sections that NanoAOD lists in a tree of its own, also those without events."""

from __future__ import annotations

from typing import Any, Final

from tau3mu.datasets.sections import ranges_of, sections_of

__all__ = ["BLOCKS", "Blocks", "read_blocks"]

_TREE: Final = "LuminosityBlocks"
_NAMES: Final = ("run", "luminosityBlock")
BLOCKS: Final = frozenset(_NAMES)
"""The names of the branches."""

Blocks = tuple[tuple[int, int, int], ...]
"""Run, first and last section of each range."""


def read_blocks(root: Any) -> Blocks | None:
    """Returns the sections that a file lists, None if it has no list.

    Args:
        root: The root directory of an open file in whose trees `BLOCKS` can be read.
    """
    if _TREE not in root:
        return None
    tree = root[_TREE]
    if not set(tree.keys(recursive=False)) >= BLOCKS:
        return None
    run, lumi = (tree[name].array(library="np") for name in _NAMES)
    ranges = ranges_of(sections_of(run, lumi))
    return tuple((int(run), first, last) for run, own in ranges.items() for first, last in own)
