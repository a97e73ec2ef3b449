"""A double Crystal Ball on an exponential with all tails free, and what RooFit finds for it."""

from __future__ import annotations

import json
from pathlib import Path

import hist
import numpy as np

from tau3mu.fit.language import model_of
from tau3mu.fit.pdfs.tails import double_crystal_ball_integral

ROOFIT = json.loads(
    (Path(__file__).parents[1] / "data" / "oracle" / "double_crystal_ball_roofit.json").read_text()
)
_TAILS = {"value": 1.5, "limits": [0.1, 6]}
_POWERS = {"value": 3, "limits": [0.5, 50]}
DOCUMENT = {
    "schema_version": 2,
    "name": "tails",
    "title": "A peak with two tails",
    "observable": {"name": "mass", "label": "m", "unit": "GeV", "range": [2.5, 3.7]},
    "parameters": {
        "mean": {"value": 3.1, "limits": [3, 3.2]},
        "sigma": {"value": 0.05, "limits": [0.01, 0.2]},
        "alphal": _TAILS,
        "nl": _POWERS,
        "alphar": _TAILS,
        "nr": _POWERS,
        "slope": {"value": -1, "limits": [-10, 5]},
    },
    "components": {
        "signal": {
            "label": "Signal",
            "pdf": "DoubleCB",
            "parameters": {
                "mu": "mean", "sigma": "sigma", "alphal": "alphal", "nl": "nl",
                "alphar": "alphar", "nr": "nr",
            },
            "yield": "nS",
        },
        "background": {
            "label": "Background",
            "pdf": "Exponential",
            "parameters": {"slope": "slope"},
            "yield": "nB",
        },
    },
}  # fmt: skip


def tails(parameters=None, **method):
    """The checked model, with other parameters and another method."""
    changed = {**DOCUMENT["parameters"], **(parameters or {})}
    method = {"engine": "numpy", **method}
    return model_of({**DOCUMENT, "parameters": changed, "method": method}, "t.json", Path())


def counts(factor=1.0):
    """The histogram that RooFit was given, or one of about so many times its entries."""
    histogram = hist.Hist(hist.axis.Regular(100, 2.5, 3.7, name="mass"))
    histogram.view()[:] = np.round(factor * np.array(ROOFIT["contents"]))
    return histogram


def entries(signal=3000, background=3000, seed=1):
    """Single entries of the peak and of the background."""
    generator = np.random.default_rng(seed)
    edges = np.linspace(2.5, 3.7, 20001)
    parts = double_crystal_ball_integral(edges, 3.1, 0.05, 1.2, 3.0, 1.5, 4.0)
    drawn = [(parts, signal), (np.diff(-np.exp(3.1 - edges)), background)]
    return np.concatenate(
        [np.interp(generator.random(n), np.cumsum([0, *p]) / np.sum(p), edges) for p, n in drawn]
    )
