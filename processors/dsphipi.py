"""D_s→φ(μμ)π, the control channel of the search for τ→3μ."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import awkward as ak
import hist
import numpy as np

from tau3mu.corrections import MuonScaleFactors
from tau3mu.ntuples import fired
from tau3mu.outputs import Selection
from tau3mu.processing import Processor
from tau3mu.processors.columns import DSPHIPI, HLT_PATHS, L1_SEEDS, LEGS, MUON_LEGS
from tau3mu.selection import (
    MUON_MASS,
    Survivors,
    invariant_mass,
    match,
    pairs_within,
    passes_muon_acceptance,
    plain,
    rows_of,
)

if TYPE_CHECKING:
    import numpy.typing as npt
    from hist import Hist

    from tau3mu.processing import Cutflow

__all__ = ["DsPhiPi"]

SHIPPED_SCALE_FACTORS = files("tau3mu.data") / "muon_id_sf_2017UL.json"

WEIGHTS = {
    "nominal": "weight",
    "muon_sf_up": "weight_muon_sf_up",
    "muon_sf_down": "weight_muon_sf_down",
}
"""The variations of simulation, and the columns of their weights."""


class DsPhiPi(Processor):
    """Selects D_s→φ(μμ)π candidates and keeps the best of each event.

    All cuts of a step apply to the same triplet. The best candidate is the one with the smallest
    vertex χ² among those that pass everything.
    """

    name = "dsphipi"
    columns = DSPHIPI

    def __init__(
        self,
        scale_factors: MuonScaleFactors | None = None,
        *,
        name: str | None = None,
        **values: Any,
    ) -> None:
        """Creates it with the muon scale factors of simulation; by default the shipped table."""
        super().__init__(name=name, **values)
        self.scale_factors = scale_factors or MuonScaleFactors(str(SHIPPED_SCALE_FACTORS))

    @property
    def configuration(self) -> dict[str, Any]:
        """The table of the scale factors, and what happens outside it."""
        table = self.scale_factors
        return super().configuration | {
            "muon_scale_factors": {
                "file": table.file,
                "correction": table.correction,
                "outside": table.outside,
            }
        }

    def select(self, events: ak.Array, cutflow: Cutflow) -> Selection:
        """Returns the best candidate of each event that passes, with its weights."""
        alive = Survivors.start(events, np.ones(len(events)))
        alive = alive.require_event("hlt", fired(events.hlt, *HLT_PATHS))
        alive = alive.require_event("l1", fired(events.l1, *L1_SEEDS)[alive.entries])
        alive = alive.require("vertex", passes_vertex(alive.triplets))
        alive = alive.require("acceptance", passes_acceptance(alive.triplets))
        legs = [alive.triplets[leg] for leg in LEGS]
        alive = alive.require("deltaR", pairs_within(legs, 1e-4, 0.8))
        passes, counts = identify(events, alive.triplets, alive.entry)
        alive = alive.require("id_ip", passes)
        alive = alive.require("phi", passes_phi(dimuon_mass(alive.triplets)))
        alive = alive.require("trigmatch", passes_trigger_matching(alive.triplets))
        best = alive.best(alive.triplets.vertex_chi2)
        candidates, sf_counts = self.describe(
            best.events, best.triplets, best.positions, best.weights
        )
        return Selection(candidates, alive.steps, counts | sf_counts)

    def describe(
        self, events: ak.Array, triplets: ak.Array, positions: ak.Array, weights: npt.NDArray[Any]
    ) -> tuple[ak.Array, dict[str, int]]:
        """Returns the record of one triplet per event, and the counts of its scale factors.

        Args:
            events: The selected events.
            triplets: One per event, no pads.
            positions: Their positions in the ntuple's vectors.
            weights: Event weights without scale factors.
        """
        nominal, up, down, counts = self._scale_factors(events, triplets)
        columns = {
            "run": (events.run, np.uint32),
            "lumi": (events.lumi, np.uint32),
            "event": (events.event, np.uint64),
            "triplet": (positions, np.int32),
            "mass": (triplets.mass, np.float64),
            "vertex_chi2": (triplets.vertex_chi2, np.float64),
            "pt": (triplets.pt, np.float64),
            "eta": (triplets.eta, np.float64),
            "phi": (triplets.phi, np.float64),
            "dimuon_mass": (dimuon_mass(triplets), np.float64),
            "flight_significance": (triplets.flight_significance, np.float64),
            "weight": (weights * nominal, np.float64),
            "weight_muon_sf_up": (weights * up, np.float64),
            "weight_muon_sf_down": (weights * down, np.float64),
        }
        numbers = [
            ak.contents.NumpyArray(ak.to_numpy(values, allow_missing=False).astype(dtype))
            for values, dtype in columns.values()
        ]
        return ak.Array(ak.contents.RecordArray(numbers, list(columns))), counts

    def _scale_factors(
        self, events: ak.Array, triplets: ak.Array
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], dict[str, int]]:
        if not events.metadata.get("is_mc", False):
            one = np.ones(len(triplets))
            return one, one, one, {"muon_sf_legs": 0, "muon_sf_outside": 0}
        weights = self.scale_factors.weights(*(triplets[leg] for leg in MUON_LEGS))
        counts = {"muon_sf_legs": weights.n_total, "muon_sf_outside": weights.n_outside}
        return weights.nominal, weights.up, weights.down, counts

    def histograms(self) -> dict[str, Hist[Any]]:
        """Returns the empty spectra of the candidates, each over dataset and variation."""
        axes = [
            hist.axis.Regular(62, 1.65, 2.01, name="mass", label="m(μμπ) [GeV]"),
            hist.axis.Regular(80, 1.00, 1.04, name="dimuon_mass", label="m(μμ) [GeV]"),
            hist.axis.Regular(60, 0, 60, name="pt", label="pT(μμπ) [GeV]"),
            hist.axis.Regular(50, -2.5, 2.5, name="eta", label="η(μμπ)"),
            hist.axis.Regular(50, 0, 25, name="vertex_chi2", label="Vertex χ²"),
            hist.axis.Regular(
                60, 0, 60, name="flight_significance", label="Flight-distance significance"
            ),
        ]
        return {axis.name: hist.Hist(*_categories(), axis, storage="Weight") for axis in axes}

    def fill(
        self,
        histograms: dict[str, Hist[Any]],
        candidates: ak.Array,
        *,
        dataset: str,
        is_mc: bool,
    ) -> None:
        """Fills every histogram once per candidate; simulation in all variations."""
        variations = WEIGHTS if is_mc else {"nominal": WEIGHTS["nominal"]}
        for name, histogram in histograms.items():
            for variation, weight in variations.items():
                histogram.fill(
                    dataset=dataset,
                    variation=variation,
                    weight=candidates[weight],
                    **{name: candidates[name]},
                )


def passes_vertex(triplets: ak.Array) -> npt.NDArray[np.bool_]:
    """Tells which triplets have the mass, the primary vertex and the displacement of a D_s."""
    columns = ("mass", "pv_refit_n_tracks", "flight_significance")
    mass, n_tracks, significance = (plain(triplets[name]) for name in columns)
    in_window: npt.NDArray[np.bool_] = (mass > 1.62) & (mass < 2.02)
    displaced: npt.NDArray[np.bool_] = (n_tracks > 1) & (significance > 2)
    return in_window & displaced


def passes_acceptance(triplets: ak.Array) -> ak.Array:
    """Tells which triplets have both muons in acceptance and a track of pt > 1.2 GeV."""
    muons = passes_muon_acceptance(triplets.mu1) & passes_muon_acceptance(triplets.mu2)
    return muons & (triplets.track.pt > 1.2)


def identify(
    events: ak.Array, triplets: ak.Array, event: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.bool_], dict[str, int]]:
    """Tells which triplets have two global PF muons and a track from the beam, and counts matches.

    Each leg is looked up in the muon or track collection; a leg that is not there fails.

    Args:
        events: The events of the triplets.
        triplets: One record per triplet.
        event: The index of the event of each triplet.
    """
    muons, tracks = rows_of(events.muon), rows_of(events.track)
    good_muons = muons.rows.is_global & muons.rows.is_pf
    good_tracks = (abs(tracks.rows.dz) < 20) & (abs(tracks.rows.dxy) < 0.3)
    passes = np.ones(len(triplets), dtype=np.bool_)
    counts: dict[str, int] = {}
    for leg in LEGS:
        objects, good = (tracks, good_tracks) if leg == "track" else (muons, good_muons)
        found = match(triplets[leg], event, objects)
        passes = passes & found.is_any(good)
        counts |= {f"{leg}_{name}": number for name, number in found.counts().items()}
    return passes, counts


def dimuon_mass(triplets: ak.Array) -> ak.Array:
    """Returns the mass in GeV of the two muons, refitted to the common vertex."""
    return invariant_mass(triplets.refit1, triplets.refit2, MUON_MASS)


def passes_phi(mass: ak.Array) -> ak.Array:
    """Tells which dimuon masses in GeV are that of a φ."""
    return (mass > 1.00) & (mass < 1.04)


def passes_trigger_matching(triplets: ak.Array) -> ak.Array:
    """Tells which triplets have both muons close to a trigger object."""
    first, second = (plain(triplets[leg].trigger_dr_2017) for leg in MUON_LEGS)
    return (first < 0.03) & (second < 0.03)


def _categories() -> tuple[hist.axis.StrCategory, hist.axis.StrCategory]:
    return (
        hist.axis.StrCategory([], growth=True, name="dataset"),
        hist.axis.StrCategory(list(WEIGHTS), name="variation"),
    )
