"""The search for τ→3μ: triplets of muons from a displaced vertex."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Any, Literal

import awkward as ak
import numpy as np
from pydantic import BeforeValidator

from tau3mu.discriminant import Discriminant, load_discriminant
from tau3mu.ntuples import fired
from tau3mu.processing import Axis, Window, parameter
from tau3mu.processing.cuts import counter, cut, event_cut, quantity
from tau3mu.processing.parameters import declared, values_of
from tau3mu.processors.columns import (
    INPUT_COLUMNS,
    TAU3MU,
    TAU3MU_COUNTERS,
    TAU3MU_LEGS,
    TAU3MU_SEEDS,
)
from tau3mu.processors.discriminant_inputs import INPUTS, DiscriminantInputs
from tau3mu.processors.muon_triplets import MuonTriplets
from tau3mu.selection import (
    Match,
    all_confirmed,
    delta_r,
    invariant_mass,
    relative_mass_error,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.processing.cuts import CandidateRows as Triplets

__all__ = ["TauTo3Mu"]

LEGS = TAU3MU_LEGS
PAIRS = tuple(combinations(LEGS, 2))
MUON_MASS = 0.1056583755
"""In GeV; source: the Particle Data Group."""
PATHS = {"2017": "HLT_DoubleMu3_Trk_Tau3mu_v", "2018": "HLT_DoubleMu3_TkMu_DsTau3Mu_v"}
ONLY_DOUBLE_MU4 = 0.693
"""The weight of simulated events of 2018 that the seeds L1_DoubleMu4 alone have accepted."""


NOT_OF_THE_SELECTION = frozenset(
    {
        *declared(MuonTriplets).keys() - {"skip"},
        *("year", "blind", "with_inputs", "discriminant_file", "mass_axis"),
    }
)
"""Parameters that may differ between the training of a discriminant and its use."""


def _text_of_year(year: Any) -> Any:
    return str(year) if type(year) is int else year  # as --set reads it


class TauTo3Mu(DiscriminantInputs):
    """Selects τ→3μ candidates and keeps the one of smallest vertex χ² of each event.

    Data are blind: a triplet whose mass is in the signal window of its category is left out before
    any cut on triplets, and so is in no count, column or histogram.
    """

    name = "tau3mu"
    columns = TAU3MU
    muon_legs = LEGS
    output = (
        *("run", "lumi", "event", "triplet", "mass", "vertex_chi2", "pt", "eta", "phi"),
        *("flight_significance", "mass_resolution", "category", "n_global", "data_year"),
        *("weight", "weight_muon_sf_up", "weight_muon_sf_down"),
    )
    counters = TAU3MU_COUNTERS

    year: Annotated[Literal["2017", "2018"], BeforeValidator(_text_of_year)] = parameter(
        "2017", help="sets the HLT path and its objects"
    )
    l1_seeds: tuple[str, ...] = parameter(
        TAU3MU_SEEDS, help="beginnings of L1 seeds, one of which fired", tighter="inside"
    )
    blind: bool = parameter(True, help="leaves out data in the signal windows")
    blind_a: Window = parameter(Window(1.75, 1.80), unit="GeV", help="signal window of category A")
    blind_b: Window = parameter(Window(1.74, 1.82), unit="GeV", help="signal window of category B")
    blind_c: Window = parameter(Window(1.73, 1.83), unit="GeV", help="signal window of category C")
    flight_significance: float = parameter(
        2.0, help="of the flight distance from the beam spot, at least", tighter="up"
    )
    max_eta: float = parameter(2.4, gt=0, help="largest |η| of each muon", tighter="down")
    barrel_eta: float = parameter(1.2, gt=0, help="|η| where the endcaps begin")
    muon_pt: float = parameter(2.0, unit="GeV", ge=0, help="pT of each muon, exceeded")
    barrel_pt: float = parameter(3.5, unit="GeV", ge=0, help="pT of a barrel muon, at least")
    mass_window: Window = parameter(Window(1.62, 2.02), unit="GeV", help="m(3μ)", tighter="inside")
    pair_delta_r: float = parameter(0.8, gt=0, help="ΔR of each pair, below", tighter="down")
    pair_dz: float = parameter(
        0.5, unit="cm", gt=0, help="distance of each pair along the beam, below", tighter="down"
    )
    trigger_dr: float = parameter(0.03, gt=0, help="ΔR to a trigger object, below")
    trigger_pt: float = parameter(0.1, gt=0, help="relative difference of pT to it, below")
    resolution_edges: tuple[float, float] = parameter(
        (0.007, 0.0105), help="σ(m)/m where categories B and C begin"
    )
    omega_veto: Window = parameter(Window(0.77266, 0.79266), unit="GeV", help="m(μ⁺μ⁻) left out")
    phi_veto_a: Window = parameter(Window(0.998, 1.040), unit="GeV", help="the same, category A")
    phi_veto_b: Window = parameter(Window(0.991, 1.047), unit="GeV", help="the same, category B")
    phi_veto_c: Window = parameter(Window(0.984, 1.054), unit="GeV", help="the same, category C")
    with_inputs: bool = parameter(True, help="reads and writes the inputs of the discriminant")
    discriminant_file: str | None = parameter(
        None, help="trained discriminant, whose scores are written; null: none"
    )
    mass_axis: Axis = parameter(Axis(40, 1.62, 2.02, "m(3μ) [GeV]"), help="histogram")

    def __init__(self, **settings: Any) -> None:
        """Creates the processor and reads the tables of its corrections.

        Args:
            **settings: The `name`, and values of parameters other than the defaults.
        """
        super().__init__(**settings)
        objects = {f"trigger_object_{self.year}.{name}" for name in ("pt", "eta", "phi")}
        seeds = {f"l1.^{seed}" for seed in self.l1_seeds}
        self.discriminant: Discriminant | None = None
        if self.discriminant_file is not None:
            self.discriminant = load_discriminant(self.discriminant_file)
            self.discriminant.check_selection(self.selection_parameters, self.name)
        inputs = INPUT_COLUMNS if self.with_inputs or self.discriminant else set()
        self.output = (  # type: ignore[misc]  # of an instance, as its columns are
            *type(self).output,
            *(INPUTS if self.with_inputs else ()),
            *(("score",) if self.discriminant else ()),
        )
        self.columns = (
            frozenset(type(self).columns)
            .union(inputs, objects, seeds, {f"hlt.{PATHS[self.year]}"})
            .union(*(one.columns for one in self._event_weights))
        )

    @property
    def selection_parameters(self) -> dict[str, Any]:
        """The parameters that decide which candidates there are, and what their columns hold."""
        values = values_of(self)
        return {name: values[name] for name in sorted(values.keys() - NOT_OF_THE_SELECTION)}

    @property
    def axes(self) -> dict[str, Axis]:
        """The axis of the histogram."""
        return {"mass": self.mass_axis}

    @event_cut("hlt")
    def hlt(self, events: ak.Array) -> Any:
        """The HLT path of the year fired."""
        return fired(events.hlt, PATHS[self.year])

    @event_cut("l1")
    def l1(self, events: ak.Array) -> Any:
        """One of the L1 seeds fired."""
        return fired(events.l1, *(f"^{seed}" for seed in self.l1_seeds))

    @cut("vertex", required=True)
    def is_visible(self, triplets: Triplets) -> Any:
        """In data, the mass is outside of the signal window of the category."""
        visible = np.ones(len(triplets), np.bool_)
        if not self.blind or triplets.events.metadata.get("is_mc", False):
            return visible
        windows = self.blind_a, self.blind_b, self.blind_c
        mass = np.ma.filled(triplets.mass, np.nan)
        near = np.flatnonzero((mass >= min(w.low for w in windows))
                              & (mass <= max(w.high for w in windows)))  # fmt: skip
        low, high = np.array(windows).T[:, triplets[near].category]
        visible[near] = (mass[near] < low) | (mass[near] > high)
        return visible

    @cut("vertex", of="vertex_chi2", axis=Axis(50, 0, 25, "Vertex χ²"))
    def vertex(self, triplets: Triplets) -> Any:
        """The muons have a common vertex."""
        return triplets.vertex_chi2 >= 0

    @cut("flight", of="flight_significance", axis=Axis(60, 0, 30, "Flight-distance significance"),
         at=["flight_significance"])  # fmt: skip
    def flight(self, triplets: Triplets) -> Any:
        """The vertex is displaced from the beam spot."""
        return triplets.flight_significance >= self.flight_significance

    @cut("id")
    def identified(self, triplets: Triplets) -> Any:
        """All are PF muons, and all are global or all but one, which is a tracker muon."""
        pf, is_global, tracker = (
            self.of_muons(triplets, name, False) for name in ("is_pf", "is_global", "is_tracker")
        )
        third = (tracker & ~is_global).any(axis=0)
        n_global = is_global.sum(axis=0)
        return pf.all(axis=0) & ((n_global == 3) | ((n_global == 2) & third))

    @cut("acceptance", of="mu3.pt", axis=Axis(50, 0, 20, "pT(μ₃) [GeV]"))
    def acceptance(self, triplets: Triplets) -> Any:
        """The detector covers each muon."""
        passed = np.ones(len(triplets), np.bool_)
        for leg in LEGS:
            pt, eta = triplets[leg].pt, np.abs(triplets[leg].eta)
            passed &= (pt > self.muon_pt) & (eta < self.max_eta)
            passed &= (eta >= self.barrel_eta) | (pt >= self.barrel_pt)
        return passed

    @cut("mass", of="mass", axis=Axis(80, 1.4, 2.2, "m(3μ) [GeV]"), at=["mass_window"])
    def mass_cut(self, triplets: Triplets) -> Any:
        """The mass is near that of the τ."""
        return self.mass_window.contains(triplets.mass)

    @cut("pairs")
    def pairs(self, triplets: Triplets) -> Any:
        """The muons are close to each other, and come from the same place along the beam."""
        z = dict(zip(LEGS, self.of_muons(triplets, "vz", np.nan),
                     strict=True))  # fmt: skip
        passed = np.ones(len(triplets), np.bool_)
        for one, other in PAIRS:
            passed &= delta_r(triplets[one], triplets[other]) < self.pair_delta_r
            passed &= np.abs(z[one] - z[other]) < self.pair_dz
        return passed

    @cut("trigmatch")
    def trigmatch(self, triplets: Triplets) -> Any:
        """Each muon has a trigger object of its own."""
        return all_confirmed(
            [triplets[leg] for leg in LEGS],
            triplets.entry,
            triplets.lists(f"trigger_object_{self.year}"),
            delta_r=self.trigger_dr,
            relative_pt=self.trigger_pt,
        )

    @cut("veto", of="phi_mass", axis=Axis(60, 0.7, 1.3, "m(μ⁺μ⁻) closest to the φ [GeV]"))
    def veto(self, triplets: Triplets) -> Any:
        """No pair of opposite charge is an ω or, within the resolution of the category, a φ."""
        windows = np.array([self.phi_veto_a, self.phi_veto_b, self.phi_veto_c])
        low, high = windows.T[:, triplets.category]
        omega = self.omega_veto
        passed = np.ones(len(triplets), np.bool_)
        for mass in self.opposite_masses(triplets):
            passed &= (mass <= omega.low) | (mass >= omega.high)
            passed &= (mass <= low) | (mass >= high)
        return passed

    def opposite_masses(self, triplets: Triplets) -> list[npt.NDArray[np.float64]]:
        """Returns the mass in GeV of each pair of opposite charge; infinite for the others."""
        charges = self.of_muons(triplets, "charge", 0)
        masses = []
        for (one, other), (i, j) in zip(PAIRS, combinations(range(len(LEGS)), 2), strict=True):
            mass = invariant_mass(triplets[one], triplets[other], MUON_MASS)
            masses.append(np.where(charges[i] * charges[j] < 0, mass, np.inf))
        return masses

    @quantity
    def phi_mass(self, triplets: Triplets) -> Any:
        """The mass in GeV of the pair of opposite charge closest to the φ."""
        masses = np.array(self.opposite_masses(triplets))
        nearest = np.argmin(np.abs(masses - 1.01946), axis=0)
        return masses[nearest, np.arange(masses.shape[1])]

    @quantity
    def mass_resolution(self, triplets: Triplets) -> Any:
        """The relative uncertainty of the mass that the pT of the muons give it; ∞ without them."""
        errors = self.of_muons(triplets, "pt_relative_err", np.inf)
        return relative_mass_error([triplets[leg] for leg in LEGS], list(errors), MUON_MASS)

    @quantity
    def category(self, triplets: Triplets) -> Any:
        """The category of the mass resolution: 0, 1 and 2 for A, B and C."""
        resolution = np.nan_to_num(triplets.mass_resolution, nan=np.inf)
        return np.digitize(resolution, self.resolution_edges).astype(np.int32)

    @quantity
    def n_global(self, triplets: Triplets) -> Any:
        """The number of global muons: 3, or 2 in triplets with a tracker muon."""
        is_global = self.of_muons(triplets, "is_global", False)
        return is_global.sum(axis=0).astype(np.int32)

    @quantity
    def data_year(self, triplets: Triplets) -> Any:
        """The year of data taking."""
        return np.full(len(triplets), int(self.year), np.int32)

    @quantity
    def score(self, triplets: Triplets) -> Any:
        """The score of the discriminant, by trees that were not trained with the event."""
        assert self.discriminant is not None  # the column is written only if there is one
        events, entry = triplets.events, triplets.entry
        numbers = [ak.to_numpy(events[name])[entry] for name in ("run", "lumi", "event")]
        columns = {one.name: triplets[one.name] for one in self.discriminant.features}
        return self.discriminant.scores(columns, *numbers)

    @quantity
    def triplet(self, triplets: Triplets) -> Any:
        """Where the triplet stands in the vectors of the ntuple."""
        return triplets.position.astype(np.int32)

    @quantity
    def weight_of_seeds(self, triplets: Triplets) -> Any:
        """The share of simulated events that the seeds would have accepted in data."""
        events = triplets.events
        if self.year != "2018" or not events.metadata.get("is_mc", False):
            return np.ones(len(triplets))
        weak = [f"^{seed}" for seed in self.l1_seeds if seed.startswith("L1_DoubleMu4")]
        others = [f"^{seed}" for seed in self.l1_seeds if not seed.startswith("L1_DoubleMu4")]
        alone = fired(events.l1, *weak) & ~fired(events.l1, *others)
        return np.where(np.asarray(alone)[triplets.entry], ONLY_DOUBLE_MU4, 1.0)

    @quantity
    def muon_sf(self, triplets: Triplets) -> Any:
        """The weights of the muons' scale factors, times that of the L1 seeds."""
        found = dict(super().muon_sf(triplets))
        seeds = triplets.weight_of_seeds
        return {k: v if k == "outside" else v * seeds for k, v in found.items()}

    @counter("id")
    def matches(self, triplets: Triplets) -> dict[str, int]:
        """The legs that reach the step, and how many are not found or not certain."""
        counts = {leg: Match.of(triplets.matched[leg]).counts() for leg in LEGS}
        return {f"{leg}_{name}": n for leg in LEGS for name, n in counts[leg].items()}
