"""Histograms as others write them: edges in single precision, old cycles, scaled contents."""

from __future__ import annotations

import hist
import numpy as np
import pytest
import uproot
from both_engines import component, described, made

from tau3mu.errors import InputError
from tau3mu.fit import fit, sources
from tau3mu.fit.data import binned, read_labelled
from tau3mu.fit.data.columns import tree_columns

MASS = {"name": "mass", "label": "m", "unit": "GeV", "range": [1.65, 2.01]}
PEAK = {
    **described(
        {
            "s": component("nS", "Gauss", mu="mu", sigma="sigma"),
            "b": component("nB", "Exponential", slope="slope"),
        },
        {
            "mu": {"value": 1.968, "limits": [1.94, 2.0]},
            "sigma": {"value": 0.014, "limits": [0.004, 0.04]},
            "slope": {"value": -1, "limits": [-20, 20]},
        },
    ),
    "observable": MASS,
}


@pytest.fixture(scope="module")
def values():
    generator = np.random.default_rng(5)
    return np.concatenate([generator.normal(1.968, 0.012, 300), generator.uniform(1.65, 2.01, 600)])


@pytest.fixture(scope="module")
def written(tmp_path_factory, values):
    """A file in a folder with a name that looks like a file and an object in it."""
    path = tmp_path_factory.mktemp("other") / "x.root:y" / "h.root"
    path.parent.mkdir()
    counts = hist.Hist(hist.axis.Regular(72, 1.65, 2.01, name="mass"), storage="Double")
    counts.fill(values)
    labelled = hist.axis.StrCategory(["mu"])
    with uproot.recreate(path) as file:
        file["double"] = counts
        file["single"] = np.histogram(values, np.linspace(1.65, 2.01, 73, dtype=np.float32))
        file["scaled"] = counts * 0.001
        file["folder/twice"] = counts * 2
        file["folder/twice"] = counts
        file["labels"] = hist.Hist(labelled, data=np.array([1.9]))
        file["labels"] = hist.Hist(labelled, data=np.array([2.0]))
        file["tree"] = {"mass": values[:5]}
        file["tree"] = {"mass": values}
    return path


def _fitted(path, histogram, document=PEAK):
    model = made(document, engine="numpy")
    return fit(model, sources(model, str(path), histogram)[model.name].data)


def test_edges_in_single_precision_are_the_edges_meant(written):
    single, double = _fitted(written, "single"), _fitted(written, "double")
    found = single.parameters["nS"]
    assert single.valid
    assert (found.value, found.error) == pytest.approx((311.4, 23.2), abs=0.5)
    for name, parameter in double.parameters.items():
        assert abs(single.values[name] - parameter.value) < 1e-3 * parameter.error, name
    edges = single.data["dimuon"].edges
    assert (edges[0], edges[-1]) == (1.65, 2.01)


def test_ranges_and_wider_bins_meet_edges_in_single_precision(written):
    document = {
        **PEAK,
        "observable": {**MASS, "bins": 36},
        "ranges": [[1.7, 1.8], [1.9, 2.01]],
        "blind": [[1.9, 1.91]],
    }
    single, double = (_fitted(written, name, document) for name in ("single", "double"))
    one, other = single.data["dimuon"], double.data["dimuon"]
    np.testing.assert_array_equal(one.contents, other.contents)
    np.testing.assert_array_equal(one.used, other.used)
    assert one.used.sum() == 20


@pytest.mark.parametrize(("lower", "upper"), [(91.0, 91.5), (124.0, 126.0), (0.0, 1e-3)])
def test_single_precision_elsewhere(lower, upper):
    edges = np.linspace(lower, upper, 51)
    observable = made({**PEAK, "observable": {**MASS, "range": [lower, upper]}}).observable
    part = made(PEAK).parts["dimuon"]
    histogram = hist.Hist(hist.axis.Variable(edges.astype(np.float32)), data=np.ones(50))
    sample = binned(histogram, observable, part, where="fit")
    assert len(sample.contents) == 50
    assert (sample.edges[0], sample.edges[-1]) == (lower, upper)


def test_a_hundredth_of_a_bin_is_another_edge():
    part = made(PEAK).parts["dimuon"]
    edges = np.linspace(1.65, 2.01, 73)
    edges[0] += 5e-5
    histogram = hist.Hist(hist.axis.Variable(edges), data=np.ones(72))
    with pytest.raises(InputError, match="does not cover"):
        binned(histogram, part.observable, part, where="fit")


def test_the_narrowest_bin_does_not_say_how_exact_the_others_are():
    edges = np.array([1.65, 1.65001, 1.7, 1.8, 2.01])
    part = made(PEAK).parts["dimuon"]
    histogram = hist.Hist(hist.axis.Variable(edges.astype(np.float32)), data=np.ones(4))
    narrow = part.observable.model_copy(update={"range": (1.7, 2.01)})
    np.testing.assert_allclose(binned(histogram, narrow, part, where="fit").edges, edges[2:])


@pytest.mark.parametrize(("name", "entries"), [("twice;1", 1800), ("twice;2", 900), ("twice", 900)])
def test_a_cycle_is_part_of_the_name(written, name, entries):
    assert _fitted(written, f"folder/{name}").entries == entries


def test_a_cycle_that_is_not_there(written):
    with pytest.raises(InputError, match=r"twice;7.*twice;1, folder/twice;2") as error:
        _fitted(written, "folder/twice;7")
    assert str(written) in str(error.value)


def test_cycles_of_trees_and_labels(written):
    assert len(tree_columns(str(written), "tree;1", ["mass"])["mass"]) == 5
    assert len(tree_columns(str(written), "tree", ["mass"])["mass"]) == 900
    assert read_labelled(written, "labels;1") == {"mu": (1.9, pytest.approx(1.9**0.5))}
    assert read_labelled(written, "labels")["mu"][0] == 2.0


def test_a_cycle_in_a_results_folder(tmp_path, values):
    folder = tmp_path / "results.root:1" / "peak"
    folder.mkdir(parents=True)
    counts = hist.Hist(hist.axis.Regular(72, 1.65, 2.01, name="mass"), storage="Double")
    with uproot.recreate(folder / "histograms.root") as file:
        file["demo/mass"] = counts.fill(values)
    model = made(PEAK)
    (found,) = sources(model, str(folder), "demo/mass;1").values()
    assert found.datasets == ("demo",)
    assert found.data.sum() == 900


def test_a_folder_with_two_colons(tmp_path, written):
    copy = tmp_path / "a::b" / "h.root"
    copy.parent.mkdir()
    copy.write_bytes(written.read_bytes())
    assert _fitted(copy, "double").entries == 900


def test_contents_that_are_no_counts_are_said(written, values):
    assert any("Sumw2" in message for message in _fitted(written, "scaled").messages)
    assert not any("Sumw2" in message for message in _fitted(written, "double").messages)
    for weight in (1e-3, 1e-10):
        weighted = hist.Hist(hist.axis.Regular(72, 1.65, 2.01), storage="Weight")
        weighted.fill(values, weight=weight)
        result = fit(made(PEAK, engine="numpy"), weighted)
        assert result.spectra["dimuon"].weighted
        assert not any("Sumw2" in message for message in result.messages)


def test_contents_that_are_no_counts_are_said_of_least_squares_too(written):
    document = {**PEAK, "method": {"loss": "chi2"}}
    assert any("Sumw2" in message for message in _fitted(written, "scaled", document).messages)
