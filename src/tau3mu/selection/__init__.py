"""Jagged-array physics: arrays in, arrays out, no files."""

from __future__ import annotations

from tau3mu.selection.cutflow import Step, Survivors, step
from tau3mu.selection.kinematics import (
    MUON_MASS,
    invariant_mass,
    pairs_within,
    passes_muon_acceptance,
)
from tau3mu.selection.matching import Match, match
from tau3mu.selection.rows import Lists, Rows, plain, rows_of
from tau3mu.selection.trigger_objects import unique_objects

__all__ = [
    "MUON_MASS",
    "Lists",
    "Match",
    "Rows",
    "Step",
    "Survivors",
    "invariant_mass",
    "match",
    "pairs_within",
    "passes_muon_acceptance",
    "plain",
    "rows_of",
    "step",
    "unique_objects",
]


def __dir__() -> list[str]:
    return __all__
