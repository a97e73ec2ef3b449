"""sWeights: their sums, their formula, hepstats on zfit's pdfs, and what they are good for."""

from __future__ import annotations

import json
from itertools import starmap
from pathlib import Path

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from errors import raises
from peak_models import document, parameters, spectrum
from scipy import integrate, stats

from tau3mu.errors import InputError
from tau3mu.fit import fit
from tau3mu.fit.data import Source
from tau3mu.fit.data.prepare import sources
from tau3mu.fit.language import model_of
from tau3mu.fit.studies import sweights, write_sweights


def entries(seed=31):
    """Masses, lifetimes that differ between signal and background, and which is signal."""
    generator = np.random.default_rng(seed)
    signal = np.arange(4000) < 1200
    background = generator.exponential(5, 4000)
    mass = np.where(signal, generator.normal(5, 0.5, 4000), background)
    time = np.where(signal, generator.exponential(2.0, 4000), generator.exponential(0.7, 4000))
    order = generator.permutation(4000)
    return mass[order], time[order], signal[order]


def unbinned(**changes):
    free = parameters(width={"value": 0.5, "limits": [0.2, 1]}, nSignal=None, nBackground=None)
    defaults = {"input": {"column": "mass"}, "parameters": free}
    return model_of(document(**{**defaults, **changes}), "peak.json", Path())


_CASES = {
    "whole": lambda mass: (unbinned(), mass),
    "ranges": lambda mass: (unbinned(ranges=[[0, 4], [4.5, 10]], blind=[[9, 10]]), mass),
    "weighted": lambda mass: (unbinned(), (mass, 0.5 + (mass % 1))),
}


@pytest.fixture(scope="module")
def fits():
    mass = entries()[0]
    return {name: fit(*case(mass)) for name, case in _CASES.items()}


def in_ranges(result):
    """The integrals of signal and background over the fitted ranges, and their densities."""
    values, sample = result.values, result.data["peak"]
    densities = (
        lambda x: stats.norm.pdf(x, values["mean"], values["width"]),
        lambda x: np.exp(values["slope"] * x),
    )
    parts = []
    for density, name in zip(densities, ("nSignal", "nBackground"), strict=True):

        def area(low, high, density=density):
            return integrate.quad(density, low, high, points=[5], epsabs=1e-13, epsrel=1e-13)[0]

        seen = sum(starmap(area, sample.intervals))
        parts.append((values[name] * seen / area(0, 10), density(sample.values) / seen))
    return parts


@pytest.mark.parametrize("case", _CASES)
def test_weights_are_those_of_the_formula(fits, case):
    result = fits[case]
    sample = result.data["peak"]
    weights = np.ones(len(sample.values)) if sample.weights is None else sample.weights
    (signal_yield, signal), (background_yield, background) = in_ranges(result)
    total = signal_yield * signal + background_yield * background
    inverse = np.empty((2, 2))
    for i, one in enumerate((signal, background)):
        for j, other in enumerate((signal, background)):
            inverse[i, j] = sum(weights * one * other / total**2)
    covariance = np.linalg.inv(inverse)
    found = sweights(result)
    assert list(found) == ["signal", "background"]
    for row, name in zip(covariance, found, strict=True):
        expected = (row[0] * signal + row[1] * background) / total
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("case", _CASES)
def test_weights_add_up_to_the_yields_and_to_one(fits, case):
    result = fits[case]
    sample = result.data["peak"]
    found = sweights(result)
    for (number, _), weights in zip(in_ranges(result), found.values(), strict=True):
        total = weights.sum() if sample.weights is None else weights @ sample.weights
        assert total == pytest.approx(number, rel=1e-10)
    assert sum(found.values()) == pytest.approx(np.ones(len(sample.values)), abs=1e-3)


def test_the_weighted_lifetime_is_that_of_the_signal(fits):
    """Closure, by a χ² with the variances of the sums of weights, at four standard deviations."""
    mass, time, signal = entries()
    inside = (mass >= 0) & (mass < 10)
    time, signal = time[inside], signal[inside]
    found = sweights(fits["whole"])
    edges = np.array([0, 0.3, 0.6, 1, 1.5, 2, 3, 4, 6, 20])
    for name, mean, chosen in (("signal", 2.0, signal), ("background", 0.7, ~signal)):
        weights = found[name]
        contents = np.histogram(time, edges, weights=weights)[0]
        variances = np.histogram(time, edges, weights=weights**2)[0]
        expected = chosen.sum() * np.diff(stats.expon.cdf(edges, scale=mean))
        chi2 = np.sum((contents - expected) ** 2 / variances)
        assert stats.chi2.sf(chi2, len(contents)) > 1e-4
        # What was not weighted has the other component in it.
        mixed = np.histogram(time, edges)[0] * chosen.mean()
        assert stats.chi2.sf(np.sum((mixed - expected) ** 2 / expected), len(mixed)) < 1e-12


def test_there_are_as_many_weights_as_entries(fits):
    for result in fits.values():
        assert {len(w) for w in sweights(result).values()} == {len(result.data["peak"].values)}


