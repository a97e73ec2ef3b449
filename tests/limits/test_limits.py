"""Limits of the public model and of small ones, against published and exact numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from errors import raises
from limit_models import counting, model, spectrum
from scipy.optimize import brentq
from scipy.stats import poisson

from tau3mu.limits import limit, load_model
from tau3mu.limits.__main__ import main

HF_PARTS = {  # expected, 90 %, of the parts of the public model
    "*_2017": 6.53, "*_2018": 4.36, "hf_3glb*": 3.72, "hf_2glb*": 12.6, "hf_3glb*_2017": 6.89,
    "hf_3glb*_2018": 4.57, "*_a?_*": 5.66, "*_b?_*": 5.41, "*_c?_*": 9.95,
}  # fmt: skip


def test_the_public_model_has_its_published_limits(hf):
    found = limit(hf)
    scaled = {n: value * 10 for n, value in found.expected.items()}
    assert scaled[0] == pytest.approx(3.55, rel=0.005)
    assert [scaled[-1], scaled[1]] == pytest.approx([2.40, 5.39], rel=0.01)
    assert limit(hf, cl=0.95).expected[0] * 10 == pytest.approx(4.32, rel=0.005)


@pytest.mark.parametrize(("part", "expected"), HF_PARTS.items())
def test_parts_of_the_public_model(hf, part, expected):
    assert limit(hf, channels=[part]).expected[0] * 10 == pytest.approx(expected, rel=0.01)


def exact(observed, background, signal, cl=0.9):
    """Returns the CLs limit of a counting experiment without uncertainties."""
    below = poisson.cdf(observed, background)
    return brentq(
        lambda r: poisson.cdf(observed, r * signal + background) / below - 1 + cl, 1e-6, 1e3
    )


@pytest.mark.parametrize(("background", "signal", "observed"), [(1, 1, 3), (0.5, 2, 0), (5, 1, 5)])
def test_toys_of_counting_are_exact(background, signal, observed):
    one = model({"a": counting([signal], [background], [observed])})
    found = limit(one, observed=True, toys=2500)
    value, error = found.toys.observed
    assert error < 0.05 * value
    assert abs(value - exact(observed, background, signal)) < 3.5 * error
    median, spread = found.toys.expected[0]
    assert abs(median - exact(poisson.ppf(0.5, background), background, signal)) < 3.5 * spread
    assert found.toys.failures == 0


def test_counting_with_many_events_is_asymptotic():
    one = model({"a": counting([10.0], [400.0], [420])})
    found = limit(one, observed=True)
    assert found.observed == pytest.approx(exact(420, 400, 10), rel=0.02)
    assert found.warnings == ()


@pytest.mark.integration
def test_toys_do_not_depend_on_workers():
    one = model({"a": spectrum(), "b": spectrum()}, {"eff": {"yield": {"*": 1.1}}})
    alone, both = (limit(one, toys=150, seed=4, workers=n).toys for n in (1, 2))
    for name, values in alone.cls.items():
        np.testing.assert_array_equal(both.cls[name], values)
    assert (limit(one, toys=150, seed=5).toys.cls["0"] != alone.cls["0"]).any()


def test_few_events_are_warned_of():
    few = spectrum(background={"events": {"start": 2}})
    assert len(limit(model({"a": few})).warnings) == 1
    assert limit(model({"a": spectrum(background={"events": {"start": 4000}})})).warnings == ()


MASSES = [1.63, 1.66, 1.71, 1.76, 1.777, 1.79, 1.85, 1.88, 1.93, 1.99]


def blinded(masses):
    return model({"a": spectrum(windows=[[1.74, 1.82]], background={}, data={"masses": masses})})


def test_masses_in_the_windows_change_nothing_while_blind():
    with_signal = limit(blinded(MASSES))
    without = limit(blinded([m for m in MASSES if not 1.74 <= m <= 1.82]))
    assert with_signal.expected == without.expected
    assert with_signal.observed is None
    assert with_signal.unblinded is None
    sidebands = with_signal.compiled.likelihood.start
    # 7 events are in the sidebands, which are 79 % of the range
    assert sidebands[1] == pytest.approx(7 / 0.79, rel=0.1)


def test_who_unblinds_is_written_down():
    found = limit(blinded(MASSES), observed=True)
    assert found.unblinded["channels"] == {"a": [[1.74, 1.82]]}
    assert found.observed > 0
    assert {"by", "host", "at"} < found.unblinded.keys()
    more = limit(blinded([*MASSES, 1.775, 1.778, 1.78]), observed=True)
    assert more.observed > found.observed


def test_channels_without_windows_are_not_read_while_blind():
    one = spectrum(data={"masses": MASSES})
    other = spectrum(data={"masses": MASSES[:2]})
    assert limit(model({"a": one})).expected == limit(model({"a": other})).expected


def test_bins_and_masses_agree():
    generator = np.random.default_rng(2)
    masses = np.sort(generator.uniform(1.62, 2.0, 300))
    edges = np.linspace(1.62, 2.0, 77)
    counts = np.histogram(masses, edges)[0]
    one = model({"a": spectrum(background={}, data={"masses": masses.tolist()})})
    binned = {"edges": edges.tolist(), "counts": counts.astype(float).tolist()}
    other = model({"a": spectrum(background={}, data=binned)})
    found = [limit(each, observed=True) for each in (one, other)]
    assert found[0].expected[0] == pytest.approx(found[1].expected[0], rel=2e-3)
    assert found[0].observed == pytest.approx(found[1].observed, rel=0.03)


def test_the_command_writes_what_it_found(tmp_path, capsys):
    file = tmp_path / "model.json"
    file.write_text(json.dumps({"schema_version": 1, "channels": {"a": spectrum()}}))
    assert main([str(file), "--output", str(tmp_path / "out")]) == 0
    content = json.loads((tmp_path / "out" / "limits.json").read_text())
    expected = limit(load_model(file)).expected
    assert content["expected"] == {str(n): value for n, value in expected.items()}
    assert f"{expected[0]:.4g}" in capsys.readouterr().out
    again = limit(load_model(tmp_path / "out" / "model.json"))
    assert again.expected == expected
    assert main([str(file), "--output", str(tmp_path / "out")]) == 1


def change(**more):
    return {"a": spectrum(**more)}


PEAK = {"yield": 5.0, "mean": 1.777, "sigma": 0.015}


@pytest.mark.parametrize(
    ("channels", "nuisances", "code", "path"),
    [
        (change(signal=PEAK | {"sigma": 0}), {}, "out-of-range", "channels.a.signal.sigma"),
        (change(signal=PEAK | {"mean": 2.5}), {}, "out-of-range", "channels.a.signal.mean"),
        (change(data={"masses": [1.7, 2.4]}), {}, "out-of-range", "channels.a.data.masses[1]"),
        (change(background={"family": "cubic"}), {}, "unknown-choice",
         "channels.a.background.family"),
        (change(background={}), {}, "missing-key", "channels.a.background.events"),
        (change(), {"eff": {"yield": {"a": 0}}}, "out-of-range", "nuisances.eff.yield.a"),
        (change(), {"eff": {"yield": {"b": 1.1}}}, "unknown-name", "nuisances.eff.yield.b"),
        (change(), {"eff": {}}, "without-effect", "nuisances.eff"),
        ({"a": {"processes": {"s": {"counts": [1], "signal": True}}}}, {}, "no-background",
         "channels.a.processes"),
        ({}, {}, "wrong-length", "channels"),
    ],
)  # fmt: skip
def test_models_that_cannot_be(channels, nuisances, code, path):
    with raises(f"limits.{code}", path=path):
        model(channels, nuisances)
