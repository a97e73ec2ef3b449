"""Every pdf that the language knows, at parameters that show what is special about it.

The other tests of pdfs go over `POINTS`: (pdf, range of the observable, parameters in order).
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from tau3mu.fit.pdfs import PDFS

CB = [3.1, 0.07, 1.2, 2.5]
NA60 = [3.1, 0.07, -0.6, 0.2, 1.5, 0.05, 2.0, 0.3, 1.3, 0.06]

POINTS = [
    ("Gauss", (2.0, 5.0), [3.1, 0.07]),
    ("Gauss", (2.0, 5.0), [3.1, 0.003]),
    ("BifurGauss", (2.0, 5.0), [3.1, 0.07, 0.15]),
    ("GeneralizedGauss", (2.0, 5.0), [3.1, 0.1, 2.0]),
    ("GeneralizedGauss", (2.0, 5.0), [3.1, 0.1, 0.8]),
    ("Cauchy", (2.0, 5.0), [3.1, 0.05]),
    ("Voigt", (2.0, 5.0), [3.1, 0.03, 0.05]),
    ("Voigt", (2.0, 5.0), [3.1, 0.05, 0.002]),
    ("StudentT", (2.0, 5.0), [3.5, 3.1, 0.06]),
    ("JohnsonSU", (2.0, 5.0), [3.1, 0.1, 0.4, 1.3]),
    ("ExpModGauss", (2.0, 5.0), [3.1, 0.07, 5.0]),
    ("ExpModGauss", (2.0, 5.0), [3.1, 0.07, 60.0]),
    ("RelativisticBreitWigner", (0.9, 1.2), [1.0195, 0.00425]),
    ("Cruijff", (2.0, 5.0), [3.1, 0.07, 0.12, 0.05, 0.2]),
    ("Novosibirsk", (2.0, 5.0), [3.1, 0.1, 0.4]),
    ("Novosibirsk", (2.0, 5.0), [3.1, 0.1, -0.3]),
    ("Novosibirsk", (2.0, 5.0), [3.1, 0.1, 0.0]),
    ("Novosibirsk", (2.0, 5.0), [3.1, 0.1, 5e-5]),
    ("CrystalBall", (2.0, 5.0), CB),
    ("CrystalBall", (2.0, 5.0), [3.1, 0.07, -1.2, 1.0]),
    ("CrystalBall", (2.0, 5.0), [3.1, 0.07, 1.2, 0.4]),
    ("CrystalBall", (2.0, 5.0), [3.1, 0.003, 2.0, 25.0]),
    ("DoubleCB", (2.0, 5.0), [3.1, 0.07, 1.0, 3.4, 2.1, 9.9]),
    ("DoubleCB", (2.0, 5.0), [1.0, 0.07, 1.0, 3.4, 2.1, 1.5]),
    ("GeneralizedCB", (2.0, 5.0), [3.1, 0.07, 1.0, 3.4, 0.12, 2.1, 9.9]),
    ("GaussExpTail", (2.0, 5.0), [3.1, 0.07, 1.2]),
    ("GaussExpTail", (2.0, 5.0), [3.1, 0.07, -0.7]),
    ("GeneralizedGaussExpTail", (2.0, 5.0), [3.1, 0.07, 1.2, 0.12, 0.7]),
    ("Exponential", (2.0, 5.0), [-0.7]),
    ("Exponential", (2.0, 5.0), [0.0]),
    ("Exponential", (1000.0, 9000.0), [-0.1]),
    ("Uniform", (2.0, 5.0), [2.0, 5.0]),
    ("Uniform", (2.0, 5.0), [2.52, 4.01]),
    ("LogNormal", (0.1, 5.0), [0.3, 0.6]),
    ("Gamma", (2.0, 9.0), [2.5, 0.8, 1.5]),
    ("ChiSquared", (0.5, 20.0), [5.0]),
    ("Argus", (5.20, 5.30), [5.279, -20.0, 0.5]),
    ("Argus", (5.20, 5.25), [5.279, 4.0, 1.3]),
    ("CMSShape", (60.0, 120.0), [75.0, 0.05, 0.03]),
    ("ErfExp", (2.0, 5.0), [3.0, 4.0, -0.2, 1.5]),
    ("Tsallis", (0.0, 20.0), [1.97, 0.3, 6.0]),
    ("Bernstein", (2.0, 5.0), [[1.0, 0.4, 0.9, 0.3]]),
    ("Bernstein", (2.0, 5.0), [[1.0]]),
    ("Chebyshev", (2.0, 5.0), [[-0.3, 0.2, 0.05]]),
    ("Chebyshev2", (2.0, 5.0), [[-0.3, 0.2]]),
    ("Legendre", (2.0, 5.0), [[-0.3, 0.2, 0.1]]),
    ("Hermite", (2.0, 5.0), [[-0.2, 0.05, 0.01]]),
    ("Laguerre", (2.0, 5.0), [[0.2, 0.1, -0.05]]),
    ("Gaus", (2.0, 5.0), [3.1, 0.07]),
    ("Exp", (2.0, 5.0), [-0.5]),
    ("CB", (2.0, 5.0), CB),
    ("CB2", (2.0, 5.0), [3.1, 0.08, 1.1, 3.0, 2.0, 5.0]),
    ("CB2", (2.0, 5.0), [3.1, 0.02, -1.1, 3.0, 0.7, 5.0]),
    ("CB2", (2.0, 5.0), [3.1, 0.02, -1.1, 3.0, -0.7, 5.0]),
    ("CB2PSI2S", (2.0, 5.0), [3.686, 0.0788, 0.98, 3.414, 2.07, 9.895]),
    ("NA60", (2.0, 5.0), NA60),
    ("VWG", (2.0, 5.0), [2.04, 0.36, 0.45]),
    ("Pol4Exp", (2.0, 5.0), [-0.3, 0.2, -0.05, 0.01, 0.8]),
    ("RatioVWG", (2.1, 4.9), [1.69, 1.10, 1.78, -0.70, -0.0031, -0.55, 0.00038]),
    ("RatioPol4Exp", (2.1, 4.9), [1.69, 1.10, 1.78, -0.7, -0.24, -0.009, 0.01, -0.001, 0.8]),
    ("RatioPol1Pol2", (2.0, 5.0), [-0.15, 0.2, 0.05]),
    ("Pt", (0.0, 20.0), [3.0, 2.0, 3.5]),
    ("Res", (-2.0, 2.0), [0.5, 3.0]),
    ("PowerTails", (-2.0, 2.0), [0.5, 3.0]),
    ("PowerTails", (-2.0, 2.0), [0.5, 1.0]),
]


@pytest.mark.parametrize("pdf", PDFS.values(), ids=list(PDFS))
def test_a_pdf_says_what_the_language_has_to_know(pdf):
    arguments = list(inspect.signature(pdf.formula).parameters)
    assert (arguments[0], arguments[-1]) == ("x", "xp")
    assert len(arguments) == len(pdf.parameters) + 2
    if pdf.integral is not None:
        assert len(inspect.signature(pdf.integral).parameters) == len(pdf.parameters) + 1
    assert set(pdf.positive) <= set(pdf.parameters)
    assert pdf.description.endswith(".")
    assert pdf.name in {name for name, _, _ in POINTS}


@pytest.mark.parametrize(("name", "span", "values"), POINTS)
def test_a_density_has_any_shape_and_no_warning(name, span, values):
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        x = np.linspace(span[0], span[1], 12)
        flat = PDFS[name].formula(x, *values, xp=np)
        table = PDFS[name].formula(x.reshape(3, 4), *values, xp=np)
        far = PDFS[name].formula(np.array([-500.0, -1.0, 0.0, 500.0]), *values, xp=np)
    np.testing.assert_array_equal(table, flat.reshape(3, 4))
    assert far.shape == (4,)


def test_the_pdfs_of_the_dimuon_fitter_are_there():
    names = "Gaus Exp CB CB2 CB2PSI2S NA60 VWG Pol4Exp RatioVWG RatioPol4Exp RatioPol1Pol2 Pt Res"
    assert set(names.split()) <= set(PDFS)
