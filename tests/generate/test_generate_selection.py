"""How many simulated events the selection of the control channel keeps, by a slow loop."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

COLUMNS = [
    "Trigger_hltname",
    "Trigger_hltdecision",
    "Trigger_l1name",
    "Trigger_l1decision",
    "MuonPt",
    "MuonEta",
    "MuonPhi",
    "Muon_isGlobal",
    "Muon_isPF",
    "Track_pt",
    "Track_dz",
    "Track_dxy",
    "Triplet2_Mass",
    "RefittedPV2_NTracks",
    "FlightDistBS_SV_Significance",
    "Mu01_Pt",
    "Mu01_Eta",
    "Mu01_Phi",
    "Mu02_Pt",
    "Mu02_Eta",
    "Mu02_Phi",
    "Tr_Pt",
    "Tr_Eta",
    "Tr_Phi",
    "RefTrack1_Pt",
    "RefTrack1_Eta",
    "RefTrack1_Phi",
    "RefTrack2_Pt",
    "RefTrack2_Eta",
    "RefTrack2_Phi",
    "Mu1_dRtriggerMatch_2017",
    "Mu2_dRtriggerMatch_2017",
    "TripletVtx2_Chi2",
]


def fired(event, level, *patterns):
    names, decisions = event[f"Trigger_{level}name"], event[f"Trigger_{level}decision"]
    return any(d and p in n for n, d in zip(names, decisions, strict=True) for p in patterns)


def delta_r(event, first, second, i):
    eta = event[f"{first}_Eta"][i] - event[f"{second}_Eta"][i]
    phi = abs(event[f"{first}_Phi"][i] - event[f"{second}_Phi"][i])
    return math.hypot(eta, min(phi, 2 * math.pi - phi))


def in_acceptance(event, leg, i):
    pt, eta = event[f"{leg}_Pt"][i], abs(event[f"{leg}_Eta"][i])
    return pt > 3.5 if eta < 1.2 else pt > 2.0 and eta < 2.4


def is_good_muon(event, leg, i):
    index = event["MuonPt"].index(event[f"{leg}_Pt"][i])
    return event["Muon_isGlobal"][index] and event["Muon_isPF"][index]


def is_good_track(event, i):
    if event["Tr_Pt"][i] not in event["Track_pt"]:
        return False
    index = event["Track_pt"].index(event["Tr_Pt"][i])
    return abs(event["Track_dz"][index]) < 20 and abs(event["Track_dxy"][index]) < 0.3


def dimuon_mass(event, i):
    total = np.zeros(4)
    for leg in ("RefTrack1", "RefTrack2"):
        pt, eta, phi = (event[f"{leg}_{name}"][i] for name in ("Pt", "Eta", "Phi"))
        momentum = np.array([pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)])
        total += [*momentum, math.sqrt(momentum @ momentum + 0.1056583755**2)]
    return math.sqrt(total[3] ** 2 - total[:3] @ total[:3])


def passes(event, i):
    return (
        1.62 < event["Triplet2_Mass"][i] < 2.02
        and event["RefittedPV2_NTracks"][i] > 1
        and event["FlightDistBS_SV_Significance"][i] > 2
        and all(in_acceptance(event, leg, i) for leg in ("Mu01", "Mu02"))
        and event["Tr_Pt"][i] > 1.2
        and all(
            1e-4 < delta_r(event, first, second, i) < 0.8
            for first, second in itertools.combinations(("Mu01", "Mu02", "Tr"), 2)
        )
        and all(is_good_muon(event, leg, i) for leg in ("Mu01", "Mu02"))
        and is_good_track(event, i)
        and event["RefTrack1_Pt"][i] != -99
        and 1.00 < dimuon_mass(event, i) < 1.04
        and all(event[f"Mu{leg}_dRtriggerMatch_2017"][i] < 0.03 for leg in (1, 2))
    )


def selected_masses(events):
    """Returns the mass of the candidate with the best vertex in each event that passes."""
    masses = []
    for event in events[COLUMNS].to_list():
        if not fired(event, "hlt", "HLT_DoubleMu3_Trk_Tau3mu_v"):
            continue
        if not fired(event, "l1", "L1_DoubleMu", "L1_TripleMu"):
            continue
        good = [i for i in range(len(event["Triplet2_Mass"])) if passes(event, i)]
        if good:
            best = min(good, key=lambda i: event["TripletVtx2_Chi2"][i])
            masses.append(event["Triplet2_Mass"][best])
    return np.array(masses)


def test_one_simulated_event_in_seven_passes_and_peaks(simulation):
    masses = selected_masses(simulation)
    assert len(masses) / len(simulation) == pytest.approx(0.135, abs=0.02)
    assert (np.abs(masses - 1.968) < 0.04).mean() > 0.75


def test_data_have_two_peaks_over_background(data):
    masses = selected_masses(data)
    assert len(masses) == pytest.approx(210, abs=45)
    per_20_mev = [
        ((masses > low) & (masses < high)).sum() / (high - low) * 0.02
        for low, high in ((1.65, 1.83), (1.85, 1.89), (1.90, 1.93), (1.95, 1.99))
    ]
    left, dplus, between, ds = per_20_mev
    assert left > 1
    assert dplus > 2.5 * left
    assert ds > 5 * left
    assert between < dplus < ds
