"""Trigger objects, matches, masses, numbers and truth of the toy ntuples."""

from __future__ import annotations

import itertools
import math

import awkward as ak
import numpy as np
import pytest


def flat(array):
    return ak.to_numpy(ak.flatten(array))


def padded(events):
    return flat(events.Triplet2_Mass) == -99


def test_trigger_distance_is_one_without_objects_and_else_the_nearest(data):
    legs = {"Mu01": "Mu1", "Mu02": "Mu2", "Tr": "Mu3"}
    lists = {
        "MuonEta_HLT2017": {leg: f"{number}_dRtriggerMatch_2017" for leg, number in legs.items()},
        "MuonEta_HLT": {leg: f"{leg}_dRtriggerMatch" for leg in legs},
    }
    some = data[ak.num(data.Triplet2_Mass) > 0][:300]
    for eta, distances in lists.items():
        for (leg, branch), event in itertools.product(distances.items(), some):
            objects = list(zip(event[eta], event[eta.replace("Eta", "Phi")], strict=True))
            for i in range(len(event.Triplet2_Mass)):
                if event.Triplet2_Mass[i] == -99:
                    expected = -99.0
                elif not objects:
                    expected = 1.0
                else:
                    direction = event[f"{leg}_Eta"][i], event[f"{leg}_Phi"][i]
                    expected = min(distance(direction, other) for other in objects)
                assert event[branch][i] == pytest.approx(expected, abs=1e-6)
                assert (event[branch][i] == 1.0) == (expected == 1.0)


def distance(first, second):
    phi = abs(first[1] - second[1])
    return math.hypot(first[0] - second[0], min(phi, 2 * math.pi - phi))


def test_events_without_fired_path_have_no_trigger_objects(data):
    fired = ak.any(
        data.Trigger_hltdecision[
            ak.str.starts_with(data.Trigger_hltname, "HLT_DoubleMu3_Trk_Tau3mu_v")
        ]
        == 1,
        axis=1,
    )
    assert ak.mean(fired) == pytest.approx(0.54, abs=0.015)
    assert ak.all(ak.num(data.MuonPt_HLT2017)[~fired] == 0)
    assert ak.mean(ak.num(data.MuonPt_HLT2017)[fired] > 0) > 0.98


def test_trigger_objects_are_listed_once_per_label(data):
    objects = ak.zip({"pt": data.MuonPt_HLT2017, "eta": data.MuonEta_HLT2017})
    copies = [
        len(list(group))
        for event in objects[:2_000].to_list()
        for _, group in itertools.groupby(event, key=lambda entry: (entry["pt"], entry["eta"]))
    ]
    assert np.bincount(copies)[1:] / len(copies) == pytest.approx([1 / 3] * 3, abs=0.04)


def test_legs_are_members_of_the_muon_list_in_single_precision(data):
    good = data.Triplet2_Mass != -99
    for leg in ("Mu01", "Mu02"):
        found = True
        for component in ("Pt", "Eta", "Phi"):
            pairs = ak.cartesian(
                [data[f"{leg}_{component}"][good], data[f"Muon{component}"]], nested=True
            )
            found = found & (ak.values_astype(pairs["0"], np.float32) == pairs["1"])
            # The double is the float itself.
            assert ak.all(ak.values_astype(pairs["0"], np.float32) == pairs["0"])
        assert ak.all(ak.any(found, axis=-1))


def test_some_soft_tracks_of_candidates_are_not_in_the_track_list(data):
    good = data.Triplet2_Mass != -99
    pt = data.Tr_Pt[good]
    pairs = ak.cartesian([pt, data.Track_pt], nested=True)
    found = flat(ak.any(pairs["0"] == pairs["1"], axis=-1))
    pt = flat(pt)
    assert found[pt >= 2].all()
    assert (~found[pt < 2]).mean() == pytest.approx(0.09, abs=0.02)


def test_some_matches_are_ambiguous(data):
    for pt, eta, phi in (("MuonPt", "MuonEta", "MuonPhi"), ("Track_pt", "Track_eta", "Track_phi")):
        pairs = ak.combinations(ak.zip({"pt": data[pt], "eta": data[eta], "phi": data[phi]}), 2)
        first, second = ak.unzip(pairs)
        same_pt = first.pt == second.pt
        same = same_pt & (first.eta == second.eta) & (first.phi == second.phi)
        per_particle = 1 / ak.sum(ak.num(data[pt]))
        assert 0.005 < ak.sum(same_pt) * per_particle < 0.01
        assert ak.sum(same) / ak.sum(same_pt) == pytest.approx(0.5, abs=0.1)


def test_masses_and_momenta_are_those_of_the_legs(data):
    good = ~padded(data)
    total = np.zeros((4, good.sum()))
    charges = flat(data.Triplet2_Charge)[good]
    for leg, mass in (("Mu01", 0.1056583755), ("Mu02", 0.1056583755), ("Tr", 0.13957039)):
        pt, eta, phi = (flat(data[f"{leg}_{name}"])[good] for name in ("Pt", "Eta", "Phi"))
        momentum = np.array([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])
        energy = np.sqrt((momentum**2).sum(axis=0) + mass**2)
        total += np.vstack([momentum, energy])
    px, py, pz, energy = total
    mass = np.sqrt(energy**2 - px**2 - py**2 - pz**2)
    np.testing.assert_allclose(flat(data.Triplet2_Mass)[good], mass, rtol=1e-6)
    np.testing.assert_allclose(flat(data.Triplet2_Pt)[good], np.hypot(px, py), rtol=1e-6)
    np.testing.assert_allclose(
        flat(data.Triplet2_Eta)[good], np.arcsinh(pz / np.hypot(px, py)), atol=1e-6
    )
    np.testing.assert_allclose(flat(data.Triplet2_Phi)[good], np.arctan2(py, px), atol=1e-6)
    assert set(charges) == {-1, 1}
    assert mass.min() > 0.8
    assert mass.max() < 3.0


