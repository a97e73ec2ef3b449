"""The same model fitted by zfit and by NumPy, for the tests that hold the two together."""

from __future__ import annotations

import math
from pathlib import Path

import hist
import numpy as np

from tau3mu.fit import fit
from tau3mu.fit.language import model_of
from tau3mu.fit.likelihood.sampling import entries_of

RANGE = (2.2, 4.8)
OBSERVABLE = {"name": "m", "label": "m(μμ)", "unit": "GeV", "range": [*RANGE], "bins": 52}


def described(components, parameters, **more):
    """A fit file of one spectrum."""
    return {
        "schema_version": 2, "name": "dimuon", "title": "Two muons", "observable": OBSERVABLE,
        "components": components, "parameters": parameters, **more,
    }  # fmt: skip


def component(yield_, pdf, /, resolution=None, **parameters):
    made = {"label": yield_, "yield": yield_, "pdf": pdf, "parameters": parameters}
    return made | ({"resolution": resolution} if resolution else {})


def made(document, folder=Path(), **method):
    """The model of a fit file, with other keys of `method`."""
    return model_of(
        {**document, "method": {**document.get("method", {}), **method}}, "test.json", Path(folder)
    )


def both(document, data, folder=Path(), **method):
    """The results of the two engines."""
    return tuple(
        fit(made(document, folder, engine=engine, **method), data) for engine in ("zfit", "numpy")
    )


def drawn(model, yields, seed=1, spectrum=None):
    """Entries of a model at its start values, with Poisson numbers of the given mean."""
    values = {
        name: p.value for name, p in model.parameters.items() if p.expression is None
    } | yields
    for name, parameter in model.parameters.items():
        if parameter.parsed is not None:
            values[name] = parameter.parsed.evaluate(values)
    part = model.parts[spectrum or next(iter(model.parts))]
    return entries_of(part, values, np.random.default_rng(seed))


def counted(values, edges=None, weight=1.0):
    """A histogram of values, as a processor would fill it."""
    axis = hist.axis.Variable(np.linspace(*RANGE, 53) if edges is None else edges, name="m")
    return hist.Hist(axis, storage=hist.storage.Weight()).fill(values, weight=weight)


def assert_same(one, other, value=0.01, error=0.01):
    """Checks that two results agree, in units of the errors and relative to them."""
    assert (one.valid, one.status) == (other.valid, other.status), (one.messages, other.messages)
    assert one.parameters.keys() == other.parameters.keys()
    assert one.covariance_parameters == other.covariance_parameters
    for name, a in one.parameters.items():
        b = other.parameters[name]
        if a.error is None or b.error is None:
            assert a.error is b.error is None, name
            assert math.isclose(a.value, b.value, rel_tol=1e-4, abs_tol=1e-2), name
            continue
        assert abs(a.value - b.value) < value * b.error, (name, a.value, b.value, b.error)
        assert abs(a.error / b.error - 1) < error, (name, a.error, b.error)
    assert abs(one.nll - other.nll) < 1e-3
    assert abs(one.chi2 - other.chi2) < 1e-2 * max(1, other.chi2)
    assert one.ndf == other.ndf
