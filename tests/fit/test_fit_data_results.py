"""What is fitted of a run: data before simulation, as histograms and as candidates."""

from __future__ import annotations

import json
from types import SimpleNamespace

import awkward as ak
import hist
import numpy as np
import pytest
import uproot

from tau3mu.errors import InputError
from tau3mu.fit.data import read_data, spectrum
from tau3mu.outputs.candidates import write_candidates
from tau3mu.outputs.histograms import write_histograms

MASS = SimpleNamespace(
    name="mass", label="m", unit="GeV", range=(1.65, 2.01), bins=None, edges=None
)
DATA, MC = {"is_mc": False, "lumi": 4.8}, {"is_mc": True, "lumi": None}


def _masses(entries):
    return np.linspace(1.66, 2.0, entries)


def _filled(datasets):
    """A processor's histogram with the given number of entries per dataset."""
    histogram = hist.Hist(
        hist.axis.StrCategory([], name="dataset", growth=True),
        hist.axis.StrCategory(["nominal", "muon_sf_up"], name="variation"),
        hist.axis.Regular(62, 1.65, 2.01, name="mass"),
        storage=hist.storage.Weight(),
    )
    for name, entries in datasets.items():
        mass = _masses(entries)
        histogram.fill(dataset=name, variation="nominal", mass=mass)
        histogram.fill(dataset=name, variation="muon_sf_up", mass=mass, weight=1.1)
    return histogram


@pytest.fixture
def results(tmp_path):
    """Writes a results folder like a run does, with the given entries per dataset."""

    def write(datasets, facts=None, processor="dsphipi", fmt="root"):
        folder = tmp_path / "results" / processor
        folder.mkdir(parents=True)
        write_histograms(folder, {"mass": _filled(datasets)})
        candidates = {
            "dataset": np.repeat(list(datasets), list(datasets.values())),
            "mass": np.concatenate([_masses(n) for n in datasets.values()]),
            "weight": np.concatenate(
                [np.full(n, 0.5 if name.startswith("mc") else 1) for name, n in datasets.items()]
            ),
            "pt": np.arange(sum(datasets.values()), dtype=float),
        }
        write_candidates(folder, ak.Array(candidates), fmt=fmt)
        if facts is not None:
            (tmp_path / "results" / "run.json").write_text(json.dumps({"datasets": facts}))
        return tmp_path / "results"

    return write


TWO_ERAS = {"2017B": 10, "2017C": 5, "mc": 7}
FACTS = {"2017B": DATA, "2017C": {"is_mc": False, "lumi": 9.6}, "mc": MC}


def test_data_come_before_simulation():
    chosen = spectrum(
        _filled({"2017B": 10, "mc": 7, "2017C": 5}), {"2017B": False, "mc": True, "2017C": False}
    )
    assert (chosen.datasets, chosen.simulation) == (("2017B", "2017C"), False)
    assert chosen.data.sum().value == 15
    assert [axis.name for axis in chosen.data.axes] == ["mass"]


def test_simulation_where_there_is_no_data():
    chosen = spectrum(_filled({"a": 10, "b": 7}), {"a": True, "b": True})
    assert (chosen.datasets, chosen.simulation) == (("a", "b"), True)
    assert chosen.data.sum().value == 17


def test_data_of_which_nothing_was_selected_are_not_replaced_by_simulation():
    with pytest.raises(InputError, match="nothing of 2017B; there is nothing to fit"):
        spectrum(_filled({"mc": 7}), {"2017B": False, "mc": True})


@pytest.mark.parametrize(
    "part", ["", "dsphipi", "dsphipi/histograms.root", "dsphipi/histograms.json"]
)
def test_histogram_of_a_run(results, part):
    source = read_data(results(TWO_ERAS, FACTS) / part, MASS, processor="dsphipi")
    assert (source.datasets, source.simulation) == (("2017B", "2017C"), False)
    assert source.lumi == pytest.approx(14.4)
    assert source.warning == ""
    assert source.name.rpartition(":")[2] == "mass"
    expected = spectrum(_filled({"2017B": 10, "2017C": 5}), {"2017B": False, "2017C": False})
    np.testing.assert_array_equal(source.data.values(), expected.data.values())
    np.testing.assert_array_equal(source.data.variances(), expected.data.variances())


