"""What the shipped processors read by default, importable without the libraries they run on."""

from __future__ import annotations

__all__ = ["COUNTERS", "DSPHIPI", "HLT_PATHS", "L1_SEEDS", "LEGS", "MUON_LEGS", "triggers"]

HLT_PATHS = ("HLT_DoubleMu3_Trk_Tau3mu_v",)
L1_SEEDS = ("L1_DoubleMu", "L1_TripleMu")

MUON_LEGS = ("mu1", "mu2")
LEGS = (*MUON_LEGS, "track")


COUNTERS = {
    f"{leg}_{name}": text.format(leg=leg, kind="track" if leg == "track" else "muon")
    for leg in LEGS
    for name, text in {
        "legs": "{leg} of the triplets that reach id_ip",
        "inexact": "of these, equal to no {kind} of the event, but close to one, which is taken",
        "unmatched": "of these, found among no {kind}s of the event: the triplet fails",
        "ambiguous": "of these, with several {kind}s that fit: the first or closest is taken",
    }.items()
} | {
    "muon_sf_legs": "muons of the selected candidates of simulation, which have scale factors",
    "muon_sf_outside": "of these, outside of the table (see the parameter muon_sf_outside)",
}
"""What the counters of the shipped processors count."""


def triggers(hlt_paths: tuple[str, ...], l1_seeds: tuple[str, ...]) -> set[str]:
    """Returns the columns of triggers."""
    return {*(f"hlt.{path}" for path in hlt_paths), *(f"l1.{seed}" for seed in l1_seeds)}


DSPHIPI = frozenset(
    {
        *("run", "lumi", "event"),
        *triggers(HLT_PATHS, L1_SEEDS),
        *(f"muon.{name}" for name in ("pt", "eta", "phi", "is_global", "is_pf")),
        *(f"track.{name}" for name in ("pt", "eta", "phi", "dz", "dxy")),
        *(f"triplet.{name}" for name in ("mass", "pt", "eta", "phi", "vertex_chi2")),
        *("triplet.pv_refit_n_tracks", "triplet.flight_significance"),
        *(f"triplet.{leg}.{name}" for leg in LEGS for name in ("pt", "eta", "phi")),
        *(f"triplet.{leg}.trigger_dr_2017" for leg in MUON_LEGS),
        *(f"triplet.{leg}.{name}" for leg in ("refit1", "refit2") for name in ("pt", "eta", "phi")),
    }
)
"""Columns of `dsphipi` and of `dsphipi_notebook`."""
