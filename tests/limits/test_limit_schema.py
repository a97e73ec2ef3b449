"""The JSON schema of limit files and the reference page are what the language says."""

from __future__ import annotations

import ast
import copy
import re
from importlib.resources import files
from pathlib import Path

import pytest
from test_limit_input import WHOLE

from tau3mu.errors import InputError
from tau3mu.limits import linting, model_of
from tau3mu.limits.schema import json_schema, main, page_with_tables, schema_text

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "limit-files.md"


@pytest.fixture(scope="module")
def refuses():
    import jsonschema

    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    return lambda document: [error.json_path for error in validator.iter_errors(document)]


def test_what_is_shipped_is_what_the_language_says():
    assert (files("tau3mu.limits") / "limits.schema.json").read_text("utf-8") == schema_text()
    assert PAGE.read_text("utf-8") == page_with_tables(PAGE.read_text("utf-8"))


def test_both_are_written_by_one_call(tmp_path):
    schema = tmp_path / "src" / "tau3mu" / "limits" / "limits.schema.json"
    page = tmp_path / "docs" / "reference" / "limit-files.md"
    for path in (schema, page):
        path.parent.mkdir(parents=True)
    text = PAGE.read_text("utf-8")
    page.write_text(text.replace("Where fits start.", "Old"), "utf-8")
    main(tmp_path)
    assert (schema.read_text("utf-8"), page.read_text("utf-8")) == (schema_text(), text)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("$", {"channel": {}}),
        ("$", {"schema_version": 2}),
        ("$", {"channels": {}}),
        ("$", {"strength": {"scale": 0}}),
        ("$.channels", {"a b": WHOLE["channels"]["c"]}),
        ("$.channels.a", {"range": [1.6]}),
        ("$.channels.a", {"signal": {"yield": 1, "mean": 1.777, "sigma": 0}}),
        ("$.channels.a", {"data": {"masses": ["1.7"]}}),
        ("$.channels.a", {"background": {"family": "expo"}}),
        ("$.channels.c", {"processes": {}}),
        ("$.channels.c", {"observed": [-1]}),
        ("$.nuisances.eff", {"yield": {"a": 0}}),
        ("$.nuisances.eff", {"yield": {"a": [1.1]}}),
        ("$.nuisances.eff", {"mean": {"a": 2}}),
    ],
)
def test_schema_and_language_refuse_the_same(refuses, place, value):
    document = copy.deepcopy(WHOLE)
    assert not refuses(document)
    model_of(document)
    part = document
    for key in place.split(".")[1:]:
        part = part[key]
    part |= value
    assert refuses(document)
    with pytest.raises(InputError):
        model_of(document)


def test_every_key_has_a_meaning():
    schema = json_schema()
    for name, part in {"file": schema, **schema["$defs"]}.items():
        assert part["description"], name
        for key, value in part["properties"].items():
            assert value.get("description"), f"{name}.{key}"


def test_the_page_lists_all_warnings():
    folder = Path(linting.__file__).parent
    trees = [ast.parse(file.read_text()) for file in folder.glob("*.py")]
    codes = {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and str(node.value).startswith("limits.")
    }
    assert set(re.findall(r"^\| `(limits\.[a-z-]+)`", PAGE.read_text(), re.MULTILINE)) == codes
    assert len(codes) > 12
