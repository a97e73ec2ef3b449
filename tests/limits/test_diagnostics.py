"""Diagnostics of fits, against slow reference implementations, formulas and toys."""

from __future__ import annotations

import json

import numpy as np
import pytest
from errors import raises
from limit_models import counting, model, spectrum
from scipy.optimize import minimize as scipy_minimize
from scipy.stats import poisson

from tau3mu.limits import (
    diagnose,
    feldman_cousins,
    goodness_of_fit,
    impacts,
    limit,
    significance,
)
from tau3mu.limits.__main__ import main
from tau3mu.limits.by_channel import channel_limits
from tau3mu.limits.diagnostics.ensembles import p_text
from tau3mu.limits.diagnostics.feldman_cousins import unified_interval
from tau3mu.limits.diagnostics.fitted import fitted, parameter_names
from tau3mu.limits.diagnostics.impacts import impacts_of
from tau3mu.limits.engine.minimize import minimize
from tau3mu.limits.limiting import prepared
from tau3mu.limits.toys import draw

NUISANCES = {
    "eff": {"yield": {"*": 1.2}},
    "b_only": {"yield": {"b": [0.8, 1.1]}},
    "scale": {"mean": {"a": 0.003}},
}


def two_spectra(**more):
    return model(
        {"a": spectrum(**more), "b": spectrum(signal={"yield": 3, "mean": 1.777, "sigma": 0.02})},
        NUISANCES,
    )


def slow_fit(numbers, held):
    """Returns r of a fit by scipy with some parameters held, from −ln L alone."""
    like, data = numbers.likelihood, numbers.observed
    free = [n for n in range(like.size) if n not in held]
    base = like.start.copy()
    base[0] = numbers.injected["r"]
    for index, number in held.items():
        base[index] = number
    # The scales of the parameters, so that scipy takes steps of one σ.
    scale = np.where(np.arange(like.size) < like.n_globals, 1.0, np.abs(base) + 1)

    def value(x):
        at = base.copy()
        at[free] = x * scale[free]
        return like.value(at[None], data)[0]

    found = scipy_minimize(value, base[free] / scale[free], method="BFGS", options={"gtol": 1e-6})
    return found.x[free.index(0)]


def test_impacts_are_those_of_refits_one_by_one():
    numbers, _, _ = prepared(two_spectra(), inject=3, seed=2)
    fit = fitted(numbers, numbers.observed)
    found = impacts_of(fit)
    best = slow_fit(numbers, {})
    assert found.best == pytest.approx(best, rel=1e-4)
    assert found.impacts[0].name == "eff"
    names = parameter_names(numbers.likelihood)
    for one in found.impacts:
        at = names.index(one.name)
        for side, moved in ((-1, one.down), (1, one.up)):
            r = slow_fit(numbers, {at: one.value + side * one.error})
            assert moved == pytest.approx(r - best, abs=2e-4 * found.error), one.name


def test_uncertainties_are_those_of_all_second_derivatives():
    numbers, _, _ = prepared(two_spectra(), inject=3, seed=2)
    fit = fitted(numbers, numbers.observed)
    like, size = numbers.likelihood, numbers.likelihood.size
    step = 1e-3 * fit.errors
    moves = np.diag(step)

    def at(change):
        return like.value((fit.parameters + change)[None], fit.data)[0]

    matrix = np.array([
        [(at(a + b) - at(a - b) - at(b - a) + at(-a - b)) for b in moves] for a in moves
    ]) / (4 * step[:, None] * step)  # fmt: skip
    expected = np.sqrt(np.diagonal(np.linalg.inv(matrix)))
    assert size == 8
    np.testing.assert_allclose(fit.errors, expected, rtol=5e-3)


@pytest.mark.integration
def test_fits_of_44_channels_with_176_parameters_move_all_nuisances():
    channels = {f"c{n}": spectrum() for n in range(44)}
    nuisances = {"all": {"yield": {"*": 1.05}}} | {
        f"n{n}": {"yield": {f"c{n % 44}": 1.03 + 0.001 * n}} for n in range(86)
    }
    large = model(channels, nuisances)
    numbers, _, _ = prepared(large, inject=0.5)
    assert numbers.likelihood.size == 176
    found = impacts(large, inject=0.5)
    assert len(found.impacts) == 87
    assert found.impacts[0].name == "all"
    # A factor common to all channels moves r by its inverse.
    assert found.impacts[0].up == pytest.approx(0.5 / 1.05 - 0.5, rel=0.01)
    assert found.impacts[0].down == pytest.approx(0.5 * 1.05 - 0.5, rel=0.01)


