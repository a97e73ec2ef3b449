"""The schema and the reference page say what the language says."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from tau3mu.errors import InputError
from tau3mu.fit.expressions import FUNCTIONS, parse
from tau3mu.fit.language import load_model, model_of, shipped_fits
from tau3mu.fit.language.json_schema import json_schema, schema_text
from tau3mu.fit.language.reference import with_tables
from tau3mu.fit.language.schema import main
from tau3mu.fit.pdfs import PDFS, load_user_pdf

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "fit-files.md"
SHIPPED = files("tau3mu.fit.language") / "fit.schema.json"


@pytest.fixture(scope="module")
def errors_of():
    """The keys of a document that the schema refuses."""
    jsonschema = pytest.importorskip("jsonschema")
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    return lambda document: {error.json_path for error in validator.iter_errors(document)}


def peak():
    """The example of the reference page, as JSON has it."""
    return {
        "schema_version": 2,
        "name": "peak",
        "title": "A peak on a background",
        "observable": {"name": "mass", "label": "m", "range": [2.2, 4.8], "bins": 52},
        "parameters": {
            "mean": {"value": 3.1, "limits": [3.0, 3.2]},
            "width": {"expression": "0.02 * mean"},
        },
        "components": {
            "signal": {
                "label": "J/ψ",
                "pdf": "Gauss",
                "parameters": {"mu": "mean", "sigma": "width"},
                "yield": "nSignal",
            },
        },
    }


def test_what_is_shipped_is_what_the_language_says(tmp_path):
    assert SHIPPED.read_text("utf-8") == schema_text()
    assert PAGE.read_text("utf-8") == with_tables(PAGE.read_text("utf-8"))


def test_both_are_written_by_one_call(tmp_path):
    paths = [
        tmp_path / "src" / "tau3mu" / "fit" / "language" / "fit.schema.json",
        tmp_path / "docs" / "reference" / "fit-files.md",
    ]
    for path in paths:
        path.parent.mkdir(parents=True)
    page = PAGE.read_text("utf-8")
    paths[1].write_text(page.replace("A Gaussian", "An old Gaussian"), "utf-8")
    main(tmp_path)
    assert [path.read_text("utf-8") for path in paths] == [schema_text(), page]


@pytest.mark.parametrize("name", shipped_fits())
def test_shipped_fits_follow_the_schema(errors_of, name):
    document = json.loads((files("tau3mu.fits") / f"{name}.json").read_text("utf-8"))
    assert errors_of(document) == set()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("$", {"titel": "x"}),
        ("$", {"schema_version": 1}),
        ("$", {"name": "a peak"}),
        ("$", {"spectra": {"all": {}}}),
        ("$.observable", {"range": [2.2]}),
        ("$.observable", {"range": [2.2, 3, 4]}),
        ("$.observable", {"bins": 0}),
        ("$.parameters", {"a b": {"value": 1, "fixed": True}}),
        ("$.parameters.mean", {"expression": "1"}),
        ("$.parameters.mean", {"value": None}),
        ("$.parameters.width", {"expression": 3}),
        ("$.components", {"none": {"label": "none", "yield": "n"}}),
        ("$.components.signal", {"sum": [{"pdf": "Gauss"}]}),
        ("$.components.signal", {"parameters": {"mu": []}}),
        ("$", {"method": {"loss": "chi"}}),
        ("$", {"method": {"minos": "every"}}),
        ("$", {"input": {"histogram": "h", "column": "c"}}),
    ],
)
def test_schema_and_language_refuse_the_same(errors_of, place, value):
    document = peak()
    assert errors_of(document) == set()
    assert model_of(document, "peak", Path()).name == "peak"
    part = document
    for key in place.split(".")[1:]:
        part = part[key]
    part |= value
    assert any(path.startswith(place) for path in errors_of(document))
    with pytest.raises(InputError):
        model_of(document, "peak", Path())


def test_every_key_has_a_meaning():
    schema = json_schema()
    for name, part in {"file": schema, **schema["$defs"]}.items():
        assert part["description"], name
        for key, value in part["properties"].items():
            assert value.get("description"), f"{name}.{key}"


def test_the_page_names_every_pdf_and_function():
    page = PAGE.read_text("utf-8")
    for pdf in PDFS.values():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{pdf.name}` |"))
        for parameter in pdf.parameters:
            above = " > 0" if parameter in pdf.positive else ""
            assert f"`{parameter}`{above}" in row
        assert len(re.findall(r"(?<!\\)\|", row)) == 4  # bars in formulas do not end a cell
    for name, (_, number) in FUNCTIONS.items():
        call = f"{name}({', '.join('ab'[:number])})"
        assert f"`{call}`" in page
        assert parse(call).names == tuple("ab"[:number])


def test_links_of_the_page_lead_somewhere():
    page = PAGE.read_text("utf-8")
    anchors = {
        line.lstrip("# ").lower().replace(" ", "-")
        for line in page.splitlines()
        if line.startswith("#")
    }
    links = set(re.findall(r"\]\(#([^)]+)\)", page))
    assert len(links) >= 15
    assert links <= anchors
    for file in re.findall(r"\]\((\.\./[^)]+)\)", page):
        assert (PAGE.parent / file).exists()


def test_the_examples_of_the_page_work(tmp_path):
    blocks = dict(re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
    (tmp_path / "peak.yaml").write_text(blocks["yaml"], "utf-8")
    model = load_model(tmp_path / "peak.yaml")
    assert model.yields == ("nSignal", "nBackground")
    (tmp_path / "turn_on.py").write_text(blocks["python"], "utf-8")
    pdf = load_user_pdf(tmp_path / "turn_on.py")
    assert (pdf.parameters, pdf.positive) == (("edge", "width", "slope"), ("width",))
