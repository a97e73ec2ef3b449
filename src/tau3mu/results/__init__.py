"""The results folder: everything that a run found, and how it was made.

`ResultsFolder` writes one, `load_histograms` and `load_candidates` read it back, and
`cutflow_table` and `plot_histogram` show what is in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.results.folder import ResultsFolder, default_folder
    from tau3mu.results.log import run_log
    from tau3mu.results.origin import provenance
    from tau3mu.results.plots import plot_histogram

__all__ = [
    "ResultsFolder",
    "default_folder",
    "plot_histogram",
    "provenance",
    "run_log",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "folder": ["ResultsFolder", "default_folder"],
        "log": ["run_log"],
        "origin": ["provenance"],
        "plots": ["plot_histogram"],
    },
)
