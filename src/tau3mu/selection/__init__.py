"""Jagged-array physics: arrays in, arrays out, no files."""

from __future__ import annotations

from tau3mu.selection.candidates import Candidates
from tau3mu.selection.cutflow import Step, step
from tau3mu.selection.kinematics import (
    MUON_MASS,
    delta_r,
    invariant_mass,
    passes_muon_acceptance,
    relative_mass_error,
)
from tau3mu.selection.matching import Match, match
from tau3mu.selection.rows import Lists, Rows, plain, rows_of
from tau3mu.selection.trigger_objects import all_confirmed, unique_objects

__all__ = [
    "MUON_MASS",
    "Candidates",
    "Lists",
    "Match",
    "Rows",
    "Step",
    "all_confirmed",
    "delta_r",
    "invariant_mass",
    "match",
    "passes_muon_acceptance",
    "plain",
    "relative_mass_error",
    "rows_of",
    "step",
    "unique_objects",
]


def __dir__() -> list[str]:
    return __all__
