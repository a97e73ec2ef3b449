"""Weights of events and of muons from correction files, with a stated policy outside the tables."""

from __future__ import annotations

from tau3mu.corrections.events import EventWeight, GeneratorWeight, Weights, product
from tau3mu.corrections.muons import MuonScaleFactors, ScaleFactors
from tau3mu.corrections.pileup import PileupWeight
from tau3mu.corrections.prescales import PrescaleWeight

__all__ = [
    "EventWeight",
    "GeneratorWeight",
    "MuonScaleFactors",
    "PileupWeight",
    "PrescaleWeight",
    "ScaleFactors",
    "Weights",
    "product",
]


def __dir__() -> list[str]:
    return __all__
