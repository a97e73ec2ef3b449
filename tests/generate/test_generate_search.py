"""Toy ntuples of the search: complete, reproducible, and with the physics that they claim."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot
from errors import raises

import tau3mu
from tau3mu.generate import generate
from tau3mu.generate.files import luminosity
from tau3mu.generate.tau.decays import KINDS, TAU_MASS, draw_muons
from tau3mu.generate.tau.quality import (
    CLASSES,
    QUANTITIES,
    draw_numbers,
    from_numbers,
    log_density,
    to_numbers,
)
from tau3mu.ntuples.layout import layout
from tau3mu.processors import TauTo3Mu


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    (data,) = generate(folder, events=6000, layout="t3m_tau", branching_fraction=2e-5)
    (signal,) = generate(folder, events=3000, layout="t3m_tau", simulation=True, origin="ds")
    return {"data": data, "signal": signal}


def selected(path, *, is_mc):
    processor = TauTo3Mu(blind=False)
    events = tau3mu.events(path, processor)
    events.metadata["is_mc"] = is_mc
    return processor.selection(events)


def test_every_branch_is_there_with_its_type(toys):
    for path in toys.values():
        with uproot.open(path) as file:
            tree = file["TreeMakerBkg/ntuple"]
            names = {branch.name for branch in layout("t3m_tau").branches}
            assert names <= set(tree.keys())
            assert len(names) == 308
            covariance = tree["TripletVtx_cov"].array()
            mass = tree["Triplet_Mass"].array()
            assert set(ak.flatten(ak.num(covariance, axis=2)).tolist()) == {6}
            assert ak.num(covariance, axis=1).tolist() == ak.num(mass, axis=1).tolist()
            pads = ak.to_numpy(ak.flatten(mass) == -99)
            assert 0 < pads.sum() < 0.06 * len(pads)
            assert (ak.flatten(covariance)[pads] == -99).to_numpy().all()
            good = ak.flatten(tree["NGoodTriplets"].array())
            assert good.tolist() == ak.sum(mass != -99, axis=1).tolist()
            assert ak.sum(ak.num(tree["Mu1_dRtriggerMatch_Mu7"].array())) == pads.sum()


def test_equal_arguments_give_equal_events_and_others_give_others(tmp_path, toys):
    options = {"events": 6000, "layout": "t3m_tau", "branching_fraction": 2e-5}
    again, other = (generate(tmp_path / str(s), **options, seed=s)[0] for s in (1, 2))
    masses = []
    for path in (toys["data"], again, other):
        with uproot.open(path) as file:
            masses.append(file["TreeMakerBkg/ntuple"]["Triplet_Mass"].array().tolist())
    assert masses[0] == masses[1] != masses[2]


def test_the_signal_is_a_narrow_peak_in_three_categories(toys):
    found = selected(toys["signal"], is_mc=True).candidates
    mass, category = np.asarray(found.mass), np.asarray(found.category)
    assert 200 < len(mass) < 1000
    widths = []
    for number in range(3):
        here = mass[category == number]
        assert len(here) > 0.08 * len(mass)
        assert np.median(here) == pytest.approx(TAU_MASS, abs=0.006)
        widths.append(np.diff(np.percentile(here, [16, 84]))[0] / 2)
    assert 0.008 < widths[0] < widths[1] < widths[2] < 0.035


def test_a_b_meson_flies_further_than_its_tau_alone():
    rng = np.random.default_rng(2)
    lengths = {}
    for origin in ("ds", "bplus"):
        true = draw_muons(rng, 20_000, origin=origin, signal_share=0)
        proper = np.linalg.norm(true.flight, axis=0) / (true.mother.p / true.mother.mass)
        lengths[origin] = proper.mean()
        mass = sum(
            (true.momentum[:, leg].with_mass(0.1056583755) for leg in (1, 2)),
            true.momentum[:, 0].with_mass(0.1056583755),
        ).mass
        assert mass == pytest.approx(np.full(20_000, TAU_MASS), abs=1e-6)
        assert (np.abs(true.charge.sum(axis=1)) == 1).all()
    assert lengths["bplus"] > 2 * lengths["ds"]


def test_the_signal_in_data_has_the_size_of_its_branching_fraction():
    rng = np.random.default_rng(5)
    true = draw_muons(rng, 200_000, origin="", signal_share=0.01)
    kinds = np.bincount(true.kind, minlength=len(KINDS))
    assert kinds[4:].sum() == pytest.approx(2000, abs=5 * 2000**0.5)
    assert kinds[5] == pytest.approx(2000 * 0.27 / 1.54, abs=5 * 350**0.5)
    assert kinds[:4] / 198_000 == pytest.approx([0.85, 0.06, 0.04, 0.05], abs=0.003)


def test_equal_luminosities_have_equal_numbers_of_ds():
    assert luminosity("t3m", 190_000) == luminosity("t3m_tau", 50_000) == 1


def test_what_the_discriminant_reads_is_what_the_truth_says(toys):
    """The columns that the processor computes from the branches lead back to normal numbers."""
    found = selected(toys["signal"], is_mc=True).candidates
    columns = {name: np.asarray(found[name]) for name in QUANTITIES}
    known = ~np.isnan(columns["min_dca_iso"])
    numbers = to_numbers({name: values[known] for name, values in columns.items()})
    expected = draw_numbers(np.random.default_rng(1), np.zeros(50_000, np.int64))
    error = numbers.std(axis=0) / len(numbers) ** 0.5
    # The triplet is chosen by its χ², and combinations with another muon are among them.
    assert np.abs(numbers.mean(axis=0) - expected.mean(axis=0)).max() < 0.25
    assert (np.abs(numbers.mean(axis=0) - expected.mean(axis=0)) / error < 5).sum() >= 8
    ratio = log_density(numbers, "signal") - log_density(numbers, "combination")
    assert np.mean(ratio > 0) > 0.85


def test_numbers_and_quantities_are_each_others_inverse():
    numbers = draw_numbers(np.random.default_rng(1), np.repeat(np.arange(3), 1000))
    assert to_numbers(from_numbers(numbers)) == pytest.approx(numbers, abs=1e-9)


def test_the_density_is_that_of_the_drawn_numbers():
    for number, name in enumerate(CLASSES):
        drawn = draw_numbers(np.random.default_rng(number), np.full(100_000, number))
        covariance = np.cov(drawn.T)
        centered = drawn - drawn.mean(axis=0)
        pulls = np.einsum("ij,jk,ik->i", centered, np.linalg.inv(covariance), centered)
        slow = -0.5 * pulls - 0.5 * np.log(np.linalg.det(covariance))
        assert log_density(drawn[:100], name) == pytest.approx(slow[:100], abs=0.3)


@pytest.mark.parametrize(
    ("options", "code", "path"),
    [
        ({"branching_fraction": -1e-7}, "generate.out-of-range", "branching-fraction"),
        ({"branching_fraction": 1e-3}, "generate.out-of-range", "branching-fraction"),
        ({"branching_fraction": float("nan")}, "generate.out-of-range", "branching-fraction"),
        ({"branching_fraction": 1e-7, "layout": "t3m"}, "generate.no-signal", "branching-fraction"),
        ({"branching_fraction": 1e-7, "simulation": True}, "generate.no-signal",
         "branching-fraction"),
        ({"origin": "upsilon"}, "generate.unknown-choice", "origin"),
    ],
)  # fmt: skip
def test_arguments_that_make_no_sense(options, code, path, tmp_path):
    with raises(code, path=path):
        generate(tmp_path, events=10, **{"layout": "t3m_tau"} | options)
    assert not list(tmp_path.iterdir())
