"""The search for τ→3μ: against RDataFrame, against a slow loop, and blind."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
from errors import raises
from slow_search import CUTS, select

import tau3mu
from tau3mu.ntuples import fired
from tau3mu.processors import TauTo3Mu
from tau3mu.selection import all_confirmed, relative_mass_error, rows_of

DATA = Path(__file__).parents[2] / "notebooks" / "data"
BLIND = np.array([(1.75, 1.80), (1.74, 1.82), (1.73, 1.83)])


def search(**parameters):
    return TauTo3Mu(with_inputs=False, **parameters)


def selected(kind, processor, **facts):
    events = tau3mu.events(DATA / f"Tree{kind}_1.root", processor)
    events.metadata.update(facts)
    return processor.selection(events)


def by_event(candidates):
    return {
        (c.run, c.lumi, c.event): (c.triplet, c.category, c.n_global) for c in candidates
    }  # fmt: skip


@pytest.mark.parametrize("year", ["2017", "2018"])
@pytest.mark.parametrize("kind", ["Data", "MC"])
def test_it_selects_what_rdataframe_selects(kind, year, oracle):
    found = selected(kind, search(year=year, blind=False))
    expected = json.loads((oracle / f"tau3mu_search_{kind}_{year}.json").read_text())
    assert {step.name: step.events for step in found.cutflow} == expected["cutflow"]
    candidates = {step.name: step.candidates for step in found.cutflow}
    assert candidates | expected["candidates"] == candidates
    histogram, _ = np.histogram(np.asarray(found.candidates.mass), 40, (1.62, 2.02))
    assert histogram.tolist() == expected["hist"]
    events = (oracle / f"tau3mu_search_{kind}_{year}_events.csv").read_text()
    rows = list(csv.DictReader(events.splitlines()))
    assert by_event(found.candidates) == {
        (int(row["run"]), int(row["lumi"]), int(row["evt"])): (
            int(row["triplet"]), int(row["category"]) % 10, 3 - int(row["category"]) // 10)
        for row in rows
    }  # fmt: skip
    masses = sorted(float(row["mass_GeV"]) for row in rows)
    assert sorted(found.candidates.mass) == pytest.approx(masses, abs=1e-8)


@pytest.mark.parametrize("blind", [True, False])
def test_it_selects_what_a_slow_loop_selects(blind):
    found = selected("Data", search(blind=blind))
    events, candidates, best = select(DATA / "TreeData_1.root", "2017", blind=blind)
    assert {step.name: step.events for step in found.cutflow} == dict(events)
    steps = {step.name: step.candidates for step in found.cutflow}
    assert {name: steps[name] for name in CUTS} == dict(candidates)
    assert by_event(found.candidates) == best
    assert len(best) > 20


def test_data_are_blind_in_candidates_and_distributions():
    processor = search()
    found = selected("Data", processor).candidates
    low, high = BLIND[np.asarray(found.category)].T
    mass = np.asarray(found.mass)
    assert len(mass) > 20
    assert not ((mass >= low) & (mass <= high)).any()
    events = tau3mu.events(DATA / "TreeData_1.root", processor)
    shown = search(skip=("id", "acceptance", "pairs", "trigmatch", "veto"))
    distribution = shown.n_minus_one(events)["mass_cut"]
    edges = distribution.axes[0].edges
    inside = (edges[:-1] > 1.7501) & (edges[1:] < 1.7999)
    assert inside.sum() == 3
    assert distribution.values()[inside].sum() == 0
    assert distribution.values()[~inside].sum() > 500
    everything = shown.candidates(events)
    assert not ((everything.mass > 1.75) & (everything.mass < 1.80) & (everything.category == 0)
                ).to_numpy().any()  # fmt: skip


def test_simulation_is_not_blind():
    (one, other) = (selected("MC", search(blind=blind), is_mc=True) for blind in (True, False))
    assert one.candidates.mass.tolist() == other.candidates.mass.tolist()
    assert ((one.candidates.mass > 1.76) & (one.candidates.mass < 1.79)).to_numpy().sum() > 30


@pytest.mark.parametrize("name", ["vertex", "is_visible"])
def test_what_blinds_cannot_be_left_out(name):
    with raises("processor.required-cut", path="tau3mu.skip"):
        search(skip=(name,))
    events = tau3mu.events(DATA / "TreeData_1.root", search())
    with raises("processor.required-cut", path="tau3mu.before"):
        search().candidates(events, before=name)


def test_each_year_reads_its_own_trigger_objects():
    columns = {year: search(year=year).columns for year in ("2017", "2018")}
    assert "trigger_object_2018.pt" in columns["2018"] - columns["2017"]
    assert "hlt.HLT_DoubleMu3_TkMu_DsTau3Mu_v" in columns["2018"] - columns["2017"]


def test_a_year_may_be_a_number():
    assert search(year=2018).configuration == search(year="2018").configuration
    assert search(year=2018).year == "2018"
    with raises("processor.wrong-parameter", path="tau3mu.year"):
        search(year=2019)


def test_seeds_are_known_by_their_beginnings():
    names = [["L1_DoubleMu4_SQ_OS_dR_Max1p2"], ["Not_L1_DoubleMu4_SQ_OS_dR_Max1p2"], []]
    triggers = ak.Array({"name": names, "decision": [[1] * len(one) for one in names]})
    assert fired(triggers, "^L1_DoubleMu4").tolist() == [True, False, False]
    many = ak.Array({"name": names * 5000, "decision": [[1] * len(one) for one in names] * 5000})
    assert fired(many, "^L1_DoubleMu4").tolist() == [True, False, False] * 5000


def test_only_weak_seeds_weigh_less_in_simulation_of_2018():
    weights = {}
    for year, is_mc in (("2017", True), ("2018", True), ("2018", False)):
        processor = search(year=year, blind=False, muon_sf_outside="unity")
        events = tau3mu.events(DATA / "TreeMC_1.root", processor)
        events.metadata["is_mc"] = is_mc
        found = processor.selection(events)
        weights[year, is_mc] = np.asarray(found.candidates.weight)
    assert (weights["2018", False] == 1).all()
    assert (weights["2017", True] > 0.85).all()
    light = weights["2018", True] < 0.75
    assert 0 < light.sum() < len(light)
    assert weights["2018", True][light] == pytest.approx(0.693, rel=0.1)


def rows(**columns):
    return rows_of(ak.Array([[dict(zip(columns, one, strict=True))
                              for one in zip(*columns.values(), strict=True)]])).rows  # fmt: skip


def test_the_uncertainty_of_the_mass_is_that_of_thrown_momenta():
    rng = np.random.default_rng(3)
    legs = [(5.0, 0.3, 0.1), (7.0, 0.5, 0.2), (3.0, 0.4, -0.1)]
    errors = (0.01, 0.02, 0.03)
    one = [rows(pt=[pt], eta=[eta], phi=[phi]) for pt, eta, phi in legs]
    found = relative_mass_error(one, [np.array([e]) for e in errors], 0.1056583755)
    thrown = []
    for (pt, eta, phi), error in zip(legs, errors, strict=True):
        pts = pt * rng.normal(1, error, 400_000)
        p = np.array([pts * np.cos(phi), pts * np.sin(phi), pts * np.sinh(eta)])
        thrown.append(np.array([np.sqrt((p**2).sum(0) + 0.1056583755**2), *p]))
    e, *p = sum(thrown)
    mass = np.sqrt(e**2 - np.square(p).sum(0))
    assert found[0] == pytest.approx(mass.std() / mass.mean(), rel=0.01)


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([(5, 0, 0), (5, 0.01, 1), (5, 0, 2)], True),
        ([(5, 0, 0), (5, 0.01, 1)], False),
        ([(5, 0, 0), (5, 0, 0), (5, 0, 0), (5, 0.01, 1)], False),  # one object, three labels
        ([(5, 0, 0), (5, 0.01, 1), (5.6, 0, 2)], False),  # too far in pt
        ([(5, 0, 0), (5, 0.031, 1), (5, 0, 2)], False),  # too far in angle
        ([], False),
    ],
)
def test_each_leg_has_an_object_of_its_own(objects, expected):
    legs = [rows(pt=[5.0], eta=[0.0], phi=[float(phi)]) for phi in (0, 1, 2)]
    objects = rows_of(ak.Array([[{"pt": pt, "eta": float(eta), "phi": float(phi)}
                                 for pt, eta, phi in objects or [(9.0, 5, 5)]]]))  # fmt: skip
    found = all_confirmed(legs, np.array([0]), objects, delta_r=0.03, relative_pt=0.1)
    assert found.tolist() == [expected]


def test_no_candidate_is_no_question():
    legs = [rows(pt=[5.0], eta=[0.0], phi=[0.0])[np.array([], np.int64)]] * 3
    objects = rows_of(ak.Array([[{"pt": 5.0, "eta": 0.0, "phi": 0.0}]]))
    none = np.array([], np.int64)
    assert len(all_confirmed(legs, none, objects, delta_r=0.03, relative_pt=0.1)) == 0
