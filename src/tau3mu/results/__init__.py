"""The results folder: everything that a run found, and how it was made.

`ResultsFolder` writes one, `load_histograms` and `load_candidates` read it back, and
`cutflow_table` and `plot_histogram` show what is in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.results.candidates import load_candidates
    from tau3mu.results.cutflow import cutflow_table
    from tau3mu.results.folder import ResultsFolder, default_folder
    from tau3mu.results.histograms import load_histograms
    from tau3mu.results.log import run_log
    from tau3mu.results.origin import provenance
    from tau3mu.results.plots import plot_histogram

__all__ = [
    "ResultsFolder",
    "cutflow_table",
    "default_folder",
    "load_candidates",
    "load_histograms",
    "plot_histogram",
    "provenance",
    "run_log",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "candidates": ["load_candidates"],
        "cutflow": ["cutflow_table"],
        "folder": ["ResultsFolder", "default_folder"],
        "histograms": ["load_histograms"],
        "log": ["run_log"],
        "origin": ["provenance"],
        "plots": ["plot_histogram"],
    },
)
