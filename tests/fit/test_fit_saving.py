"""What `save_fit` writes, that it replaces nothing, and how the values are read back."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import uproot
from errors import raises
from fitted_dimuons import document, fitted

from tau3mu.errors import InputError, RunError
from tau3mu.fit.language import model_of
from tau3mu.fit.output import check_free, check_plot, load_fit_values, save_fit

PLOTS = ["correlation", "mass_fit", "residuals"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("fit") / "new" / "folder"
    save_fit(path, fitted("counts"))
    return path


def names_of(folder):
    return sorted(path.name for path in folder.iterdir())


def test_files(folder):
    plots = [f"{name}.{form}" for name in PLOTS for form in ("pdf", "png")]
    assert names_of(folder) == sorted(["fit.json", "fit.root", *plots])
    for name in PLOTS:
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert (folder / f"{name}.png").stat().st_size > 20_000
    with uproot.open(folder / "fit.root") as file:
        assert file["data"].values().sum() == fitted("counts").entries


def test_json_holds_result_and_configuration(folder):
    document = json.loads((folder / "fit.json").read_text("utf-8"))
    result = fitted("counts")
    assert document["valid"] is True
    assert document["parameters"]["mean"] == {
        "value": result.values["mean"],
        "error": result.parameters["mean"].error,
        "limits": [3, 3.2],
        "at_limit": False,
        "fixed": False,
        "is_yield": False,
        "expression": None,
        "minos": None,
        "minos_levels": {},
    }
    assert document["parameters"]["mean2"]["expression"] == "mean + 0.584"
    assert document["spectra"]["dimuon"]["data_hash"] == result.data["dimuon"].hash
    assert document["spectra"]["dimuon"]["entries"] == 47043
    assert document["windows"]["Jpsi_peak"]["signal"]["value"] == pytest.approx(2995, abs=1)
    assert document["model_hash"] == result.model.hash
    assert set(document["versions"]) >= {"python", "tau3mu", "iminuit", "numpy"}
    assert "scans" not in document
    assert model_of(document["configuration"], "fit.json", Path()) == result.model


def test_json_is_strict_where_numbers_are_not_finite(tmp_path):
    result = fitted("counts")
    mean = replace(result.parameters["mean"], error=math.nan)
    broken = replace(
        result, edm=math.inf, parameters={**result.parameters, "mean": mean},
        covariance_parameters=(), covariance=(), correlation=(),
    )  # fmt: skip
    save_fit(tmp_path, broken)

    def refuse(constant):
        pytest.fail(f"{constant} is no JSON")

    document = json.loads((tmp_path / "fit.json").read_text("utf-8"), parse_constant=refuse)
    assert document["edm"] is None
    assert document["parameters"]["mean"]["error"] is None
    assert document["parameters"]["mean"]["value"] == result.values["mean"]
    assert not list(tmp_path.glob("correlation*"))


@pytest.mark.integration
def test_several_spectra_have_plots_of_their_own(tmp_path):
    save_fit(tmp_path, fitted("two"), lumi=37.9)
    stems = {path.stem for path in tmp_path.glob("*.p*")}
    assert stems == {"mass_fit_A", "mass_fit_B", "residuals_A", "residuals_B", "correlation"}
    check_free(tmp_path / "other", fitted("two").model)
    with raises("fit.output-exists", InputError, path="fit.json"):
        check_free(tmp_path, fitted("two").model)


@pytest.mark.integration
def test_scans_are_drawn_and_written(tmp_path):
    scan = (np.array([3.09, 3.10, 3.11]), np.array([2.0, 0.0, 3.0]))
    save_fit(tmp_path, fitted("counts"), scans={"mean": scan})
    document = json.loads((tmp_path / "fit.json").read_text("utf-8"))
    assert document["scans"] == {"mean": {"values": [3.09, 3.1, 3.11], "delta_nll": [2, 0, 3]}}
    assert (tmp_path / "scans.png").stat().st_size > 10_000
    assert (tmp_path / "scans.pdf").exists()


@pytest.mark.parametrize(
    "name", ["fit.json", "fit.root", "mass_fit.png", "residuals.pdf", "scans.png"]
)
def test_nothing_is_replaced(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with raises("fit.output-exists", InputError, path=name):
        save_fit(tmp_path, fitted("counts"))
    assert names_of(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_other_files_in_the_folder_do_not_matter(tmp_path):
    (tmp_path / "cutflow.json").write_text("{}")
    (tmp_path / "mass_fit_B.png").write_text("of another fit")
    check_free(tmp_path, fitted("counts").model)


def test_a_file_is_no_folder(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with raises("fit.not-a-folder", InputError, path="file"):
        save_fit(path, fitted("counts"))
    with pytest.raises(RunError, match="below"):
        save_fit(path / "below", fitted("counts"))


def test_what_cannot_be_drawn_is_said_before_anything_is_written(tmp_path):
    looks = {
        "log": True,
        "y_range": [0, 10],
        "parameters": {"mean": "$\\foo$"},
        "text": [{"x": 0, "y": 0, "text": "$a_{b$"}, {"x": 0, "y": 0, "text": "5 $, or $\\mu$"}],
    }
    changed = document(plot=looks)
    changed["components"]["Psi2s"]["color"] = "gren"
    model = model_of(changed, "fit.json", Path())
    color = "components.Psi2s.color"
    with raises("fit.unknown-color", InputError, path=color, mentions="'green'") as error:
        save_fit(tmp_path, replace(fitted("counts"), model=model))
    lines = [line.split(": ")[:2] for line in str(error.value).splitlines()]
    assert lines == [
        ["fit dimuon", path]
        for path in (color, "plot.parameters.mean", "plot.text[0].text", "plot.y_range")
    ]
    assert not names_of(tmp_path)
    check_plot(fitted("counts").model)


def test_looks_of_several_spectra_are_checked():
    changed = fitted("two").model.to_dict()
    changed["spectra"]["B"]["label"] = "$\\frac$"
    with raises("fit.wrong-mathematics", InputError, path="spectra.B.label"):
        check_plot(model_of(changed, "fit.json", Path()))


def test_values_are_read_back(folder):
    assert load_fit_values(folder) == fitted("counts").values
    assert load_fit_values(folder / "fit.json") == fitted("counts").values


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("{", "fit.not-json", "fit.json"),
        ("{}", "fit.missing-key", "parameters"),
        ('{"parameters": {}}', "fit.missing-key", "parameters"),
        ('{"parameters": {"mean": {"value": null}}}', "fit.wrong-type", "parameters.mean.value"),
        ('{"parameters": {"mean": {"value": true}}}', "fit.wrong-type", "parameters.mean.value"),
        ('{"parameters": {"mean": 3.1}}', "fit.wrong-type", "parameters.mean.value"),
    ],
)
def test_values_of_other_files_are_refused(tmp_path, text, code, place):
    path = tmp_path / "fit.json"
    path.write_text(text)
    with raises(code, InputError, path=place, mentions=str(path)):
        load_fit_values(path)


def test_values_of_no_file_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"fit\.json"):
        load_fit_values(tmp_path)
    (tmp_path / "fit.json").write_bytes(b"\xff\xfe")
    with raises("config.not-utf8", InputError, path="fit.json"):
        load_fit_values(tmp_path)


@pytest.mark.integration
def test_a_fit_that_does_not_fit_on_the_disk_leaves_nothing_and_can_be_saved_again(tmp_path):
    """`fit.json` was left without plots, and the same command was refused because of it."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # less than a plot
    try:
        with pytest.raises(RunError, match=rf"{tmp_path}/\w+\.\w+: File too large"):
            save_fit(tmp_path, fitted("counts"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names_of(tmp_path) == []
    save_fit(tmp_path, fitted("counts"))
    assert "mass_fit.png" in names_of(tmp_path)
