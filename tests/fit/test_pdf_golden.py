"""The dimuon pdfs against values of the C++ classes of dq_fitter, in ROOT.

Those were normalised by RooFit's numerical integration, which is off by up to 5e-5 where a pdf has
a kink or a jump.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from tau3mu.fit.pdfs import PDFS, bin_integrals, density

WITH_KINKS = ["CB", "CB2", "CB2PSI2S", "NA60", "Res"]
SMOOTH = ["Exp", "Gaus", "Pol4Exp", "Pt", "RatioPol1Pol2", "RatioVWG", "VWG"]
NAMES = WITH_KINKS + SMOOTH


@pytest.fixture(scope="module")
def golden(oracle):
    return json.loads((oracle / "dq_pdf_golden.json").read_text())


def _reduced(name, values):
    """Leaves out what only changes the scale; returns the values and this scale."""
    if name == "Exp":
        a, b = values
        return [-b / a], 1.0
    if name == "Pol4Exp":
        p0, *others, p5 = values
        return [*(p / p0 for p in others), p5], p0
    if name == "RatioVWG":
        a, b, c, d, e, f, g, h, i = values
        return [a / e, b, c, d, g, h, i], f / e
    return values, 1.0


@pytest.mark.parametrize("name", NAMES)
def test_the_formula_is_the_same(golden, name):
    from tau3mu.fit.backend import tf, znp

    for case in golden[name]:
        values, scale = _reduced(name, case["pars"])
        x = np.array(case["x"])
        found = scale * PDFS[name].formula(x, *values, xp=np)
        np.testing.assert_allclose(found, case["raw"], rtol=1e-10)
        tensor = scale * PDFS[name].formula(tf.constant(x), *values, xp=znp)
        np.testing.assert_allclose(tensor, case["raw"], rtol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_the_normalised_density_is_the_same(golden, name):
    for case in golden[name]:
        values, _ = _reduced(name, case["pars"])
        span = case["range"]
        whole = bin_integrals(PDFS[name], np.linspace(*span, 53), values, span).sum()
        found = density(PDFS[name], np.array(case["x"]), values, span) / whole
        tolerance = 5e-5 if name in WITH_KINKS else 1e-7
        np.testing.assert_allclose(found, case["norm"], rtol=tolerance)


def test_every_case_is_looked_at(golden):
    assert sorted(golden) == sorted(NAMES)
    assert sum(len(cases) for cases in golden.values()) == 20


def test_the_integral_of_res_is_its_closed_form(golden):
    """2/3 within 0.5, and (1/0.5^2 - 1/2^2) / 3 outside."""
    (case,) = golden["Res"]
    assert case["pars"] == [0.5, 3.0]
    found = bin_integrals(PDFS["Res"], np.array([-2.0, 2.0]), [0.5, 3.0], (-2, 2))
    assert found == pytest.approx([2 / 3 + 15 / 12], rel=1e-12)
