"""Fit files: what ships, how JSON, YAML and pdfs of users are read, and what a model says."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from errors import raises
from pydantic import ValidationError
from ruamel.yaml import YAML

from tau3mu.errors import InputError
from tau3mu.fit.language import load_model, model_of, shipped_fits
from tau3mu.fit.language.files import read_fit

DSPHIPI = json.loads((files("tau3mu.fits") / "dsphipi.json").read_text("utf-8"))

SPECTRA = """\
schema_version: 2
name: both
title: Two categories with the same peak
parameters:
  mean: {value: 1.777, limits: [1.7, 1.9]}
  narrow: {value: 1e-2, limits: [1.0E-3, .05]}
  wide: {expression: 2 * narrow}
  core: {value: 0.5, limits: [0, 1]}
  bias: {value: 0, fixed: true}
  smear: {value: 0.005, fixed: true}
  c1: {value: 0, limits: [-1, 1]}
spectra:
  tight: &tight
    observable: &mass {name: mass, label: m, unit: GeV, range: [1.62, 2], bins: 38}
    blind: [[1.73, 1.82]]
    components:
      signal:
        label: τ → 3μ
        sum:
          - pdf: Gauss
            parameters: {mu: mean, sigma: narrow}
          - sum:
              - {pdf: Gauss, parameters: {mu: mean, sigma: wide}}
              - {pdf: Cauchy, parameters: {m: mean, gamma: narrow}}
            fractions: [core]
        fractions: [core]
        resolution:
          sum:
            - {pdf: Gauss, parameters: {mu: bias, sigma: smear}}
            - {pdf: Gauss, parameters: {mu: bias, sigma: narrow}}
          fractions: [core]
        yield: nSignalTight
      background:
        {label: Background, pdf: Chebyshev, parameters: {coefficients: [c1]}, yield: nBkgTight}
  loose:
    observable: *mass
    components:
      signal: {label: τ → 3μ, pdf: Gauss, parameters: {mu: mean, sigma: wide}, yield: nLoose}
      background: {label: Background, pdf: Uniform, parameters: {low: mean, high: c1}, yield: nBkg}
