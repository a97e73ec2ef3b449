"""The outputs of processors: how they add up, and how they are stored and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.outputs.candidates import load_candidates
    from tau3mu.outputs.cutflow import cutflow_table
    from tau3mu.outputs.histograms import load_histograms
    from tau3mu.outputs.selection import Selection

__all__ = [
    "Selection",
    "cutflow_table",
    "load_candidates",
    "load_histograms",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "candidates": ["load_candidates"],
        "cutflow": ["cutflow_table"],
        "histograms": ["load_histograms"],
        "selection": ["Selection"],
    },
)
