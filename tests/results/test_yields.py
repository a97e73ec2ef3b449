"""Yields by dataset and era, per luminosity and over simulation, against plain arithmetic."""

from __future__ import annotations

import math

import hist
import numpy as np
import pytest
from scipy import stats

from tau3mu.results.constancy import compare_eras
from tau3mu.results.manifest import DatasetFacts, GeneratedFacts
from tau3mu.results.normalization import scales
from tau3mu.results.yields import poisson_interval, selected_yields

# Yields of D_s → φπ of 2017 and the luminosities of the eras, in which B and F are low.
ERAS = {"B": (4735, 4.79), "C": (17256, 9.63), "D": (7698, 4.24), "E": (15413, 9.30),
        "F": (11204, 10.04)}  # fmt: skip


def facts_of(lumi=1.0, **more):
    return DatasetFacts(lumi=lumi, **more)


def simulation(**more):
    generated = GeneratedFacts(events=1000, sumw=1000.0, sumw2=1000.0)
    return DatasetFacts(is_mc=True, cross_section=1.0, generated=generated, **more)


def filled(weights, storage="weight"):
    """A histogram in which each dataset has entries with these weights, some of them outside."""
    axes = (
        hist.axis.StrCategory([], growth=True, name="dataset"),
        hist.axis.StrCategory(["nominal", "up"], name="variation"),
        hist.axis.Regular(3, 0, 1, name="mass"),
    )
    made = hist.Hist(*axes, storage=storage)
    for dataset, numbers in weights.items():
        for number, weight in enumerate(numbers):
            how = {} if storage == "int64" else {"weight": weight}
            made.fill(dataset, "nominal", number - 1.5, **how)
            made.fill(dataset, "up", 0.5, **how)
    return {"n_minus_one_x": hist.Hist(axes[0], axes[2]), "mass": made}


def yields_of(weights, facts, storage="weight"):
    return selected_yields(filled(weights, storage), facts, scales(facts))


def test_low_eras_are_found_and_do_not_make_the_others_look_wrong():
    yields, lumis = zip(*ERAS.values(), strict=True)
    found, constancy = compare_eras(yields, lumis, np.zeros((5, 5)), counts=True)
    off = dict(zip(ERAS, found, strict=True))
    assert [era for era, one in off.items() if one.off] == ["B", "F"]
    assert off["B"].deviation < -30
    assert off["F"].deviation < -30
    # B against C, D and E, by hand.
    others, lumi = 17256 + 7698 + 15413, 9.63 + 4.24 + 9.30
    difference = 4735 / 4.79 - others / lumi
    rate = (others + 4735) / (lumi + 4.79)
    assert off["B"].relative == pytest.approx(difference / (others / lumi))
    assert off["B"].deviation == pytest.approx(difference / math.sqrt(rate / 4.79 + rate / lumi))
    mean = sum(yields) / sum(lumis)
    chi2 = sum((n - mean * x) ** 2 / (mean * x) for n, x in zip(yields, lumis, strict=True))
    assert constancy.chi2 == pytest.approx(chi2)
    assert constancy.per_fb == pytest.approx(mean)
    assert constancy.error == pytest.approx(math.sqrt(sum(yields)) / sum(lumis))
    assert (constancy.ndf, constancy.p_value) == (4, 0.0)


def test_with_errors_of_fits_the_same_eras_are_low():
    yields, lumis = zip(*ERAS.values(), strict=True)
    covariance = np.diag([(0.02 * one) ** 2 for one in yields])
    found, _ = compare_eras(yields, lumis, covariance, counts=False)
    assert [era for era, one in zip(ERAS, found, strict=True) if one.off] == ["B", "F"]


def test_a_difference_that_is_significant_and_small_is_not_off():
    found, constancy = compare_eras([1_000_000, 1_050_000, 1_000_000], [1, 1, 1], None, counts=True)
    assert abs(found[1].deviation) > 30
    assert not any(one.off for one in found)
    assert constancy.p_value < 1e-100