@pytest.mark.integration
def test_pulls_of_toys_have_unit_width():
    numbers, _, _ = prepared(two_spectra())
    truth = numbers.likelihood.start.copy()
    truth[0] = 3.0
    toys = draw(numbers, truth, 150, np.random.default_rng(5))
    pulls = []
    for one in range(len(toys)):
        fit = fitted(numbers, toys[np.array([one])])
        pulls.append((fit.parameters[:4] - truth[:4]) / fit.errors[:4])
    widths, means = np.std(pulls, axis=0), np.mean(pulls, axis=0)
    np.testing.assert_allclose(widths, 1, atol=4 / np.sqrt(2 * 150))
    np.testing.assert_allclose(means, 0, atol=4 / np.sqrt(150))


def test_toys_with_two_values_of_kappa_converge():
    numbers, _, _ = prepared(two_spectra())
    like = numbers.likelihood
    truth = like.start.copy()
    truth[0] = 3.0
    toys = draw(numbers, truth, 400, np.random.default_rng(1))
    fits = minimize(like, toys, np.repeat(truth[None], 400, axis=0), tolerance=1e-6)
    assert fits.converged.all()


def test_saturated_statistic_of_counting_by_hand():
    one = model({"a": counting([1.0, 0.5], [4.0, 6.0], [7, 3]), "b": counting([1.0], [2.0], [2])})
    found = goodness_of_fit(one, observed=True, r=0.0)

    def deviance(n, mu):
        return 2 * (mu - n + n * np.log(n / mu))

    a, b = deviance(7, 4) + deviance(3, 6), deviance(2, 2)
    assert found.channels == pytest.approx({"a": a, "b": b})
    assert found.value == pytest.approx(a + b)
    assert found.bins == {"a": 2, "b": 1}
    assert found.p_value is None


def test_p_values_of_toys_are_those_of_poisson_counts():
    one = model({"a": counting([1.0], [4.0], [8])})
    found = goodness_of_fit(one, observed=True, r=0.0, toys=2000, seed=3)

    def deviance(n):
        return 2 * (4 - n + (n * np.log(n / 4) if n else 0))

    exact = sum(poisson.pmf(n, 4) for n in range(60) if deviance(n) >= deviance(8) - 1e-9)
    value, error = found.p_value
    assert 0 < error < 0.02
    assert abs(value - exact) < 4 * error
    assert found.channel_p_values["a"] == found.p_value
    assert found.failures == 0


def test_p_values_of_no_toy_are_limits():
    assert p_text(np.zeros(300), (0.0, 1 / 300)).startswith("< 0.01 ")
    assert p_text(np.zeros(100), (0.04, 0.02)) == "= 0.04 ± 0.02"


def test_toys_fit_as_well_as_their_model_says():
    found = [
        goodness_of_fit(two_spectra(), inject=1, seed=seed, toys=60).p_value[0]
        for seed in range(12)
    ]
    assert 0.2 < np.mean(found) < 0.8
    assert np.std(found) > 0.1


def test_bands_are_the_spread_of_toys():
    one = two_spectra()
    numbers, _, _ = prepared(one)
    like = numbers.likelihood
    truth = like.start.copy()
    truth[0] = 3.0
    found = diagnose(one, inject=3.0)
    toys = draw(numbers, truth, 400, np.random.default_rng(1))
    low = like.low.copy()
    low[0] = -3
    fits = minimize(like, toys, np.repeat(truth[None], 400, axis=0), low=low)
    bins = like.spectra.expected(
        numbers.coarse, fits.parameters[:, 0], like.theta(fits.parameters),
        like.locals(fits.parameters),
    )  # fmt: skip
    spread = bins.std(axis=0)
    for number, spectrum_ in enumerate(found.spectra):
        of_toys = spread[numbers.coarse.channel == number]
        ratio = spectrum_.error.mean() / of_toys.mean()
        assert ratio == pytest.approx(1, abs=0.12)
        whole = spectrum_.background + spectrum_.signal
        expected = like.spectra.expected(
            numbers.coarse, truth[:1], like.theta(truth[None]), like.locals(truth[None])
        )[0][numbers.coarse.channel == number]
        np.testing.assert_allclose(whole, expected, rtol=1e-4)


