"""Limits on a parameter of a fit file, with the likelihood of the fit."""

from __future__ import annotations

from tau3mu.limits.fits.limiting import FitLimitResult, fit_limit

__all__ = ["FitLimitResult", "fit_limit"]
