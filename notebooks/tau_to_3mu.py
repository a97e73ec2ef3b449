"""The selection of τ→3μ: triplets of muons from a displaced vertex.

Run it with `python -m tau3mu.run --no-fit --processor notebooks/tau_to_3mu.py:TauTo3Mu FILES`.
"""

from __future__ import annotations

import numpy as np

from tau3mu.ntuples import fired
from tau3mu.processing import Axis, Window, parameter
from tau3mu.processing.cuts import CutProcessor, cut, event_cut, quantity
from tau3mu.selection import Match, match

LEGS = ("mu1", "mu2", "mu3")
PAIRS = (("mu1", "mu2"), ("mu1", "mu3"), ("mu2", "mu3"))
MUON_MASS = 0.1056583755  # GeV
SEEDS = (
    "L1_DoubleMu0er1p5_SQ_OS_dR_Max1p4",
    "L1_DoubleMu0er1p4_SQ_OS_dR_Max1p4",
    "L1_DoubleMu4_SQ_OS_dR_Max1p2",
    "L1_DoubleMu4p5_SQ_OS_dR_Max1p2",
    "L1_TripleMu_5_3_0_DoubleMu_5_3_OS_Mass_Max17",
    "L1_TripleMu_5SQ_3SQ_0_DoubleMu_5_3_SQ_OS_Mass_Max9",
)


def mass_of(legs):
    """The invariant mass of muons, each given as (pt, eta, phi)."""
    pt, eta, phi = (np.array(values) for values in zip(*legs, strict=True))
    energy = np.sqrt((pt * np.cosh(eta)) ** 2 + MUON_MASS**2).sum(axis=0)
    x, y, z = ((pt * f).sum(axis=0) for f in (np.cos(phi), np.sin(phi), np.sinh(eta)))
    return np.sqrt(energy**2 - x**2 - y**2 - z**2)


def distance(one, other):
    """ΔR of two momenta (pt, eta, phi)."""
    turn = np.abs(one[2] - other[2])
    return np.hypot(one[1] - other[1], np.minimum(turn, 2 * np.pi - turn))


def confirmed(legs, objects):
    """Whether each leg has a trigger object of its own: ΔR < 0.03, |Δpt|/pt < 0.1."""
    close = sorted(
        (distance(leg, one), i, j)
        for i, leg in enumerate(legs)
        for j, one in enumerate(objects)
        if distance(leg, one) < 0.03 and abs(one[0] / leg[0] - 1) < 0.1
    )
    taken = {}
    for _, i, j in close:
        if i not in taken and j not in taken.values():
            taken[i] = j
    return len(taken) == len(legs)


