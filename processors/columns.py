"""What the shipped processors read by default, importable without the libraries they run on."""

from __future__ import annotations

__all__ = [
    "COUNTERS", "DSPHIPI", "HLT_PATHS", "INPUT_COLUMNS", "L1_SEEDS", "LEGS", "MUON_LEGS", "TAU3MU",
    "TAU3MU_COUNTERS", "TAU3MU_LEGS", "TAU3MU_SEEDS", "triggers",
]  # fmt: skip

HLT_PATHS = ("HLT_DoubleMu3_Trk_Tau3mu_v",)
L1_SEEDS = ("L1_DoubleMu", "L1_TripleMu")

MUON_LEGS = ("mu1", "mu2")
LEGS = (*MUON_LEGS, "track")


def _counters(legs: tuple[str, ...], step: str) -> dict[str, str]:
    """Returns what the counters of the legs count that reach a step, and of their corrections."""
    texts = {
        "legs": f"{{leg}} of the triplets that reach {step}",
        "inexact": "of these, equal to no {kind} of the event, but close to one, which is taken",
        "unmatched": "of these, found among no {kind}s of the event: the triplet fails",
        "ambiguous": "of these, with several {kind}s that fit: the first or closest is taken",
    }
    return {
        f"{leg}_{name}": text.format(leg=leg, kind="track" if leg == "track" else "muon")
        for leg in legs
        for name, text in texts.items()
    } | {
        "muon_sf_legs": "muons of the selected candidates of simulation, which have scale factors",
        "muon_sf_outside": "of these, outside of the table (see muon_sf_outside)",
    }


COUNTERS = _counters(LEGS, "id_ip")
"""What the counters of `dsphipi` and `dsphipi_notebook` count."""


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

TAU3MU_LEGS = ("mu1", "mu2", "mu3")
TAU3MU_SEEDS = (
    "L1_DoubleMu0er1p5_SQ_OS_dR_Max1p4",
    "L1_DoubleMu0er1p4_SQ_OS_dR_Max1p4",
    "L1_DoubleMu4_SQ_OS_dR_Max1p2",
    "L1_DoubleMu4p5_SQ_OS_dR_Max1p2",
    "L1_TripleMu_5_3_0_DoubleMu_5_3_OS_Mass_Max17",
    "L1_TripleMu_5SQ_3SQ_0_DoubleMu_5_3_SQ_OS_Mass_Max9",
)
TAU3MU_COUNTERS = _counters(TAU3MU_LEGS, "id")
"""What the counters of `tau3mu` count."""

TAU3MU = frozenset(
    {
        *("run", "lumi", "event"),
        *(f"muon.{name}" for name in ("pt", "eta", "phi", "charge", "vz", "pt_relative_err")),
        *(f"muon.{name}" for name in ("is_global", "is_pf", "is_tracker")),
        *(f"triplet.{name}" for name in ("mass", "pt", "eta", "phi", "vertex_chi2")),
        "triplet.flight_significance",
        *(f"triplet.{leg}.{name}" for leg in TAU3MU_LEGS for name in ("pt", "eta", "phi")),
    }
)
"""Columns of `tau3mu`, beside its triggers and the inputs of the discriminant."""

INPUT_COLUMNS = frozenset(
    {
        *(f"muon.combined_quality_{name}" for name in ("trk_kink", "trk_rel_chi2")),
        *("muon.combined_quality_chi2_local_position", "muon.segment_compatibility"),
        *(f"triplet.{name}_{x}" for name in ("vertex", "pv_refit") for x in "xyz"),
        "triplet.min_dca_iso",
        *(f"triplet.{leg}.{name}" for leg in TAU3MU_LEGS for name in ("dxy", "dxy_err")),
    }
)
"""Columns from which the inputs of the discriminant are computed."""
