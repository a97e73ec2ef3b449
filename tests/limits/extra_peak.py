"""The shipped fit dsphipi with an extra peak, and what RooStats finds for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tau3mu.fit import load_model
from tau3mu.fit.language.files import read_fit

ROOSTATS = json.loads(
    (Path(__file__).parents[1] / "data" / "oracle" / "roostats_dsphipi_limits.json").read_text()
)
EDGES = np.linspace(ROOSTATS["edges"][0], ROOSTATS["edges"][1], ROOSTATS["edges"][2] + 1)
WINDOW = [float(EDGES[18]), float(EDGES[26])]


def counts(name="excess"):
    """Returns counts and their edges."""
    return np.array(ROOSTATS["data"][name]["counts"], np.float64), EDGES


def extra_peak(parameters=None, **more):
    """Returns the content of the fit with a peak at 1.777 GeV, of which nSig may be negative."""
    content = dict(read_fit("dsphipi")[0].content)
    content["parameters"] = {
        **content["parameters"],
        "nSig": {"value": 0, "limits": [-200, 2000]},
        "mean_Sig": {"value": 1.777, "fixed": True},
        "sigma_Sig": {"value": 0.012, "fixed": True},
        **(parameters or {}),
    }
    content["components"] = {
        **content["components"],
        "Sig": {
            "label": "τ → 3μ", "pdf": "Gauss", "yield": "nSig",
            "parameters": {"mu": "mean_Sig", "sigma": "sigma_Sig"},
        },
    }  # fmt: skip
    return {**content, **more}


def fit_with(parameters=None, **more):
    """Returns the checked model."""
    return load_model(extra_peak(parameters, **more))
