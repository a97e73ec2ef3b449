"""Discrete profiling against all combinations of families."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from errors import raises
from limit_models import model, spectrum

from tau3mu.limits import limit, load_model
from tau3mu.limits.__main__ import main
from tau3mu.limits.compiled import compiled
from tau3mu.limits.engine.backgrounds import n_shape_parameters
from tau3mu.limits.engine.minimize import minimize
from tau3mu.limits.observations import observe
from tau3mu.limits.toys import draw

LISTS = [["power", "bernstein1", "bernstein2"], ["bernstein2", "bernstein3"], ["power"]]
NUISANCES = {"eff": {"yield": {"*": 1.1}}, "scale": {"mean": {"*": 0.0009}}}


def channels(lists=LISTS, **more):
    return {
        name: spectrum(background={"family": "exponential", "others": others,
                                   "events": {"start": 60}, "shape": [{"start": -3}]}, **more)
        for name, others in zip("abc", lists, strict=False)
    }  # fmt: skip


def numbers(one, families=None):
    found = {name: observe(name, channel, observed=False, folder=Path())
             for name, channel in one.channels.items()}  # fmt: skip
    return compiled(one, found, families=families)


@pytest.mark.parametrize("r", [None, pytest.param(2.0, marks=pytest.mark.integration)])
def test_the_minimum_is_that_of_all_combinations(r):
    one = model(channels(), NUISANCES)
    made = numbers(one)
    truth = made.likelihood.start.copy()
    truth[0] = 0.7
    data = draw(made, truth, 4, np.random.default_rng(8))
    lowest = np.full(4, np.inf)
    for families in itertools.product(*(["exponential", *others] for others in LISTS)):
        like = numbers(one, dict(zip("abc", families, strict=True))).likelihood
        start = np.repeat(like.start[None], 4, axis=0)
        start[:, 0] = r or 0.0
        fixed = np.zeros(like.size, bool)
        fixed[0] = r is not None
        part = replace(data, backgrounds=data.backgrounds[:, : like.n_locals])
        value = minimize(like, part, start, fixed=fixed).value
        lowest = np.minimum(lowest, value + 0.5 * sum(map(n_shape_parameters, families)))
    like = made.likelihood
    start = np.repeat(like.start[None], 4, axis=0)
    start[:, 0] = r or 0.0
    fixed = np.zeros(like.size, bool)
    fixed[0] = r is not None
    found = minimize(like, data, start, fixed=fixed)
    assert found.converged.all()
    np.testing.assert_allclose(found.value, lowest, atol=1e-5, rtol=0)


def test_one_family_in_all_is_the_family_alone():
    alone = limit(model(channels([[], [], []]), NUISANCES)).expected
    listed = limit(model(channels([["bernstein3"], [], []]), NUISANCES)).expected
    # Asimov data are exponential: what another family may do can only weaken the limit.
    assert listed[0] >= alone[0] * (1 - 1e-4)


@pytest.mark.integration
def test_the_public_model_with_all_families(hf):
    every = ["exponential", "power", "bernstein1", "bernstein2", "bernstein3"]
    content = hf.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    names = [name for name in content["channels"] if "3glb_a" in name]
    for name in names:
        background = content["channels"][name].setdefault("background", {})
        own = background.get("family", "exponential")
        background["others"] = [one for one in every if one != own]
    several = model(content["channels"], content["nuisances"], strength=content["strength"])
    alone, found = (limit(one, channels=["hf_3glb_a*"]).expected[0] for one in (hf, several))
    assert 1.02 < found / alone < 1.15


def masses(power, seed, size=900):
    """Returns masses in sidebands that rise or fall as a power of the distance to 1.6 GeV."""
    drawn = np.random.default_rng(seed).uniform(0, 1, size)
    found = 1.62 + 0.38 * drawn ** (1 / (power + 1))
    return found[(found < 1.74) | (found > 1.82)].tolist()


def test_families_by_f_test(tmp_path, capsys):
    content = {
        name: spectrum(windows=[[1.74, 1.82]], background={}, data={"masses": masses(power, 3)})
        for name, power in (("flat", 0), ("steep", 3))
    }
    file, new = tmp_path / "model.json", tmp_path / "new.json"
    file.write_text(json.dumps({"schema_version": 1, "channels": content}))
    assert main(["families", str(file), "--output", str(new)]) == 0
    assert "bernstein3" in capsys.readouterr().out
    found = load_model(new).channels
    assert found["flat"].background.others == ("power", "bernstein1")
    assert found["steep"].background.others == ("power", "bernstein3")
    assert main(["families", str(file), "--output", str(new)]) == 1


def test_families_need_sidebands():
    from tau3mu.limits.families import choose_families

    with raises("limits.no-sidebands", path="channels"):
        choose_families(model({"a": spectrum()}))


@pytest.mark.integration
def test_toys_of_a_family_are_without_bias_in_fits_of_it(tmp_path, capsys):
    background = {"family": "exponential", "others": ["bernstein2"], "events": {"start": 400}}
    content = {"a": spectrum(background=background | {"shape": [{"start": -6}]})}
    file, out = tmp_path / "model.json", tmp_path / "out"
    file.write_text(json.dumps({"schema_version": 1, "channels": content}))
    given = ["bias", str(file), "--toys", "100", "--inject", "1", "--workers", "1"]
    assert main([*given, "--output", str(out)]) == 0
    found = json.loads((out / "bias.json").read_text())["biases"]
    assert [(one["truth"], one["fit"]) for one in found] == list(
        itertools.product(["exponential", "bernstein2"],
                          ["exponential", "bernstein2", "discrete"])
    )  # fmt: skip
    assert all(one["failures"] == 0 and 0.05 < one["error"] < 0.3 for one in found)
    for one in found:
        if one["truth"] == one["fit"]:
            assert abs(one["median_pull"]) < 3.5 * one["error"]
    assert (out / "bias.png").stat().st_size > 0
    assert "discrete" in capsys.readouterr().out


@pytest.mark.integration
def test_bias_studies_do_not_depend_on_workers():
    from tau3mu.limits.bias import bias_study

    one = model(channels([["power"]]))
    alone, both = (bias_study(one, toys=120, seed=2, workers=n).biases for n in (1, 2))
    for a, b in zip(alone, both, strict=True):
        np.testing.assert_array_equal(a.pulls, b.pulls)


def test_bias_studies_need_several_families():
    from tau3mu.limits.bias import bias_study

    one = model({"a": spectrum()})
    with raises("limits.one-family", path="channels"):
        bias_study(one, toys=20)
    with raises("limits.too-few-toys", path="toys"):
        bias_study(one, toys=2)
    with raises("limits.wrong-strength", path="inject"):
        bias_study(one, toys=20, inject=-1)
