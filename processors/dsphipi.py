"""D_s→φ(μμ)π, the control channel of the search for τ→3μ."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.ntuples import fired
from tau3mu.processing import Axis, Window, parameter
from tau3mu.processing.cuts import counter, cut, event_cut, quantity
from tau3mu.processors.columns import (
    COUNTERS,
    DSPHIPI,
    HLT_PATHS,
    L1_SEEDS,
    LEGS,
    MUON_LEGS,
    triggers,
)
from tau3mu.processors.muon_triplets import MuonTriplets
from tau3mu.selection import (
    MUON_MASS,
    Match,
    delta_r,
    invariant_mass,
    match,
    passes_muon_acceptance,
)

if TYPE_CHECKING:
    import awkward as ak

    from tau3mu.processing.cuts import CandidateRows as Triplets
    from tau3mu.selection import Rows

__all__ = ["DsPhiPi"]

MUON_PT = Axis(60, 0, 30, "pT(μ) [GeV]")
MUON_PT_CUTS = "endcap_muon_pt", "barrel_muon_pt"
DELTA_R = Axis(60, 0, 1.2, "ΔR")
TRIGGER_DR = Axis(60, 0, 0.12, "ΔR to a trigger object")


class DsPhiPi(MuonTriplets):
    """Selects D_s→φ(μμ)π candidates and keeps the one of smallest vertex χ² of each event."""

    name = "dsphipi"
    columns = DSPHIPI
    collection = "triplet"
    best = "vertex_chi2"
    output = (
        *("run", "lumi", "event", "triplet", "mass", "vertex_chi2", "pt", "eta", "phi"),
        *("dimuon_mass", "flight_significance"),
        *("weight", "weight_muon_sf_up", "weight_muon_sf_down"),
    )
    counters = COUNTERS
    muon_legs = MUON_LEGS

    hlt_paths: tuple[str, ...] = parameter(
        HLT_PATHS, help="HLT paths, one of which fired", tighter="inside"
    )
    l1_seeds: tuple[str, ...] = parameter(
        L1_SEEDS, help="parts of L1 seeds, one of which fired", tighter="inside"
    )
    mass_window: Window = parameter(Window(1.62, 2.02), unit="GeV", help="m(μμπ)", tighter="inside")
    pv_tracks: int = parameter(
        2, ge=0, help="least number of tracks at the primary vertex", tighter="up"
    )
    flight_significance: float = parameter(
        2.0, help="of the flight distance, exceeded", tighter="up"
    )
    barrel_eta: float = parameter(1.2, gt=0, help="|η| where the endcaps begin")
    max_muon_eta: float = parameter(2.4, gt=0, help="largest |η| of each muon", tighter="down")
    barrel_muon_pt: float = parameter(
        3.5, unit="GeV", ge=0, help="pT of a barrel muon, exceeded", tighter="up"
    )
    endcap_muon_pt: float = parameter(
        2.0, unit="GeV", ge=0, help="pT of an endcap muon, exceeded", tighter="up"
    )
    track_pt: float = parameter(
        1.2, unit="GeV", ge=0, help="pT of the track, exceeded", tighter="up"
    )
    delta_r_window: Window = parameter(
        Window(1e-4, 0.8), help="ΔR of each pair of legs", tighter="inside"
    )
    max_track_dz: float = parameter(
        20.0, unit="cm", gt=0, help="largest |dz| of the track", tighter="down"
    )
    max_track_dxy: float = parameter(
        0.3, unit="cm", gt=0, help="largest |dxy| of the track", tighter="down"
    )
    phi_window: Window = parameter(Window(1.00, 1.04), unit="GeV", help="m(μμ)", tighter="inside")
    trigger_dr: float = parameter(
        0.03, gt=0, help="largest ΔR of a muon to a trigger object", tighter="down"
    )
    mass_axis: Axis = parameter(Axis(62, 1.65, 2.01, "m(μμπ) [GeV]"), help="histogram")
    dimuon_mass_axis: Axis = parameter(Axis(80, 1.00, 1.04, "m(μμ) [GeV]"), help="histogram")
    pt_axis: Axis = parameter(Axis(60, 0, 60, "pT(μμπ) [GeV]"), help="histogram")
    eta_axis: Axis = parameter(Axis(50, -2.5, 2.5, "η(μμπ)"), help="histogram")
    vertex_chi2_axis: Axis = parameter(Axis(50, 0, 25, "Vertex χ²"), help="histogram")
    flight_significance_axis: Axis = parameter(
        Axis(60, 0, 60, "Flight-distance significance"), help="histogram"
    )

    def __init__(self, **settings: Any) -> None:
        """Creates the processor and reads the tables of its corrections.

        Args:
            **settings: The `name`, and values of parameters other than the defaults.
        """
        super().__init__(**settings)
        untriggered = set(type(self).columns) - triggers(HLT_PATHS, L1_SEEDS)
        self.columns = frozenset(untriggered | triggers(self.hlt_paths, self.l1_seeds)).union(
            *(one.columns for one in self._event_weights)
        )

    @property
    def axes(self) -> dict[str, Axis]:
        """The axis of each histogram."""
        names = ("mass", "dimuon_mass", "pt", "eta", "vertex_chi2", "flight_significance")
        return {name: getattr(self, f"{name}_axis") for name in names}

    @event_cut("hlt")
    def hlt(self, events: ak.Array) -> Any:
        """One of the HLT paths fired."""
        return fired(events.hlt, *self.hlt_paths)

    @event_cut("l1")
    def l1(self, events: ak.Array) -> Any:
        """One of the L1 seeds fired."""
        return fired(events.l1, *self.l1_seeds)

    @cut("vertex", of="mass", axis=Axis(70, 1.4, 2.1, "m(μμπ) [GeV]"), at=["mass_window"])
    def mass(self, triplets: Triplets) -> Any:
        """The mass is near that of the D_s."""
        return self.mass_window.contains(triplets.mass)

    @cut("vertex", of="pv_refit_n_tracks", axis=Axis(100, -0.5, 99.5, "Tracks at the vertex"),
         at=["pv_tracks"])  # fmt: skip
    def n_tracks(self, triplets: Triplets) -> Any:
        """The primary vertex, refitted without the three legs, has tracks."""
        return triplets.pv_refit_n_tracks >= self.pv_tracks

    @cut("vertex", of="flight_significance", axis=Axis(60, 0, 30, "Flight-distance significance"),
         at=["flight_significance"])  # fmt: skip
    def flight(self, triplets: Triplets) -> Any:
        """The vertex is displaced from the beam spot."""
        return triplets.flight_significance > self.flight_significance

    @cut("acceptance", of="mu1.pt", axis=MUON_PT, at=MUON_PT_CUTS)
    def acceptance_mu1(self, triplets: Triplets) -> Any:
        """The detector covers the first muon."""
        return self.accepts(triplets.mu1)

    @cut("acceptance", of="mu2.pt", axis=MUON_PT, at=MUON_PT_CUTS)
    def acceptance_mu2(self, triplets: Triplets) -> Any:
        """The detector covers the second muon."""
        return self.accepts(triplets.mu2)

    @cut("acceptance", of="track.pt", axis=Axis(60, 0, 30, "pT(π) [GeV]"), at=["track_pt"])
    def acceptance_track(self, triplets: Triplets) -> Any:
        """The pion is hard enough."""
        return triplets.track.pt > self.track_pt

    @cut("deltaR", of="delta_r.mu1_mu2", axis=DELTA_R, at=["delta_r_window"])
    def delta_r_mu1_mu2(self, triplets: Triplets) -> Any:
        """The muons are close to each other, and not the same."""
        return self.delta_r_window.contains(triplets.delta_r["mu1_mu2"])

    @cut("deltaR", of="delta_r.mu1_track", axis=DELTA_R, at=["delta_r_window"])
    def delta_r_mu1_track(self, triplets: Triplets) -> Any:
        """The first muon is close to the track, and not the same."""
        return self.delta_r_window.contains(triplets.delta_r["mu1_track"])

    @cut("deltaR", of="delta_r.mu2_track", axis=DELTA_R, at=["delta_r_window"])
    def delta_r_mu2_track(self, triplets: Triplets) -> Any:
        """The second muon is close to the track, and not the same."""
        return self.delta_r_window.contains(triplets.delta_r["mu2_track"])

    @cut("id_ip")
    def id_mu1(self, triplets: Triplets) -> Any:
        """The first muon is found, global and PF."""
        return self.is_global_pf(triplets, "mu1")

    @cut("id_ip")
    def id_mu2(self, triplets: Triplets) -> Any:
        """The second muon is found, global and PF."""
        return self.is_global_pf(triplets, "mu2")

    @cut("id_ip", of="track_ip.dz", axis=Axis(60, -30, 30, "dz(π) [cm]"),
         at=["-max_track_dz", "max_track_dz"])  # fmt: skip
    def track_dz(self, triplets: Triplets) -> Any:
        """The track is found, and close to the origin along the beam."""
        return abs(triplets.track_ip["dz"]) < self.max_track_dz

    @cut("id_ip", of="track_ip.dxy", axis=Axis(60, -0.6, 0.6, "dxy(π) [cm]"),
         at=["-max_track_dxy", "max_track_dxy"])  # fmt: skip
    def track_dxy(self, triplets: Triplets) -> Any:
        """The track is close to the beam."""
        return abs(triplets.track_ip["dxy"]) < self.max_track_dxy

    @cut("phi", of="dimuon_mass", axis=Axis(80, 0.9, 1.14, "m(μμ) [GeV]"), at=["phi_window"])
    def phi(self, triplets: Triplets) -> Any:
        """The mass of the muons is that of a φ."""
        return self.phi_window.contains(triplets.dimuon_mass)

    @cut("trigmatch", of="mu1.trigger_dr_2017", axis=TRIGGER_DR, at=["trigger_dr"])
    def trigmatch_mu1(self, triplets: Triplets) -> Any:
        """The first muon is close to a trigger object."""
        return triplets.mu1.trigger_dr_2017 < self.trigger_dr

    @cut("trigmatch", of="mu2.trigger_dr_2017", axis=TRIGGER_DR, at=["trigger_dr"])
    def trigmatch_mu2(self, triplets: Triplets) -> Any:
        """The second muon is close to a trigger object."""
        return triplets.mu2.trigger_dr_2017 < self.trigger_dr

    def accepts(self, muon: Rows) -> Any:
        """Returns which muons the detector covers."""
        return passes_muon_acceptance(
            muon,
            barrel=self.barrel_eta,
            endcap=self.max_muon_eta,
            barrel_pt=self.barrel_muon_pt,
            endcap_pt=self.endcap_muon_pt,
        )

    def is_global_pf(self, triplets: Triplets, leg: str) -> Any:
        """Returns for which triplets a leg is a muon of the event that is global and PF."""
        muons = triplets.lists("muon").rows
        return Match.of(triplets.matched[leg]).take(muons.is_global & muons.is_pf)

    @quantity
    def matched(self, triplets: Triplets) -> Any:
        """The muon or track of the event that each leg is a copy of."""
        found = {}
        for leg in LEGS:
            objects = triplets.lists("track" if leg == "track" else "muon")
            found[leg] = match(triplets[leg], triplets.entry, objects).columns()
        return found

    @quantity
    def track_ip(self, triplets: Triplets) -> Any:
        """The impact parameters of the track in cm, missing if it is not found."""
        tracks, matched = triplets.lists("track").rows, Match.of(triplets.matched["track"])
        return {name: matched.column(tracks, name) for name in ("dz", "dxy")}

    @quantity
    def delta_r(self, triplets: Triplets) -> Any:
        """The distance of each pair of legs."""
        return {
            f"{one}_{other}": delta_r(triplets[one], triplets[other])
            for one, other in combinations(LEGS, 2)
        }

    @quantity
    def dimuon_mass(self, triplets: Triplets) -> Any:
        """The mass in GeV of the muons, refitted to the common vertex."""
        return invariant_mass(triplets.refit1, triplets.refit2, MUON_MASS)

    @quantity
    def triplet(self, triplets: Triplets) -> Any:
        """Where the triplet stands in the vectors of the ntuple."""
        return triplets.position.astype(np.int32)

    @counter("id_ip")
    def matches(self, triplets: Triplets) -> dict[str, int]:
        """The legs that reach the step, and how many are not found or not certain."""
        counts = {leg: Match.of(triplets.matched[leg]).counts() for leg in LEGS}
        return {f"{leg}_{name}": n for leg in LEGS for name, n in counts[leg].items()}