"""


def test_shipped_fits_load_under_their_own_name():
    assert shipped_fits() == ["dsphipi", "dsphipi_2017", "dsphipi_notebook", "jpsi_psi2s"]
    for name in shipped_fits():
        model = load_model(name)
        assert model.name == name
        if name == "dsphipi_2017":
            assert [one.input.era for one in model.parts.values()] == [f"2017{e}" for e in "BCDEF"]
        else:
            assert list(model.parts) == [name]
        assert all(one.input.histogram == "mass" for one in model.parts.values())
    assert load_model("dsphipi").yields == ("nDs", "nDplus", "nBkg")


def test_a_file_loads_like_the_shipped_fit(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(DSPHIPI), "utf-8")
    document, folder = read_fit(path)
    assert document.content == DSPHIPI
    model = load_model(path)
    assert folder == model.folder == tmp_path
    assert model.to_dict() == load_model("dsphipi").to_dict()
    assert model.hash == load_model(str(path)).hash == load_model("dsphipi").hash


@pytest.mark.parametrize("name", shipped_fits())
def test_what_a_model_says_makes_the_same_model(name):
    model = load_model(name)
    assert model_of(model.to_dict(), name, Path()) == model
    document = json.loads((files("tau3mu.fits") / f"{name}.json").read_text("utf-8"))
    assert model.to_dict() == document


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("title",), "other"),
        (("observable", "bins"), 31),
        (("parameters", "mean_Ds", "value"), 1.969),
        (("parameters", "mean_Ds", "limits"), [1.94, 2.01]),
        (("components", "Ds", "label"), "Ds"),
        (("method", "starts", "seed"), 6),
    ],
)
def test_the_hash_changes_with_every_value(place, value):
    document = copy.deepcopy(DSPHIPI)
    *above, last = place
    part = document
    for key in above:
        part = part[key]
    part[last] = value
    assert model_of(document, "mine", Path()).hash != load_model("dsphipi").hash


def test_the_hash_is_that_of_the_content():
    reordered = {key: DSPHIPI[key] for key in reversed(DSPHIPI)}
    assert model_of(reordered, "mine", Path()).hash == load_model("dsphipi").hash
    assert len(load_model("dsphipi").hash) == 64


def test_models_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        load_model("dsphipi").title = "other"


def test_a_model_can_be_made_in_python():
    model = load_model(DSPHIPI)
    assert model.used[:3] == ("mean_Ds", "sigma_Ds", "alpha_Ds")
    assert model.components["Ds"].yield_ == "nDs"
    assert model.components["Ds"].arguments == ("mean_Ds", "sigma_Ds", "alpha_Ds", "power_Ds")


def test_stages_select_by_the_value():
    model = load_model("dsphipi")
    edges = model.observable.edges
    np.testing.assert_allclose(edges, np.linspace(1.65, 2.01, 63), rtol=1e-15)
    centres = (edges[1:] + edges[:-1]) / 2
    selected = centres[model.method.stages[2].contains(centres)]
    assert len(selected) == 33 + 6 + 3
    assert not np.any((selected > 1.84) & (selected < 1.89))


def test_several_spectra_with_nested_shapes(tmp_path):
    path = tmp_path / "both.yaml"
    path.write_text(SPECTRA, "utf-8")
    model = load_model(path)
    assert list(model.parts) == ["tight", "loose"]
    assert model.yields == ("nSignalTight", "nBkgTight", "nLoose", "nBkg")
    assert model.used[:6] == ("mean", "narrow", "wide", "core", "bias", "smear")
    assert model.expressions == {"wide": "2 * narrow"}
    assert model.parameters["narrow"].value == 0.01
    assert model.parameters["narrow"].limits == (0.001, 0.05)
    assert model.parts["tight"].blind == ((1.73, 1.82),)
    signal = model.parts["tight"].components["signal"]
    assert list(signal.uses()) == [
        ("sum.0.parameters.mu", "mean"),
        ("sum.0.parameters.sigma", "narrow"),
        ("sum.1.sum.0.parameters.mu", "mean"),
        ("sum.1.sum.0.parameters.sigma", "wide"),
        ("sum.1.sum.1.parameters.m", "mean"),
        ("sum.1.sum.1.parameters.gamma", "narrow"),
        ("sum.1.fractions", "core"),
        ("fractions", "core"),
        ("resolution.sum.0.parameters.mu", "bias"),
        ("resolution.sum.0.parameters.sigma", "smear"),
        ("resolution.sum.1.parameters.mu", "bias"),
        ("resolution.sum.1.parameters.sigma", "narrow"),
        ("resolution.fractions", "core"),
    ]
    assert signal.peaks
    assert not model.parts["tight"].components["background"].peaks
    assert model.parts["tight"].components["background"].arguments == (("c1",),)
    assert model_of(model.to_dict(), "again", tmp_path) == model


def test_yaml_says_the_same_as_json(tmp_path):
    path = tmp_path / "both.yml"
    path.write_text(SPECTRA, "utf-8")
    document = YAML(typ="safe", pure=True).load(SPECTRA)
    (tmp_path / "both.json").write_text(json.dumps(document), "utf-8")
    assert load_model(path) == load_model(tmp_path / "both.json")


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("fixed: yes", "fit.wrong-type", "parameters.bias.fixed"),
        ("fixed: no", "fit.wrong-type", "parameters.bias.fixed"),
        ("fixed: 1", "fit.wrong-type", "parameters.bias.fixed"),
        ("limits: [0, .inf]", "fit.out-of-range", "parameters.bias.limits[1]"),
        ("value: 1", "fit.duplicate-key", "both.yaml"),
    ],
)
def test_yaml_is_as_strict_as_json(tmp_path, text, code, place):
    path = tmp_path / "both.yaml"
    path.write_text(SPECTRA.replace("value: 0, fixed: true", f"value: 0, {text}"), "utf-8")
    with raises(code, path=place, mentions=str(path)):
        load_model(path)


@pytest.mark.parametrize(
    ("name", "text", "code", "where"),
    [
        ("a.json", '{"a": 1,\n "b" 2}', "fit.not-json", "line 2, column 6: "),
        ("a.json", "", "fit.not-json", "line 1, column 1: "),
        ("a.json", '{"name": "a", "name": "b"}', "fit.duplicate-key", "'name'"),
        ("a.json", '{"a": {"b": 1, "b": 1}}', "fit.duplicate-key", "'b'"),
        ("a.json", "[" * 100000, "fit.too-deep", ""),
        ("a.json", '{"a":' * 500 + "1" + "}" * 500, "fit.too-deep", ""),
        ("a.json", '{"a": ' + "1" * 5000 + "}", "fit.not-json", "5000 digits"),
        ("a.yaml", "a: " + "[" * 150 + "]" * 150, "fit.too-deep", ""),
        ("a.yaml", "a: [1", "fit.not-yaml", "line 1, column 6: "),
        ("a.yaml", "a:\n  b: @x", "fit.not-yaml", "line 2, column 6: "),
        ("a.yaml", "a: A peak: b", "fit.not-yaml", "line 1, column 10: "),
        ("a.yaml", "a: {b: A: b}", "fit.not-yaml", "line 1, column 9: "),
        ("a.yaml", "a: \0", "fit.not-yaml", ""),
        ("a.yaml", "a: 2026-01-01", "fit.not-yaml", "date"),
        ("a.yaml", "a: &x [*x]", "fit.too-deep", ""),
        ("a.yaml", "a: !!python/name:os.system", "fit.not-yaml", "line 1, column 4: "),
    ],
)
def test_files_that_are_neither_json_nor_yaml(tmp_path, name, text, code, where):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    with raises(code, path=name, mentions=(str(path), where)):
        load_model(path)


@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
def test_a_list_is_not_a_fit(tmp_path, name):
    (tmp_path / name).write_text("[1]", "utf-8")
    with raises("fit.wrong-type", mentions=name):
        load_model(tmp_path / name)


@pytest.mark.parametrize("text", ["a:\n  b: @x", "a: A peak: b", "a: {b: A: b}"])
def test_yaml_that_needs_quotes(tmp_path, text):
    path = tmp_path / "a.yaml"
    path.write_text(text, "utf-8")
    with raises("fit.not-yaml", mentions="quote"):
        load_model(path)


def test_a_document_is_a_fit_too(tmp_path, monkeypatch):
    path = files("tau3mu.fits") / "dsphipi.json"
    document = json.loads(path.read_text("utf-8"))
    assert load_model(document) == load_model("dsphipi")
    assert load_model(MappingProxyType(document)).to_dict() == document
    monkeypatch.chdir(tmp_path)
    assert load_model(document).folder == Path()
    with raises("fit.unknown-key", path="titel", mentions=("the given fit: ", "'title'")):
        load_model({**document, "titel": "x"})


def test_unknown_names_and_files(tmp_path):
    with raises("fit.unknown-fit", path="dspipi", mentions="'dsphipi'"):
        load_model("dspipi")
    with raises("fit.unknown-fit", path="fit.txt", mentions=".json, .yaml, .yml"):
        load_model(tmp_path / "fit.txt")
    with pytest.raises(InputError, match=r"none\.json"):
        load_model(tmp_path / "none.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"binary\.json.*UTF-8"):
        load_model(tmp_path / "binary.json")


TURN_ON = """\
def formula(x, edge, width, xp):
    return 1 / (1 + xp.exp((edge - x) / width))
