"""Weights of simulated events from correction files, with a stated policy outside the tables."""

from __future__ import annotations

from tau3mu.corrections.muons import MuonScaleFactors, ScaleFactors

__all__ = ["MuonScaleFactors", "ScaleFactors"]


def __dir__() -> list[str]:
    return __all__
