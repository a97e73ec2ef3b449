"""Trials files: patches, combinations, and what is refused."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest
from errors import raises
from peak_models import TRIALS, document

from tau3mu.errors import InputError
from tau3mu.fit.studies import load_trials
from tau3mu.fit.studies.trials_file import merge_patch


@pytest.fixture
def written(tmp_path):
    """Writes a base and a trials file with some keys changed, and returns the latter's path."""

    def write(peak=None, **changes):
        (tmp_path / "peak.json").write_text(json.dumps(document() if peak is None else peak))
        path = tmp_path / "trials.json"
        path.write_text(json.dumps(deepcopy({**TRIALS, **changes})))
        return path

    return write


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        # The examples of RFC 7386, appendix A.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_patches_are_those_of_the_standard(target, patch, merged):
    before = deepcopy(target)
    assert merge_patch(target, patch) == merged
    assert target == before


def test_every_combination_is_a_trial_in_the_order_of_the_file(written):
    trials = load_trials(written()).trials
    assert [trial.label for trial in trials] == [
        "exponential / wide / fine",
        "exponential / wide / coarse",
        "exponential / narrow / fine",
        "exponential / narrow / coarse",
        "exponential / right / fine",
        "exponential / right / coarse",
        "flat / wide / fine",
        "flat / wide / coarse",
        "flat / narrow / fine",
        "flat / narrow / coarse",
        "flat / right / fine",
        "flat / right / coarse",
    ]
    assert trials[3].options == {
        "background": "exponential",
        "range": "narrow",
        "binning": "coarse",
    }


def test_a_trial_is_the_base_with_its_patches(written):
    trials = {trial.label: trial.model for trial in load_trials(written()).trials}
    expected = document(ranges=[[3, 10]])
    expected["observable"]["bins"] = 20
    assert trials["exponential / right / coarse"].to_dict() == expected
    flat = trials["flat / wide / fine"]
    assert flat.components["background"].pdf == "Bernstein"
    assert "slope" not in flat.parameters


def test_later_patches_win(written):
    variations = {
        "first": {"a": {"ranges": [[1, 9]], "observable": {"bins": 20}}},
        "second": {"b": {"ranges": [[2, 8]]}},
    }
    (trial,) = load_trials(written(variations=variations)).trials
    assert trial.model.ranges == ((2, 8),)
    assert trial.model.observable.bins == 20


def test_fits_are_made_with_the_fast_evaluator(written):
    trials = load_trials(written(peak=document(method={"engine": "zfit"}))).trials
    assert {trial.model.method.engine for trial in trials} == {"numpy"}


def test_the_base_may_stand_in_the_file_or_be_shipped(written):
    inline = load_trials(written(base=document(name="inline")))
    assert inline.trials[0].model.name == "inline"
    changes = {"quantities": ["nDs"], "variations": {"a": {"b": {}}}}
    shipped = load_trials(written(base="dsphipi", **changes))
    assert shipped.trials[0].model.name == "dsphipi"


def test_yaml_says_the_same(written, tmp_path):
    from ruamel.yaml import YAML

    expected = load_trials(written()).trials
    path = tmp_path / "trials.yaml"
    with path.open("w") as stream:
        YAML(typ="rt").dump(deepcopy(TRIALS), stream)
    found = load_trials(path).trials
    assert [trial.label for trial in found] == [trial.label for trial in expected]
    assert [trial.model.hash for trial in found] == [trial.model.hash for trial in expected]


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"quantites": ["nSignal"]}, "fit.unknown-key", "quantites"),
        ({"schema_version": 2}, "fit.unknown-choice", "schema_version"),
        ({"quantities": []}, "fit.wrong-length", "quantities"),
        ({"variations": {}}, "fit.wrong-length", "variations"),
        ({"variations": {"range": {}}}, "fit.wrong-length", "variations.range"),
        ({"base": 3}, "fit.wrong-type", "base"),
        ({"quantities": ["nSingal"]}, "fit.undefined-parameter", "quantities"),
        ({"quantities": ["slope"]}, "fit.undefined-parameter", "quantities"),
    ],
)
def test_wrong_keys_are_named(written, changes, code, path):
    file = written(**changes)
    with raises(code, path=path, mentions=str(file)):
        load_trials(file)


@pytest.mark.parametrize(
    ("variations", "trial", "code", "path"),
    [
        (
            {"range": {"wide": {}, "bad": {"range": [[1, 2]]}}},
            "trial bad: ", "fit.unknown-key", "range",
        ),
        (
            {"a": {"x": {}}, "tails": {"gone": {"parameters": {"width": None}}}},
            "trial x / gone: ", "fit.undefined-parameter", "components.signal.parameters.sigma",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_trial(written, variations, trial, code, path):
    file = written(variations=variations)
    with raises(code, path=path, mentions=(str(file), trial)):
        load_trials(file)


def test_a_base_that_is_not_there_is_named(written):
    path = written(base="pea.json")
    with pytest.raises(InputError) as error:
        load_trials(path)
    assert error.value.path == "base"
    assert str(path) in str(error.value)
    assert str(path.parent / "pea.json") in str(error.value)


def test_only_json_and_yaml_are_read(tmp_path):
    with raises("fit.wrong-suffix", path="trials.txt"):
        load_trials(tmp_path / "trials.txt")
