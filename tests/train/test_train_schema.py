"""The JSON schema of train files and the reference page are what the language says."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from test_language import TRAIN

from tau3mu.config.documents import Document
from tau3mu.errors import InputError
from tau3mu.train.language import TrainFile
from tau3mu.train.schema import LANGUAGE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "train-files.md"


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