@pytest.mark.parametrize(
    ("changes", "binned", "code"),
    [
        ({"input": {"histogram": "m"}}, True, "fit.needs-entries"),
        (
            {"components": {"signal": document()["components"]["signal"]},
             "parameters": parameters(slope=None, nBackground=None), "derived": None},
            False,
            "fit.needs-components",
        ),
        (
            {"parameters": parameters(nSignal={"value": 1000, "fixed": True})},
            False,
            "fit.not-free",
        ),
        (
            {"parameters": parameters(mean={"value": 6, "limits": [5.8, 6.2]})},
            False,
            "fit.invalid-fit",
        ),
    ],
    ids=["binned", "one component", "fixed yield", "not valid"],
)  # fmt: skip
def test_weights_that_would_be_wrong_are_refused(changes, binned, code):
    result = fit(unbinned(**changes), spectrum() if binned else entries()[0])
    with raises(code, InputError, path="peak"):
        sweights(result)


def written(folder, model, path):
    found = sources(model, str(path))
    result = fit(model, {name: source.data for name, source in found.items()})
    (file,) = write_sweights(folder, result, found)
    assert file == folder / "sweights.parquet"
    return result, pq.read_table(file)


def assert_right(result, table, columns, rows):
    """All columns are there, with weights in the rows that were fitted and null in the others."""
    added = ["sweight_signal", "sweight_background"]
    assert table.column_names == [*columns, *added]
    for name, values in columns.items():
        assert table[name].to_pylist() == list(values)
    for name, weights in sweights(result).items():
        column = table[f"sweight_{name}"]
        assert column.is_valid().to_pylist() == rows.tolist()
        np.testing.assert_array_equal(column.drop_null().to_numpy(), weights)


def test_the_rows_of_a_tree_keep_their_columns(tmp_path):
    mass, time, _ = entries()
    columns = {"mass": mass, "time": time, "run": np.arange(len(mass))}
    with uproot.recreate(tmp_path / "in.root") as file:
        for name in ("first", "second"):
            file.mktree(name, {key: array.dtype for key, array in columns.items()})
            file[name].extend({key: array[:: 1 if name == "second" else -1]
                               for key, array in columns.items()})  # fmt: skip
    model = unbinned(input={"tree": "second", "column": "mass"})
    result, table = written(tmp_path, model, tmp_path / "in.root")
    inside = (mass >= 0) & (mass < 10)
    assert 3000 < inside.sum() < 4000
    assert_right(result, table, columns, inside)
    read = ak.from_parquet(tmp_path / "sweights.parquet")
    assert read.fields == table.column_names
    assert ak.sum(read.sweight_signal) == pytest.approx(result.values["nSignal"])


def test_the_rows_of_parquet_keep_their_columns(tmp_path):
    mass, time, _ = entries()
    mass[:2] = 2, 8  # the edges: the lower one belongs to the range, the upper one does not
    columns = {"time": time, "mass": mass, "name": [f"{i}" for i in range(len(mass))]}
    pq.write_table(pa.table(columns), tmp_path / "in.parquet")
    model = unbinned(ranges=[[2, 8]])
    result, table = written(tmp_path / "out", model, tmp_path / "in.parquet")
    assert_right(result, table, columns, (mass >= 2) & (mass < 8))


def test_the_candidates_of_other_datasets_have_no_weights(tmp_path):
    mass, time, _ = entries()
    dataset = np.where(np.arange(len(mass)) % 7 == 0, "simulation", "data")
    columns = {"mass": mass, "time": time, "dataset": dataset}
    folder = tmp_path / "results" / "peak"
    folder.mkdir(parents=True)
    pq.write_table(pa.table(columns), folder / "candidates.parquet")
    facts = {"data": {"is_mc": False}, "simulation": {"is_mc": True}}
    (tmp_path / "results" / "run.json").write_text(json.dumps({"datasets": facts}))
    result, table = written(folder, unbinned(), tmp_path / "results")
    assert_right(result, table, columns, (mass >= 0) & (mass < 10) & (dataset == "data"))


def test_what_has_no_rows_is_refused(tmp_path, fits):
    mass = entries()[0]
    with raises("fit.needs-entries", InputError, path="mass"):
        write_sweights(tmp_path, fits["whole"], {"peak": Source((mass, None))})
    lists = ak.unflatten(mass, np.full(2000, 2))
    ak.to_parquet(ak.zip({"mass": lists}, depth_limit=1), tmp_path / "lists.parquet")
    with raises("fit.needs-flat-column", InputError, path="mass", mentions=("4000", "2000")):
        written(tmp_path, unbinned(), tmp_path / "lists.parquet")
    assert not (tmp_path / "sweights.parquet").exists()


def test_weights_are_never_written_over_others(tmp_path):
    mass, _, _ = entries()
    pq.write_table(pa.table({"mass": mass}), tmp_path / "in.parquet")
    written(tmp_path, unbinned(), tmp_path / "in.parquet")
    with raises("fit.output-exists", InputError, path="sweights.parquet"):
        written(tmp_path, unbinned(), tmp_path / "in.parquet")
