"""Columnar search for τ→3μ and its control channel D_s→φ(μμ)π at CMS.

`python -m tau3mu.run` does a whole analysis; the packages below hold its steps in the order that
data flows: `datasets`, `ntuples`, `selection`, `corrections`, `execution`, `results`, `fit`.
Importing `tau3mu` imports none of them.
"""

from __future__ import annotations

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("tau3mu")


def __dir__() -> list[str]:
    return __all__
