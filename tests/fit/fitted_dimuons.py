"""Fits of generated dimuon masses, for the tests of what is made of a fit.

`expected` says with SciPy alone what their models expect in bins.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path

import hist
import numpy as np
from scipy import stats

from tau3mu.fit import fit
from tau3mu.fit.language import model_of

LOWER, UPPER = 2.2, 4.8
EDGES = np.linspace(LOWER, UPPER, 53)
COARSER = np.array([*np.linspace(2.2, 2.8, 7), *np.linspace(2.85, 3.4, 12), 3.6, 4.0, 4.4, 4.8])

_JPSI = {
    "label": "J/ψ",
    "pdf": "Gauss",
    "parameters": {"mu": "mean", "sigma": "width"},
    "yield": "nJpsi",
}
_PSI2S = {
    "label": "ψ(2S)",
    "pdf": "Gauss",
    "parameters": {"mu": "mean2", "sigma": "width2"},
    "yield": "nPsi2s",
    "color": "green",
}
_BACKGROUND = {
    "label": "Background",
    "pdf": "Exponential",
    "parameters": {"slope": "slope"},
    "yield": "nBackground",
}
DIMUON = {
    "schema_version": 2,
    "name": "dimuon",
    "title": "J/psi and psi(2S)",
    "observable": {"name": "m", "label": "m(μμ)", "unit": "GeV", "range": [2.2, 4.8], "bins": 52},
    "parameters": {
        "mean": {"value": 3.096, "limits": [3, 3.2]},
        "width": {"value": 0.07, "limits": [0.03, 0.15]},
        "mean2": {"expression": "mean + 0.584"},
        "width2": {"expression": "1.05 * width"},
        "slope": {"value": -0.5, "limits": [-3, 3]},
    },
    "components": {"Jpsi": _JPSI, "Psi2s": _PSI2S, "background": _BACKGROUND},
    "method": {"engine": "numpy"},
    "derived": {"ratio": "nPsi2s / nJpsi"},
    "windows": {"Jpsi_peak": {"signal": ["Jpsi"], "range": ["mean - 3*width", "mean + 3*width"]}},
}


def document(**changes):
    """The fit file with other keys at its top level, without those that are None."""
    merged = deepcopy({**DIMUON, **changes})
    return {key: value for key, value in merged.items() if value is not None}


def masses(seed=11):
    """Masses of 3000 J/psi, 300 psi(2S) and 60000 others, of which some are out of range."""
    generator = np.random.default_rng(seed)
    parts = (
        generator.normal(3.096, 0.07, 3000),
        generator.normal(3.680, 0.0735, 300),
        LOWER + generator.exponential(2, 60000),
    )
    values = np.concatenate(parts)
    return values[(values > LOWER) & (values < UPPER)]


def histogram(edges=EDGES, weight=1.0, seed=11):
    axis = hist.axis.Variable(edges, name="m", label="m(μμ) [GeV]")
    return hist.Hist(axis, storage=hist.storage.Weight()).fill(masses(seed), weight=weight)


def subtracted():
    """A histogram of which a background was subtracted, so that contents are negative."""
    generator = np.random.default_rng(12)
    result = histogram()
    peak = 3000 * np.diff(stats.norm.cdf(EDGES, 3.096, 0.07))
    result.view().variance = 900 + peak
    result.view().value = generator.normal(peak, np.sqrt(900 + peak))
    return result


def expected(values, edges=EDGES):
    """What the model expects between edges, components x bins."""

    def counts(cumulated, number):
        return number * np.diff(cumulated) / (cumulated[-1] - cumulated[0])

    return np.stack(
        [
            counts(stats.norm.cdf(edges, values["mean"], values["width"]), values["nJpsi"]),
            counts(stats.norm.cdf(edges, values["mean2"], values["width2"]), values["nPsi2s"]),
            counts(np.exp(values["slope"] * edges), values["nBackground"]),
        ]
    )


def _blinded():
    return document(
        components={"Jpsi": _JPSI, "background": _BACKGROUND},
        parameters={k: v for k, v in DIMUON["parameters"].items() if not k.endswith("2")},
        derived=None,
        ranges=[[2.2, 3.3], [3.4, 4.8]],
        blind=[[3.5, 3.9]],
    )


def _two():
    other = {name: {**part, "yield": part["yield"] + "_B"} for name, part in
             DIMUON["components"].items()}  # fmt: skip
    spectrum = {key: DIMUON[key] for key in ("observable", "components")}
    return document(
        observable=None,
        components=None,
        windows=None,
        spectra={"A": {"label": "Barrel", **spectrum}, "B": {**spectrum, "components": other}},
    )


_CASES = {
    "counts": lambda: (document(), histogram()),
    "weighted": lambda: (document(), histogram(weight=0.3)),
    "variable": lambda: (
        document(observable={k: v for k, v in DIMUON["observable"].items() if k != "bins"}),
        histogram(COARSER),
    ),
    "blinded": lambda: (_blinded(), histogram()),
    "entries": lambda: (_blinded(), (masses(), np.full(len(masses()), 0.5))),
    "subtracted": lambda: (
        document(
            method={"engine": "numpy", "loss": "chi2"},
            components={"Jpsi": _JPSI},
            parameters={name: DIMUON["parameters"][name] for name in ("mean", "width")},
            derived=None,
            windows=None,
        ),
        subtracted(),
    ),
    "at limit": lambda: (
        document(
            parameters={**DIMUON["parameters"], "width": {"value": 0.04, "limits": [0.03, 0.05]}}
        ),
        histogram(),
    ),
    "two": lambda: (_two(), {"A": histogram(), "B": histogram(seed=13)}),
}


@cache
def fitted(case):
    """The result of one of the fits."""
    described, data = _CASES[case]()
    return fit(model_of(described, f"{case}.json", Path()), data)
