"""What tells a decay of a τ from other triplets of muons: the inputs of the discriminant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.processing.cuts import quantity
from tau3mu.processors.muon_triplets import MuonTriplets
from tau3mu.selection import Match, match

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.processing.cuts import CandidateRows as Triplets

__all__ = ["INPUTS", "DiscriminantInputs"]

INPUTS: Final = (
    "max_chi2_local_position",
    "max_trk_kink",
    "max_trk_rel_chi2",
    "min_segment_compatibility",
    "vertex_chi2_per_dof",
    "pointing_angle",
    "min_dca_iso",
    "min_dxy_significance",
    "max_dxy_significance",
)
"""Columns of candidates; the discriminant also reads their `flight_significance`."""

_DOF: Final = 3
"""Degrees of freedom of the vertex of three tracks."""


class DiscriminantInputs(MuonTriplets):
    """Triplets of muons with the inputs of the discriminant as quantities."""

    def of_muons(self, triplets: Triplets, name: str, missing: Any) -> npt.NDArray[Any]:
        """Returns a column of the muons behind the legs, legs × triplets.

        Args:
            triplets: The triplets.
            name: The column.
            missing: Stands for the value of a muon which is not found, or has none.
        """
        muons = triplets.lists("muon").rows
        found = [Match.of(triplets.matched[leg]).column(muons, name) for leg in self.muon_legs]
        return np.array([np.ma.filled(one, missing) for one in found])

    @quantity
    def matched(self, triplets: Triplets) -> Any:
        """The muon of the event that each leg is a copy of."""
        muons = triplets.lists("muon")
        return {
            leg: match(triplets[leg], triplets.entry, muons).columns() for leg in self.muon_legs
        }

    def _quality(self, triplets: Triplets, name: str) -> npt.NDArray[Any]:
        return self.of_muons(triplets, name, np.nan)

    @quantity
    def max_chi2_local_position(self, triplets: Triplets) -> Any:
        """The largest χ² of the positions of inner and outer track of a muon."""
        return self._quality(triplets, "combined_quality_chi2_local_position").max(axis=0)

    @quantity
    def max_trk_kink(self, triplets: Triplets) -> Any:
        """The largest χ² of a kink along the inner track of a muon."""
        return self._quality(triplets, "combined_quality_trk_kink").max(axis=0)

    @quantity
    def max_trk_rel_chi2(self, triplets: Triplets) -> Any:
        """The largest χ² of an inner track of a muon relative to its part in the global fit."""
        return self._quality(triplets, "combined_quality_trk_rel_chi2").max(axis=0)

    @quantity
    def min_segment_compatibility(self, triplets: Triplets) -> Any:
        """The smallest compatibility of a muon with its segments in the muon stations."""
        return self._quality(triplets, "segment_compatibility").min(axis=0)

    @quantity
    def vertex_chi2_per_dof(self, triplets: Triplets) -> Any:
        """The χ² of the vertex over its degrees of freedom."""
        return triplets.vertex_chi2 / _DOF

    @quantity
    def pointing_angle(self, triplets: Triplets) -> Any:
        """The angle in rad between the momentum and the way from the primary vertex."""
        way = np.array([triplets[f"vertex_{x}"] - triplets[f"pv_refit_{x}"] for x in "xyz"])
        pt, eta, phi = triplets.pt, triplets.eta, triplets.phi
        momentum = np.array([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])
        cross = np.linalg.norm(np.cross(way, momentum, axis=0), axis=0)
        # Near zero, where the signal is, the arccosine of the product would lose half the digits.
        return np.arctan2(cross, (way * momentum).sum(axis=0))

    @quantity
    def min_dxy_significance(self, triplets: Triplets) -> Any:
        """The smallest |dxy| of a muon over its uncertainty."""
        return self._dxy_significance(triplets).min(axis=0)

    @quantity
    def max_dxy_significance(self, triplets: Triplets) -> Any:
        """The largest |dxy| of a muon over its uncertainty."""
        return self._dxy_significance(triplets).max(axis=0)

    def _dxy_significance(self, triplets: Triplets) -> npt.NDArray[Any]:
        legs = [triplets[leg] for leg in self.muon_legs]
        return np.array([np.abs(np.ma.filled(leg.dxy / leg.dxy_err, np.nan)) for leg in legs])
