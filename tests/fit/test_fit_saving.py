"""What `save_fit` writes, and that it replaces nothing."""

from __future__ import annotations

import json

import pytest

from tau3mu.errors import InputError
from tau3mu.fit import save_fit


@pytest.fixture(scope="module")
def folder(tmp_path_factory, fits, spectra, dsphipi):
    path = tmp_path_factory.mktemp("fit") / "new" / "folder"
    save_fit(path, spectra["demo"], dsphipi, fits["demo"])
    return path


def test_files(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "fit.json",
        "mass_fit.pdf",
        "mass_fit.png",
    ]
    assert (folder / "mass_fit.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "mass_fit.pdf").read_bytes().startswith(b"%PDF")
    assert (folder / "mass_fit.png").stat().st_size > 20_000


def test_json_holds_result_and_configuration(folder, fits, dsphipi):
    document = json.loads((folder / "fit.json").read_text("utf-8"))
    fit = fits["demo"]
    assert document["valid"] is True
    assert document["parameters"]["nDs"] == {
        "value": fit.values["nDs"],
        "error": fit.parameters["nDs"].error,
        "limits": [0, 2898],
        "at_limit": False,
        "fixed": False,
        "is_yield": True,
    }
    assert document["model_hash"] == dsphipi.hash
    assert document["minima"][1]["delta_nll"] == pytest.approx(0.26, abs=0.01)
    assert set(document["versions"]) == {
        "python", "tau3mu", "zfit", "tensorflow", "iminuit", "numpy",
    }  # fmt: skip
    again = type(dsphipi).model_validate_json(json.dumps(document["configuration"]))
    assert again == dsphipi


@pytest.mark.parametrize("name", ["fit.json", "mass_fit.png", "mass_fit.pdf"])
def test_nothing_is_replaced(tmp_path, fits, spectra, dsphipi, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=f"{name} exists already; choose another folder"):
        save_fit(tmp_path, spectra["demo"], dsphipi, fits["demo"])
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_other_files_in_the_folder_do_not_matter(tmp_path, fits, spectra, dsphipi):
    (tmp_path / "cutflow.json").write_text("{}")
    save_fit(tmp_path, spectra["demo"], dsphipi, fits["demo"])
    assert len(list(tmp_path.iterdir())) == 4


def test_a_file_is_no_folder(tmp_path, fits, spectra, dsphipi):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(InputError, match="is a file; give a folder"):
        save_fit(path, spectra["demo"], dsphipi, fits["demo"])


def test_result_text(fits, notebook_fits):
    parameters = fits["1M"].parameters
    assert parameters["nDs"].text == "1704 ± 68"
    assert parameters["mean_Ds"].text == "1.96668 ± 0.00043"
    assert parameters["slope"].text == "-2.54 ± 0.56"
    assert parameters["power_Ds"].text == "3 (fixed)"
    assert notebook_fits["demo"].parameters["power_Dplus"].text == "25 (at limit)"
