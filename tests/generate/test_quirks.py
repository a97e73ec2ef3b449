"""The quirks of the skims, each with the rate at which the toy ntuples have it."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from tau3mu.ntuples.layout import layout

BY_VIEW = layout("t3m").by_view
REAL_IN_PADS = {
    "RefittedPV2_NTracks",
    "RefittedPV2_isValid",
    "RefittedPV_Chi2",
    "RefittedPV_nDOF",
    "PV_bis_Chi2",
    "PV_bis_nDOF",
}


def branches(prefix):
    """Returns the names of the branches of a part of the canonical view."""
    return [branch.name for view, branch in BY_VIEW.items() if view.startswith(prefix)]


def flat(array):
    return ak.to_numpy(ak.flatten(array))


def padded(events):
    return flat(events.Triplet2_Mass) == -99


@pytest.mark.parametrize(
    ("prefix", "reference", "number"),
    [
        ("muon.", "MuonPt", 86),
        ("track.", "Track_pt", 13),
        ("triplet.", "Triplet2_Mass", 107),
        ("gen.", "GenParticle_Pt", 8),
        ("l1.", "Trigger_l1name", 3),
        ("hlt.", "Trigger_hltname", 2),
        ("trigger_object_2017.", "MuonPt_HLT2017", 3),
        ("trigger_object_2018.", "MuonPt_HLT", 3),
        ("trigger_object_dimuon.", "MuonPt_HLT_Dimuon", 3),
        ("trigger_object_bparking_mu12_ip6.", "MuonPt_HLT_BPMu12_IP6", 2),
    ],
)
@pytest.mark.parametrize("kind", ["data", "simulation"])
def test_branches_of_a_collection_have_one_length(request, kind, prefix, reference, number):
    events = request.getfixturevalue(kind)
    names = branches(prefix)
    assert len(names) == number
    counts = ak.num(events[reference])
    for name in names:
        assert ak.all(ak.num(events[name]) == counts), name


def test_numbers_of_entries(data, simulation):
    assert ak.all(data.MuonCollectionSize == ak.num(data.MuonPt))
    assert ak.min(data.MuonCollectionSize) == 2
    assert ak.mean(data.MuonCollectionSize) == pytest.approx(2.8, abs=0.03)
    assert ak.mean(ak.num(data.Track_pt)) == pytest.approx(5.5, abs=0.1)
    assert ak.all(ak.num(data.Track_pt) >= ak.num(data.MuonPt))
    assert ak.all(data.TripletCollectionSize2 >= ak.num(data.Triplet2_Mass))
    assert ak.max(ak.num(data.Triplet2_Mass)) == 12
    assert ak.mean(ak.num(data.Triplet2_Mass) == 0) == pytest.approx(0.72, abs=0.01)
    assert ak.mean(ak.num(data.Triplet2_Mass) > 1) == pytest.approx(0.18, abs=0.01)
    assert ak.all(ak.num(data.GenParticle_Pt) == 0)
    assert ak.all(ak.num(simulation.GenParticle_Pt) == 5)


def test_pads_hold_a_pad_in_all_but_six_branches(data):
    pad = padded(data)
    assert pad.mean() == pytest.approx(0.03, abs=0.005)
    for name in branches("triplet."):
        values = flat(data[name])
        if name in REAL_IN_PADS:
            assert (values >= 0).all(), name
        else:
            assert (values[pad] == -99).all(), name
    np.testing.assert_array_equal(flat(data.RefittedPV2_isValid), ~pad)


def test_good_triplets_are_counted_in_a_list_of_one(data):
    assert ak.all(ak.num(data.NGoodTriplets) == 1)
    good = ak.sum(data.Triplet2_Mass != -99, axis=1)
    assert ak.all(data.NGoodTriplets[:, 0] == good)
    assert ak.all(data.SelectedTripletsSize == good)


@pytest.mark.parametrize("kind", ["data", "simulation"])
def test_distances_to_parking_filters_hold_pads_only(request, kind):
    events = request.getfixturevalue(kind)
    names = [name for name in branches("raw.") if "_dRtriggerMatch_" in name]
    assert len(names) == 14
    pads = ak.sum(events.Triplet2_Mass == -99, axis=1)
    for name in names:
        assert ak.all(ak.num(events[name]) == pads), name
        assert ak.all(events[name] == -99), name


def test_gen_matches_hold_pads_and_matched_candidates(data, simulation):
    names = branches("raw.GenMatch")
    assert len(names) == 12
    for events in (data, simulation):
        pads = ak.sum(events.Triplet2_Mass == -99, axis=1)
        for name in names:
            assert ak.all(ak.sum(events[name] == -99, axis=1) == pads), name
    assert ak.all(data.GenMatchMu01_Pt == -99)
    matched = simulation.GenMatchMu01_SimPt != -99
    assert ak.mean(ak.any(matched, axis=1)) == pytest.approx(0.51, abs=0.03)
    assert ak.sum(matched) < ak.sum(simulation.NGoodTriplets)
    for number in ("01", "02"):
        measured = simulation[f"GenMatchMu{number}_Pt"][matched]
        ratio = flat(measured / simulation[f"GenMatchMu{number}_SimPt"][matched])
        assert np.median(ratio) == pytest.approx(1, abs=0.002)
        assert np.percentile(ratio, 84.1) == pytest.approx(1.0115, abs=0.0015)
        # Each matched muon is one of the muons of the event, and its truth one of the gen muons.
        in_event = ak.cartesian([measured, simulation.MuonPt], nested=True)
        assert ak.all(ak.any(in_event["0"] == in_event["1"], axis=-1))
        truth = simulation.GenParticle_Pt[abs(simulation.GenParticle_PdgId) == 13]
        pairs = ak.cartesian([simulation[f"GenMatchMu{number}_SimPt"][matched], truth], nested=True)
        assert ak.all(ak.any(pairs["0"] == pairs["1"], axis=-1))


def test_two_branches_are_always_empty(data, simulation):
    for events in (data, simulation):
        assert ak.sum(ak.num(events.Track_pdgId)) == 0
        assert ak.sum(ak.num(events.FlightDistPVSV2_chi2)) == 0


def test_tracker_layers_have_two_entries_for_a_muon_without_inner_track(data):
    missing = (data.Muon_innerTrack_p == -99) | (data.Muon_innerTrack_p == -999)
    assert np.mean(flat(missing)) == pytest.approx(0.01, abs=0.002)
    layers = data.Muon_trackerLayersWithMeasurement
    assert ak.all(ak.num(layers) == ak.num(data.MuonPt) + ak.sum(missing, axis=1))
    assert ak.all(ak.sum(layers == -99, axis=1) == 2 * ak.sum(missing, axis=1))


def test_one_branch_grows_until_its_job_ends(data):
    added = ak.to_numpy(ak.num(data.MuonPt_HLT_BPMu12_IP6))
    assert 0 < added.sum() < 200
    counts = ak.to_numpy(ak.num(data.MuonEta_HLT_BPMu12_IP6)).reshape(-1, 5_000)
    np.testing.assert_array_equal(counts, np.cumsum(added.reshape(-1, 5_000), axis=1))
    first, last = data.MuonEta_HLT_BPMu12_IP6[4_000], data.MuonEta_HLT_BPMu12_IP6[4_999]
    assert 0 < len(first) <= len(last)
    assert ak.all(last[: len(first)] == first)


def test_sentinels_of_muons(data):
    is_global = flat(data.Muon_isGlobal) == 1
    no_outer = flat(data.Muon_isStandAloneMuon) == 0
    no_isolation = flat(data.Muon_isIsolationValid) == 0
    assert is_global.mean() == pytest.approx(0.89, abs=0.01)
    assert no_outer.mean() == pytest.approx(0.05, abs=0.01)
    assert no_isolation.mean() == pytest.approx(0.01, abs=0.002)
    np.testing.assert_array_equal(flat(data.Muon_GLnormChi2) == -999, ~is_global)
    np.testing.assert_array_equal(flat(data.Muon_validMuonHitComb) == -99, ~is_global)
    np.testing.assert_array_equal(flat(data.Muon_QInnerOuter) == -999, no_outer)
    for name in branches("muon.outer_track_"):
        np.testing.assert_array_equal(flat(data[name]) == -999, no_outer, err_msg=name)
    isolation = [name for name in branches("muon.") if name.endswith(("03", "05"))]
    assert len(isolation) == 16
    for name in isolation:
        np.testing.assert_array_equal(flat(data[name]) == -1, no_isolation, err_msg=name)
    inner = {name: flat(data[name]) for name in branches("muon.inner_track_")}
    assert len(inner) == 6
    for name, values in inner.items():
        assert (values == -99).sum() == pytest.approx((values == -999).sum(), abs=4), name
        assert np.isin(values, [-99, -999]).mean() == pytest.approx(0.01, abs=0.002), name
    assert not (is_global & np.isin(inner["Muon_innerTrack_p"], [-99, -999])).any()


@pytest.mark.parametrize(
    ("prefix", "value", "rate"),
    [
        ("triplet.refit", -99, 0.01),
        ("triplet.sv_refit_", -99, 0.01),
        ("triplet.vertex12_", -99, 0.02),
        ("triplet.vertex13_", -99, 0.02),
        ("triplet.vertex23_", -99, 0.02),
        ("triplet.iso_track1.", -99, 0.3),
        ("triplet.iso_track2.", -99, 0.3),
        ("triplet.iso_track3.", -99, 0.3),
        ("triplet.min_dca_iso", 9999, 0.2),
        ("triplet.relative_iso", -1, 0.02),
    ],
)
def test_sentinels_of_good_candidates(data, prefix, value, rate):
    good = ~padded(data)
    missing = [flat(data[name])[good] == value for name in branches(prefix)]
    assert missing[0].mean() == pytest.approx(rate, rel=0.25)
    for other in missing:
        np.testing.assert_array_equal(other, missing[0])


def test_primary_vertices_of_good_candidates(data):
    good = ~padded(data)
    assert (flat(data.PV_NTracks)[good] == 0).all()
    for axis in "xyz":
        assert len(np.unique(flat(data[f"BS_{axis}"])[good])) == 1
    tracks = flat(data.RefittedPV2_NTracks)
    assert (tracks < 2).mean() == pytest.approx(0.03, abs=0.006)
    assert tracks[tracks > 1].mean() == pytest.approx(20, abs=0.2)
