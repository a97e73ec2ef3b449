"""The results folder: everything that a run found, and how it was made.

`ResultsFolder` writes one, `load_histograms` and `load_candidates` read it back, and
`cutflow_table` and `plot_histogram` show what is in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.results.cutflows import Cutflows, ProcessorCutflow
    from tau3mu.results.folder import ResultsFolder, default_folder
    from tau3mu.results.log import run_log
    from tau3mu.results.manifest import Manifest, read_manifest, write_manifest
    from tau3mu.results.plots import plot_histogram

__all__ = [
    "Cutflows",
    "Manifest",
    "ProcessorCutflow",
    "ResultsFolder",
    "default_folder",
    "plot_histogram",
    "read_manifest",
    "run_log",
    "write_manifest",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cutflows": ["Cutflows", "ProcessorCutflow"],
        "folder": ["ResultsFolder", "default_folder"],
        "log": ["run_log"],
        "manifest": ["Manifest", "read_manifest", "write_manifest"],
        "plots": ["plot_histogram"],
    },
)
