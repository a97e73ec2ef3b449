"""A block of events: the columns of the canonical view before they get the form of a layout.

Most branches of the skims are never read. Their values are drawn from tables of 256
quantiles, which is quick and compresses well; the name of a column tells which table.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.ntuples.layout import layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from tau3mu.ntuples.layout import Branch

__all__ = [
    "Block",
    "all_columns",
    "collection_of",
    "draw_defaults",
    "join",
    "partners",
    "rank_in_event",
    "with_gaps",
]


@dataclass(frozen=True)
class Block:
    """Columns of some events, all of them or those of some collections.

    Attributes:
        counts: For each collection, how many entries each event has.
        columns: For each place in the canonical view the values of all events, one event after
            the other; flags are boolean, and each trigger is a flag of the event
            (`hlt.HLT_DoubleMu3_Trk_Tau3mu`).
    """

    counts: dict[str, NDArray[np.int64]]
    columns: dict[str, NDArray[Any]]

    def __or__(self, other: Block) -> Block:
        """Returns the columns of both, for the same events."""
        return Block(self.counts | other.counts, self.columns | other.columns)


def collection_of(view: str) -> str:
    """Returns the collection that sets the length of a column, "" for one value per event."""
    first, dot, _ = view.partition(".")
    if first == "raw":
        return view
    return first if dot and first not in {"hlt", "l1"} else ""


def join(blocks: Sequence[Block]) -> Block:
    """Returns the events of all blocks in one."""
    first = blocks[0]
    return Block(
        {name: np.concatenate([block.counts[name] for block in blocks]) for name in first.counts},
        {name: np.concatenate([block.columns[name] for block in blocks]) for name in first.columns},
    )


def rank_in_event(event: NDArray[Any]) -> NDArray[np.int64]:
    """Returns the position of each entry within its event; entries are in order of events."""
    return np.arange(len(event)) - np.searchsorted(event, event)


def partners(
    event: NDArray[Any], counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns all combinations of entries with the members of a collection in the same event.

    Args:
        event: The event of each entry.
        counts: How many members of the collection each event has.

    Returns:
        Positions of entries and positions of members, in the order of the entries.
    """
    found = counts[event]
    entry = np.repeat(np.arange(len(event)), found)
    first_member = (np.cumsum(counts) - counts)[event]
    within = np.arange(len(entry)) - np.repeat(np.cumsum(found) - found, found)
    return entry, first_member[entry] + within


_LEVELS = 256
_QUANTILES = (np.arange(_LEVELS) + 0.5) / _LEVELS
_NORMAL = np.array([NormalDist().inv_cdf(quantile) for quantile in _QUANTILES])
_TABLES = {
    "flag": _QUANTILES < 0.8,
    "count": np.round(8 + 3 * _NORMAL).clip(0),
    "positive": -np.log(_QUANTILES),
    "angle": np.pi * (2 * _QUANTILES - 1),
    "position": 0.05 * _NORMAL,
    "other": 1 + 0.3 * _NORMAL,
}
_TABLE_OF = (
    ("*.n_*", "count"),
    ("*_n_*", "count"),
    ("*_ndof", "count"),
    ("*_eta", "angle"),
    ("*.eta", "angle"),
    ("*_phi", "angle"),
    ("*.phi", "angle"),
    ("*chi2*", "positive"),
    ("*_err", "positive"),
    ("*iso*", "positive"),
    ("*_[xyz]", "position"),
    ("*.v[xyz]", "position"),
)

# Which columns have no value in which entries; the modules that know the entries use the names.
_GAPS = (
    ("muon.*0[35]", "no_isolation"),
    ("muon.outer_track_*", "no_outer_track"),
    ("muon.inner_outer_charge_product", "no_outer_track"),
    ("muon.inner_track_*", "no_inner_track"),
    ("muon.global_normalized_chi2", "not_global"),
    ("muon.n_valid_muon_hits_combined", "not_global"),
    ("triplet.vertex12_*", "no_vertex12"),
    ("triplet.vertex13_*", "no_vertex13"),
    ("triplet.vertex23_*", "no_vertex23"),
    ("triplet.refit?.*", "no_sv_refit"),
    ("triplet.sv_refit_*", "no_sv_refit"),
    ("triplet.iso_track1.*", "no_iso_track1"),
    ("triplet.iso_track2.*", "no_iso_track2"),
    ("triplet.iso_track3.*", "no_iso_track3"),
    ("triplet.min_dca_iso", "no_track"),
    ("triplet.*.iso", "no_isolation"),
    ("triplet.relative_iso*", "no_isolation"),
)


def all_columns(skim: str = "t3m") -> Mapping[str, Branch]:
    """Returns the rows of the layout of a skim by canonical view.

    Args:
        skim: The name of its layout; that of the control channel by default.
    """
    return layout(skim).by_view


def draw_defaults(
    rng: Generator,
    counts: Mapping[str, NDArray[np.int64]],
    known: Mapping[str, Any],
    skim: str = "t3m",
) -> dict[str, NDArray[Any]]:
    """Returns the columns that are not yet known of the collections in `counts`."""
    columns = {}
    for view in all_columns(skim):
        collection = collection_of(view)
        if view not in known and collection in counts:
            total = counts[collection].sum()
            level = rng.integers(0, _LEVELS, total, dtype=np.uint8)
            columns[view] = _TABLES[_table_of(view, skim)][level]
    return columns


def with_gaps(
    columns: Mapping[str, NDArray[Any]],
    gaps: Mapping[str, NDArray[np.bool_]],
    skim: str = "t3m",
) -> dict[str, NDArray[Any]]:
    """Returns the columns with the values that mean "not there" where the gaps named for them are.

    Where the layout knows two such values for a column, they alternate.
    """
    return {view: _with_gaps(view, values, gaps, skim) for view, values in columns.items()}


def _with_gaps(
    view: str, values: NDArray[Any], gaps: Mapping[str, NDArray[np.bool_]], skim: str
) -> NDArray[Any]:
    name = _gap_of(view)
    if name not in gaps:
        return values
    filled = values.copy()
    where = np.flatnonzero(gaps[name])
    filled[where] = np.resize(all_columns(skim)[view].missing, len(where))
    return filled


@cache
def _gap_of(view: str) -> str:
    return next((name for pattern, name in _GAPS if fnmatchcase(view, pattern)), "")


@cache
def _table_of(view: str, skim: str) -> str:
    row = all_columns(skim)[view]
    if row.flag and not row.missing:
        return "flag"
    return next((table for pattern, table in _TABLE_OF if fnmatchcase(view, pattern)), "other")
