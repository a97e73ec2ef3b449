"""The branches of a tree and the fields of an RNTuple, each by the name that it has at the top.

An RNTuple may have fields inside fields, under names that fields at the top have too: ROOT's
RNTupleImporter writes the lists of NanoAOD into a collection without a name, and projects them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import awkward as ak
import numpy as np
from uproot.behaviors.RNTuple import HasFields
from uproot.interpretation.identify import UnknownInterpretation
from uproot.interpretation.objects import CannotBeAwkward
from uproot.source.futures import TrivialExecutor

from tau3mu.ntuples.fast import link_fields
from tau3mu.ntuples.offsets import indexed_texts

if TYPE_CHECKING:
    from collections.abc import Collection


__all__ = ["field_types", "read_fields"]

_HERE: Final = TrivialExecutor()
"""Runs what uproot would hand to threads, which wait for each other in Python."""

_CARDINALITY = re.compile(r"ROOT::RNTupleCardinality<std::(uint(?:32|64))_t>")
"""The length of a list, which uproot reads as a signed number."""


def field_types(ntuple: Any, names: Collection[str]) -> dict[str, str]:
    """Returns the types of branches, as awkward writes them.

    Args:
        ntuple: A tree or an RNTuple that is open.
        names: Names of branches that it has.
    """
    if not isinstance(ntuple, HasFields):
        return {name: _branch_type(ntuple[name], ntuple.file) for name in names}
    types = {name: str(ntuple[name].to_akform()[0].content(name).type) for name in names}
    return {name: _cardinality(ntuple, name) or kind for name, kind in types.items()}


def read_fields(ntuple: Any, names: Collection[str], start: int, stop: int) -> dict[str, ak.Array]:
    """Returns the entries from `start` up to `stop` of branches.

    Args:
        ntuple: A tree or an RNTuple that is open.
        names: The branches; those that it lacks are not in what is returned.
        start: First entry.
        stop: One beyond the last entry.
    """
    how: dict[str, Any] = {
        "entry_start": start,
        "entry_stop": stop,
        "interpretation_executor": _HERE,
        "decompression_executor": _HERE,
        "how": dict,
    }
    if not isinstance(ntuple, HasFields):
        branches: dict[str, ak.Array] = ntuple.arrays(filter_name=names.__contains__, **how)
        return branches
    link_fields(ntuple)
    arrays: dict[str, ak.Array] = ntuple.arrays(
        filter_field=lambda field: field.path in names, **how
    )
    return {name: _as_stored(array, _cardinality(ntuple, name)) for name, array in arrays.items()}


def _as_stored(array: ak.Array, cardinality: str | None) -> ak.Array:
    if cardinality is not None:
        return ak.values_astype(array, np.dtype(cardinality))
    if str(array.type.content) == "var * string":
        return ak.Array(indexed_texts(array.layout))
    return array


def _cardinality(ntuple: Any, name: str) -> str | None:
    found = _CARDINALITY.fullmatch(ntuple[name].typename)
    return found[1] if found else None


def _branch_type(branch: Any, file: Any) -> str:
    try:
        return str(branch.interpretation.awkward_form(file).type)
    except (UnknownInterpretation, CannotBeAwkward):
        return "nothing that can be read"