def test_a_scan_of_a_count_is_its_likelihood():
    one = model({"a": counting([2.0], [3.0], [9])})
    found = diagnose(one, observed=True).scan
    assert found.best == pytest.approx(3.0)

    def q(r):
        mu = 2 * r + 3
        return 2 * (mu - 9 - 9 * np.log(mu / 9))

    np.testing.assert_allclose(found.total, q(found.r), atol=1e-6)
    for n, ends in found.intervals.items():
        assert [q(end) for end in ends] == pytest.approx([n * n] * 2, rel=2e-3)


@pytest.mark.parametrize(("signal", "background", "observed"), [(5, 10, 22), (1, 0.5, 3)])
def test_q0_of_a_count_is_that_of_the_formula(signal, background, observed):
    one = model({"a": counting([float(signal)], [float(background)], [observed])})
    found = significance(one, observed=True)
    s, b = observed - background, background
    assert found.z == pytest.approx(np.sqrt(2 * ((s + b) * np.log(1 + s / b) - s)))
    r = one.strength.start
    asimov = np.sqrt(2 * ((signal * r + b) * np.log(1 + signal * r / b) - signal * r))
    assert found.expected == pytest.approx(asimov)
    expected = significance(one, inject=2.0)
    s = 2.0 * signal
    assert expected.z == pytest.approx(np.sqrt(2 * ((s + b) * np.log(1 + s / b) - s)))
    assert expected.best == pytest.approx(2.0, rel=1e-4)
    assert expected.unblinded is None
    assert "not included" in expected.to_dict()["look_elsewhere"]


def test_a_deficit_has_no_significance():
    found = significance(model({"a": counting([1.0], [10.0], [6])}), observed=True)
    assert (found.q0, found.best, found.p_value) == (0, 0, 0.5)


def test_p_values_of_excesses_by_toys_are_exact():
    one = model({"a": counting([1.0], [3.0], [7])})
    found = significance(one, observed=True, toys=4000)
    value, error = found.toy_p_value
    assert abs(value - poisson.sf(6, 3)) < 4 * error
    assert error < 0.005


@pytest.mark.integration
def test_toys_of_diagnostics_do_not_depend_on_workers():
    one = two_spectra()
    goodness = [goodness_of_fit(one, inject=1, toys=300, workers=n).toys for n in (1, 2)]
    np.testing.assert_array_equal(*goodness)
    excess = [significance(one, inject=1, toys=300, workers=n).toys for n in (1, 2)]
    np.testing.assert_array_equal(*excess)


TABLE = {  # of the article, 90 % CL
    0.0: [(0.00, 2.44), (0.11, 4.36), (0.53, 5.91), (1.10, 7.42), (1.47, 8.60), (1.84, 9.99),
          (2.21, 11.47), (3.56, 12.53), (3.96, 13.99), (4.36, 15.30), (5.50, 16.50)],
    1.0: [(0.00, 1.61), (0.00, 3.36), (0.00, 4.91), (0.10, 6.42), (0.74, 7.60), (1.25, 8.99),
          (1.61, 10.47), (2.56, 11.53), (2.96, 12.99), (3.36, 14.30), (4.50, 15.50)],
    3.0: [(0.00, 1.08), (0.00, 1.88), (0.00, 3.04), (0.00, 4.42), (0.00, 5.60), (0.00, 6.99),
          (0.15, 8.47), (0.89, 9.53), (1.51, 10.99), (1.88, 12.30), (2.63, 13.50)],
}  # fmt: skip


@pytest.mark.parametrize("background", TABLE)
def test_intervals_of_feldman_and_cousins_are_the_published_ones(background):
    found = [feldman_cousins(n, background) for n in range(11)]
    np.testing.assert_allclose(found, TABLE[background], atol=0.01)


def test_upper_ends_do_not_rise_with_the_background():
    ends = [feldman_cousins(0, b)[1] for b in np.arange(0, 4, 0.25)]
    assert np.diff(ends).max() < 1e-6


def test_intervals_of_a_model_are_in_units_of_r(tmp_path):
    file = tmp_path / "counting.json"
    content = {"schema_version": 1, "channels": {"a": counting([0.5], [1.0], [3])}}
    file.write_text(json.dumps(content))
    output = tmp_path / "interval.json"
    words = ["feldman-cousins", str(file), "--output", str(output)]
    assert main(words) == 0
    assert json.loads(output.read_text())["interval"] is None
    assert main(words) == 1
    output.unlink()
    assert main([*words, "--observed"]) == 0
    low, high = feldman_cousins(3, 1.0)
    found = json.loads(output.read_text())
    assert found["interval"] == pytest.approx([2 * low, 2 * high])
    assert found["unblinded"]["channels"] == {"a": []}
    mean = sum(poisson.pmf(n, 1) * feldman_cousins(n, 1)[1] for n in range(8))
    assert found["sensitivity"] == pytest.approx(2 * mean, rel=1e-3)


