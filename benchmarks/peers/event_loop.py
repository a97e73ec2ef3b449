"""D_s→φ(μμ)π as a plain Python loop over events: slow, and the easiest to check by eye.

usage: event_loop.py FILES...

The files have the skims' own branches. Prints one JSON object, see `measuring.runs.run_program`.
"""

from __future__ import annotations

import json
import math
import struct
import sys
import time

import uproot

TREE = "Tree3Mu/ntuple"
STEPS = ("all", "hlt", "l1", "vertex", "acceptance", "deltaR", "id_ip", "phi", "trigmatch")
LEGS = ("Mu01", "Mu02", "Tr")
MOMENTUM = ("Pt", "Eta", "Phi")
BRANCHES = [
    *("run", "lumi", "evt"),
    *("Trigger_hltname", "Trigger_hltdecision", "Trigger_l1name", "Trigger_l1decision"),
    *("MuonPt", "MuonEta", "MuonPhi", "Muon_isGlobal", "Muon_isPF"),
    *("Track_pt", "Track_eta", "Track_phi", "Track_dz", "Track_dxy"),
    *("Triplet2_Mass", "RefittedPV2_NTracks", "FlightDistBS_SV_Significance", "TripletVtx2_Chi2"),
    *("Mu1_dRtriggerMatch_2017", "Mu2_dRtriggerMatch_2017"),
    *(f"{leg}_{name}" for leg in (*LEGS, "RefTrack1", "RefTrack2") for name in MOMENTUM),
]
FLOAT = struct.Struct("f")
MUON_MASS = 0.1056583755


def fired(event, level, patterns):
    pairs = zip(event[f"Trigger_{level}name"], event[f"Trigger_{level}decision"], strict=True)
    return any(fires == 1 and any(p in name for p in patterns) for name, fires in pairs)


def in_acceptance(pt, eta):
    return abs(eta) < 2.4 and pt > (3.5 if abs(eta) < 1.2 else 2.0)


def distance(event, i, one, other):
    deta = event[f"{one}_Eta"][i] - event[f"{other}_Eta"][i]
    dphi = math.remainder(event[f"{one}_Phi"][i] - event[f"{other}_Phi"][i], 2 * math.pi)
    return math.hypot(deta, dphi)


def find(event, leg, i, objects):
    """Returns which object a leg is a copy of, -1 for none; all are compared as floats."""
    wanted = tuple(single(event[f"{leg}_{name}"][i]) for name in MOMENTUM)
    columns = zip(*(event[name] for name in objects), strict=True)
    copies = (n for n, momentum in enumerate(columns) if tuple(map(single, momentum)) == wanted)
    return next(copies, -1)


def single(value):
    return FLOAT.unpack(FLOAT.pack(value))[0]


def good_muon(event, leg, i):
    found = find(event, leg, i, ("MuonPt", "MuonEta", "MuonPhi"))
    return found >= 0 and bool(event["Muon_isGlobal"][found] and event["Muon_isPF"][found])


def good_track(event, i):
    found = find(event, "Tr", i, ("Track_pt", "Track_eta", "Track_phi"))
    return (
        found >= 0 and abs(event["Track_dz"][found]) < 20 and abs(event["Track_dxy"][found]) < 0.3
    )


def dimuon_mass(event, i):
    total = [0.0, 0.0, 0.0, 0.0]
    for leg in ("RefTrack1", "RefTrack2"):
        pt, eta, phi = (event[f"{leg}_{name}"][i] for name in MOMENTUM)
        px, py, pz = pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)
        energy = math.sqrt(px**2 + py**2 + pz**2 + MUON_MASS**2)
        total = [a + b for a, b in zip(total, (energy, px, py, pz), strict=True)]
    return math.sqrt(max(total[0] ** 2 - total[1] ** 2 - total[2] ** 2 - total[3] ** 2, 0.0))


def steps_passed(event, i):
    """Returns how many of the six steps on triplets number `i` passes, one after the other."""
    pt = {leg: event[f"{leg}_Pt"][i] for leg in LEGS}
    checks = (
        lambda: (
            1.62 < event["Triplet2_Mass"][i] < 2.02
            and event["RefittedPV2_NTracks"][i] > 1
            and event["FlightDistBS_SV_Significance"][i] > 2
        ),
        lambda: (
            all(in_acceptance(pt[leg], event[f"{leg}_Eta"][i]) for leg in LEGS[:2])
            and pt["Tr"] > 1.2
        ),
        lambda: all(
            1e-4 < distance(event, i, one, other) < 0.8
            for one, other in (("Mu01", "Mu02"), ("Mu01", "Tr"), ("Mu02", "Tr"))
        ),
        lambda: (
            good_muon(event, "Mu01", i) and good_muon(event, "Mu02", i) and good_track(event, i)
        ),
        lambda: 1.00 < dimuon_mass(event, i) < 1.04,
        lambda: all(event[f"Mu{leg}_dRtriggerMatch_2017"][i] < 0.03 for leg in (1, 2)),
    )
    return next((n for n, passes in enumerate(checks) if not passes()), len(checks))


def main():
    begin = time.time()
    steps = dict.fromkeys(STEPS, 0)
    rows = []
    for path in sys.argv[1:]:
        for chunk in uproot.iterate(f"{path}:{TREE}", BRANCHES, step_size=5000):
            for event in chunk.to_list():
                passed = ["all"]
                if fired(event, "hlt", ["HLT_DoubleMu3_Trk_Tau3mu_v"]):
                    passed.append("hlt")
                    if fired(event, "l1", ["L1_DoubleMu", "L1_TripleMu"]):
                        reached = [steps_passed(event, i) for i in range(len(event["Tr_Pt"]))]
                        passed += STEPS[2 : 3 + max(reached, default=0)]
                        if passed[-1] == STEPS[-1]:
                            chi2 = event["TripletVtx2_Chi2"]
                            last = [i for i, n in enumerate(reached) if n == max(reached)]
                            best = min(last, key=chi2.__getitem__)
                            mass = event["Triplet2_Mass"][best]
                            rows.append([event["run"], event["lumi"], event["evt"], best, mass])
                for step in passed:
                    steps[step] += 1
    times = {"reading": begin, "read": time.time()}
    print(json.dumps({"steps": steps, "candidates": rows, "times": times}))


if __name__ == "__main__":
    main()