positive = ("width",)
"""


@pytest.fixture
def with_turn_on(tmp_path, monkeypatch):
    """Writes a fit with a pdf of the user; the value is where the fit has its width."""
    monkeypatch.delenv("TAU3MU_PDF_PATH", raising=False)

    def write(width=0.01):
        document = copy.deepcopy(DSPHIPI)
        document["parameters"] |= {
            "edge": {"value": 1.7, "fixed": True},
            "width": {"value": width, "fixed": True},
        }
        del document["parameters"]["slope"]
        document["components"]["background"] |= {
            "pdf": "turn_on",
            "parameters": {"edge": "edge", "width": "width"},
        }
        path = tmp_path / "fits" / "mine.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document), "utf-8")
        return path

    return write


def test_a_pdf_of_the_user_is_found_beside_the_fit(with_turn_on):
    path = with_turn_on()
    path.with_name("turn_on.py").write_text(TURN_ON, "utf-8")
    shape = load_model(path).components["background"]
    assert shape.arguments == ("edge", "width")
    assert shape.definition.formula(1.7, 1.7, 0.01, xp=np) == 0.5


def test_a_pdf_of_the_user_is_found_in_the_search_path(with_turn_on, tmp_path, monkeypatch):
    path = with_turn_on()
    with raises("fit.unknown-pdf", path="components.background.pdf", mentions="turn_on"):
        load_model(path)
    for number, factor in (("one", "2"), ("two", "3")):
        (tmp_path / number).mkdir()
        text = TURN_ON.replace("return 1", f"return {factor}")
        (tmp_path / number / "turn_on.py").write_text(text, "utf-8")
    monkeypatch.setenv("TAU3MU_PDF_PATH", f"{tmp_path}:{tmp_path / 'two'}:{tmp_path / 'one'}")
    shape = load_model(path).components["background"]
    assert shape.definition.formula(1.7, 1.7, 0.01, xp=np) == 1.5


def test_pdfs_of_users_are_checked_like_others(with_turn_on):
    path = with_turn_on(width=0)
    source = path.with_name("turn_on.py")
    source.write_text(TURN_ON, "utf-8")
    with raises("fit.not-positive", path="components.background.parameters.width"):
        load_model(path)
    source.write_text("import not_there\n", "utf-8")
    with pytest.raises(InputError, match=r"turn_on\.py .*line 1.*not_there"):
        load_model(path)


def test_only_pdfs_of_components_are_loaded(with_turn_on):
    path = with_turn_on()
    path.with_name("turn_on.py").write_text(TURN_ON, "utf-8")
    path.with_name("normal.py").write_text("raise RuntimeError", "utf-8")
    document = json.loads(path.read_text("utf-8"))
    document["parameters"]["mean_Ds"]["constraint"] = {
        "pdf": "normal", "mean": 1.968, "sigma": 0.001,
    }  # fmt: skip
    path.write_text(json.dumps(document), "utf-8")
    assert load_model(path).parameters["mean_Ds"].constraint.sigma == 0.001


def test_checking_a_file_imports_nothing_heavy():
    code = (
        "import sys; from tau3mu.fit.language import load_model; load_model('dsphipi'); "
        "print(sorted({'dask', 'matplotlib', 'tensorflow', 'zfit'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