@pytest.mark.parametrize(
    ("channels", "nuisances", "code", "path"),
    [
        ({"a": counting([1.0, 1.0], [1.0, 1.0])}, {}, "not-counting", "channels.a"),
        ({"a": spectrum()}, {}, "not-counting", "channels.a"),
        ({"a": counting([1.0], [1.0]), "b": counting([1.0], [1.0])}, {}, "not-counting",
         "channels"),
        ({"a": counting([1.0], [1.0])}, {"eff": {"yield": {"a": 1.1}}}, "uncertain-counting",
         "channels.a"),
        ({"a": counting([1.0], [1.0], free=True)}, {}, "uncertain-counting", "channels.a"),
    ],
)  # fmt: skip
def test_channels_without_such_intervals_are_refused(channels, nuisances, code, path):
    with raises(f"limits.{code}", path=path):
        unified_interval(model(channels, nuisances))


def test_what_cannot_be_is_refused():
    one = model({"a": counting([1.0], [1.0], [1])})
    with raises("limits.two-data", path="inject"):
        limit(one, observed=True, inject=1)
    with raises("limits.wrong-strength", path="inject"):
        significance(one, inject=-1)
    with raises("limits.blind-strength", path="r"):
        diagnose(one, r=0)
    with raises("limits.too-few-toys", path="toys"):
        significance(one, toys=5)
    with raises("limits.wrong-background", path="b"):
        feldman_cousins(1, -1)
    with raises("limits.wrong-count", path="n"):
        feldman_cousins(1.5, 1)


def test_what_is_refused_unblinds_nothing(tmp_path):
    file = tmp_path / "model.json"
    channels = {"a": counting([1.0], [1.0], [1]), "b": counting([1.0], [1.0], [1])}
    file.write_text(json.dumps({"schema_version": 1, "channels": channels}))
    with raises("limits.not-counting", path="channels"):
        unified_interval(file, observed=True)
    with raises("limits.too-few-toys", path="toys"):
        significance(file, observed=True, toys=5)
    with raises("limits.too-few-toys", path="toys"):
        diagnose(file, observed=True, toys=5)
    assert [one.name for one in tmp_path.iterdir()] == ["model.json"]
    significance(file, observed=True)
    assert len(list(tmp_path.iterdir())) == 2  # and who did it


MASSES = np.random.default_rng(8).uniform(1.62, 2.0, 80).round(4).tolist()


def with_data(masses):
    return two_spectra(windows=[[1.74, 1.82]], background={}, data={"masses": masses})


def test_blind_diagnostics_do_not_depend_on_the_windows():
    whole = diagnose(with_data(MASSES), toys=40).to_dict()
    without = diagnose(
        with_data([one for one in MASSES if not 1.74 <= one <= 1.82]), toys=40
    ).to_dict()
    for key in ("hash", "started_at", "duration_seconds"):
        whole.pop(key, None), without.pop(key, None)
    same = {key for key in whole if whole[key] == without[key]}
    assert {"impacts", "scan", "parameters", "goodness_of_fit", "post_fit", "seen"} <= same
    assert whole["unblinded"] is None
    # Only channel a has data; its bins end at the windows.
    assert list(whole["goodness_of_fit"]["channels"]) == ["a"]
    edges = np.array(whole["post_fit"]["a"]["edges"])
    assert not ((edges[:, 1] > 1.74 + 1e-9) & (edges[:, 0] < 1.82 - 1e-9)).any()
    outside = sum(not 1.74 <= one <= 1.82 for one in MASSES)
    assert sum(whole["post_fit"]["a"]["counts"]) == outside
    assert whole["post_fit"]["b"]["counts"] is None
    # Asimov data with a signal give that signal back.
    assert whole["impacts"]["r"] == pytest.approx(limit(with_data(MASSES)).expected[0], rel=1e-3)


def test_unblinded_diagnostics_use_all_data():
    found = diagnose(with_data(MASSES), observed=True)
    assert sum(found.spectra[0].counts) == len(MASSES)
    assert found.unblinded["channels"] == {"a": [[1.74, 1.82]]}
    held = diagnose(with_data(MASSES), observed=True, r=0)
    assert held.shown.parameters[0] == 0
    assert not held.spectra[0].signal.any()
    assert held.goodness.value >= found.goodness.value - 0.5


