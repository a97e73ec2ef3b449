"""Fit files: what ships, and one exact error for everything that can be wrong in one."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest

from tau3mu.errors import InputError
from tau3mu.fit import FitModel, load_model, shipped_fits

DSPHIPI = json.loads((files("tau3mu.fits") / "dsphipi.json").read_text("utf-8"))


@pytest.fixture
def error_of(tmp_path):
    """The message of a file that says the given things differently from dsphipi.json."""

    def message(change):
        document = copy.deepcopy(DSPHIPI)
        change(document)
        path = tmp_path / "mine.json"
        path.write_text(json.dumps(document, ensure_ascii=False), "utf-8")
        with pytest.raises(InputError) as error:
            load_model(str(path))
        return str(error.value).replace(f"{path}: ", "")

    return message


def _set(*path, value):
    def change(document):
        *above, last = path
        for key in above:
            document = document[key]
        document[last] = value

    return change


def _drop(*path):
    def change(document):
        *above, last = path
        for key in above:
            document = document[key]
        del document[last]

    return change


def test_shipped_fits_load_under_their_own_name():
    assert shipped_fits() == ["dsphipi", "dsphipi_notebook"]
    for name in shipped_fits():
        model = load_model(name)
        assert (model.name, model.histogram, model.observable.bins) == (name, "mass", 62)
        assert model.yields == ("nDs", "nDplus", "nBkg")


def test_a_file_loads_like_the_shipped_fit(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(DSPHIPI), "utf-8")
    assert load_model(str(path)) == load_model("dsphipi")
    assert load_model(str(path)).hash == load_model("dsphipi").hash


def test_hash_changes_with_any_value(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(DSPHIPI | {"title": "other"}), "utf-8")
    assert load_model(str(path)).hash != load_model("dsphipi").hash


def test_models_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load_model("dsphipi").title = "other"


def test_stages_select_bins_by_their_centres():
    model = load_model("dsphipi")
    edges = model.observable.edges
    np.testing.assert_allclose(edges, np.linspace(1.65, 2.01, 63))
    centres = (edges[1:] + edges[:-1]) / 2
    selected = centres[model.stages[2].bins(edges)]
    assert len(selected) == 33 + 6 + 3
    assert not np.any((selected > 1.84) & (selected < 1.89))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("observabel", value=1),
         ("unknown key 'observabel' (did you mean 'observable'?); allowed: schema_version, "
          "name, title, description, histogram, observable, parameters, components, stages, "
          "starts")),
        (_set("parameters", "mean_Ds", "limts", value=[1, 2]),
         ("parameters.mean_Ds: unknown key 'limts' (did you mean 'limits'?); "
         "allowed: value, limits, fixed")),
        (_set("components", "Ds", "yeild", value="n"),
         ("components.Ds: unknown key 'yeild' (did you mean 'yield'?); "
         "allowed: label, pdf, parameters, yield")),
        (_drop("title"), "missing key 'title'"),
        (_drop("components", "Ds", "yield"), "components.Ds: missing key 'yield'"),
        (_set("schema_version", value=2), "schema_version: input should be 1, not 2"),
        (_set("parameters", "mean_Ds", "value", value="1.968"),
         'parameters.mean_Ds.value: input should be a valid number, not "1.968"'),
        (_set("parameters", "mean_Ds", "fixed", value="no"),
         'parameters.mean_Ds.fixed: input should be a valid boolean, not "no"'),
        (_set("parameters", "mean_Ds", "value", value=1.9),
         "parameters.mean_Ds.value: 1.9 lies outside the limits 1.94 to 2"),
        (_set("parameters", "mean_Ds", "limits", value=[2, 1.94]),
         "parameters.mean_Ds.limits: the lower edge 2 is not below the upper edge 1.94"),
        (_drop("parameters", "mean_Ds", "limits"),
         "parameters.mean_Ds: missing key 'limits', which a parameter that is not fixed needs"),
        (_set("parameters", "mean Ds", value={"value": 1, "fixed": True}),
         ("parameters.mean Ds: string should match pattern '^[A-Za-z][A-Za-z0-9_]*$', "
         'not "mean Ds"')),
        (_set("parameters", "mean_D", value={"value": 1, "fixed": True}),
         "parameters.mean_D: no component uses it (did you mean 'mean_Ds'?)"),
        (_set("parameters", "nDs", value={"value": 1, "limits": [-5, 100]}),
         "parameters.nDs.limits: a yield cannot be negative, not -5"),
        (_set("components", "Ds", "pdf", value="CristalBall"),
         ("components.Ds.pdf: unknown 'CristalBall' (did you mean 'CrystalBall'?); "
         "allowed: CrystalBall, Exponential")),
        (_set("components", "Ds", "parameters", "alfa", value="slope"),
         ("components.Ds.parameters: CrystalBall has no 'alfa' (did you mean 'alpha'?); "
         "allowed: mu, sigma, alpha, n")),
        (_drop("components", "Ds", "parameters", "alpha"),
         "components.Ds.parameters: CrystalBall also needs alpha"),
        (_set("components", "Ds", "parameters", "alpha", value="alpha_D"),
         ("components.Ds.parameters.alpha: 'alpha_D' is not defined in 'parameters' "
         "(did you mean 'alpha_Ds'?)")),
        (_set("components", "Ds", "yield", value="nBkg"),
         "components.Ds.yield: 'nBkg' is used twice; each yield is its own"),
        (_set("components", "Ds", "yield", value="slope"),
         "components.Ds.yield: 'slope' is used twice; each yield is its own"),
        (_set("components", value={}),
         "components: dictionary should have at least 1 item after validation, not 0, not {}"),
        (_set("stages", 0, "components", value=["Dss"]),
         ("stages.0.components: unknown component 'Dss' (did you mean 'Ds'?); "
         "allowed: Ds, Dplus, background")),
        (_set("stages", 0, "ranges", value=[[1.0, 1.2]]),
         "stages.0.ranges: no bin has its centre there; the observable covers 1.65 to 2.01"),
        (_set("stages", 1, "ranges", value=[[1.89, 1.83]]),
         "stages.1.ranges: the lower edge 1.89 is not below the upper edge 1.83"),
        (_set("observable", "bins", value=62.5),
         "observable.bins: input should be a valid integer, not 62.5"),
        (_set("observable", "range", value=[2.01, 1.65]),
         "observable.range: the lower edge 2.01 is not below the upper edge 1.65"),
        (_set("starts", "number", value=0), "starts.number: input should be greater than 0, not 0"),
    ],
)  # fmt: skip
def test_wrong_values_are_named_with_what_is_allowed(error_of, change, message):
    assert error_of(change) == message


def test_a_pair_of_numbers_is_asked_for(error_of):
    change = _set("observable", "range", value=[1.65])
    assert error_of(change) == "observable.range: two numbers belong here"


def test_all_wrong_keys_are_named_at_once(error_of):
    def change(document):
        document["histo"] = document.pop("histogram")
        document["starts"]["seeds"] = 3

    lines = error_of(change).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "missing key 'histogram'",
        "starts",
        "unknown key 'histo' (did you mean 'histogram'?); allowed",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,\n "b" 2}', ", line 2, column 6: no valid JSON: Expecting ':' delimiter"),
        ("", ", line 1, column 1: no valid JSON: Expecting value"),
        ('{"name": "a", "name": "b"}', ": the key 'name' is given twice in the same place"),
        ("[1]", ": input should be an object, not [1]"),
    ],
)
def test_files_that_are_no_json_object(tmp_path, text, message):
    path = tmp_path / "mine.json"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError) as error:
        load_model(str(path))
    assert str(error.value) == f"{path}{message}"


def test_unknown_names_and_files(tmp_path):
    with pytest.raises(InputError, match=r"unknown fit 'dspipi' \(did you mean 'dsphipi'\?\)"):
        load_model("dspipi")
    with pytest.raises(InputError, match=r"cannot read .*none\.json: No such file or directory"):
        load_model(str(tmp_path / "none.json"))
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"binary\.json: it is not UTF-8 text"):
        load_model(str(tmp_path / "binary.json"))


def test_a_model_can_be_made_in_python():
    model = FitModel.model_validate_json(json.dumps(DSPHIPI))
    assert model.shape_parameters[:3] == ("mean_Ds", "sigma_Ds", "alpha_Ds")
    assert model.components["Ds"].yield_ == "nDs"


def test_checking_a_file_imports_nothing_heavy():
    code = (
        "import sys; from tau3mu.fit import load_model; load_model('dsphipi'); "
        "print(sorted({'zfit', 'tensorflow', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
