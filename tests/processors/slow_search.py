"""The search for τ→3μ as a plain loop over events: slow, obvious, and sharing no code."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import uproot

PAIRS = ((0, 1), (0, 2), (1, 2))
HLT = {"2017": "HLT_DoubleMu3_Trk_Tau3mu_v", "2018": "HLT_DoubleMu3_TkMu_DsTau3Mu_v"}
OBJECTS = {"2017": "_HLT2017", "2018": "_HLT"}
L1 = (
    "L1_DoubleMu0er1p5_SQ_OS_dR_Max1p4",
    "L1_DoubleMu0er1p4_SQ_OS_dR_Max1p4",
    "L1_DoubleMu4_SQ_OS_dR_Max1p2",
    "L1_DoubleMu4p5_SQ_OS_dR_Max1p2",
    "L1_TripleMu_5_3_0_DoubleMu_5_3_OS_Mass_Max17",
    "L1_TripleMu_5SQ_3SQ_0_DoubleMu_5_3_SQ_OS_Mass_Max9",
)
MU = 0.1056583755
PHI = ((0.998, 1.040), (0.991, 1.047), (0.984, 1.054))
BLIND = ((1.75, 1.80), (1.74, 1.82), (1.73, 1.83))


def read(path):
    with uproot.open(path) as file:
        tree = file["TreeMakerBkg/ntuple"]
        columns = {name: tree[name].array().tolist() for name in tree.keys()}  # noqa: SIM118
        for i in range(tree.num_entries):
            yield {name: values[i] for name, values in columns.items()}


def fired(event, level, accepts):
    pairs = zip(event[f"Trigger_{level}name"], event[f"Trigger_{level}decision"], strict=True)
    return any(decision == 1 and accepts(name) for name, decision in pairs)


def vector(pt, eta, phi):
    p = np.array([pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)])
    return np.array([math.sqrt(MU**2 + p @ p), *p])


def mass(*momenta):
    e, *p = sum(vector(*one) for one in momenta)
    return math.sqrt(e**2 - np.dot(p, p))


def delta_r(one, other):
    return math.hypot(one[1] - other[1], math.remainder(one[2] - other[2], 2 * math.pi))


def resolution(legs, errors):
    variance = 0.0
    for i, (pt, eta, phi) in enumerate(legs):
        up, down = (
            mass(*legs[:i], (pt * (1 + h), eta, phi), *legs[i + 1 :]) for h in (1e-4, -1e-4)
        )
        variance += ((up - down) / (2e-4 * pt) * errors[i] * pt) ** 2
    return math.sqrt(variance) / mass(*legs)


def confirmed(legs, objects):
    unique = []
    for one in objects:
        if one not in unique:
            unique.append(one)
    close = sorted(
        (delta_r(leg, one), i, j)
        for i, leg in enumerate(legs)
        for j, one in enumerate(unique)
        if delta_r(leg, one) < 0.03 and abs(one[0] / leg[0] - 1) < 0.1
    )
    legs_taken, objects_taken = [], []
    for _, i, j in close:
        if i not in legs_taken and j not in objects_taken:
            legs_taken.append(i)
            objects_taken.append(j)
    return len(legs_taken) == 3


class Triplet:
    def __init__(self, event, t):
        self.event, self.t = event, t
        self.legs = [tuple(event[f"Mu{i}_{x}"][t] for x in ("Pt", "Eta", "Phi")) for i in (1, 2, 3)]
        muons = list(zip(event["MuonPt"], event["MuonEta"], event["MuonPhi"], strict=True))
        self.found = []
        for leg in self.legs:
            alike = [j for j, one in enumerate(muons) if tuple(map(np.float32, leg)) == one]
            self.found.append(alike[0] if alike else None)

    def of(self, name):
        return [None if j is None else self.event[name][j] for j in self.found]

    def category(self):
        if None in self.found:
            return 2
        size = resolution(self.legs, self.of("Muon_ptErrOverPt"))
        return 0 if size < 0.007 else 1 if size < 0.0105 else 2


def vertex(triplet, year):
    return triplet.event["TripletVtx_Chi2"][triplet.t] >= 0


def flight(triplet, year):
    return triplet.event["FlightDistBS_SV_Significance"][triplet.t] >= 2


def identified(triplet, year):
    if None in triplet.found:
        return False
    is_global = triplet.of("Muon_isGlobal")
    tracker = triplet.of("Muon_isTrackerMuon")
    others = [tracker[i] for i in range(3) if not is_global[i]]
    return all(triplet.of("Muon_isPF")) and others in ([], [1])


def acceptance(triplet, year):
    return all(
        pt > 2 and abs(eta) < 2.4 and (abs(eta) >= 1.2 or pt >= 3.5) for pt, eta, _ in triplet.legs
    )


def mass_window(triplet, year):
    return 1.62 < triplet.event["Triplet_Mass"][triplet.t] < 2.02


def close_pairs(triplet, year):
    z, legs = triplet.of("Muon_vz"), triplet.legs
    return all(delta_r(legs[i], legs[j]) < 0.8 and abs(z[i] - z[j]) < 0.5 for i, j in PAIRS)


def trigger_matched(triplet, year):
    branches = [triplet.event[f"Muon{x}{OBJECTS[year]}"] for x in ("Pt", "Eta", "Phi")]
    return confirmed(triplet.legs, list(zip(*branches, strict=True)))


def no_resonance(triplet, year):
    charge, (low, high) = triplet.of("MuonCharge"), PHI[triplet.category()]
    masses = [mass(triplet.legs[i], triplet.legs[j]) for i, j in PAIRS if charge[i] * charge[j] < 0]
    return not any(abs(m - 0.78266) < 0.010 or low < m < high for m in masses)


CUTS = {
    "vertex": vertex, "flight": flight, "id": identified, "acceptance": acceptance,
    "mass": mass_window, "pairs": close_pairs, "trigmatch": trigger_matched, "veto": no_resonance,
}  # fmt: skip


def select(path, year, *, blind):
    """Returns events and candidates by step, and the best triplet of each event by its number."""
    events, candidates, best = Counter(), Counter(), {}
    for event in read(path):
        events["all"] += 1
        if not fired(event, "hlt", lambda name: HLT[year] in name):
            continue
        events["hlt"] += 1
        if not fired(event, "l1", lambda name: name.startswith(L1)):
            continue
        events["l1"] += 1
        left = [Triplet(event, t) for t, m in enumerate(event["Triplet_Mass"]) if m != -99]
        if blind:
            left = [one for one in left if not is_blind(one)]
        for step, passes in CUTS.items():
            left = [one for one in left if passes(one, year)]
            events[step] += bool(left)
            candidates[step] += len(left)
        if left:
            one = min(left, key=lambda one: event["TripletVtx_Chi2"][one.t])
            n_global = int(sum(one.of("Muon_isGlobal")))
            best[event["run"], event["lumi"], event["evt"]] = (one.t, one.category(), n_global)
    return events, candidates, best


def is_blind(triplet):
    low, high = BLIND[triplet.category()]
    return low <= triplet.event["Triplet_Mass"][triplet.t] <= high