class TauTo3Mu(CutProcessor):
    """Triplets of muons from a displaced vertex, the best of each event."""

    name = "tau3mu"
    columns = frozenset(
        {"run", "lumi", "event", "hlt.HLT_DoubleMu3_Trk_Tau3mu_v"}
        | {f"l1.{seed}" for seed in SEEDS}
        | {f"muon.{n}" for n in ("pt", "eta", "phi", "charge", "vz", "pt_relative_err")}
        | {f"muon.{n}" for n in ("is_global", "is_pf", "is_tracker")}
        | {f"triplet.{leg}.{n}" for leg in LEGS for n in ("pt", "eta", "phi")}
        | {"triplet.mass", "triplet.vertex_chi2", "triplet.flight_significance"}
        | {f"trigger_object_2017.{n}" for n in ("pt", "eta", "phi")}
    )
    collection = "triplet"
    best = "vertex_chi2"
    output = ("run", "lumi", "event", "mass", "vertex_chi2", "flight_significance", "resolution")

    mass_window: Window = parameter(Window(1.62, 2.02), unit="GeV", help="m(3μ)")
    flight_significance: float = parameter(2.0, help="of the flight distance, at least")
    omega_veto: float = parameter(0.010, unit="GeV", help="half width of the veto at 0.78266 GeV")

    @quantity
    def found(self, triplets):
        """The muon of the event that each leg is a copy of."""
        muons = triplets.lists("muon")
        return {leg: match(triplets[leg], triplets.entry, muons).columns() for leg in LEGS}

    def muon(self, triplets, leg, name):
        """A column of the muon behind a leg, missing if there is none."""
        return Match.of(triplets.found[leg]).take(triplets.lists("muon").rows[name])

    def legs(self, triplets, names=LEGS):
        """The momenta of some legs, each as (pt, eta, phi)."""
        return [tuple(np.asarray(triplets[leg][n]) for n in ("pt", "eta", "phi")) for leg in names]

    @quantity
    def resolution(self, triplets):
        """σ(m)/m: the change of the mass when each pT moves by its error, added in quadrature."""
        legs, variance = self.legs(triplets), 0.0
        for i, leg in enumerate(LEGS):
            step = 1e-4 * legs[i][0]
            up, down = (
                mass_of([*legs[:i], (legs[i][0] + change, *legs[i][1:]), *legs[i + 1 :]])
                for change in (step, -step)
            )
            error = np.ma.filled(self.muon(triplets, leg, "pt_relative_err"), np.inf)
            variance += ((up - down) / 2e-4 * error) ** 2
        return np.sqrt(variance) / mass_of(legs)

    @quantity
    def phi_mass(self, triplets):
        """The mass in GeV of the pair of opposite charge closest to the φ; 9 without one."""
        masses = np.array(self.opposite(triplets))
        nearest = np.argmin(np.abs(masses - 1.019), axis=0)
        return masses[nearest, np.arange(len(nearest))]

    def opposite(self, triplets):
        """The mass of each pair of opposite charge; 9 GeV for the others."""
        masses = []
        for one, other in PAIRS:
            charges = self.muon(triplets, one, "charge") * self.muon(triplets, other, "charge")
            mass = mass_of(self.legs(triplets, (one, other)))
            masses.append(np.where(np.ma.filled(charges, 0) < 0, mass, 9.0))
        return masses

    @event_cut("hlt")
    def hlt(self, events):
        """The path of the analysis fired."""
        return fired(events.hlt, "HLT_DoubleMu3_Trk_Tau3mu_v")

    @event_cut("l1")
    def l1(self, events):
        """One of its L1 seeds fired."""
        return fired(events.l1, *SEEDS)

    @cut("vertex", of="vertex_chi2", axis=Axis(50, 0, 25, "Vertex χ²"))
    def vertex(self, triplets):
        """The muons have a common vertex."""
        return triplets.vertex_chi2 >= 0

    @cut("flight", of="flight_significance", axis=Axis(50, 0, 25, "Flight-distance significance"))
    def flight(self, triplets):
        """The vertex is displaced from the beam spot."""
        return triplets.flight_significance >= self.flight_significance

    @cut("id")
    def identified(self, triplets):
        """All are PF muons; three are global, or two of them and the third is a tracker muon."""
        pf, is_global, tracker = (
            np.array([np.ma.filled(self.muon(triplets, leg, name), False) for leg in LEGS])
            for name in ("is_pf", "is_global", "is_tracker")
        )
        n_global = is_global.sum(axis=0)
        third = (tracker & ~is_global).any(axis=0)
        return pf.all(axis=0) & ((n_global == 3) | ((n_global == 2) & third))

    @cut("acceptance", of="mu3.pt", axis=Axis(50, 0, 20, "pT(μ₃) [GeV]"))
    def acceptance(self, triplets):
        """The detector covers each muon: in the barrel from 3.5 GeV, in the endcaps from 2."""
        pt, eta, _ = np.moveaxis(np.array(self.legs(triplets)), 0, 1)
        eta = np.abs(eta)
        return ((pt > 2) & (eta < 2.4) & ((eta >= 1.2) | (pt >= 3.5))).all(axis=0)

    @cut("mass", of="mass", axis=Axis(60, 1.4, 2.2, "m(3μ) [GeV]"))
    def mass_cut(self, triplets):
        """The mass is near that of the τ."""
        return self.mass_window.contains(triplets.mass)

    @cut("pairs")
    def pairs(self, triplets):
        """The muons are close to each other, and come from the same place along the beam."""
        passed = np.ones(len(triplets), bool)
        for one, other in PAIRS:
            gap = self.muon(triplets, one, "vz") - self.muon(triplets, other, "vz")
            passed &= distance(*self.legs(triplets, (one, other))) < 0.8
            passed &= np.ma.filled(np.abs(gap), np.inf) < 0.5
        return passed

    @cut("trigmatch")
    def trigmatch(self, triplets):
        """Each muon has a trigger object of its own, repetitions not counted."""
        offsets, _, rows = triplets.lists("trigger_object_2017")
        stored = [np.asarray(rows[n]) for n in ("pt", "eta", "phi")]
        legs, answers = self.legs(triplets), []
        for i, event in enumerate(triplets.entry):
            here = slice(offsets[event], offsets[event + 1])
            objects = dict.fromkeys(zip(*(v[here].tolist() for v in stored), strict=True))
            answers.append(confirmed([tuple(v[i] for v in leg) for leg in legs], list(objects)))
        return np.array(answers, bool)

    @cut("veto", of="phi_mass", axis=Axis(60, 0.7, 1.3, "m(μ⁺μ⁻) closest to the φ [GeV]"))
    def veto(self, triplets):
        """No pair is an ω or a φ; the better the resolution, the narrower the φ."""
        category = np.digitize(triplets.resolution, [0.007, 0.0105])
        low = np.array([0.998, 0.991, 0.984])[category]
        high = np.array([1.040, 1.047, 1.054])[category]
        passed = np.ones(len(triplets), bool)
        for mass in self.opposite(triplets):
            passed &= np.abs(mass - 0.78266) >= self.omega_veto
            passed &= ~((mass > low) & (mass < high))
        return passed
