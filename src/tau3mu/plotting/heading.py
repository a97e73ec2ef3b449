"""The heading of a picture: who made the data, luminosity and energy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tau3mu.results.normalization import luminosity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.results.manifest import DatasetFacts

__all__ = ["Heading", "heading_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """The looks of a picture and what stands above it.

    Attributes:
        style: CMS, ALICE or plain.
        experiment: Its name; if it is empty, neither name nor status are written.
        status: Stands beside the name of the experiment.
        lumi: Integrated luminosity in fb^-1, if it is known.
        energy: Center-of-mass energy in TeV, if it is known; that of CMS is 13 otherwise.
        simulation: Whether all of it is simulation.
    """

    style: Literal["CMS", "ALICE", "plain"] = "CMS"
    experiment: str = "CMS"
    status: str = "Private work"
    lumi: float | None = None
    energy: float | None = None
    simulation: bool = False


def heading_of(facts: Mapping[str, DatasetFacts]) -> Heading:
    """Returns what stands above a picture of datasets.

    Args:
        facts: What a run knows of the datasets, by name.
    """
    energies = {one.energy for one in facts.values()} - {None}
    return Heading(
        lumi=luminosity(facts.values()),
        energy=energies.pop() if len(energies) == 1 else None,
        simulation=bool(facts) and all(one.is_mc for one in facts.values()),
    )
