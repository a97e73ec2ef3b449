"""The output of a fit: JSON, a ROOT file, plots, and printed tables.

`save_fit` writes all of it into a folder; the others are for notebooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.fit.output.correlation import plot_correlation
    from tau3mu.fit.output.plot import plot_fit
    from tau3mu.fit.output.plot_checks import check_plot
    from tau3mu.fit.output.report import print_fit
    from tau3mu.fit.output.residuals import plot_residuals
    from tau3mu.fit.output.root_file import write_root
    from tau3mu.fit.output.saving import check_free, load_fit_values, save_fit, update_fit
    from tau3mu.fit.output.scans import plot_scans

__all__ = [
    "check_free",
    "check_plot",
    "load_fit_values",
    "plot_correlation",
    "plot_fit",
    "plot_residuals",
    "plot_scans",
    "print_fit",
    "save_fit",
    "update_fit",
    "write_root",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "correlation": ["plot_correlation"],
        "plot_checks": ["check_plot"],
        "plot": ["plot_fit"],
        "report": ["print_fit"],
        "residuals": ["plot_residuals"],
        "root_file": ["write_root"],
        "saving": ["check_free", "load_fit_values", "save_fit", "update_fit"],
        "scans": ["plot_scans"],
    },
)
