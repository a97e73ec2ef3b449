"""Mass fits: a JSON model and a histogram give a result that says whether it can be trusted.

Importing this is fast; zfit and matplotlib are imported when a fit or a plot begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.fit.files import load_model, shipped_fits
    from tau3mu.fit.fitting import fit_histogram
    from tau3mu.fit.model import FitModel
    from tau3mu.fit.plot import plot_fit
    from tau3mu.fit.result import FitResult
    from tau3mu.fit.saving import save_fit
    from tau3mu.fit.spectra import Spectrum, spectrum

__all__ = [
    "FitModel",
    "FitResult",
    "Spectrum",
    "fit_histogram",
    "load_model",
    "plot_fit",
    "save_fit",
    "shipped_fits",
    "spectrum",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "files": ["load_model", "shipped_fits"],
        "fitting": ["fit_histogram"],
        "model": ["FitModel"],
        "plot": ["plot_fit"],
        "result": ["FitResult"],
        "saving": ["save_fit"],
        "spectra": ["Spectrum", "spectrum"],
    },
)
