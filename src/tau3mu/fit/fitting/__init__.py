"""The fit itself: search, minimum, covariance, verdict, and what follows from the result."""

from __future__ import annotations

from tau3mu.fit.fitting.fit import complete, fit, fit_prepared
from tau3mu.fit.fitting.result import FitResult

__all__ = ["FitResult", "complete", "fit", "fit_prepared"]
