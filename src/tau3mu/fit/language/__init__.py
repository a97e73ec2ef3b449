"""The language of fit files: its model, and how files are read and checked."""

from __future__ import annotations

from tau3mu.fit.language.files import load_model, model_of, shipped_fits
from tau3mu.fit.language.model import FitModel, SpectrumModel
from tau3mu.fit.language.parts import Input, Observable, Parameter
from tau3mu.fit.language.shapes import Component, Shape

__all__ = [
    "Component",
    "FitModel",
    "Input",
    "Observable",
    "Parameter",
    "Shape",
    "SpectrumModel",
    "load_model",
    "model_of",
    "shipped_fits",
]