def test_luminosity_is_unknown_if_that_of_a_dataset_is(results):
    path = results({"a": 10, "b": 5}, {"a": DATA, "b": {"is_mc": False, "lumi": None}})
    assert read_data(path, MASS).lumi is None
    assert read_data(path, MASS, column="mass").lumi is None


@pytest.mark.parametrize(
    ("eras", "energy"),
    [
        (("2017B", "2018"), 13.0),
        (("Run2022C", "2023"), 13.6),
        (("2012", "2012"), 8.0),
        (("2018", "2022"), None),
        (("2017B", ""), None),
        ((None, None), None),
    ],
)
def test_the_energy_is_that_of_the_years_of_all_eras(results, eras, energy):
    facts = {name: {**DATA, "era": era} for name, era in zip("ab", eras, strict=True)}
    path = results({"a": 10, "b": 5}, facts)
    assert read_data(path, MASS).energy == energy
    assert read_data(path, MASS, column="mass").energy == energy
    assert read_data(path / "dsphipi" / "histograms.json", MASS).energy == energy
    alone = {"2017B": 13.0, "Run2022C": 13.6, "2012": 8.0, "2018": 13.0}.get(eras[0])
    assert read_data(path, MASS, histogram="a/mass").energy == alone


def test_without_run_json_all_are_added_and_this_is_said(results):
    path = results({"a": 10, "b": 5})
    for source in (read_data(path, MASS), read_data(path / "dsphipi" / "histograms.json", MASS)):
        assert source.data.sum().value == 15
        assert source.warning == "there is no run.json, so all datasets are added: a, b"
    source = read_data(path, MASS, column="mass")
    assert len(source.data[0]) == 15
    assert source.warning == "there is no run.json, so all datasets are added: a, b"


def test_one_histogram_by_name(results):
    path = results({"a": 10, "mc": 7}, {"a": DATA, "mc": MC})
    chosen = read_data(path, MASS, histogram="mc/mass_muon_sf_up")
    assert (chosen.datasets, chosen.simulation, chosen.lumi) == (("mc",), True, None)
    assert chosen.data.sum().value == pytest.approx(7.7)
    assert chosen.data.sum().variance == pytest.approx(7 * 1.21)
    assert read_data(path, MASS, histogram="a/mass").lumi == 4.8


@pytest.mark.parametrize("name", ["mas", "demo/mas"])
def test_unknown_histogram(results, name):
    with pytest.raises(InputError) as error:
        read_data(results({"demo": 10}), MASS, histogram=name)
    assert f"has no histogram {name!r} of any dataset (did you mean" in str(error.value)
    assert "it has demo/mass, demo/mass_muon_sf_up" in str(error.value)


def test_of_several_processors_that_of_the_fit_is_taken(results):
    results({"demo": 10}, {"demo": DATA})
    path = results({"demo": 12}, processor="other")
    assert read_data(path, MASS, processor="dsphipi").data.sum().value == 10
    assert len(read_data(path, MASS, column="mass", processor="other").data[0]) == 12
    for given in ({}, {"column": "mass"}):
        with pytest.raises(
            InputError, match=r"several processors, none called 'my'; give one: .*dsphipi, .*other"
        ):
            read_data(path, MASS, processor="my", **given)


def test_datasets_with_other_bins_are_refused(tmp_path):
    with uproot.recreate(tmp_path / "histograms.root") as file:
        file["a/mass"] = hist.Hist(hist.axis.Regular(62, 1.65, 2.01)).fill([1.9])
        file["b/mass"] = hist.Hist(hist.axis.Regular(60, 1.65, 2.01)).fill([1.9])
    with pytest.raises(InputError, match=r"other bins in other datasets \(a, b\)"):
        read_data(tmp_path, MASS)


@pytest.mark.parametrize("fmt", ["root", "parquet"])
@pytest.mark.parametrize("part", ["", "dsphipi", "dsphipi/candidates.{fmt}"])
def test_candidates_of_a_run(results, part, fmt):
    path = results(TWO_ERAS, FACTS, fmt=fmt) / part.format(fmt=fmt)
    source = read_data(path, MASS, column="pt")
    assert (source.datasets, source.simulation) == (("2017B", "2017C"), False)
    assert source.lumi == pytest.approx(14.4)
    np.testing.assert_array_equal(source.data[0], np.arange(15))
    assert source.data[1] is None
    assert source.name.endswith(f"candidates.{fmt}:pt")