def test_eras_of_chance_have_uniform_p_values():
    random = np.random.default_rng(11)
    lumis = np.array([1.0, 3.0, 0.2, 2.0])
    p_values = [
        compare_eras(random.poisson(50 * lumis), lumis, None, counts=True)[1].p_value
        for _ in range(300)
    ]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


def test_common_errors_do_not_hide_a_difference():
    """A common shape moves all yields together, and their differences not at all."""
    common = np.full((3, 3), 40.0**2)
    alone = np.diag([10.0**2] * 3)
    found, constancy = compare_eras([1000, 1000, 880], [1, 1, 1], alone + common, counts=False)
    by_hand, expected = compare_eras([1000, 1000, 880], [1, 1, 1], alone, counts=False)
    assert found[2].deviation == pytest.approx(-120 / math.sqrt(100 + 50))
    assert found[2].off
    assert found[2].deviation == pytest.approx(by_hand[2].deviation)
    assert constancy.chi2 == pytest.approx(expected.chi2)


def test_one_era_and_nothing_at_all():
    (one,), alone = compare_eras([5], [2.0], None, counts=True)
    assert (one.deviation, one.off, alone.chi2, alone.ndf, alone.p_value) == (
        0,
        False,
        None,
        0,
        None,
    )
    found, nothing = compare_eras([0, 0], [1, 2], None, counts=True)
    assert [one.deviation for one in found] == [0, 0]
    assert (nothing.per_fb, nothing.chi2, nothing.p_value) == (0, 0, 1)


def test_an_era_without_events_is_off_where_some_are_expected():
    facts = {name: facts_of(era=name) for name in "ABC"}
    table = yields_of({"A": [1] * 30, "C": [1] * 28}, facts)
    empty = table.eras["B"]
    assert (empty.amount.value, empty.amount.error) == (0, 0)
    assert empty.amount.interval == poisson_interval(0) == (0, pytest.approx(1.841, abs=1e-3))
    assert table.off == ["B"]
    assert empty.compared.deviation == pytest.approx(-29 / math.sqrt(58 / 3 * (1 + 1 / 2)))
    few = yields_of({"A": [1] * 3, "C": [1] * 2}, facts)
    assert few.off == []


def test_the_interval_is_that_of_a_poisson_mean():
    for count in (1, 3, 10):
        low, high = poisson_interval(count)
        assert stats.poisson.sf(count - 1, low) == pytest.approx((1 - 0.6826895) / 2, rel=1e-5)
        assert stats.poisson.cdf(count, high) == pytest.approx((1 - 0.6826895) / 2, rel=1e-5)


@pytest.mark.parametrize("storage", ["weight", "int64"])
def test_datasets_of_an_era_add_up_and_all_entries_count(storage):
    facts = {
        "one": facts_of(2.0, era="A"), "two": facts_of(3.0, era="A"), "own": facts_of(4.0),
        "mc": simulation(),
    }  # fmt: skip
    table = yields_of({"one": [1] * 7, "two": [1] * 5, "own": [1] * 9, "mc": [1]}, facts, storage)
    assert table.name == "mass"
    assert {era: (row.amount.value, row.lumi, row.datasets) for era, row in table.eras.items()} == {
        "A": (12, 5.0, ["one", "two"]), "own": (9, 4.0, ["own"]),
    }  # fmt: skip
    assert table.eras["A"].per_fb.value == 12 / 5
    assert table.eras["A"].per_fb.error == pytest.approx(math.sqrt(12) / 5)
    assert (table.total.amount.value, table.total.lumi) == (21, 9.0)
    assert [table.datasets[name].amount.value for name in facts] == [7, 5, 9, 1]


