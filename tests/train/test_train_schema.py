"""The JSON schema of train files and the reference page are what the language says."""

from __future__ import annotations

import copy
from importlib.resources import files
from pathlib import Path

import pytest
from test_language import TRAIN

from tau3mu.config.documents import Document
from tau3mu.errors import InputError
from tau3mu.train.language import TrainFile
from tau3mu.train.schema import json_schema, main, page_with_tables, schema_text

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "train-files.md"


@pytest.fixture(scope="module")
def refuses():
    import jsonschema

    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    return lambda document: [error.json_path for error in validator.iter_errors(document)]


def test_what_is_shipped_is_what_the_language_says():
    assert (files("tau3mu.train") / "train.schema.json").read_text("utf-8") == schema_text()
    assert PAGE.read_text("utf-8") == page_with_tables(PAGE.read_text("utf-8"))


def test_both_are_written_by_one_call(tmp_path):
    schema = tmp_path / "src" / "tau3mu" / "train" / "train.schema.json"
    page = tmp_path / "docs" / "reference" / "train-files.md"
    for path in (schema, page):
        path.parent.mkdir(parents=True)
    text = PAGE.read_text("utf-8")
    page.write_text(text.replace("The wagons by name", "Old"), "utf-8")
    main(tmp_path)
    assert (schema.read_text("utf-8"), page.read_text("utf-8")) == (schema_text(), text)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("$", {"wagon": {}}),
        ("$", {"schema_version": 2}),
        ("$", {"datasets": []}),
        ("$.wagons", {"a b": {"processor": "x"}}),
        ("$.wagons.dsphipi", {"processor": ""}),
        ("$.wagons.dsphipi", {"parameters": [1]}),
        ("$.wagons.dsphipi", {"variants": {"a": 3}}),
        ("$.wagons.dsphipi", {"fit": 3}),
        ("$.wagons.dsphipi", {"active": "yes"}),
        ("$.wagons.dsphipi", {"outputs": {"skim": {"kind": "thin", "at": "x"}}}),
        ("$.wagons.dsphipi.limits", {"memory_mb": 0}),
        ("$.wagons.dsphipi.limits", {"min_reduction": 1}),
        ("$", {"settings": {"executor": "grid"}}),
        ("$", {"settings": {"workers": "2"}}),
        ("$", {"settings": {"fit": "dsphipi"}}),
    ],
)
def test_schema_and_language_refuse_the_same(refuses, place, value):
    document = copy.deepcopy(TRAIN)
    assert not refuses(document)
    part = document
    for key in place.split(".")[1:]:
        part = part[key]
    part |= value
    assert any(path.startswith(place) for path in refuses(document))
    with pytest.raises(InputError):
        Document(document, "train").validate(TrainFile)


def test_null_is_no_fit(refuses):
    document = copy.deepcopy(TRAIN)
    document["wagons"]["dsphipi"]["fit"] = None
    assert not refuses(document)


def test_every_key_has_a_meaning():
    schema = json_schema()
    for name, part in {"file": schema, **schema["$defs"]}.items():
        assert part["description"], name
        for key, value in part["properties"].items():
            assert value.get("description"), f"{name}.{key}"
