"""The ROOT file of a fit, read back with uproot and, where it is there, with ROOT itself."""

from __future__ import annotations

import json
import os
import subprocess

import hist
import numpy as np
import pytest
import uproot
from fitted_dimuons import COARSER, EDGES, expected, fitted, histogram, masses

from tau3mu.errors import RunError
from tau3mu.fit.output import write_root
from tau3mu.storage.files import json_text


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Writes the fit of a case, once, and returns the path."""
    folder, known = tmp_path_factory.mktemp("root"), {}

    def write(case):
        if case not in known:
            known[case] = folder / f"{case}.root"
            write_root(known[case], fitted(case))
        return known[case]

    return write


def read(path, key):
    """Contents and errors of a histogram."""
    with uproot.open(path) as file:
        return file[key].values(), file[key].errors()


def labelled(path):
    with uproot.open(path) as file:
        results = file["fit_results"]
        rows = zip(results.axis().labels(), results.values(), results.errors(), strict=True)
        return {label: (value, error) for label, value, error in rows}


def test_results_by_label(written):
    result = fitted("counts")
    found = labelled(written("counts"))
    assert list(found) == [
        "mean", "width", "mean2", "width2", "slope", "nJpsi", "nPsi2s", "nBackground", "chi2/ndf",
        "ratio", "Jpsi_peak.signal", "Jpsi_peak.background", "Jpsi_peak.signal_over_background",
        "Jpsi_peak.purity", "Jpsi_peak.significance",
    ]  # fmt: skip
    for name, parameter in result.parameters.items():
        assert found[name] == pytest.approx((parameter.value, parameter.error), rel=1e-12)
    assert found["chi2/ndf"] == pytest.approx((result.chi2 / result.ndf, 0))
    ratio = result.derived["ratio"]
    assert found["ratio"] == pytest.approx((ratio.value, ratio.error))
    window = result.windows["Jpsi_peak"]
    signal, background = (found[f"Jpsi_peak.{key}"][0] for key in ("signal", "background"))
    assert found["Jpsi_peak.signal"][1] == pytest.approx(window.signal.error)
    assert found["Jpsi_peak.signal_over_background"][0] == pytest.approx(signal / background)
    assert found["Jpsi_peak.purity"][0] == pytest.approx(signal / (signal + background))
    assert found["Jpsi_peak.significance"][0] == pytest.approx(
        signal / np.sqrt(signal + background)
    )


def test_fixed_parameters_have_no_error(written):
    found = labelled(written("at limit"))
    assert found["width"] == pytest.approx((0.05, 0), rel=1e-4)


def test_data_model_residuals_and_pulls(written):
    path, result = written("counts"), fitted("counts")
    contents, errors = read(path, "data")
    np.testing.assert_array_equal(contents, histogram().values())
    np.testing.assert_allclose(errors, np.sqrt(contents))
    counts = expected(result.values).sum(axis=0)
    np.testing.assert_allclose(read(path, "model_binned")[0], counts, rtol=1e-6)
    residuals, errors = read(path, "residuals")
    np.testing.assert_allclose(residuals, contents - counts, atol=1e-3)
    np.testing.assert_allclose(errors, np.sqrt(contents))
    pulls, errors = read(path, "pulls")
    np.testing.assert_allclose(pulls, (contents - counts) / np.sqrt(counts), atol=1e-4)
    np.testing.assert_array_equal(errors, 1)
    assert np.sum(pulls**2) == pytest.approx(result.chi2)


def test_curves_are_fine_and_in_entries_per_bin(written):
    path, result = written("counts"), fitted("counts")
    fine = np.linspace(2.2, 4.8, 1041)
    components = 20 * expected(result.values, fine)
    with uproot.open(path) as file:
        np.testing.assert_allclose(file["model"].axis().edges(), fine)
        np.testing.assert_allclose(file["model"].values(), components.sum(axis=0), rtol=1e-6)
        assert file["components"].keys(cycle=False) == ["Jpsi", "Psi2s", "background"]
        for name, curve in zip(("Jpsi", "Psi2s", "background"), components, strict=True):
            values = file[f"components/{name}"].values()
            np.testing.assert_allclose(values, curve, rtol=1e-5, atol=1e-6)
        total = file["components/Jpsi"].values().sum() / 20
    assert total == pytest.approx(result.values["nJpsi"])


def test_bins_of_different_widths(written):
    path = written("variable")
    with uproot.open(path) as file:
        np.testing.assert_allclose(file["data"].axis().edges(), COARSER)
        model = file["model"].values().reshape(-1, 20).mean(axis=1)
        np.testing.assert_allclose(model, file["model_binned"].values(), rtol=1e-6)
    np.testing.assert_array_equal(read(path, "data")[0], histogram(COARSER).values())


def test_blinded_data_are_not_in_the_file(written):
    path = written("blinded")
    centres = (EDGES[1:] + EDGES[:-1]) / 2
    blind = (centres > 3.5) & (centres < 3.9)
    left_out = (centres > 3.3) & (centres < 3.4)
    contents, errors = read(path, "data")
    np.testing.assert_array_equal(contents, np.where(blind, 0, histogram().values()))
    assert np.all(errors[blind] == 0)
    for key in ("residuals", "pulls"):
        values, errors = read(path, key)
        np.testing.assert_array_equal(values == 0, blind | left_out)
        np.testing.assert_array_equal(errors == 0, blind | left_out)


def test_single_entries_are_a_tree(written):
    values = masses()
    seen = ((values < 3.3) | (values >= 3.4)) & ((values < 3.5) | (values >= 3.9))
    with uproot.open(written("entries")) as file:
        tree = file["entries"].arrays(library="np")
    assert sorted(tree) == ["m", "m_weight"]
    np.testing.assert_array_equal(np.sort(tree["m"]), np.sort(values[seen]))
    np.testing.assert_array_equal(tree["m_weight"], 0.5)


def test_matrices(written):
    result = fitted("counts")
    with uproot.open(written("counts")) as file:
        for kind in ("covariance", "correlation"):
            matrix = file[f"{kind}_matrix"]
            np.testing.assert_allclose(matrix.values(), getattr(result, kind), rtol=1e-12)
            for axis in (0, 1):
                assert matrix.axis(axis).labels() == list(result.covariance_parameters)
        diagonal = np.diag(file["covariance_matrix"].values())
    errors = [result.parameters[name].error for name in result.covariance_parameters]
    np.testing.assert_allclose(np.sqrt(diagonal), errors)


def test_configuration_and_result_are_json(written):
    result = fitted("counts")
    with uproot.open(written("counts")) as file:
        configuration, document = (json.loads(str(file[k])) for k in ("configuration", "result"))
    assert configuration == json.loads(json_text(result.model.to_dict()))
    assert document == json.loads(json_text(result.to_dict()))
    assert document["parameters"]["mean"]["value"] == result.values["mean"]


def test_several_spectra_have_folders(written):
    path, result = written("two"), fitted("two")
    with uproot.open(path) as file:
        assert file["spectra"].keys(recursive=False, cycle=False) == ["A", "B"]
        assert set(file.keys(recursive=False, cycle=False)) == {
            "spectra", "fit_results", "covariance_matrix", "correlation_matrix", "configuration",
            "result",
        }  # fmt: skip
    np.testing.assert_array_equal(read(path, "spectra/A/data")[0], histogram().values())
    np.testing.assert_array_equal(read(path, "spectra/B/data")[0], histogram(seed=13).values())
    curve = read(path, "spectra/B/components/Jpsi")[0]
    assert curve.sum() / 20 == pytest.approx(result.values["nJpsi_B"])
    assert labelled(path)["nJpsi_B"][0] == result.values["nJpsi_B"]


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "fit.root").mkdir()
    with pytest.raises(RunError, match=r"fit\.root: Is a directory"):
        write_root(tmp_path / "fit.root", fitted("counts"))
    assert [path.name for path in tmp_path.iterdir()] == ["fit.root"]


def test_hist_takes_what_uproot_reads(written):
    with uproot.open(written("counts")) as file:
        results = file["fit_results"].to_hist()
    value = results[hist.loc("nJpsi")]
    assert value.value == fitted("counts").values["nJpsi"]
    assert value.variance == pytest.approx(fitted("counts").parameters["nJpsi"].error ** 2)


ROOT_MACRO = """
import json, sys
import ROOT
file = ROOT.TFile(sys.argv[1])
results, pulls, matrix = (file.Get(k) for k in ("fit_results", "pulls", "correlation_matrix"))
number = results.GetXaxis().FindBin("width")
row, column = matrix.GetXaxis().FindBin("mean"), matrix.GetYaxis().FindBin("width")
print(json.dumps({
    "classes": {k.GetName(): k.GetClassName() for k in file.GetListOfKeys()},
    "width": [results.GetBinContent(number), results.GetBinError(number)],
    "bins": results.GetNbinsX(),
    "spill": [results.GetBinContent(0), results.GetBinContent(results.GetNbinsX() + 1)],
    "pulls": [pulls.Integral(), pulls.GetBinError(1)],
    "data": [file.Get("data").Integral(), file.Get("data").GetBinError(3) ** 2],
    "model": file.Get("model").Integral() / 20,
    "jpsi": file.Get("components/Jpsi").Integral() / 20,
    "correlation": matrix.GetBinContent(row, column),
    "name": json.loads(str(file.Get("configuration").GetString()))["name"],
}))
"""


def test_root_reads_the_same(written):
    python = os.environ.get("TAU3MU_ROOT_PYTHON")
    if not python:
        pytest.skip("TAU3MU_ROOT_PYTHON names no Python that has ROOT")
    command = [python, "-W", "ignore", "-c", ROOT_MACRO, str(written("counts"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found, result = json.loads(done.stdout), fitted("counts")
    assert "not in the list" not in done.stderr
    assert found["classes"] == {
        "fit_results": "TH1D", "data": "TH1D", "model_binned": "TH1D", "residuals": "TH1D",
        "pulls": "TH1D", "model": "TH1D", "components": "TDirectoryFile",
        "correlation_matrix": "TH2D", "covariance_matrix": "TH2D", "configuration": "TObjString",
        "result": "TObjString",
    }  # fmt: skip
    width = result.parameters["width"]
    assert found["width"] == pytest.approx([width.value, width.error])
    assert (found["bins"], found["spill"]) == (15, [0, 0])
    counts = expected(result.values).sum(axis=0)
    pulls = (histogram().values() - counts) / np.sqrt(counts)
    assert found["pulls"] == [pytest.approx(pulls.sum(), abs=1e-3), 1]
    assert found["data"] == pytest.approx([histogram().values().sum(), histogram().values()[2]])
    assert found["model"] == pytest.approx(counts.sum())
    assert found["jpsi"] == pytest.approx(result.values["nJpsi"])
    names = result.covariance_parameters
    correlation = result.correlation[names.index("mean")][names.index("width")]
    assert found["correlation"] == pytest.approx(correlation)
    assert found["name"] == "dimuon"
