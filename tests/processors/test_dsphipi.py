"""The selection against a plain loop over the events, and the details of its outputs."""

from __future__ import annotations

import itertools
from collections import Counter

import awkward as ak
import hist
import numpy as np
import pytest
from slow_selection import select

from tau3mu.generate import generate
from tau3mu.processors import DsPhiPi, DsPhiPiNotebook


@pytest.fixture(scope="module", params=["t3m", "nano"])
def generated(request, tmp_path_factory):
    """A generated file of simulation, with every quirk of the skims, in each layout."""
    folder = tmp_path_factory.mktemp(request.param)
    (path,) = generate(folder, events=4000, layout=request.param, simulation=True, seed=11)
    return path, request.param


def test_the_selection_is_that_of_a_loop_over_events(generated, events_of):
    path, layout = generated
    cutflow, selected, counts = select(path, layout)
    selection = DsPhiPi().selection(events_of(path, DsPhiPi.columns, name=layout))
    assert [(s.name, s.events, s.candidates) for s in selection.cutflow] == cutflow
    assert [s.sumw for s in selection.cutflow] == [events for _, events, _ in cutflow]
    found = selection.candidates
    assert found.triplet.tolist() == [triplet for _, triplet, _ in selected]
    assert found.mass.tolist() == [mass for _, _, mass in selected]
    assert len(selected) > 300
    legs = {
        key: value for key, value in selection.counters.items() if not key.startswith("muon_sf")
    }
    assert Counter(legs) == Counter(
        {key: value for key, value in counts.items() if not key.endswith("_exact")}
    )
    assert counts["track_unmatched"] > 0


def test_simulation_is_weighted_by_both_muons(demo, events_of):
    processor = DsPhiPi()
    events = events_of(demo[0], processor.columns, is_mc=True)
    selection = processor.selection(events)
    found = selection.candidates
    alive = {
        (run, lumi, event): i
        for i, (run, lumi, event) in enumerate(
            zip(events.run.tolist(), events.lumi.tolist(), events.event.tolist(), strict=True)
        )
    }
    table = processor.scale_factors
    for row in found[:100].tolist():
        entry = alive[row["run"], row["lumi"], row["event"]]
        expected = {"nominal": 1.0, "up": 1.0, "down": 1.0}
        for leg in ("mu1", "mu2"):
            muon = events.raw.triplet[leg][entry, row["triplet"]]
            factors = table.evaluate([muon["pt"]], [muon["eta"]])
            for key in expected:
                expected[key] *= getattr(factors, key)[0]
        assert row["weight"] == pytest.approx(expected["nominal"], rel=1e-12)
        assert row["weight_muon_sf_up"] == pytest.approx(expected["up"], rel=1e-12)
        assert row["weight_muon_sf_down"] == pytest.approx(expected["down"], rel=1e-12)
        assert row["weight_muon_sf_down"] < row["weight"] < row["weight_muon_sf_up"]
    assert selection.counters["muon_sf_legs"] == 2 * len(found)
    below = sum(
        events.raw.triplet[leg][alive[row["run"], row["lumi"], row["event"]], row["triplet"]]["pt"]
        < 3
        for row in found.tolist()
        for leg in ("mu1", "mu2")
    )
    assert 0 < selection.counters["muon_sf_outside"] == below


def test_data_has_weight_one_and_no_variations(demo, events_of):
    processor = DsPhiPi()
    found = processor.selection(events_of(demo[0], processor.columns)).candidates
    for column in ("weight", "weight_muon_sf_up", "weight_muon_sf_down"):
        assert set(found[column].tolist()) == {1.0}
    histograms = processor.histograms()
    processor.fill(histograms, found, dataset="x", is_mc=False)
    for histogram in histograms.values():
        assert histogram["x", "nominal", sum].value == len(found)
        assert histogram["x", "muon_sf_up", sum].value == 0


def test_histograms_hold_the_weights_of_each_variation(demo, events_of):
    processor = DsPhiPi()
    found = processor.selection(events_of(demo[0], processor.columns, is_mc=True)).candidates
    histograms = processor.histograms()
    processor.fill(histograms, found, dataset="x", is_mc=True)
    assert list(histograms) == [
        "mass",
        "dimuon_mass",
        "pt",
        "eta",
        "vertex_chi2",
        "flight_significance",
    ]
    for variation, column in (("nominal", "weight"), ("muon_sf_down", "weight_muon_sf_down")):
        values, edges = np.histogram(found.mass, bins=62, range=(1.65, 2.01), weights=found[column])
        part = histograms["mass"][{"dataset": "x", "variation": variation}]
        np.testing.assert_allclose(part.values(), values, rtol=1e-12)
        squares, _ = np.histogram(found.mass, bins=edges, weights=found[column].to_numpy() ** 2)
        np.testing.assert_allclose(part.variances(), squares, rtol=1e-12)
        total = part[{"mass": hist.tag.Slicer()[:: hist.sum]}]
        assert total.value == pytest.approx(ak.sum(found[column]), rel=1e-12)


def test_types_of_the_candidates(skim, events_of):
    for cls in (DsPhiPi, DsPhiPiNotebook):
        found = cls().selection(events_of(skim[0], cls.columns)).candidates
        types = {name: str(found[name].type.content) for name in found.fields}
        assert types.pop("run") == types.pop("lumi") == "uint32"
        assert (types.pop("event"), types.pop("triplet")) == ("uint64", "int32")
        assert set(types.values()) == {"float64"}


def test_any_split_into_chunks_finds_the_same(skim, events_of):
    processor = DsPhiPi()
    whole = processor.selection(events_of(skim[0], processor.columns))
    edges = [0, 1, 2, 137, 1000, 1499, 1500]
    parts = [
        processor.selection(events_of(skim[0], processor.columns, start=a, stop=b))
        for a, b in itertools.pairwise(edges)
    ]
    together = ak.concatenate([part.candidates for part in parts])
    assert together.tolist() == whole.candidates.tolist()
    for i, step in enumerate(whole.cutflow):
        assert step.candidates == sum(part.cutflow[i].candidates for part in parts)


def test_the_notebook_keeps_pads_and_counts_unpadded_triplets(demo, events_of):
    events = events_of(demo[0], DsPhiPiNotebook.columns)
    selection = DsPhiPiNotebook().selection(events)
    chosen_pads = selection.candidates.mass == -99
    assert ak.sum(chosen_pads) > 50
    assert ak.all(selection.candidates.vertex_chi2[chosen_pads] == -99)
    assert selection.cutflow[0].candidates == ak.count(events.triplet.mass)
