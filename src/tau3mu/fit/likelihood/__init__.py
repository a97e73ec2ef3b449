"""The likelihood of a model, twice: with NumPy, which is fast, and in zfit, which is the reference.

Both follow from the same model; the tests hold them together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tau3mu.fit.likelihood.objective import Objective
from tau3mu.fit.likelihood.parameters import Limits, Parameters
from tau3mu.fit.likelihood.spectrum import SpectrumFunction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.fit.language import FitModel

__all__ = ["Limits", "Objective", "Parameters", "SpectrumFunction", "expected"]


def expected(
    model: FitModel, spectrum: str, values: Mapping[str, float], edges: np.ndarray
) -> np.ndarray:
    """Returns the expected numbers of entries between neighboring edges, components x bins.

    Args:
        model: With all labels and templates read.
        spectrum: Which of its spectra.
        values: Of all parameters.
        edges: They must span the full range of the observable.
    """
    return SpectrumFunction(model.parts[spectrum]).expected(values, np.asarray(edges))
