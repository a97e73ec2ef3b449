"""Columnar search for τ→3μ and its control channel D_s→φ(μμ)π at CMS.

    import tau3mu

    run = tau3mu.run("demo", output="results/demo")     # what `python -m tau3mu.run` does
    run.cutflow                                         # a table
    mass = run["dsphipi"].histogram("mass")             # a hist.Hist
    fit = tau3mu.fit("dsphipi", mass)
    run = tau3mu.open("results/demo")                   # the same objects later

`run`, `datasets` and `fit` are functions and packages. The packages hold the steps of an analysis
in the order in which data flow: `datasets`, `ntuples`, `selection`, `corrections`, `processing`,
`execution`, `results`, `fit`, `limits`. Nothing of this is imported before it is used.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

__all__ = [
    "Axis",
    "DsPhiPi",
    "DsPhiPiNotebook",
    "FitResult",
    "InputError",
    "Processor",
    "Run",
    "RunError",
    "Table",
    "Tau3muError",
    "Window",
    "__version__",
    "datasets",
    "errors",
    "events",
    "fit",
    "limits",
    "open",
    "parameter",
    "run",
]

_lazy, __dir__, _ = lazy_loader.attach(
    __name__,
    submodules=["datasets", "errors", "fit", "limits", "run"],
    submod_attrs={
        "datasets.looking": ["events"],
        "errors": ["InputError", "RunError", "Tau3muError"],
        "fit": ["FitResult"],
        "processing": ["Axis", "Processor", "Table", "Window", "parameter"],
        "processors": ["DsPhiPi", "DsPhiPiNotebook"],
        "run": ["Run"],
    },
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("tau3mu")
    if name == "open":
        from tau3mu.run.stored import open_run

        return open_run
    return _lazy(name)
