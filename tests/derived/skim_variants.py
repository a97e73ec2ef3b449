"""Processors that read a skim."""

from __future__ import annotations

from tau3mu import DsPhiPi


def tight() -> DsPhiPi:
    return DsPhiPi(
        name="tight",
        flight_significance=3.5,
        mass_window=[1.7, 2.0],
        phi_window=[1.005, 1.035],
        track_pt=1.5,
        skip=["trigmatch"],
    )
