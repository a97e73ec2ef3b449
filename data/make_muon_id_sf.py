"""Writes muon_id_sf_2017UL.json, the stand-in for the muon POG's table of scale factors.

The values are smooth functions invented for demonstration; names, inputs, keys and bin edges are
those of the POG's file, so that the real file takes its place without any other change:
`python -m tau3mu.data.make_muon_id_sf` writes the stand-in again.
"""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

from correctionlib import JSONEncoder
from correctionlib.schemav2 import (
    Binning,
    Category,
    CategoryItem,
    Content,
    Correction,
    CorrectionSet,
    Variable,
)

__all__ = ["FILE", "scale_factors"]

FILE = Path(__file__).with_name("muon_id_sf_2017UL.json")

_NAME = "NUM_MediumID_DEN_TrackerMuons"
_ETA_EDGES = (0.0, 0.9, 1.2, 2.1, 2.4)
_PT_EDGES = (3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, math.inf)
_LAST_PT_EDGES = (3.0, 8.0, math.inf)
# The last bin in pt is open; the muons of this channel in it lie close to its edge.
_LAST_PT_WIDTH = 4.0


def scale_factors() -> CorrectionSet:
    """Returns the stand-in table."""
    rows: list[Content] = [
        _binning("pt", pt, [_entries((low + high) / 2, _centre(*edges)) for edges in pairwise(pt)])
        for low, high in pairwise(_ETA_EDGES)
        for pt in [_LAST_PT_EDGES if high == _ETA_EDGES[-1] else _PT_EDGES]
    ]
    correction = Correction(
        name=_NAME,
        description="Medium ID of tracker muons, 2017 UL: stand-in for demonstration",
        version=1,
        inputs=[
            Variable(name="abseta", type="real", description="|eta| of the muon"),
            Variable(name="pt", type="real", description="pt of the muon in GeV"),
            Variable(name="scale_factors", type="string", description="nominal or an uncertainty"),
        ],
        output=Variable(name="weight", type="real", description="scale factor or uncertainty"),
        data=_binning("abseta", _ETA_EDGES, rows),
    )
    return CorrectionSet(
        schema_version=2,
        description=(
            "Stand-in for demonstration, not measured: smooth invented values in the form of the "
            "CMS muon POG's scale factors. Use the POG's file for physics. stat and syst are "
            "uncertainties; systup and systdown are the nominal value moved by both together."
        ),
        corrections=[correction],
    )


def _entries(abseta: float, pt: float) -> Category:
    turn_on = math.exp(-(pt - _PT_EDGES[0]) / 1.5)
    nominal = round(0.998 - 0.006 * abseta + 0.03 * turn_on, 5)
    stat = round(0.0008 + 0.0005 * abseta, 5)
    syst = round(0.001 + 0.008 * turn_on, 5)
    total = round(math.hypot(stat, syst), 5)
    values = {
        "nominal": nominal,
        "stat": stat,
        "syst": syst,
        "systup": round(nominal + total, 5),
        "systdown": round(nominal - total, 5),
    }
    return Category(
        nodetype="category",
        input="scale_factors",
        content=[CategoryItem(key=key, value=value) for key, value in values.items()],
    )


def _centre(low: float, high: float) -> float:
    return low + (_LAST_PT_WIDTH if math.isinf(high) else high - low) / 2


def _binning(variable: str, edges: tuple[float, ...], content: list[Content]) -> Binning:
    return Binning(
        nodetype="binning",
        input=variable,
        edges=["inf" if math.isinf(edge) else edge for edge in edges],
        content=content,
        flow="error",
    )


if __name__ == "__main__":
    FILE.write_text(JSONEncoder.dumps(scale_factors()) + "\n")