def test_candidates_with_lists_are_remarked(results):
    path = results({"a": 2, "b": 1}, {"a": DATA, "b": DATA})
    file = path / "dsphipi" / "candidates.root"
    with uproot.recreate(file) as content:
        columns = {"dataset": ["a", "a", "b"], "masses": ak.Array([[1.7, 1.8], [], [1.9]])}
        content.mkrntuple("candidates", columns)
    source = read_data(path, MASS, column="masses")
    assert source.data[0].tolist() == [1.7, 1.8, 1.9]
    lists = f"{file}: column 'masses' has lists: each of their 3 items counts as an entry"
    assert source.warning == lists
    (path / "run.json").unlink()
    assert read_data(path, MASS, column="masses").warning == (
        f"there is no run.json, so all datasets are added: a, b; {lists}"
    )


def test_candidates_are_what_the_histogram_counts(results):
    path = results(TWO_ERAS, FACTS)
    values, _ = read_data(path, MASS, column="mass").data
    counted = hist.Hist(hist.axis.Regular(62, 1.65, 2.01)).fill(values)
    np.testing.assert_array_equal(counted.values(), read_data(path, MASS).data.values())


def test_weights_of_candidates(results):
    path = results({"mc1": 3, "mc2": 2}, {"mc1": MC, "mc2": MC})
    source = read_data(path, MASS, column="mass")
    assert source.simulation
    np.testing.assert_array_equal(source.data[1], [0.5] * 5)
    np.testing.assert_array_equal(read_data(path, MASS, weight="pt").data[1], np.arange(5))


@pytest.mark.parametrize(
    ("facts", "given", "message"),
    [
        ({"2018": DATA}, {"column": "mass"}, "has nothing of 2018; there is nothing to fit"),
        ({"a": DATA}, {"column": "mas"}, "'mas' (did you mean 'mass'?); it has dataset, mass, wei"),
        ({"a": DATA}, {"column": "mass", "weight": "w"}, "'w'; it has dataset, mass, weight, pt"),
        ({"a": DATA}, {"column": "dataset"}, "column 'dataset' has the type 3 * string; expected"),
    ],
)
@pytest.mark.parametrize("fmt", ["root", "parquet"])
def test_candidates_that_cannot_be_read(results, facts, given, message, fmt):
    path = results({"a": 3}, facts, fmt=fmt)
    with pytest.raises(InputError) as error:
        read_data(path, MASS, **given)
    assert f"candidates.{fmt}" in str(error.value)
    assert message in str(error.value)


def test_folders_of_a_run_without_the_file(results):
    path = results({"a": 3})
    (path / "dsphipi" / "candidates.root").unlink()
    with pytest.raises(InputError, match=r"holds no candidates\.root or candidates\.parquet"):
        read_data(path, MASS, column="mass")
    with pytest.raises(InputError, match="does not exist; expected a ROOT, JSON or parquet file"):
        read_data(path / "none", MASS)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"datasets": [1]}', '{"datasets": {"a": 1}}'])
def test_broken_run_json(results, text):
    path = results({"a": 10})
    (path / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"run\.json.*: .*\b(datasets|JSON|object)\b"):
        read_data(path, MASS)


def test_histograms_without_variations_and_in_any_order_of_axes(tmp_path):
    axes = [
        hist.axis.Regular(62, 1.65, 2.01, name="mass"),
        hist.axis.StrCategory([], name="dataset", growth=True),
    ]
    plain = hist.Hist(*axes, storage="Double")
    for name, entries in TWO_ERAS.items():
        plain.fill(_masses(entries), name)
    folder = tmp_path / "results" / "mine"
    folder.mkdir(parents=True)
    write_histograms(folder, {"mass": plain})
    (tmp_path / "results" / "run.json").write_text(json.dumps({"datasets": FACTS}))
    expected = spectrum(_filled({"2017B": 10, "2017C": 5}), {"2017B": False, "2017C": False})
    for path in (folder, folder / "histograms.json"):
        source = read_data(path, MASS)
        assert source.datasets == ("2017B", "2017C")
        np.testing.assert_array_equal(source.data.values(), expected.data.values())


def test_a_histogram_without_its_nominal_variation_is_not_fitted():
    histogram = hist.Hist(
        hist.axis.StrCategory(["a"], name="dataset"),
        hist.axis.StrCategory(["up", "down"], name="variation"),
        hist.axis.Regular(2, 1.65, 2.01, name="mass"),
    )
    with pytest.raises(InputError, match=r"'nominal'.*up, down"):
        spectrum(histogram, {"a": False})
