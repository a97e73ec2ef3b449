"""Which histogram is fitted: data before simulation, chosen by name, or added."""

from __future__ import annotations

import json

import hist
import numpy as np
import pytest
import uproot

from tau3mu.errors import InputError
from tau3mu.fit import spectrum
from tau3mu.fit.spectra import read_spectrum


def _filled(datasets):
    """A processor's histogram with the given number of entries per dataset."""
    histogram = hist.Hist(
        hist.axis.StrCategory([], name="dataset", growth=True),
        hist.axis.StrCategory(["nominal", "muon_sf_up"], name="variation"),
        hist.axis.Regular(62, 1.65, 2.01, name="mass"),
        storage=hist.storage.Weight(),
    )
    for name, entries in datasets.items():
        mass = np.linspace(1.66, 2.0, entries)
        histogram.fill(dataset=name, variation="nominal", mass=mass)
        histogram.fill(dataset=name, variation="muon_sf_up", mass=mass, weight=1.1)
    return histogram


@pytest.fixture
def results(tmp_path):
    """Writes a results folder like a run does, with the given entries per dataset."""

    def write(datasets, facts=None, processor="dsphipi"):
        folder = tmp_path / "results" / processor
        folder.mkdir(parents=True)
        histogram = _filled(datasets)
        with uproot.recreate(folder / "histograms.root") as file:
            for name in datasets:
                part = histogram[{"dataset": name}]
                file[f"{name}/mass"] = part[{"variation": "nominal"}]
                file[f"{name}/mass_muon_sf_up"] = part[{"variation": "muon_sf_up"}]
        if facts is not None:
            (tmp_path / "results" / "run.json").write_text(json.dumps({"datasets": facts}))
        return tmp_path / "results"

    return write


DATA, MC = {"is_mc": False, "lumi": 4.8}, {"is_mc": True, "lumi": None}


def test_data_come_before_simulation():
    chosen = spectrum(
        _filled({"2017B": 10, "mc": 7, "2017C": 5}), {"2017B": False, "mc": True, "2017C": False}
    )
    assert (chosen.datasets, chosen.simulation) == (("2017B", "2017C"), False)
    assert chosen.histogram.sum().value == 15
    assert [axis.name for axis in chosen.histogram.axes] == ["mass"]


def test_simulation_where_there_is_no_data():
    chosen = spectrum(_filled({"a": 10, "b": 7}), {"a": True, "b": True})
    assert (chosen.datasets, chosen.simulation) == (("a", "b"), True)
    assert chosen.histogram.sum().value == 17


def test_data_of_which_nothing_was_selected_are_not_replaced_by_simulation():
    with pytest.raises(InputError, match="nothing of 2017B; there is nothing to fit"):
        spectrum(_filled({"mc": 7}), {"2017B": False, "mc": True})


@pytest.mark.parametrize("part", ["", "dsphipi", "dsphipi/histograms.root"])
def test_files_of_a_run(results, dsphipi, part):
    path = results(
        {"2017B": 10, "2017C": 5, "mc": 7},
        {"2017B": DATA, "2017C": {"is_mc": False, "lumi": 9.6}, "mc": MC},
    )
    chosen = read_spectrum(path / part, dsphipi)
    assert (chosen.datasets, chosen.simulation) == (("2017B", "2017C"), False)
    assert chosen.lumi == pytest.approx(14.4)
    assert chosen.remark == ""
    expected = spectrum(_filled({"2017B": 10, "2017C": 5}), {"2017B": False, "2017C": False})
    np.testing.assert_array_equal(chosen.histogram.values(), expected.histogram.values())
    np.testing.assert_array_equal(chosen.histogram.variances(), expected.histogram.variances())


def test_luminosity_is_unknown_if_that_of_a_dataset_is(results, dsphipi):
    path = results({"a": 10, "b": 5}, {"a": DATA, "b": {"is_mc": False, "lumi": None}})
    assert read_spectrum(path, dsphipi).lumi is None


def test_without_run_json_all_are_added_and_this_is_said(results, dsphipi):
    chosen = read_spectrum(results({"a": 10, "b": 5}), dsphipi)
    assert chosen.histogram.sum().value == 15
    assert chosen.remark == "there is no run.json, so all datasets are added: a, b"


def test_one_histogram_by_name(results, dsphipi):
    path = results({"a": 10, "mc": 7}, {"a": DATA, "mc": MC})
    chosen = read_spectrum(path, dsphipi, "mc/mass_muon_sf_up")
    assert (chosen.datasets, chosen.simulation, chosen.lumi) == (("mc",), True, None)
    assert chosen.histogram.sum().value == pytest.approx(7.7)
    assert chosen.histogram.sum().variance == pytest.approx(7 * 1.21)
    assert read_spectrum(path, dsphipi, "a/mass").lumi == 4.8


def test_unknown_histogram_is_named_with_those_that_there_are(results, dsphipi):
    with pytest.raises(InputError) as error:
        read_spectrum(results({"demo": 10}), dsphipi, "demo/mas")
    assert "has no histogram 'demo/mas' (did you mean 'demo/mass'?)" in str(error.value)
    assert "it has demo/mass, demo/mass_muon_sf_up" in str(error.value)


def test_a_model_of_another_histogram(results, dsphipi):
    model = dsphipi.model_copy(update={"histogram": "pt"})
    with pytest.raises(
        InputError, match=r"no histogram 'pt' of any dataset; it has demo/mass,.*--histogram"
    ):
        read_spectrum(results({"demo": 10}), model)


def test_of_several_processors_that_of_the_model_is_taken(results, dsphipi, notebook):
    results({"demo": 10}, {"demo": DATA})
    path = results({"demo": 12}, processor="other")
    assert read_spectrum(path, dsphipi).histogram.sum().value == 10
    with pytest.raises(
        InputError,
        match=r"several processors, none called 'dsphipi_notebook'; give one: .*dsphipi, .*other",
    ):
        read_spectrum(path, notebook)


def test_datasets_with_other_bins_are_refused(tmp_path, dsphipi):
    with uproot.recreate(tmp_path / "histograms.root") as file:
        file["a/mass"] = hist.Hist(hist.axis.Regular(62, 1.65, 2.01)).fill([1.9])
        file["b/mass"] = hist.Hist(hist.axis.Regular(60, 1.65, 2.01)).fill([1.9])
    with pytest.raises(InputError, match=r"other bins in other datasets \(a, b\)"):
        read_spectrum(tmp_path, dsphipi)


def test_paths_that_are_no_results(tmp_path, dsphipi):
    with pytest.raises(InputError, match="none does not exist; expected a results folder"):
        read_spectrum(tmp_path / "none", dsphipi)
    with pytest.raises(InputError, match=r"is not a results folder: it holds no histograms\.root"):
        read_spectrum(tmp_path, dsphipi)
    (tmp_path / "histograms.root").write_text("text")
    with pytest.raises(InputError, match=r"cannot read .*histograms\.root as a ROOT file"):
        read_spectrum(tmp_path, dsphipi)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"datasets": [1]}', '{"datasets": {"a": 1}}'])
def test_broken_run_json(results, dsphipi, text):
    path = results({"a": 10})
    (path / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"run\.json does not say which datasets were read"):
        read_spectrum(path, dsphipi)
