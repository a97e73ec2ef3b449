"""Mass fits: a model in a file and a spectrum give a result that says whether it can be trusted.

`language` reads fit files, `data` what is fitted, `pdfs` and `likelihood` make a function of both,
`fitting` finds its minimum, `studies` repeat that, and `output` writes and draws what came out.

Importing this is fast; zfit and matplotlib are imported when a fit or a plot begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from tau3mu.callables import make_callable

if TYPE_CHECKING:
    from tau3mu.fit.data.prepare import sources
    from tau3mu.fit.data.runs import spectrum
    from tau3mu.fit.data.source import Source
    from tau3mu.fit.fitting.fit import fit
    from tau3mu.fit.fitting.result import FitResult
    from tau3mu.fit.fitting.stored import load_result
    from tau3mu.fit.fitting.zfit_loss import zfit_loss
    from tau3mu.fit.full_fit import fit_and_save
    from tau3mu.fit.language import FitModel, load_model, shipped_fits
    from tau3mu.fit.output import plot_fit, save_fit
    from tau3mu.fit.studies import run_toys, run_trials, scan, sweights

__all__ = [
    "FitModel",
    "FitResult",
    "Source",
    "fit",
    "fit_and_save",
    "load_model",
    "load_result",
    "plot_fit",
    "run_toys",
    "run_trials",
    "save_fit",
    "scan",
    "shipped_fits",
    "sources",
    "spectrum",
    "sweights",
    "zfit_loss",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "data.prepare": ["sources"],
        "data.runs": ["spectrum"],
        "data.source": ["Source"],
        "fitting.fit": ["fit"],
        "fitting.result": ["FitResult"],
        "fitting.stored": ["load_result"],
        "fitting.zfit_loss": ["zfit_loss"],
        "full_fit": ["fit_and_save"],
        "language": ["FitModel", "load_model", "shipped_fits"],
        "output": ["plot_fit", "save_fit"],
        "studies": ["run_toys", "run_trials", "scan", "sweights"],
    },
)

make_callable(__name__, "tau3mu.fit.fitting.fit:fit")
