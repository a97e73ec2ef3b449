"""What the analyses of triplets with muons share: weights of simulation and their variations."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from tau3mu.corrections import (
    EventWeight,
    GeneratorWeight,
    MuonScaleFactors,
    PileupWeight,
    PrescaleWeight,
)
from tau3mu.processing import parameter
from tau3mu.processing.cuts import CutProcessor, counter, quantity

if TYPE_CHECKING:
    from tau3mu.processing.cuts import CandidateRows as Triplets

__all__ = ["MuonTriplets"]


class MuonTriplets(CutProcessor):
    """A selection of triplets, two or three legs of which are muons with scale factors.

    Attributes:
        muon_legs: The legs that are muons.
    """

    collection = "triplet"
    best = "vertex_chi2"
    weights = {  # noqa: RUF012 - never changed
        "nominal": "weight",
        "muon_sf_up": "weight_muon_sf_up",
        "muon_sf_down": "weight_muon_sf_down",
    }
    muon_legs: ClassVar[tuple[str, ...]]

    muon_sf_file: str | None = parameter(None, help="correctionlib file; null: the shipped table")
    muon_sf_table: str = parameter("NUM_MediumID_DEN_TrackerMuons", help="correction in that file")
    muon_sf_outside: Literal["clamp", "unity", "error"] = parameter(
        "clamp", help="what is done with muons outside the table"
    )
    generator_weight: bool = parameter(
        False, help="multiplies simulation by the weights of its generator"
    )
    pileup_file: str | None = parameter(
        None, help="correctionlib file of pileup weights of simulation; null: none"
    )
    pileup_table: str | None = parameter(None, help="correction in that file; null: the only one")
    prescale_file: str | None = parameter(
        None, help="prescales of data: CSV of brilcalc trg, or JSON by era; null: none"
    )
    prescale_path: str = parameter("", help="HLT path of the prescales, if that file has several")

    def __init__(self, **settings: Any) -> None:
        """Creates the processor and reads the tables of its corrections.

        Args:
            **settings: The `name`, and values of parameters other than the defaults.
        """
        super().__init__(**settings)
        self.scale_factors = MuonScaleFactors(
            self.muon_sf_file or str(files("tau3mu.data") / "muon_id_sf_2017UL.json"),
            correction=self.muon_sf_table,
            outside=self.muon_sf_outside,
        )

    @property
    def event_weights(self) -> list[EventWeight]:  # type: ignore[override]
        """The weights of events that are asked for."""
        found: list[EventWeight] = [GeneratorWeight()] if self.generator_weight else []
        if self.pileup_file is not None:
            found.append(PileupWeight(self.pileup_file, self.pileup_table))
        if self.prescale_file is not None:
            found.append(PrescaleWeight(self.prescale_file, self.prescale_path))
        return found

    @quantity
    def muon_sf(self, triplets: Triplets) -> Any:
        """The scale factors of all muons, 1 in data, and how many are outside the table."""
        if not triplets.events.metadata.get("is_mc", False):
            one = np.ones(len(triplets))
            return {"nominal": one, "up": one, "down": one, "outside": np.zeros(len(one), int)}
        found = self.scale_factors.weights(*(triplets[leg] for leg in self.muon_legs))
        return {name: getattr(found, name) for name in ("nominal", "up", "down", "outside")}

    @quantity
    def weight(self, triplets: Triplets) -> Any:
        """The weight of the candidate."""
        return triplets.muon_sf["nominal"]

    @quantity
    def weight_muon_sf_up(self, triplets: Triplets) -> Any:
        """The weight with the scale factors of all muons shifted up."""
        return triplets.muon_sf["up"]

    @quantity
    def weight_muon_sf_down(self, triplets: Triplets) -> Any:
        """The weight with the scale factors of all muons shifted down."""
        return triplets.muon_sf["down"]

    @counter()
    def scaled_muons(self, triplets: Triplets) -> dict[str, int]:
        """The muons of selected candidates of simulation, and how many are outside the table."""
        is_mc = triplets.events.metadata.get("is_mc", False)
        return {
            "muon_sf_legs": len(self.muon_legs) * len(triplets) if is_mc else 0,
            "muon_sf_outside": int(triplets.muon_sf["outside"].sum()),
        }