def test_refitted_legs_differ_slightly(data):
    good = ~padded(data) & (flat(data.RefTrack1_Pt) != -99)
    for number, leg in enumerate(("Mu01", "Mu02", "Tr"), 1):
        ratio = flat(data[f"RefTrack{number}_Pt"])[good] / flat(data[f"{leg}_Pt"])[good]
        assert ratio.std() == pytest.approx(1e-3, rel=0.05)
        np.testing.assert_array_equal(
            flat(data[f"RefTrack{number}_Eta"])[good], flat(data[f"{leg}_Eta"])[good]
        )
    ratio = flat(data.RefittedSV_Mass)[good] / flat(data.Triplet2_Mass)[good]
    assert ratio.mean() == pytest.approx(1, abs=1e-4)
    assert 1e-4 < ratio.std() < 1e-3


def test_significances_are_distances_in_units_of_their_errors(data):
    good = ~padded(data)
    for name in ("FlightDistBS_SV", "FlightDistPVSV2"):
        value, error, significance = (
            flat(data[name + suffix])[good] for suffix in ("", "_Err", "_Significance")
        )
        np.testing.assert_allclose(significance, value / error, rtol=1e-12)
        assert error.min() > 0


def test_candidate_numbers_have_gaps(data):
    numbers = data.Mu01_TripletIndex[data.Triplet2_Mass != -99]
    for name in ("Mu02_TripletIndex", "Tr_TripletIndex", "selectedTripletsIndex"):
        assert ak.all(data[name] == data.Mu01_TripletIndex)
    assert ak.all(numbers[:, 1:] > numbers[:, :-1])
    lost = ak.sum(data.TripletCollectionSize2) - ak.sum(ak.num(data.Triplet2_Mass))
    assert lost / ak.sum(data.TripletCollectionSize2) == pytest.approx(0.02, abs=0.005)


def test_event_numbers(data, simulation):
    for events in (data, simulation):
        identity = np.stack([ak.to_numpy(events[name]) for name in ("run", "lumi", "evt")])
        assert len(np.unique(identity, axis=1).T) == len(events)
        assert identity.dtype == np.uint32
    assert ak.all(simulation.run == 1)
    np.testing.assert_array_equal(np.unique(data.run), np.arange(297050, 297060))
    assert ak.all(data.nPileUpInt == 4294966297)
    assert ak.mean(simulation.nPileUpInt) == pytest.approx(33, abs=0.4)
    assert ak.std(simulation.nPileUpInt) == pytest.approx(np.sqrt(33), abs=0.3)


def test_trigger_names_are_the_same_within_a_run_and_change_between_runs(data):
    for name in ("Trigger_hltname", "Trigger_l1name"):
        menus = [
            {tuple(names) for names in data[name][data.run == run].to_list()}
            for run in np.unique(data.run)
        ]
        assert {len(menu) for menu in menus} == {1}
        assert all(one != other for one, other in itertools.pairwise(menus))
    versions = ak.to_numpy(ak.flatten(data.Trigger_hltname))
    suffix = np.array([name.rpartition("_v")[2] for name in versions], int)
    np.testing.assert_array_equal(suffix, 2 + np.repeat(data.run, ak.num(data.Trigger_hltname)) % 6)
    assert set(ak.num(data.Trigger_l1name).to_list()) == {8, 9}
    assert not ak.any(ak.str.match_substring(ak.flatten(data.Trigger_l1name), "_v"))


def test_l1_prescales(data, simulation):
    assert ak.all(simulation.Trigger_l1prescale == 1)
    single = data.Trigger_l1name == "L1_SingleMu7"
    assert ak.all(data.Trigger_l1prescale[single] == 100)
    assert ak.all(data.Trigger_l1prescale[~single] == 1)


def test_truth_of_simulation(data, simulation):
    ids = np.abs(ak.to_numpy(simulation.GenParticle_PdgId))
    np.testing.assert_array_equal(ids, np.tile([431, 333, 13, 13, 211], (5_000, 1)))
    mothers = np.abs(ak.to_numpy(simulation.GenParticle_MotherPdgId))
    np.testing.assert_array_equal(mothers[:, 1:], np.tile([431, 333, 333, 431], (5_000, 1)))
    charged = simulation.GenParticle_PdgId[:, [0, 4]]
    assert ak.all(np.sign(charged[:, 0]) == np.sign(charged[:, 1]))
    assert ak.all(simulation.GenParticle_isDs == (ids == 431))
    truth = simulation.Muon_PdgId != 0
    assert ak.all(ak.sum(truth, axis=1) == 2)
    assert ak.all(simulation.Muon_PdgId[truth] == -13 * simulation.MuonCharge[truth])
    assert ak.all(simulation.Muon_MotherPdgId[truth] == 333)
    assert ak.all(data.Muon_PdgId == 0)
