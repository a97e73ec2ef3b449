from __future__ import annotations

import json
from pathlib import Path

import hist
import numpy as np
import pytest

from tau3mu.fit import fit, load_model
from tau3mu.fit.language import model_of


@pytest.fixture(scope="session")
def with_method():
    """The same model, fitted in another way: `engine="numpy"`, `starts={"number": 1}`."""

    def change(model, **method):
        document = model.to_dict()
        return model_of({**document, "method": {**document["method"], **method}}, "test", Path())

    return change


@pytest.fixture
def without_plots(monkeypatch):
    """Saves the numbers of fits alone: to draw takes most of the time, and others test plots."""
    monkeypatch.setattr("tau3mu.fit.output.saving._figures", lambda *_, **__: iter(()))


@pytest.fixture(scope="session")
def histogram_of():
    """Makes the histogram that a processor would fill, from its contents and variances."""

    def make(contents, variances=None):
        histogram = hist.Hist(
            hist.axis.Regular(62, 1.65, 2.01, name="mass", label="m(μμπ) [GeV]"),
            storage=hist.storage.Weight(),
        )
        histogram.view().value = contents
        histogram.view().variance = contents if variances is None else variances
        return histogram

    return make


@pytest.fixture(scope="session")
def spectra(oracle, histogram_of):
    """The best-candidate masses of the demo and of a million toy events."""
    return {
        name: histogram_of(
            json.loads((oracle / f"dsphipi_{name}_intended.json").read_text())["hist"]
        )
        for name in ("demo", "1M")
    }


@pytest.fixture(scope="session")
def dsphipi():
    return load_model("dsphipi")


@pytest.fixture(scope="session")
def notebook():
    return load_model("dsphipi_notebook")


class Fits(dict):
    """Results by the name of a spectrum, each of them found when it is first asked for."""

    def __init__(self, model, spectra):
        super().__init__()
        self._model, self._spectra = model, spectra

    def __missing__(self, name):
        self[name] = fit(self._model, self._spectra[name])
        return self[name]


@pytest.fixture(scope="session")
def fits(spectra, dsphipi):
    """The results of the shipped fit."""
    return Fits(dsphipi, spectra)


@pytest.fixture(scope="session")
def notebook_fits(spectra, notebook):
    """The results of the original notebook's model."""
    return Fits(notebook, spectra)


@pytest.fixture(scope="session")
def truth(fits):
    """The fitted values of the million events: a spectrum to draw toys from."""
    return dict(fits["1M"].values)


@pytest.fixture
def toy(histogram_of):
    """Draws a histogram from expected counts."""
    generator = np.random.default_rng(20)
    return lambda expected: histogram_of(generator.poisson(expected).astype(float))
