"""Model files that cannot be: one message each, with its code, its keys and its line."""

from __future__ import annotations

import copy
import json
import random

import pytest
from errors import raises
from limit_models import counting, model, spectrum

from tau3mu.errors import InputError, RunError
from tau3mu.limits import limit, lint, load_model, model_of
from tau3mu.limits.__main__ import main

MODEL = """\
schema_version: 1
channels:
  a:
    range: [1.62, 2.0]
    windows: [[1.74, 1.82]]
    signal:
      yield: 5
      mean: 1.777
      sigma: 0.015
    background:
      family: exponential
      events: {start: 40}
    data:
      masses: [1.65, 1.7, 1.9]
  b:
    processes:
      signal: {counts: [1.2], signal: true}
      background: {counts: [0.8]}
nuisances:
  eff:
    yield:
      "*": 1.1
"""


@pytest.mark.parametrize(
    ("old", "new", "code", "path"),
    [
        # A channel without background
        ("      background: {counts: [0.8]}\n", "", "no-background", "channels.b.processes"),
        ("events: {start: 40}\n    data:\n      masses: [1.65, 1.7, 1.9]", "events: {start: 0}",
         "no-background", "channels.a.background.events.start"),
        ("      events: {start: 40}\n    data:\n      masses: [1.65, 1.7, 1.9]\n", "",
         "missing-key", "channels.a.background.events"),
        # Zero width
        ("sigma: 0.015", "sigma: 0", "out-of-range", "channels.a.signal.sigma"),
        ("range: [1.62, 2.0]", "range: [1.8, 1.8]", "wrong-order", "channels.a.range"),
        ("[[1.74, 1.82]]", "[[1.8, 1.8]]", "wrong-order", "channels.a.windows[0]"),
        # κ ≤ 0
        ('"*": 1.1', '"*": 0', "out-of-range", 'nuisances.eff.yield["*"]'),
        ('"*": 1.1', '"*": -1.1', "out-of-range", 'nuisances.eff.yield["*"]'),
        ('"*": 1.1', '"*": [0.9, 0]', "out-of-range", 'nuisances.eff.yield["*"][1]'),
        ('"*": 1.1', '"*": [0.9]', "missing-key", 'nuisances.eff.yield["*"][1]'),
        ('"*": 1.1', '"*": "1.1"', "wrong-type", 'nuisances.eff.yield["*"]'),
        # A nuisance named twice, and one of nothing
        ("nuisances:\n", "nuisances:\n  eff: {mean: {a: 0.001}}\n", "duplicate-key", ""),
        ('"*": 1.1', "c: 1.1", "unknown-name", "nuisances.eff.yield.c"),
        ('"*": 1.1', "b/c: 1.1", "unknown-name", 'nuisances.eff.yield["b/c"]'),
        # Data outside of the range
        ("1.7, 1.9]", "1.7, 2.1]", "out-of-range", "channels.a.data.masses[2]"),
        ("masses: [1.65, 1.7, 1.9]", "{edges: [1.5, 1.9], counts: [3]}", "out-of-range",
         "channels.a.data.edges"),
        ("[[1.74, 1.82]]", "[[1.5, 1.82]]", "out-of-range", "channels.a.windows[0]"),
        ("mean: 1.777", "mean: 2.777", "out-of-range", "channels.a.signal.mean"),
        # An unknown family
        ("exponential", "expo", "unknown-choice", "channels.a.background.family"),
        ("family: exponential", "others: [exponential]", "listed-twice",
         "channels.a.background.others"),
        # r bounded away from 0
        ("channels:\n", "strength: {bounds: [0.5, 10]}\nchannels:\n", "unknown-key",
         "strength.bounds"),
        ("channels:\n", "strength: {start: 0}\nchannels:\n", "out-of-range", "strength.start"),
        # Further ones
        ("range: [1.62, 2.0]", "range: [1.62, 2000]", "out-of-range", "channels.a.range"),
        ("sigma: 0.015", "sigma: 1e-8", "out-of-range", "channels.a.range"),
        ("start: 40", "start: 40, bounds: [50, 60]", "out-of-range",
         "channels.a.background.events.start"),
        ("schema_version: 1", "schema_version: 2", "unknown-choice", "schema_version"),
        ("schema_version: 1\n", "", "missing-key", "schema_version"),
        ("counts: [0.8]", "counts: [0.8, 1]", "wrong-length",
         "channels.b.processes.background.counts"),
    ],
)  # fmt: skip
def test_one_exact_message(old, new, code, path, tmp_path, capsys):
    assert MODEL.count(old) == 1
    file = tmp_path / "model.yaml"
    file.write_text(MODEL.replace(old, new))
    with raises(f"limits.{code}", InputError, path=path) as error:
        load_model(file)
    assert str(error.value).count("\n") == 0
    assert main(["check", str(file)]) == main([str(file)]) == 1
    assert capsys.readouterr().err.count(str(error.value)) == 2


def test_messages_name_the_line(tmp_path):
    """In YAML and in JSON; where a key is missing, that of the part in which it is missed."""
    content = MODEL.replace("0.015", "0").splitlines()
    file = tmp_path / "model.yaml"
    file.write_text("\n".join(content))
    with raises("limits.out-of-range", mentions=f"line {content.index('      sigma: 0') + 1}:"):
        load_model(file)
    whole = {"schema_version": 1, "channels": {"a": spectrum(data={"masses": [1.7, 2.4]})}}
    lines = json.dumps(whole, indent=1).splitlines()
    file = tmp_path / "model.json"
    file.write_text("\n".join(lines))
    line = next(n for n, one in enumerate(lines, 1) if one.strip() == "2.4")
    with raises("limits.out-of-range", path="masses[1]", mentions=f"line {line}:"):
        load_model(file)


