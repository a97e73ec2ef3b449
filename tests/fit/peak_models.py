"""A small peak on a background, for the tests of studies."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import hist
import numpy as np

from tau3mu.fit.language import model_of

PEAK = {
    "schema_version": 2,
    "name": "peak",
    "title": "A peak",
    "input": {"histogram": "m"},
    "observable": {"name": "m", "label": "m", "unit": "GeV", "range": [0, 10], "bins": 40},
    "parameters": {
        "mean": {"value": 5, "limits": [4, 6]},
        "width": {"value": 0.5, "fixed": True},
        "slope": {"value": -0.2, "limits": [-1, 1]},
        "nSignal": {"value": 400, "limits": [0, 4000]},
        "nBackground": {"value": 1000, "limits": [0, 4000]},
    },
    "components": {
        "signal": {
            "label": "Signal",
            "pdf": "Gauss",
            "parameters": {"mu": "mean", "sigma": "width"},
            "yield": "nSignal",
        },
        "background": {
            "label": "Background",
            "pdf": "Exponential",
            "parameters": {"slope": "slope"},
            "yield": "nBackground",
        },
    },
    "derived": {"ratio": "nSignal / nBackground"},
    "method": {"engine": "numpy"},
}


_FLAT = {
    "components": {
        "background": {"pdf": "Bernstein", "parameters": {"slope": None, "coefficients": ["c0"]}}
    },
    "parameters": {"slope": None, "c0": {"value": 1, "fixed": True}},
}
TRIALS = {
    "schema_version": 1,
    "name": "peak_trials",
    "title": "Trials of a peak",
    "base": "peak.json",
    "quantities": ["nSignal", "ratio"],
    "variations": {
        "background": {"exponential": {}, "flat": _FLAT},
        "range": {"wide": {}, "narrow": {"ranges": [[2, 8]]}, "right": {"ranges": [[3, 10]]}},
        "binning": {"fine": {}, "coarse": {"observable": {"bins": 20}}},
    },
}


def document(**changes):
    """The fit file with other keys at its top level, without those that are None."""
    merged = deepcopy({**PEAK, **changes})
    return {key: value for key, value in merged.items() if value is not None}


def parameters(**changes):
    """The parameters of the fit file with some of them changed, without those that are None."""
    merged = {**deepcopy(PEAK["parameters"]), **changes}
    return {key: value for key, value in merged.items() if value is not None}


def peak(**changes):
    """The checked model."""
    return model_of(document(**changes), "peak.json", Path())


def spectrum():
    """A histogram of 400 entries in the peak and about 1300 of the background."""
    generator = np.random.default_rng(21)
    entries = [generator.normal(5, 0.5, 400), generator.exponential(5, 1500)]
    return hist.Hist(hist.axis.Regular(40, 0, 10, name="m")).fill(np.concatenate(entries))