def test_injected_signals_come_back():
    one = two_spectra()
    found = limit(one, inject=2.0)
    assert found.asymptotic.best == pytest.approx(2.0, rel=1e-3)
    assert found.observed > found.expected[0]
    assert found.unblinded is None
    assert found.to_dict()["injected"] == {"r": 2.0, "seed": None}
    toys = [limit(one, inject=2.0, seed=seed).asymptotic.best for seed in (1, 1, 2)]
    assert toys[0] == toys[1] != toys[2]


def test_limits_of_channels_alone_are_those_of_chosen_channels():
    one = two_spectra()
    found = channel_limits(limit(one, inject=1, seed=3).compiled, 0.9)
    for name in ("a", "b"):
        assert found[name].expected[1] > 0
        blind = channel_limits(limit(one).compiled, 0.9)[name]
        assert blind.expected == limit(one, channels=[name]).expected
    both = model({"a": counting([1.0], [2.0]), "b": counting([0.0], [2.0])})
    assert channel_limits(limit(both).compiled, 0.9)["b"] is None


def test_limits_have_a_table_in_notebooks():
    found = limit(two_spectra(), inject=1)
    html = found._repr_html_()
    assert html.count("<tr>") == 1 + 6
    assert f"{found.expected[0]:.4g}" in html
    assert f"{found.observed:.4g}" in html
    assert f"{found.observed:.3g}" in str(found)
    assert len(repr(found)) < 120


@pytest.mark.parametrize(
    ("channels", "observed"),
    [
        ({"a": counting([1.0], [1.0], [0])}, True),
        ({"a": counting([1.0], [1.0], [0])}, False),
        ({"a": spectrum(windows=[[1.74, 1.82]], data={"masses": []})}, True),
        ({"a": spectrum(windows=[[1.74, 1.82]], data={"masses": []})}, False),
        ({"a": spectrum(windows=[[1.62, 2.0]], data={"masses": [1.7]}), "b": spectrum()}, False),
    ],
    ids=["no event", "blind count", "no mass", "no mass, blind", "all blind"],
)
def test_few_events_have_a_diagnosis(channels, observed):
    nuisances = {"eff": {"yield": {"a": 1.1}}}
    found = diagnose(model(channels, nuisances), observed=observed)
    assert found.scan.total.min() == 0
    assert np.isfinite(found.scan.total).all()
    low, high = found.scan.intervals[1]
    assert high > found.scan.best
    assert low is None or low < found.scan.best
    assert found.fit.at_bound == observed  # as low as it can be without any event
    assert len(found.impacts.impacts) == 1


PICTURES = {"correlation", "goodness_of_fit", "goodness_of_fit_by_channel", "impacts", "post_fit",
            "scan"}  # fmt: skip


@pytest.mark.integration
def test_commands_write_numbers_and_pictures(tmp_path, capsys):
    file = tmp_path / "model.json"
    channels = {
        "a": spectrum(windows=[[1.74, 1.82]], background={}, data={"masses": MASSES}),
        "b": counting([1.0, 2.0], [2.0, 3.0], [1, 5]),
    }
    content = {"schema_version": 1, "channels": channels, "nuisances": {"e": {"yield": {"*": 1.1}}}}
    file.write_text(json.dumps(content))
    folder = tmp_path / "out"
    words = ["diagnose", str(file), "--toys", "40", "--workers", "1", "--output", str(folder)]
    assert main(words) == 0
    written = {one.name for one in folder.iterdir()}
    assert written == {f"{n}{s}" for n in PICTURES for s in (".png", ".pdf")} | {"diagnostics.json"}
    assert "Blind" in capsys.readouterr().out
    found = json.loads((folder / "diagnostics.json").read_text())
    assert found["impacts"]["nuisances"][0]["name"] == "e"
    assert main(words) == 1
    limits = tmp_path / "limits"
    assert main([str(file), "--observed", "--toys", "40", "--workers", "1", "--output",
                 str(limits)]) == 0  # fmt: skip
    written = {one.name for one in limits.iterdir()}
    pictures = {f"{n}{s}" for n in ("cls", "limits_by_channel") for s in (".png", ".pdf")}
    assert written == pictures | {"limits.json", "model.json"}
    excess = tmp_path / "excess.json"
    assert main(["significance", str(file), "--inject", "1", "--toys", "40", "--workers", "1",
                 "--output", str(excess)]) == 0  # fmt: skip
    assert json.loads(excess.read_text())["toys"]["number"] == 40