def test_a_nuisance_named_twice_in_json(tmp_path):
    file = tmp_path / "model.json"
    file.write_text('{"schema_version": 1, "nuisances": {"eff": {}, "eff": {}}}')
    with raises("limits.duplicate-key", path="model.json", mentions="eff"):
        load_model(file)


def test_no_events_anywhere():
    with raises("limits.no-events", path="channels"):
        limit(model({"a": counting([0.0], [3.0])}))
    with raises("limits.no-events", path="channels"):
        limit(model({"a": spectrum(data={"count": 0}, background={})}))


@pytest.mark.parametrize("r", [-1.0, float("nan"), float("inf"), 1e300])
def test_signals_that_cannot_be_injected(r):
    with raises("limits.wrong-strength", path="inject"):
        limit(model({"a": counting([1.0], [3.0])}), inject=r)


def test_data_where_nothing_is_expected():
    """Seen where the data are read, not before."""
    one = model({"a": counting([1.0, 1.0], [0.0, 3.0], [0, 2])})
    assert limit(one, observed=True).observed > 0
    other = model({"a": counting([1.0, 1.0], [0.0, 3.0], [2, 2])})
    assert limit(other).observed is None
    with raises("limits.no-background", path="channels.a.observed[0]"):
        limit(other, observed=True)


PEAK = {"yield": 4.0, "mean": 1.777, "sigma": 0.02, "alpha": 1.5, "power": 3.0, "fraction": 0.7,
        "gauss": 0.03}  # fmt: skip
WHOLE = {
    "schema_version": 1,
    "channels": {
        "a": spectrum(windows=[[1.74, 1.82]], data={"masses": [1.63, 1.71, 1.76, 1.85, 1.9]}),
        "b": spectrum(
            signal=PEAK, windows=[[1.74, 1.82]],
            background={"family": "power", "others": ["flat"],
                        "events": {"start": 30.0, "bounds": [0.0, 200.0]},
                        "shape": [{"start": -2.0, "constraint": {"mean": -2.0, "sigma": 1.0}}]},
            data={"edges": [1.62, 1.74, 1.82, 2.0], "counts": [8, 6, 7]},
        ),
        "c": counting([1.0, 2.0], [4.0, 3.0], [5, 3]),
    },
    "nuisances": {
        "eff": {"yield": {"*": 1.1, "c/bkg": [0.9, 1.2]}},
        "scale": {"mean": {"a": 0.0009}, "width": {"b": 0.02}},
        "shape": {"template": {"c/bkg": {"down": [3.0, 2.5], "up": [5.0, 3.5]}}},
    },
}  # fmt: skip
NUMBERS = [0, -1, 1, 0.5, 1.7, 2.0, 40.0, 1e3, -1e3, 1e-6, 0.99, 1e9, 1e12, 1e-12, 1e300, -1e300]
OTHERS = ["", "x", None, [], {}, True, [1.7, 1.8], "flat", "*", {"a": 1}, float("nan")]


def places(part, keys=()):
    if keys:
        yield keys
    for key, value in part.items() if isinstance(part, dict) else enumerate(part):
        if isinstance(value, dict | list):
            yield from places(value, (*keys, key))
        else:
            yield (*keys, key)


def mutated(seed):
    """Returns a valid model in which one to three things are changed at random."""
    choose = random.Random(seed)
    content = copy.deepcopy(WHOLE)
    for _ in range(choose.choice([1, 1, 2, 3])):
        *above, key = choose.choice([*places(content)])
        part = content
        for step in above:
            part = part[step]
        match choose.random():
            case one if one < 0.15:
                del part[key]
            case one if one < 0.6 and isinstance(part[key], int | float):
                part[key] = choose.choice(NUMBERS)
            case one if one < 0.85:
                part[key] = copy.deepcopy(choose.choice(NUMBERS + OTHERS))
            case _ if isinstance(part, dict):
                part[f"z{key}"] = part.pop(key)
            case _:
                part.append(copy.deepcopy(part[key]))
    return content


def problem_of(content):
    """Returns the error of a model, None if there is none."""
    try:
        lint(model_of(content))
    except InputError as error:
        return error
    return None


def test_random_changes_are_explained_or_work():
    errors = [one for one in (problem_of(mutated(seed)) for seed in range(300)) if one]
    assert 100 < len(errors) < 290
    assert {one.code.partition(".")[0] for one in errors} == {"limits"}
    assert [str(one) for one in errors if not one.path and one.code != "limits.wrong-type"] == []


@pytest.mark.integration
@pytest.mark.parametrize(
    "seed",
    [*range(0, 100, 8), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(4, 100, 8))],
)
def test_limits_of_random_changes(seed):
    """An error of the package, or limits that are numbers; a warning of numpy is neither."""
    for one in range(seed, seed + 4):
        try:
            model_ = model_of(mutated(one))
        except InputError:
            continue
        for observed in (False, True):
            try:
                found = limit(model_, observed=observed)
            except (InputError, RunError):
                continue
            assert all(value > 0 for value in found.expected.values()), one