def test_eras_without_luminosity_are_named_and_not_compared():
    facts = {"A": facts_of(), "B": facts_of(None), "C": facts_of(0.0), "D": facts_of()}
    table = yields_of({name: [1] * 10 for name in facts}, facts)
    assert set(table.constancy.left_out) == {"B", "C"}
    assert [table.eras[name].compared is None for name in facts] == [False, True, True, False]
    assert table.eras["B"].per_fb is table.eras["C"].per_fb is table.total.per_fb is None
    assert table.total.amount.value == 40
    assert yields_of({"A": [1]}, {"A": facts_of()}).constancy is None


def test_prescaled_eras_count_with_the_luminosity_that_the_trigger_saw():
    rate, facts = 100, {"A": facts_of(0.3), "B": facts_of(2.0)}
    assert yields_of({"A": [1] * 30, "B": [1] * 2 * rate}, facts).off == []
    # The same as weights: the full luminosity, and each event for ten.
    whole = {"A": facts_of(3.0), "B": facts_of(2.0)}
    weighted = yields_of({"A": [10] * 30, "B": [1] * 2 * rate}, whole)
    assert weighted.off == []
    assert weighted.eras["A"].per_fb.error == pytest.approx(math.sqrt(30 * 100) / 3)
    assert weighted.eras["A"].amount.interval is None
    assert not weighted.counts


def test_negative_weights_have_their_errors():
    facts = {"A": facts_of(), "B": facts_of()}
    table = yields_of({"A": [1, -1, -1], "B": [2, -1]}, facts)
    assert (table.eras["A"].amount.value, table.eras["A"].amount.error) == (-1, math.sqrt(3))
    assert table.eras["A"].compared.deviation == pytest.approx(-2 / math.sqrt(3 + 5))
    assert table.off == []


def test_data_over_simulation_by_hand():
    facts = {
        "A": facts_of(2.0, era="2017A"), "B": facts_of(era="2017B"), "C": facts_of(era="2018C"),
        "y17": simulation(era="2017"), "more17": simulation(era="2017"),
        "b": simulation(era="2017B"), "any": simulation(),
    }  # fmt: skip
    weights = {"A": [1] * 50, "B": [1] * 20, "C": [1] * 30, "y17": [2] * 9, "more17": [1] * 4,
               "b": [1] * 16, "any": [1] * 25}  # fmt: skip
    table = yields_of(weights, facts)
    assert scales(facts)["y17"] == 1.0 * 1000 * 4.0 / 1000
    # Per fb⁻¹: σ × 1000 / Σw = 1 event for each of sum of weights.
    expected = {"2017A": (18 + 4, 36 + 4), "2017B": (16, 16), "2018C": (25, 25)}
    for era, (rate, variance) in expected.items():
        row = table.eras[era]
        value = row.amount.value / (rate * row.lumi)
        error = value * math.sqrt(1 / row.amount.value + variance / rate**2)
        assert row.ratio.value == pytest.approx(value)
        assert row.ratio.error == pytest.approx(error)
    total = 2 * 22 + 16 + 25
    variance = 4 * 40 + 16 + 25
    assert table.total.ratio.value == pytest.approx(100 / total)
    assert table.total.ratio.error == pytest.approx(
        100 / total * math.sqrt(1 / 100 + variance / total**2)
    )


def test_simulation_that_cannot_be_normalized_has_no_ratio():
    facts = {"A": facts_of(), "mc": DatasetFacts(is_mc=True)}
    table = yields_of({"A": [1], "mc": [1]}, facts)
    assert table.eras["A"].ratio is table.total.ratio is table.datasets["mc"].per_fb is None
    facts = {"A": facts_of(None), "mc": simulation(lumi=1.0)}
    table = yields_of({"A": [1], "mc": [1]}, facts)
    assert table.eras["A"].ratio is None
    assert table.datasets["mc"].per_fb.value == 1


def test_weights_whose_squares_nobody_knows_have_no_error():
    facts = {"A": facts_of(), "B": facts_of()}
    made = filled({"A": [0.5], "B": [2.0]}, "double")
    table = selected_yields(made, facts, scales(facts))
    assert table.eras["A"].amount.error is None
    assert table.constancy is None
    assert selected_yields({}, facts, scales(facts)) is None
