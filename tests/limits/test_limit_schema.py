"""The JSON schema of limit files and the reference page are what the language says."""

from __future__ import annotations

import ast
import copy
import re
from pathlib import Path

import pytest
from limit_models import model, spectrum
from test_limit_input import WHOLE

from tau3mu.errors import InputError
from tau3mu.limits import limit, linting, model_of
from tau3mu.limits.schema import LANGUAGE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "limit-files.md"


@pytest.fixture(scope="module")
def refuses():
    import jsonschema

    schema = LANGUAGE.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    return lambda document: [error.json_path for error in validator.iter_errors(document)]


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


def test_the_page_lists_all_keys_of_limits():
    found = limit(model({"a": spectrum()}), toys=20)
    section = PAGE.read_text().partition("## limits.json")[2].partition("\n## ")[0]
    first = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", "".join(first))) == found.to_dict().keys()
    listed = set(re.findall(r"`(\w+)`", section))
    assert found.to_dict()["toys"].keys() <= listed
